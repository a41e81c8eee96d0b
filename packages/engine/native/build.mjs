// Builds the native kernel with node-gyp: native/build/Release/weir.node and, for tests, the core's test program beside
// it. Does nothing for what a stamp over sources, versions, flags and compiler matches; vendored objects are kept from
// build to build. Run as `npm run build:native` (`-- --tests` for the test program too, `-- --verbose` shows each file)
// or by .ci/set-up.mjs; never when the packages are installed from a registry.

import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism, homedir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { nativeDir, ownFiles, vendoredPackages, vendoredSources } from './sources.mjs'

const require = createRequire(import.meta.url)
const buildDir = join(nativeDir, 'build')

/** What can be built, each with a stamp of its own: who only filters records needs no test program. */
const addon = { target: 'weir', output: join(buildDir, 'Release', 'weir.node'), stampFile: join(buildDir, 'stamp') }
const testProgram = {
  target: 'core_test',
  output: join(buildDir, 'Release', 'core_test'),
  stampFile: join(buildDir, 'stamp-tests'),
}

/** Folder that holds the headers of the Node that runs this, or undefined: node-gyp then downloads them. */
export function nodeHeaders() {
  const folder = dirname(dirname(realpathSync(process.execPath)))
  return existsSync(join(folder, 'include', 'node', 'node_api.h')) ? withoutSpaces(folder) : undefined
}

/** gyp splits this one path at spaces: where it has some, a link beside the user's other caches stands for it. */
function withoutSpaces(folder) {
  if (!/\s/.test(folder)) return folder
  const links = join(homedir(), '.cache', 'weir')
  if (/\s/.test(links)) throw new Error(`Node lies in "${folder}", and node-gyp needs a path without spaces.`)
  const link = join(links, createHash('sha256').update(folder).digest('hex').slice(0, 16))
  mkdirSync(links, { recursive: true })
  if (!existsSync(link)) {
    rmSync(link, { force: true })
    symlinkSync(folder, link)
  }
  return link
}

/** What the build needs and does not find, each with the Debian package that brings it; empty when all is there. */
export function missingTools() {
  const compiler = process.env.CXX ?? 'g++'
  const missing = []
  if (!answers('make', ['--version'])) missing.push('make (Debian package: make)')
  if (!answers('python3', ['--version'])) missing.push('python3 (Debian package: python3)')
  const [program, ...rest] = compiler.split(' ')
  const probe = '#include <bit>\n#include <span>\nint main() { return std::popcount(0u); }\n'
  if (!answers(program, [...rest, '-std=c++20', '-fsyntax-only', '-x', 'c++', '-'], probe)) {
    missing.push(`a C++20 compiler: \`${compiler} -std=c++20\` does not compile (Debian package: g++)`)
  }
  return missing
}

function answers(command, args, input) {
  return spawnSync(command, args, { input }).status === 0
}

/**
 * A hash over all that decides what the addon is, or with `tests` the test program. The Node version is not in it: the
 * addon is Node-API, one for all.
 */
export function buildStamp({ tests = false } = {}) {
  const hash = createHash('sha256').update(sourceHash({ tests }))
  const compiler = process.env.CXX ?? 'g++'
  const [program, ...rest] = compiler.split(' ')
  hash.update(spawnSync(program, [...rest, '--version']).stdout ?? '')
  for (const name of ['CC', 'CXX', 'CFLAGS', 'CXXFLAGS', 'CPPFLAGS', 'LDFLAGS', 'npm_config_arch']) {
    hash.update(`${name}=${process.env[name] ?? ''}\n`)
  }
  return hash.update(`${process.platform} ${process.arch}`).digest('hex')
}

/** A hash over what is compiled, the same on every machine: our files, and the packages that bring the others. */
export function sourceHash({ tests = false } = {}) {
  const hash = createHash('sha256')
  for (const path of ownFiles({ tests })) hash.update(`${relative(nativeDir, path)}\n`).update(readFileSync(path))
  for (const { name, dir, version } of vendoredPackages()) {
    hash.update(`${name} ${version}\n`)
    for (const path of vendoredSources()) {
      if (path.startsWith(join(dir, '/'))) hash.update(`${relative(dir, path)}\n`)
    }
  }
  return hash.digest('hex')
}

/** True when the addon, and with `tests` the test program, were built from what lies here now. */
export function isBuilt({ tests = false } = {}) {
  return outdated(tests).length === 0
}

/** What has to be built, with the stamp of what lies here now. */
function outdated(tests) {
  const wanted = [{ ...addon, stamp: buildStamp() }]
  if (tests) wanted.push({ ...testProgram, stamp: buildStamp({ tests }) })
  return wanted.filter(
    ({ output, stampFile, stamp }) =>
      !existsSync(output) || !existsSync(stampFile) || readFileSync(stampFile, 'utf8') !== stamp,
  )
}

/** Builds what has changed. Returns 'built' or 'current'; throws an Error whose message says what to do. */
export function build({ tests = false } = {}) {
  if (isBuilt({ tests })) return 'current'
  const missing = missingTools()
  if (missing.length > 0) throw new Error(`The native kernel cannot be built here; missing: ${missing.join('; ')}.`)
  mkdirSync(buildDir, { recursive: true })
  const release = takeLock(join(buildDir, 'lock'))
  try {
    const parts = outdated(tests)
    if (parts.length === 0) return 'current'
    // Linking costs little and make does not know that the version script is an input.
    for (const { stampFile, output } of parts) for (const path of [stampFile, output]) rmSync(path, { force: true })
    gyp('configure')
    gyp('build', ...parts.map(({ target }) => target), '--jobs', String(availableParallelism()))
    for (const { output } of parts) if (!existsSync(output)) throw new Error(`The build ended without ${output}.`)
    // Written last, and of what lay here before the build: an interrupted build, or a file saved meanwhile, builds again.
    for (const { stampFile, stamp } of parts) writeFileSync(stampFile, stamp)
    return 'built'
  } finally {
    release()
  }
}

function gyp(...args) {
  // What make says of each file is left out; what the compiler says is not.
  const stdout = process.argv.includes('--verbose') ? 2 : 'ignore'
  const { status, signal } = nodeGyp(nativeDir, args, { stdio: ['ignore', stdout, 2] })
  if (status !== 0)
    throw new Error(`node-gyp ${args[0]} failed (${signal ?? `exit ${status}`}); its messages stand above.`)
}

/** Runs node-gyp in `folder` for the Node that runs this, with its headers, and returns how that ended. */
export function nodeGyp(folder, args, options = {}) {
  const headers = nodeHeaders()
  const command = [require.resolve('node-gyp/bin/node-gyp.js'), ...args, '--loglevel=warn']
  if (headers !== undefined) command.push(`--nodedir=${headers}`)
  const env = { ...process.env }
  // A directory given to npm for another Node would win over the one of the Node that runs this.
  for (const name of Object.keys(env)) if (/^npm_config_(nodedir|target|disturl)$/i.test(name)) delete env[name]
  return spawnSync(process.execPath, command, { cwd: folder, env, maxBuffer: 1 << 28, ...options })
}

/**
 * Takes the lock file at `path` and returns what releases it. Waits while another process holds it; a lock whose process
 * is gone is taken over.
 */
export function takeLock(path) {
  const pause = new Int32Array(new SharedArrayBuffer(4))
  for (let told = false; ; Atomics.wait(pause, 0, 0, 200)) {
    try {
      writeFileSync(path, String(process.pid), { flag: 'wx' })
      return () => rmSync(path, { force: true })
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
    }
    const holder = holderOf(path)
    if (holder > 0 ? !isAlive(holder) : isOld(path)) rmSync(path, { force: true })
    else if (!told && holder > 0) {
      console.error(`Another set-up (process ${holder}) is running; waiting for it. If it is not, delete ${path}.`)
      told = true
    }
  }
}

/** The process that a lock names; 0 where it names none yet, or was released since it was seen. */
function holderOf(path) {
  try {
    return Number(readFileSync(path, 'utf8'))
  } catch (error) {
    if (error.code === 'ENOENT') return 0
    throw error
  }
}

/** True for a lock that its holder did not live to write its number into. */
function isOld(path) {
  const { mtimeMs } = statSync(path, { throwIfNoEntry: false }) ?? { mtimeMs: Date.now() }
  return Date.now() - mtimeMs > 5000
}

function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    const began = performance.now()
    const outcome = build({ tests: process.argv.includes('--tests') })
    const seconds = ((performance.now() - began) / 1000).toFixed(1)
    console.log(outcome === 'built' ? `Native kernel built in ${seconds} s.` : 'Native kernel is up to date.')
  } catch (error) {
    console.error(error.message)
    process.exitCode = 1
  }
}
