// `npm run test:native`, `npm run fuzz` and `npm run coverage:native`: sets up what they need, then proves the native core
// with the instruments of packages/engine/native/proof.mjs.
//   npm run test:native                         everything under sanitizers, and the fuzz targets for two minutes in all
//   npm run test:native -- --short              the same, and the fuzz targets for less than one
//   npm run fuzz -- --hours 1 [TARGET …]        each target for so long (or --minutes, --seconds)
//   npm run fuzz -- --replay FILE | --merge     one input again; what was found into the corpus
//   npm run coverage:native                     what the tests reach
//   npm run count:native -- [--write | CASE …]  instructions for a record, beside the figures or put in their place
//   node .ci/native.mjs program plain-cpp       builds a program of the benchmarks and prints its path

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { missingClang } from '../packages/engine/native/instrumented.mjs'
import { buildKernelLike } from '../packages/engine/native/kernel-like.mjs'
import {
  ProofError,
  coverage,
  fuzz,
  fuzzTargets,
  mergeCorpus,
  proveNative,
  replay,
} from '../packages/engine/native/proof.mjs'
import { CountError, countNative, countedCases } from './count.mjs'
import { SetUpError, root, setUp } from './set-up.mjs'

const usage =
  'Usage: npm run test:native -- [--short] | npm run coverage:native | ' +
  'npm run count:native -- [--write | CASE …] | ' +
  'npm run fuzz -- [--hours N | --minutes N | --seconds N] [TARGET …] | --replay FILE | --merge'

const secondsOf = { '--hours': 3600, '--minutes': 60, '--seconds': 1 }
/** Programs that are built as the kernel is, and the folder that holds all of their sources. */
const programs = { 'plain-cpp': join(root, 'benchmarks', 'native') }
/** All targets together take about two minutes on two processors. */
const usualSeconds = 40
/**
 * Where the whole check waits for it. What was ever found is in the corpus, which comes first and takes seconds; in a
 * minute more chance finds little. For finding, `npm run fuzz` takes hours.
 */
const shortSeconds = 10

class UsageError extends Error {
  name = 'UsageError'
}

/** What `npm run fuzz` was asked for. */
function parseFuzz(args) {
  const [first, second, ...rest] = args
  if (first === '--merge' && second === undefined) return { run: mergeCorpus }
  if (first === '--replay' && second !== undefined && rest.length === 0) return { run: () => replay(second) }
  const isTimed = Object.hasOwn(secondsOf, first ?? '')
  const seconds = isTimed ? Math.ceil(Number(second) * secondsOf[first]) : usualSeconds
  const targets = isTimed ? rest : args
  const unknown = targets.find((name) => !Object.hasOwn(fuzzTargets, name))
  if (unknown !== undefined)
    throw new UsageError(`no fuzz target ${unknown}; there are ${Object.keys(fuzzTargets).join(', ')}.`)
  if (!(seconds > 0)) throw new UsageError(`${first} takes a number above 0.`)
  return { run: () => fuzz({ seconds, ...(targets.length === 0 ? {} : { targets }) }) }
}

async function main([command, ...args]) {
  if (command === 'fuzz') {
    const { run } = parseFuzz(args)
    prepare({ native: false })
    return run()
  }
  if (command === 'program') return buildProgram(args)
  if (command === 'count') return count(args)
  const isShort = command === 'test' && args.length === 1 && args[0] === '--short'
  if ((args.length > 0 && !isShort) || !['test', 'coverage'].includes(command ?? ''))
    throw new UsageError('unknown arguments.')
  const { judge } = prepare({ tests: true })
  if (command === 'coverage') return coverage()
  const began = performance.now()
  await proveNative({ judge })
  console.log('\n-- fuzz targets')
  await fuzz({ seconds: isShort ? shortSeconds : usualSeconds })
  console.log(`test:native: all passed in ${Math.round((performance.now() - began) / 1000)} s`)
}

/** Sets nothing up, so that a test may ask for a program: where the kernel is not built, it says so. */
async function buildProgram([name, ...rest]) {
  if (rest.length > 0 || !Object.hasOwn(programs, name ?? ''))
    throw new UsageError(`there are the programs ${Object.keys(programs).join(', ')}.`)
  const files = readdirSync(programs[name])
    .sort()
    .map((file) => join(programs[name], file))
  const [sources, beside] = ['.cc', '.h'].map((ending) => files.filter((file) => file.endsWith(ending)))
  try {
    console.log(await buildKernelLike(name, sources, { beside }))
  } catch (error) {
    throw new SetUpError(`${name} cannot be built: ${error.message}`)
  }
}

function count(args) {
  const write = args.includes('--write')
  const cases = args.filter((arg) => arg !== '--write')
  const unknown = cases.find((name) => !countedCases.includes(name))
  if (unknown !== undefined) throw new UsageError(`no case ${unknown}; there are ${countedCases.join(', ')}.`)
  if (write && cases.length > 0)
    throw new UsageError('--write takes no cases: figures are of one time and one machine.')
  const required = (process.env.WEIR_REQUIRE ?? '').split(',').map((name) => name.trim())
  setUp({ projects: ['benchmarks'] })
  return countNative({ write, isRequired: required.includes('callgrind'), ...(cases.length === 0 ? {} : { cases }) })
}

function prepare(options) {
  const missing = missingClang()
  if (missing !== undefined) throw new SetUpError(`This machine lacks ${missing}.`)
  return setUp({ ...options, projects: ['packages/engine/test'] })
}

try {
  await main(process.argv.slice(2))
} catch (error) {
  if (![SetUpError, ProofError, CountError, UsageError].some((kind) => error instanceof kind)) throw error
  console.error(`native: ${error.message}${error instanceof UsageError ? `\n${usage}` : ''}`)
  process.exitCode = error instanceof UsageError ? 2 : 1
}
