// The gate on native instruction counts, `npm run count:native`: how many instructions the kernel takes for a record in five
// cases of the benchmarks, under valgrind's callgrind, compared with the figures in
// packages/engine/native/instruction-counts.json. Unlike times they repeat, on a busy machine too. Called by native.mjs.

import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { buildKernelLike, compilerVersion, kernelFlags } from '../packages/engine/native/kernel-like.mjs'
import { nativeDir } from '../packages/engine/native/sources.mjs'
import { root } from './set-up.mjs'

/** The cases, in the order of the table. */
export const countedCases = ['one-rule', 'ten-rules', 'hundred-rules', 'unique', 'escapes']
/** How far a count may be from its figure, either way: an improvement is to be written down too. */
export const tolerance = 0.03

const figuresPath = join(nativeDir, 'instruction-counts.json')
const folder = join(root, '.set-up', 'native', 'counts')
const seed = 1
/** What a cache takes to learn that values do not repeat, and to try again, comes several times in each part. */
const warmRecords = 16_384
const countedRecords = 32_768

/** A count that is not as it should be, or cannot be taken; the message says what to do. */
export class CountError extends Error {
  name = 'CountError'
}

/**
 * Counts, prints a table and compares; with `write` puts the figures of all cases into the file instead. `isRequired`: that nothing can
 * be counted or compared here is a failure. Throws a CountError.
 */
export async function countNative({ write = false, cases = countedCases, isRequired = false } = {}) {
  const lacks = missingValgrind()
  if (lacks !== undefined) {
    if (isRequired || write) throw new CountError(lacks)
    console.log(`count: skipped: ${lacks}`)
    return
  }
  const { measured, environment } = await measure(cases)
  const written = readFigures()
  for (const line of tableOf(measured, written)) console.log(line)
  if (write) {
    writeFileSync(figuresPath, `${JSON.stringify({ environment, cases: measured }, undefined, 2)}\n`)
    console.log(`count: written to ${figuresPath}`)
    return
  }
  const { faults, difference } = judge({ environment, cases: measured }, written)
  if (difference !== undefined) {
    if (isRequired) throw new CountError(difference)
    console.log(`count: not compared: ${difference}`)
    return
  }
  if (faults.length > 0) throw new CountError(faults.join('\n'))
  console.log(`count: all within ${tolerance * 100} % of the figures`)
}

/**
 * Compares what was measured with the figures in the file. Returns `difference`, a sentence, where they are for another
 * compiler, library or processor, else `faults`, one sentence for each case that is not as it should be.
 */
export function judge(measured, written) {
  for (const [name, here] of Object.entries(measured.environment)) {
    const there = written.environment[name]
    if (here !== there) {
      const difference = `the figures are for ${name} ${there}, and this is ${here}; npm run count:native -- --write renews them`
      return { faults: [], difference }
    }
  }
  const faults = Object.entries(measured.cases).flatMap(([name, { records, kept, instructionsPerRecord }]) => {
    const figure = written.cases[name]
    if (figure === undefined) return [`${name} has no figure; npm run count:native -- --write adds it`]
    if (figure.records !== records || figure.kept !== kept) {
      const were = `${figure.kept} of ${figure.records} records`
      return [
        `${name} keeps ${kept} of ${records} records and not ${were}: another generator or other rules, or a fault`,
      ]
    }
    const change = instructionsPerRecord - figure.instructionsPerRecord
    if (Math.abs(change) <= tolerance * figure.instructionsPerRecord) return []
    return [
      `${name} takes ${percent(change / figure.instructionsPerRecord)} instructions. callgrind_annotate ${profileOf(name)} says where; where it is meant, ` +
        'npm run count:native -- --write and say why in the commit',
    ]
  })
  return { faults, difference: undefined }
}

function missingValgrind() {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'counts are taken on Linux on x64 only'
  if (valgrindVersion() !== undefined) return undefined
  return 'valgrind is missing (Debian package: valgrind)'
}

function valgrindVersion() {
  return /^valgrind-(\S+)/.exec(spawnSync('valgrind', ['--version'], { encoding: 'utf8' }).stdout ?? '')?.[1]
}

function readFigures() {
  if (!existsSync(figuresPath)) return { environment: {}, cases: {} }
  return JSON.parse(readFileSync(figuresPath, 'utf8'))
}

/** Takes all counts, as many at a time as there are processors, and says under which circumstances. */
async function measure(names) {
  mkdirSync(folder, { recursive: true })
  const [program, inputs] = [await buildCounter(), await prepareInputs(names)]
  const answers = new Map()
  const waiting = [...inputs]
  const lane = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      answers.set(next.name, await countOne(program, next))
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, lane))
  const { processor, libc } = answers.get(names[0])
  const flags = kernelFlags().filter((flag) => /^-[Ofmsg]/.test(flag))
  return {
    environment: {
      compiler: compilerVersion(),
      flags: [...new Set(flags)].join(' '),
      libc,
      valgrind: valgrindVersion(),
      processor,
    },
    measured: Object.fromEntries(
      names.map((name) => {
        const { records, kept, instructions } = answers.get(name)
        return [name, { records, kept, instructionsPerRecord: Math.round((instructions / records) * 10) / 10 }]
      }),
    ),
  }
}

function buildCounter() {
  const test = (name) => join(nativeDir, 'test', name)
  const names = [
    'programs/instruction_count',
    'rule_set',
    'plain_reader',
    'plain_json',
    'test_slab',
    'original_filters',
  ]
  const headers = readdirSync(join(nativeDir, 'test')).filter((name) => name.endsWith('.h'))
  return buildKernelLike(
    'instruction-count',
    names.map((name) => test(`${name}.cc`)),
    {
      core: true,
      beside: headers.sort().map(test),
    },
  ).catch((error) => {
    throw new CountError(`the program that is counted cannot be built: ${error.message}`)
  })
}

/** Makes the input of each case and the program of its rules. Needs the compiled benchmarks. */
async function prepareInputs(names) {
  const compiled = (path) => import(pathToFileURL(join(root, path)).href)
  const { casePath, loadCase } = await compiled('benchmarks/dist/cases.js')
  const { prepareInput } = await compiled('benchmarks/dist/inputs.js')
  const { compileRuleSet } = await compiled('packages/engine/dist/rules/compile.js')
  return names.map((name) => {
    const { rules, input } = loadCase(casePath(join(root, 'benchmarks', 'cases'), name))
    const program = join(folder, `${name}.program`)
    writeFileSync(program, compileRuleSet(rules).program.bytes)
    return { name, program, input: prepareInput(folder, input, warmRecords + countedRecords, seed).path }
  })
}

async function countOne(counter, { name, program, input }) {
  const args = [
    '--tool=callgrind',
    '--collect-atstart=no',
    '--toggle-collect=CountedEvaluation',
    `--callgrind-out-file=${profileOf(name)}`,
    counter,
    program,
    input,
    String(warmRecords),
  ]
  // Nothing of the caller's environment, which may choose other code for the processor, and moves the stack.
  const child = spawn('valgrind', args, { env: { PATH: process.env.PATH }, stdio: ['ignore', 'pipe', 'pipe'] })
  let [output, errors] = ['', '']
  child.stdout.on('data', (chunk) => (output += String(chunk)))
  child.stderr.on('data', (chunk) => (errors += String(chunk)))
  const code = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve))
  const collected = /^==\d+== Collected : (\d+)$/m.exec(errors)?.[1]
  if (code !== 0 || collected === undefined)
    throw new CountError(`${name} cannot be counted (${code}): ${errors.trim()}`)
  return { ...JSON.parse(output), instructions: Number(collected) }
}

function profileOf(name) {
  return join(folder, `${name}.callgrind`)
}

function tableOf(measured, written) {
  const rows = Object.entries(measured).map(([name, { records, kept, instructionsPerRecord }]) => {
    const figure = written.cases[name]?.instructionsPerRecord
    const change = figure === undefined ? 'no figure' : percent(instructionsPerRecord / figure - 1)
    return [name, String(records), String(kept), instructionsPerRecord.toFixed(1), change]
  })
  const table = [['case', 'records', 'kept', 'instructions a record', 'against the figure'], ...rows]
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)))
  return table.map((row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  '),
  )
}

function percent(change) {
  return `${change < 0 ? '−' : '+'}${(Math.abs(change) * 100).toFixed(2)} %`
}
