// Builds programs of the native core with clang's instruments: address and undefined behaviour (with what libFuzzer
// needs), threads, and coverage. Objects are kept in .set-up/native of the checkout, each under a hash of all that
// decides what it is, so a second build costs a look. proof.mjs calls this; build.mjs makes what is shipped.

import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { takeLock } from './build.mjs'
import { coreSources, includeDirs, nativeDir, vendoredPackages, vendoredSources } from './sources.mjs'

/** Where objects and programs are kept. */
export const cacheDir = join(nativeDir, '..', '..', '..', '.set-up', 'native')

const common = [
  '-std=c++20',
  '-fexceptions',
  '-pthread',
  '-fPIC',
  '-gline-tables-only',
  '-fno-omit-frame-pointer',
  '-DNDEBUG',
  '-DNOMINMAX',
]

/**
 * Kinds of build: flags of every object, and those of ours alone. What is vendored is instrumented too, since a
 * container that crosses from one half to the other would otherwise be taken for damaged; only the checks for undefined
 * behaviour stay with our own code, because the others' is not ours to mend.
 */
const kinds = {
  address: {
    all: ['-O1', '-fsanitize=address,fuzzer-no-link', '-D_GLIBCXX_ASSERTIONS', '-D_GLIBCXX_SANITIZE_VECTOR'],
    own: ['-fsanitize=undefined', '-fno-sanitize=vptr', '-fno-sanitize-recover=all'],
    link: ['-fsanitize=address,undefined', '-fno-sanitize=vptr'],
  },
  thread: { all: ['-O1', '-fsanitize=thread'], own: [], link: ['-fsanitize=thread'] },
  coverage: {
    all: ['-O1'],
    own: ['-fprofile-instr-generate', '-fcoverage-mapping'],
    link: ['-fprofile-instr-generate'],
  },
}

/** The compiler: libFuzzer comes with clang alone. */
export const clang = process.env.WEIR_CLANG ?? 'clang++'

/** What this machine lacks for instrumented builds, or undefined when it lacks nothing. */
export function missingClang() {
  const probe = 'extern "C" int LLVMFuzzerTestOneInput(const unsigned char*, unsigned long) { return 0; }\n'
  const args = ['-fsanitize=address,undefined,fuzzer', '-x', 'c++', '-', '-o', '/dev/null']
  if (spawnSync(clang, args, { input: probe }).status === 0) return undefined
  return `${clang} with its sanitizers and libFuzzer (Debian packages: clang, libclang-rt-14-dev, llvm)`
}

let compilerVersion

function hashOf(...parts) {
  compilerVersion ??= String(spawnSync(clang, ['--version']).stdout)
  const hash = createHash('sha256').update(compilerVersion)
  for (const part of parts) hash.update(JSON.stringify(part)).update('\n')
  return hash.digest('hex').slice(0, 24)
}

/** Content of every header of ours: one of them may be included anywhere. */
function headers() {
  const folders = [nativeDir, join(nativeDir, 'test'), join(nativeDir, 'fuzz')].filter((folder) => existsSync(folder))
  return folders.flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.endsWith('.h'))
      .sort()
      .map((name) => [name, readFileSync(join(folder, name), 'utf8')]),
  )
}

/**
 * Builds a program of `kind` ('address', 'thread' or 'coverage') from `sources`, the core and what is vendored, and
 * returns its path. `link` are further flags of the linker, `compile` of our own sources; `core: false` leaves our core out of it.
 * Throws an Error after the compiler's messages when something does not compile.
 */
export async function buildProgram(kind, name, sources, { link = [], compile = [] } = {}) {
  const { all, own, link: kindLink } = kinds[kind]
  mkdirSync(join(cacheDir, kind), { recursive: true })
  const release = takeLock(join(cacheDir, `lock-${kind}`))
  try {
    const vendored = await archiveVendored(kind, [...common, ...all])
    const objects = await compileAll(
      kind,
      [...coreSources(), ...sources],
      [
        ...common,
        ...all,
        ...own,
        ...compile,
        '-Wall',
        '-Wextra',
        '-Wno-unused-parameter',
        '-Wno-unknown-warning-option',
      ],
    )
    const args = [...kindLink, ...link, '-pthread']
    const program = join(cacheDir, kind, `${name}-${hashOf(objects, vendored, args)}`)
    if (existsSync(program)) return program
    for (const old of readdirSync(join(cacheDir, kind))) {
      if (old.startsWith(`${name}-`)) rmSync(join(cacheDir, kind, old))
    }
    await run(clang, [...objects, vendored, ...args, '-o', `${program}.new`])
    renameSync(`${program}.new`, program)
    return program
  } finally {
    release()
  }
}

async function archiveVendored(kind, flags) {
  const sources = vendoredSources()
  const versions = vendoredPackages().map(({ name, version }) => [name, version])
  const names = sources.map((path) => basename(path))
  const archive = join(cacheDir, kind, `vendored-${hashOf(flags, versions, names)}.a`)
  if (existsSync(archive)) return archive
  const folder = `${archive}.objects`
  console.error(
    `native: compiling RE2, Abseil and simdjson for kind ${kind} (${sources.length} files, a minute or two) …`,
  )
  mkdirSync(folder, { recursive: true })
  const together = joinAbseil(folder, sources)
  const objects = together.map((path, i) => join(folder, `${i}-${basename(path)}.o`))
  await inParallel(together, async (path, i) => {
    if (existsSync(objects[i])) return
    await compileOne(path, objects[i], [...flags, '-w'])
  })
  await run('ar', ['rcs', `${archive}.new`, ...objects])
  renameSync(`${archive}.new`, archive)
  rmSync(folder, { recursive: true })
  return archive
}

/** Sources that Abseil's are put together in. Files of one folder go into different ones: some have names in common. */
const abseilGroups = 8

/**
 * Returns the sources, Abseil's as a few files that include them: each is small and includes much, so that together they are
 * compiled in a third of the time.
 */
function joinAbseil(folder, sources) {
  const isAbseil = (path) => path.includes('/absl/')
  const groups = Array.from({ length: abseilGroups }, () => [])
  for (const [i, path] of sources.filter(isAbseil).entries()) groups[i % abseilGroups].push(path)
  const joined = groups.map((group, i) => {
    const path = join(folder, `absl-${i}.cc`)
    writeFileSync(path, group.map((each) => `#include ${JSON.stringify(each)}\n`).join(''))
    return path
  })
  return [...joined, ...sources.filter((path) => !isAbseil(path))]
}

async function compileAll(kind, sources, flags) {
  const around = headers()
  const folder = join(cacheDir, kind, 'own')
  mkdirSync(folder, { recursive: true })
  const objects = sources.map((path) => {
    const stem = `${basename(dirname(path))}-${basename(path)}`
    return join(folder, `${stem}-${hashOf(flags, around, readFileSync(path, 'utf8'))}.o`)
  })
  await inParallel(sources, async (path, i) => {
    if (existsSync(objects[i])) return
    await compileOne(path, objects[i], flags)
  })
  return objects
}

async function compileOne(source, object, flags) {
  const includes = [join(nativeDir, 'test', 'clang14'), ...includeDirs()].flatMap((folder) => ['-I', folder])
  await run(clang, [...flags, ...includes, '-c', source, '-o', `${object}.new`])
  renameSync(`${object}.new`, object)
}

async function inParallel(items, work) {
  let next = 0
  const lane = async () => {
    while (next < items.length) {
      const i = next++
      await work(items[i], i)
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, lane))
}

function run(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 2, 2] })
    child.on('error', reject)
    child.on('close', (code, signal) => {
      if (code === 0) resolve(undefined)
      else
        reject(new Error(`${command} ${args.at(-1)} failed (${signal ?? `exit ${code}`}); its messages stand above.`))
    })
  })
}
