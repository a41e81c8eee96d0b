// Proof of the native core beyond `npm test`: its test program under AddressSanitizer, UndefinedBehaviorSanitizer and
// LeakSanitizer, every allocation failure, two threads under ThreadSanitizer, the engine's tests on an addon under
// AddressSanitizer, fuzz targets, and how much of the core the tests reach. .ci/native.mjs runs it, set up and all.

import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, relative } from 'node:path'
import { nodeHeaders } from './build.mjs'
import { buildProgram, cacheDir, clang } from './instrumented.mjs'
import { coreSources, nativeDir, testSources } from './sources.mjs'

const engineDir = join(nativeDir, '..')
const fuzzDir = join(nativeDir, 'fuzz')
/** Where inputs that broke a target are kept, and what a run of the fuzzers found beyond the corpus. */
const crashDir = join(cacheDir, 'crashes')
const foundDir = join(cacheDir, 'corpus')

/** What the programs beside core_test share with it. */
const shared = ['rule_set', 'plain_reader', 'plain_json', 'test_slab', 'original_filters'].map((name) =>
  join(nativeDir, 'test', `${name}.cc`),
)

/** Fuzz targets, with the longest input that each is given. Longer ones cost more than they find. */
export const fuzzTargets = { values: 256, framing: 1024, walk: 1024, program: 2048, batch: 2048, original: 1024 }

/** Bytes of one target's corpus, before they are packed. */
const mostCorpusBytes = 40_000

const sanitizerOptions = {
  ASAN_OPTIONS: 'detect_stack_use_after_return=1:strict_string_checks=1:check_initialization_order=1',
  UBSAN_OPTIONS: 'print_stacktrace=1',
  TSAN_OPTIONS: 'halt_on_error=1',
}

/** A part of the proof failed; the message says which and where its output is. */
export class ProofError extends Error {
  name = 'ProofError'
}

function program(name) {
  return [join(nativeDir, 'test', 'programs', `${name}.cc`), ...shared]
}

/** Runs a command to its end with its output shown. Throws a ProofError when it fails. */
function must(what, command, args, env = {}) {
  console.log(`\n-- ${what}`)
  const { status, signal } = spawnSync(command, args, {
    cwd: engineDir,
    env: { ...process.env, ...sanitizerOptions, ...env },
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  if (status !== 0) throw new ProofError(`${what}: ${signal ?? `exit ${status}`}; its output stands above.`)
}

/**
 * Runs commands to their ends, as many at a time as there are processors, and shows what each wrote when it has ended.
 * Throws a ProofError that names those which failed.
 */
async function mustAll(parts) {
  const waiting = [...parts]
  const failed = []
  await inLanes(async () => {
    for (let part = waiting.shift(); part !== undefined; part = waiting.shift()) {
      if (!(await succeeds(part))) failed.push(part.what)
    }
  })
  if (failed.length > 0) throw new ProofError(`${failed.join('; ')}: failed, and the output stands above.`)
}

async function succeeds({ what, command, args, env = {} }) {
  const began = performance.now()
  const child = spawn(command, args, {
    cwd: engineDir,
    env: { ...process.env, ...sanitizerOptions, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const written = []
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => written.push(chunk))
  const status = await new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve(signal ?? code))
  })
  const seconds = Math.round((performance.now() - began) / 1000)
  console.log(`\n-- ${what} (${status === 0 ? '' : `FAILED: ${status}, `}${seconds} s)\n${Buffer.concat(written)}`)
  return status === 0
}

function inLanes(lane) {
  return Promise.all(Array.from({ length: availableParallelism() }, lane))
}

/** Test files of the engine that speak to the native kernel, those that take longest first. */
const kernelTests = ['oracle', 'cases', 'cuts', 'original', 'paths', 'kernel/lists', 'kernel/native', 'kernel/kernel']

/** The compiled files of tests. */
function compiledTests(names) {
  const files = names.map((name) => join(engineDir, 'dist-test', `${name}.test.js`))
  const missing = files.find((file) => !existsSync(file))
  if (missing !== undefined) throw new ProofError(`${missing} is missing: the tests were not compiled.`)
  return files
}

/** Builds and runs all but the fuzz targets. `judge`: the folder of npm's re2 for the oracle. */
export async function proveNative({ judge } = {}) {
  const coreTest = await buildProgram('address', 'core_test', testSources())
  const allocation = await buildProgram('address', 'allocation', program('allocation'))
  const threads = await buildProgram('thread', 'threads', program('threads'))
  const addonParts = await partsOfAddon(judge)
  await mustAll([
    // The recorded calls are made by the engine's test, which runs the program that it is given. Leaks are looked for when
    // that ends, as in all of the core's own programs.
    {
      what: 'the core’s tests under AddressSanitizer and UndefinedBehaviorSanitizer',
      command: process.execPath,
      args: nodeTest('native-core'),
      env: { WEIR_CORE_TEST: coreTest },
    },
    { what: 'every allocation failure', command: allocation, args: [] },
    { what: 'two threads under ThreadSanitizer', command: threads, args: [] },
    ...addonParts,
  ])
}

/** Arguments of Node for one of the engine's test files. */
function nodeTest(name) {
  return ['--test', '--test-reporter=dot', ...compiledTests([name])]
}

/** The engine’s tests on an addon under AddressSanitizer, whose run-time library has to come before Node. */
async function partsOfAddon(judge) {
  const addon = await buildAddon('weir', [])
  const failing = await buildAddon('weir-failing', [join(nativeDir, 'test', 'programs', 'failing_new.cc')])
  const runtime = `libclang_rt.asan-${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}.so`
  const env = {
    // Node itself frees little before it ends, so leaks are looked for in the core's own programs.
    ASAN_OPTIONS: 'detect_leaks=0',
    LD_PRELOAD: spawnSync(clang, [`-print-file-name=${runtime}`], { encoding: 'utf8' }).stdout.trim(),
    NODE_OPTIONS: `--require ${JSON.stringify(join(nativeDir, 'test', 'other-addon.cjs'))}`,
    WEIR_ADDON: addon,
    WEIR_REQUIRE: 'native',
    // Instrumented, each takes some ten times as long.
    WEIR_RUNS: '40',
    ...(judge === undefined ? {} : { WEIR_JUDGE: judge }),
  }
  const command = process.execPath
  return [
    ...kernelTests.map((name) => ({
      what: `the engine’s tests of ${name} on an addon under AddressSanitizer`,
      command,
      args: nodeTest(name),
      env,
    })),
    {
      what: 'exceptions at the addon’s door',
      command,
      args: nodeTest('kernel/native'),
      env: { ...env, WEIR_ADDON: failing, WEIR_FAILING_ADDON: failing, WEIR_REQUIRE: 'native,failing-addon' },
    },
  ]
}

/** Builds the addon under AddressSanitizer, linked with further sources. */
function buildAddon(name, sources) {
  const headers = nodeHeaders()
  if (headers === undefined) {
    throw new ProofError('The headers of this Node are missing: take one that brings include/node, as its archives do.')
  }
  return buildProgram('address', `${name}.node`, [join(nativeDir, 'addon.cc'), ...sources], {
    compile: ['-I', join(headers, 'include', 'node'), '-DNAPI_VERSION=8'],
    link: ['-shared', '-shared-libsan', '-Wl,-Bsymbolic', `-Wl,--version-script=${join(nativeDir, 'exports.map')}`],
  })
}

/**
 * Runs fuzz targets for `seconds` each, as many at a time as there are processors, from the corpus in fuzz/corpus. What
 * they find is kept in .set-up/native/corpus, inputs that break one in .set-up/native/crashes. Throws a ProofError when
 * there is one.
 */
export async function fuzz({ seconds, targets = Object.keys(fuzzTargets) }) {
  const programs = new Map()
  for (const name of targets) programs.set(name, await fuzzProgram(name))
  mkdirSync(crashDir, { recursive: true })
  const failures = []
  const waiting = [...targets]
  await inLanes(async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      if (!(await fuzzOne(name, programs.get(name), seconds))) failures.push(name)
    }
  })
  if (failures.length === 0) return
  throw new ProofError(
    `Inputs that break ${failures.join(', ')} are kept in ${relative(process.cwd(), crashDir)}. ` +
      'To see one again: npm run fuzz -- --replay FILE',
  )
}

function fuzzProgram(name) {
  const sources = [join(fuzzDir, `${name}.cc`), join(fuzzDir, 'drawing.cc'), ...shared]
  return buildProgram('address', `fuzz-${name}`, sources, { link: ['-fsanitize=fuzzer'] })
}

async function fuzzOne(name, path, seconds) {
  const found = join(foundDir, name)
  mkdirSync(found, { recursive: true })
  const corpus = unpackCorpus(name)
  const args = [
    `-max_total_time=${seconds}`,
    `-max_len=${fuzzTargets[name]}`,
    // Longer inputs are tried from the start: rules and a record do not fit the few bytes that it would begin with.
    '-len_control=0',
    '-timeout=30',
    '-rss_limit_mb=2048',
    '-print_final_stats=1',
    `-artifact_prefix=${join(crashDir, `${name}-`)}`,
    found,
    corpus,
  ]
  const child = spawn(path, args, { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, ...sanitizerOptions } })
  let tail = ''
  let covered = '0'
  child.stderr.setEncoding('utf8')
  child.stderr.on('data', (text) => {
    tail = (tail + text).slice(-20_000)
    covered = [...text.matchAll(/ cov: (\d+)/g)].at(-1)?.[1] ?? covered
  })
  const status = await new Promise((resolve) => child.on('close', resolve))
  const executed = /number_of_executed_units: (\d+)/.exec(tail)?.[1] ?? '0'
  console.log(`fuzz ${name}: ${executed} executions in ${seconds} s, ${covered} edges${status === 0 ? '' : ', FAILED'}`)
  if (status !== 0) console.error(tail)
  return status === 0
}

/** Runs one input again, on the target that its name begins with. */
export async function replay(file) {
  const name = /([a-z]+)[^/]*$/.exec(file)?.[1]
  if (!Object.hasOwn(fuzzTargets, name ?? '') || !existsSync(file)) {
    throw new ProofError(`${file}: name a file of ${relative(process.cwd(), crashDir)}; its name begins with a target.`)
  }
  must(`${name} on ${file}`, await fuzzProgram(name), [file])
}

/** Writes the inputs of a target's corpus, one a line in base64, as the files that libFuzzer reads; returns the folder. */
function unpackCorpus(name) {
  const folder = join(cacheDir, 'seeds', name)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const packed = join(fuzzDir, 'corpus', `${name}.txt`)
  const lines = existsSync(packed) ? readFileSync(packed, 'utf8').split('\n').filter(Boolean) : []
  for (const [i, line] of lines.entries()) writeFileSync(join(folder, String(i)), Buffer.from(line, 'base64'))
  return folder
}

/**
 * Makes the corpus anew: of what it has, what runs have found, and the records of fixtures/cases, as few and as small
 * inputs as reach all that these reach.
 */
export async function mergeCorpus() {
  for (const name of Object.keys(fuzzTargets)) {
    const least = join(cacheDir, 'merged', name)
    rmSync(least, { recursive: true, force: true })
    for (const folder of [least, join(foundDir, name)]) mkdirSync(folder, { recursive: true })
    const args = [
      '-merge=1',
      `-max_len=${fuzzTargets[name]}`,
      least,
      unpackCorpus(name),
      fixtureInputs(name),
      join(foundDir, name),
    ]
    must(`merging what ${name} found`, await fuzzProgram(name), args)
    // The smallest come first, and what would make the checkout large stays away.
    const all = readdirSync(least).map((file) => readFileSync(join(least, file)))
    all.sort((one, other) => one.length - other.length || Buffer.compare(one, other))
    let bytes = 0
    const inputs = all.filter(({ length }) => (bytes += length) <= mostCorpusBytes)
    const lines = inputs.map((input) => input.toString('base64'))
    writeFileSync(join(fuzzDir, 'corpus', `${name}.txt`), `${lines.join('\n')}\n`)
    console.log(`${name}: ${inputs.length} of ${all.length} inputs`)
  }
}

/** Records of the hand-written cases as inputs, each followed by bytes that rules are drawn from. */
function fixtureInputs(name) {
  const folder = join(cacheDir, 'fixtures', name)
  mkdirSync(folder, { recursive: true })
  const cases = join(engineDir, '..', '..', 'fixtures', 'cases')
  for (const file of readdirSync(cases).filter((each) => each.endsWith('.json'))) {
    const { groups = [] } = JSON.parse(readFileSync(join(cases, file), 'utf8'))
    const listed = groups.flatMap((group) => Object.values(group).filter(Array.isArray).flat())
    const records = listed.map((each) => each?.record ?? each).filter((each) => each !== null && !Array.isArray(each))
    for (const [i, record] of records.entries()) {
      const text = typeof record === 'string' ? record : JSON.stringify(record)
      const draws = createHash('sha512').update(text).digest()
      writeFileSync(
        join(folder, `${file}-${i}`),
        Buffer.concat([Buffer.from(text), ...(name === 'values' ? [] : [draws, draws])]),
      )
    }
  }
  return folder
}

/** Prints how many lines and branches of each file of the core its tests reach. */
export async function coverage() {
  const folder = join(cacheDir, 'coverage')
  const coreTest = await buildProgram('coverage', 'core_test', testSources())
  for (const file of readdirSync(folder).filter((file) => file.endsWith('.profraw'))) rmSync(join(folder, file))
  must(
    'the core’s tests, counted',
    process.execPath,
    ['--test', '--test-reporter=dot', ...compiledTests(['native-core'])],
    {
      WEIR_CORE_TEST: coreTest,
      LLVM_PROFILE_FILE: join(folder, '%p.profraw'),
    },
  )
  const raw = readdirSync(folder)
    .filter((file) => file.endsWith('.profraw'))
    .map((file) => join(folder, file))
  const profile = join(folder, 'tests.profdata')
  must('putting the counts together', llvm('llvm-profdata'), ['merge', '-sparse', ...raw, '-o', profile])
  const headers = readdirSync(nativeDir).filter((name) => name.endsWith('.h'))
  const files = [...coreSources(), ...headers.map((name) => join(nativeDir, name))]
  must('coverage', llvm('llvm-cov'), ['report', coreTest, `-instr-profile=${profile}`, ...files])
}

/** A tool of the compiler's own version, which alone reads what it writes. */
function llvm(name) {
  const major = /clang version (\d+)/.exec(String(spawnSync(clang, ['--version']).stdout))?.[1]
  const tool = [`${name}-${major}`, name].find((each) => spawnSync(each, ['--help']).status === 0)
  if (tool === undefined) throw new ProofError(`${name} is missing (Debian package: llvm).`)
  return tool
}
