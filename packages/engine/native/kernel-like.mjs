// Builds further programs in the way the kernel is built: its compiler, its flags, its objects of RE2, Abseil and simdjson,
// and where asked its core. For programs that stand beside the kernel in a comparison, or count what it does. Kept in
// .set-up/native of the checkout under a hash of all that decides what they are. Called by .ci/native.mjs.

import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { basename, join } from 'node:path'
import { buildStamp, isBuilt, takeLock } from './build.mjs'
import { includeDirs, nativeDir, vendoredPackages } from './sources.mjs'

const buildDir = join(nativeDir, 'build')
const programsDir = join(nativeDir, '..', '..', '..', '.set-up', 'native', 'kernel-like')

const [compiler, ...compilerArgs] = (process.env.CXX ?? 'g++').split(' ')

/** The compiler and its version, or undefined when there is none. */
export function compilerVersion() {
  const { stdout } = spawnSync(compiler, [...compilerArgs, '-dumpfullversion', '-dumpversion'], { encoding: 'utf8' })
  const version = (stdout ?? '').trim()
  return version === '' ? undefined : `${basename(compiler)} ${version}`
}

/**
 * The flags with which gyp has the core compiled, as its own makefile has them, so that they cannot differ. Throws an
 * Error that says what to do where the kernel is not built.
 */
export function kernelFlags() {
  const makefile = join(buildDir, 'core.target.mk')
  if (!existsSync(makefile)) throw new Error('the native kernel is not built here: npm run build')
  const text = readFileSync(makefile, 'utf8')
  const list = (name) => {
    const found = new RegExp(`^${name} := ?((?:.*\\\\\n)*.*)$`, 'm').exec(text)
    if (found === null) throw new Error(`${makefile} has no ${name}; its form has changed.`)
    return found[1].split(/[\s\\]+/).filter((flag) => flag !== '')
  }
  // The shell takes the quotes away; names of targets are nobody's business.
  const defines = list('DEFS_Release').map((flag) => flag.replaceAll("'", ''))
  const fromEnvironment = [process.env.CPPFLAGS, process.env.CXXFLAGS].flatMap((flags) => flags?.split(/\s+/) ?? [])
  return [...defines, ...list('CFLAGS_Release'), ...list('CFLAGS_CC_Release'), ...fromEnvironment].filter(
    (flag) => flag !== '' && !flag.startsWith('-DNODE_GYP_MODULE_NAME='),
  )
}

/**
 * Builds a program from the C++ files `sources`, absolute paths, unless it is there, and returns its path. `core`: our
 * core is linked, and must be current. `beside`: header files on which it also depends. Throws an Error, after the
 * compiler's messages where there are some.
 */
export async function buildKernelLike(name, sources, { core = false, beside = [] } = {}) {
  const flags = kernelFlags()
  if (core && !isBuilt()) throw new Error('the native kernel is older than its sources: npm run build')
  const version = compilerVersion()
  if (version === undefined) throw new Error('there is no C++ compiler (Debian package: g++)')
  const hash = createHash('sha256').update(
    JSON.stringify([version, flags, vendoredPackages().map((each) => each.version)]),
  )
  if (core) hash.update(buildStamp())
  for (const path of [...sources, ...beside]) hash.update(`${basename(path)}\n`).update(readFileSync(path))
  const program = join(programsDir, `${name}-${hash.digest('hex').slice(0, 24)}`)
  if (existsSync(program)) return program
  mkdirSync(programsDir, { recursive: true })
  const release = takeLock(join(programsDir, 'lock'))
  try {
    if (!existsSync(program)) await compile(program, name, sources, flags, core)
    return program
  } finally {
    release()
  }
}

async function compile(program, name, sources, flags, core) {
  const folder = `${program}.objects`
  mkdirSync(folder, { recursive: true })
  const includes = includeDirs().flatMap((each) => ['-I', each])
  const objects = sources.map((path) => join(folder, `${basename(path)}.o`))
  // GCC 12 takes a literal and a string put together for an overlap, wrongly (its bug 105651).
  const waiting = sources.map((path, i) => [...flags, '-Wno-restrict', ...includes, '-c', path, '-o', objects[i]])
  const lane = async () => {
    for (let args = waiting.pop(); args !== undefined; args = waiting.pop()) await run(args)
  }
  await Promise.all(Array.from({ length: availableParallelism() }, lane))
  const archives = [...(core ? ['core.a'] : []), 'vendored.a'].map((each) => join(buildDir, 'Release', each))
  await run([...objects, ...archives, '-pthread', '-o', `${program}.new`])
  rmSync(folder, { recursive: true })
  renameSync(`${program}.new`, program)
  for (const old of readdirSync(programsDir)) {
    if (old.startsWith(`${name}-`) && old !== basename(program)) rmSync(join(programsDir, old), { recursive: true })
  }
}

function run(args) {
  return new Promise((resolve, reject) => {
    // Standard output is the caller's.
    const child = spawn(compiler, [...compilerArgs, ...args], { stdio: ['ignore', 2, 2] })
    child.on('error', reject)
    child.on('close', (code, signal) => {
      if (code === 0) resolve(undefined)
      else
        reject(new Error(`${compiler} ${args.at(-1)} failed (${signal ?? `exit ${code}`}); its messages stand above`))
    })
  })
}
