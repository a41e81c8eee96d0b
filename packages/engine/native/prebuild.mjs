// Makes the binaries that the package ships: native/prebuilds/PLATFORM-ARCH/weir.LIBC.node, stripped and checked, and beside
// each a note of what it was made from. For this machine's architecture it takes what build.mjs builds; for another it
// runs a copy of build.mjs with a cross-compiler. Run as `node packages/engine/native/prebuild.mjs [TARGET …]`, by
// .ci/pack.mjs and the release workflow; with `--check [FOLDER]` it makes nothing and says whether what lies there may be
// packed, which npm asks before a plain `npm pack`. Never run when the packages are installed.

import { spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, sourceHash } from './build.mjs'
import { nativeDir, ownFiles } from './sources.mjs'

/** The oldest glibc that a prebuilt binary may ask for: the one that Node's own binaries ask for. */
export const glibcFloor = '2.28'

/** What is built, and with whose tools where the machine has another architecture. `machine` is as readelf names it. */
export const targets = {
  'linux-x64': { machine: 'Advanced Micro Devices X86-64', tools: 'x86_64-linux-gnu-', debian: 'g++-x86-64-linux-gnu' },
  'linux-arm64': { machine: 'AArch64', tools: 'aarch64-linux-gnu-', debian: 'g++-aarch64-linux-gnu' },
}

/** Platforms without a prebuilt binary, where the portable kernel runs unless the native one is built in a checkout. */
export const notBuilt = ['linux-x64 musl', 'linux-arm64 musl', 'darwin-arm64', 'darwin-x64', 'win32-x64', 'win32-arm64']

/** The target that this machine builds without a cross-compiler. */
export const hostTarget = `${process.platform}-${process.arch}`

const prebuildsDir = join(nativeDir, 'prebuilds')

/** Where the prebuilt binary of a target lies. */
export function prebuiltPath(target) {
  return binaryIn(prebuildsDir, target)
}

function binaryIn(folder, target) {
  return join(folder, target, 'weir.glibc.node')
}

/** A prebuilt binary cannot be made; the message says why and what to do. */
export class PrebuildError extends Error {
  name = 'PrebuildError'
}

/**
 * Makes the prebuilt binary of a target, unless the one that lies there was made from the present sources. With `tests`,
 * the core's test program for that target as well. Returns the paths of both, and whether the binary is new.
 */
export function prebuild(target, { tests = false } = {}) {
  if (!Object.hasOwn(targets, target)) {
    throw new PrebuildError(
      `There is no target ${target}; there are ${Object.keys(targets).join(', ')}. Not built: ${notBuilt.join(', ')}.`,
    )
  }
  const folder = target === hostTarget ? nativeDir : crossFolder(target)
  const isNew = (target === hostTarget ? build({ tests }) : crossBuild(target, folder, tests)) === 'built'
  const path = prebuiltPath(target)
  const built = { path, testProgram: join(folder, 'build', 'Release', 'core_test') }
  if (!isNew && isCurrent(target)) return { ...built, isNew: false }
  try {
    ship(target, join(folder, 'build'), path)
  } catch (error) {
    rmSync(dirname(path), { recursive: true, force: true })
    throw error
  }
  return { ...built, isNew: true }
}

/** Strips and checks in the build folder, so that who packs meanwhile meets no file that is still being written. */
function ship(target, buildDir, path) {
  const made = binaryIn(join(buildDir, 'prebuilt'), target)
  mkdirSync(dirname(made), { recursive: true })
  const stripped = run(tool(target, 'strip'), '--strip-unneeded', '-o', made, join(buildDir, 'Release/weir.node'))
  if (stripped.status !== 0) throw new PrebuildError(`Stripping the addon failed: ${stripped.stderr}`)
  const { glibc } = check(target, made)
  writeFileSync(notePath(made), `${JSON.stringify({ sources: sourceHash(), compiler: compilerOf(target), glibc })}\n`)
  mkdirSync(dirname(path), { recursive: true })
  for (const place of [(each) => each, notePath]) renameSync(place(made), place(path))
}

/** True when the prebuilt binary of a target is there, and was made from the sources that lie here now. */
export function isCurrent(target) {
  return isFromSources(prebuiltPath(target))
}

function isFromSources(path) {
  if (!existsSync(path) || !existsSync(notePath(path))) return false
  return JSON.parse(readFileSync(notePath(path), 'utf8')).sources === sourceHash()
}

/**
 * Throws a PrebuildError unless the binaries in `folder` may be packed: there is one at least, and none is older than the
 * sources. An engine with another one would refuse it where it is installed, and run the portable kernel.
 */
export function checkForPacking(folder = prebuildsDir) {
  const found = existsSync(folder) ? readdirSync(folder) : []
  const outdated = found.filter((target) => !isFromSources(binaryIn(folder, target)))
  if (found.length > 0 && outdated.length === 0) return
  const fault =
    found.length === 0
      ? `There is no prebuilt binary in ${folder}`
      : `Made from other sources than those that lie here: ${outdated.map((target) => binaryIn(folder, target)).join(', ')}`
  throw new PrebuildError(
    `${fault}; users of this package would get the slow, portable kernel. ` +
      'Pack with `npm run pack` in the root of the checkout, which makes the binaries first (`-- --all`: of every platform).',
  )
}

function notePath(binary) {
  return binary.replace(/\.node$/, '.json')
}

/** Name of a program of the tool chain: the machine's own for its own architecture. */
function tool(target, name) {
  return target === hostTarget ? name : targets[target].tools + name
}

function compilerOf(target) {
  const command = target === hostTarget ? (process.env.CXX ?? 'g++') : tool(target, 'g++')
  return run(...command.split(' '), '--version').stdout.split('\n')[0]
}

function run(program, ...args) {
  return spawnSync(program, args, { encoding: 'utf8' })
}

/** As deep below the root as the native folder: gyp names the objects of vendored sources by the way up and down to them. */
function crossFolder(target) {
  return join(nativeDir, '../../../.set-up/prebuild', target)
}

/**
 * Builds in a copy of the native folder, since node-gyp knows one build folder only. The copy lies in the checkout, so
 * it finds the same packages, and keeps the times of files, so that make compiles only what has changed.
 */
function crossBuild(target, folder, tests) {
  if (run(tool(target, 'g++'), '--version').status !== 0) {
    throw new PrebuildError(
      `Building for ${target} on ${hostTarget} needs ${tool(target, 'g++')} (Debian package: ${targets[target].debian}).`,
    )
  }
  const wanted = new Set(ownFiles({ tests: true }).map((path) => relative(nativeDir, path)))
  for (const path of wanted) cpSync(join(nativeDir, path), join(folder, path), { preserveTimestamps: true })
  for (const each of [...readdirSync(folder), ...readdirSync(join(folder, 'test')).map((name) => `test/${name}`)]) {
    if (!wanted.has(each) && !['build', 'test'].includes(each)) rmSync(join(folder, each), { recursive: true })
  }
  const env = { ...process.env, npm_config_arch: target.split('-')[1], AR: tool(target, 'ar') }
  Object.assign(env, { CC: tool(target, 'gcc'), CXX: tool(target, 'g++'), LINK: tool(target, 'g++') })
  const args = [join(folder, 'build.mjs'), ...(tests ? ['--tests'] : [])]
  const { status, stdout } = spawnSync(process.execPath, args, { env, stdio: ['ignore', 'pipe', 2], encoding: 'utf8' })
  if (status !== 0) throw new PrebuildError(`Building for ${target} failed; the messages stand above.`)
  return /up to date/.test(stdout) ? 'current' : 'built'
}

/** What a binary asks for and shows: its libraries, the newest glibc version, its symbols and its machine. Linux only. */
export function inspect(path) {
  const { status, stdout, stderr } = run('readelf', '-W', '-h', '-d', '-V', '--dyn-syms', path)
  if (status !== 0) throw new PrebuildError(`readelf cannot read ${path} (Debian package: binutils): ${stderr}`)
  const all = (pattern) =>
    [...new Set([...stdout.matchAll(pattern)].map((match) => match[1]))].sort((a, b) => a.localeCompare(b))
  const versions = all(/Name: GLIBC_([\d.]+)/g).sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
  return {
    machine: /Machine:\s+(.*)/.exec(stdout)?.[1] ?? '',
    needed: all(/Shared library: \[(.*?)\]/g),
    glibc: versions.at(-1) ?? '',
    symbols: all(/ GLOBAL +DEFAULT +(?!UND)\S+ (\w+)/g),
  }
}

const mayNeed = /^(libc\.so\.6|libm\.so\.6|libgcc_s\.so\.1|libpthread\.so\.0|libdl\.so\.2|ld-linux-.*)$/

function check(target, path) {
  const found = inspect(path)
  const foreign = found.needed.filter((name) => !mayNeed.test(name))
  const faults = []
  if (found.machine !== targets[target].machine) faults.push(`it is for ${found.machine}`)
  if (foreign.length > 0)
    faults.push(
      `it needs ${foreign.join(', ')}, which the user's machine may lack: link it in (Fedora: libstdc++-static)`,
    )
  if (found.glibc.localeCompare(glibcFloor, 'en', { numeric: true }) > 0) {
    faults.push(`it needs glibc ${found.glibc}, newer than ${glibcFloor}: add what is new to glibc_floor.c`)
  }
  if (faults.length === 0) return found
  throw new PrebuildError(`The binary for ${target} cannot be shipped: ${faults.join('; ')}.`)
}

/** Makes what is named, the host's binary without names. */
function make(names, tests) {
  for (const target of names.length > 0 ? names : [hostTarget]) {
    const { path, isNew } = prebuild(target, { tests })
    console.log(`${relative('.', path)} ${isNew ? 'made' : 'is up to date'}.`)
  }
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const names = process.argv.slice(2).filter((each) => each !== '--tests')
  try {
    if (names[0] === '--check') checkForPacking(names[1])
    else make(names, process.argv.includes('--tests'))
  } catch (error) {
    console.error(error.message)
    process.exitCode = 1
  }
}
