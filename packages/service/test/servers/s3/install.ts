// Has versitygw ready for the tests, a real object store in Go: builds it where Go is, once for all test files, which run at
// the same time. What is missing is a printed skip, and a failure where WEIR_REQUIRE names `s3`. Called by tests and
// versitygw.ts; run by itself, it builds and says what it did.

import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, realpathSync, renameSync, rmSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

import { systemCode } from '#src/errors.js'
import { skipWithout } from '../../required.ts'

const module = 'github.com/versity/versitygw/cmd/versitygw'
const version = '1.8.0'
/** What it is written for, and what is fetched where Go is older, as Debian's is. */
const oldestGo = 25
const fetchedGo = 'go1.26.8'
const setUpFolder = fileURLToPath(new URL('../../../../../.set-up/', import.meta.url))
const lockModule = fileURLToPath(new URL('../../../../engine/native/build.mjs', import.meta.url))
const folder = path.join(setUpFolder, `versitygw-${version}`)
const program = path.join(folder, 'versitygw')
const shownErrorCharacters = 600
/** Two minutes on a quiet machine with two processors, when Go has nothing of it in its cache. */
const buildWithinMs = 20 * 60_000

let found: Promise<string | undefined> | undefined

/** What to give node:test as `skip` for a test that needs a real store. The first to ask waits until it is built. */
export async function skipWithoutS3(): Promise<string | false> {
  const fault = await whyNoS3()
  return skipWithout('s3', fault === undefined, fault ?? '')
}

/** Resolves with what to do where there is no store. */
export async function whyNoS3(): Promise<string | undefined> {
  found ??= install()
  return found
}

/** The program. *Errors*: where `skipWithoutS3()` says that there is none. */
export async function s3Program(): Promise<string> {
  const fault = await whyNoS3()
  if (fault !== undefined) throw new Error(`There is no object store here: ${fault}`)
  return program
}

async function install(): Promise<string | undefined> {
  if (existsSync(program)) return undefined
  mkdirSync(setUpFolder, { recursive: true })
  const { takeLock } = (await import(pathToFileURL(lockModule).href)) as { takeLock: (path: string) => () => void }
  const release = takeLock(path.join(setUpFolder, 'versitygw.lock'))
  try {
    return existsSync(program) ? undefined : build()
  } catch (error) {
    if (error instanceof Fault) return error.message
    throw error
  } finally {
    release()
  }
}

/** Why there is no store here, and what to do. */
class Fault extends Error {}

/** Builds the program. */
function build(): undefined {
  const made = `${folder}.new`
  rmSync(made, { recursive: true, force: true })
  mkdirSync(made, { recursive: true })
  try {
    const environment = goEnvironment()
    run(newGo(environment), ['install', `${module}@v${version}`], { ...environment, GOBIN: made })
    rmSync(folder, { recursive: true, force: true })
    renameSync(made, folder)
  } finally {
    rmSync(made, { recursive: true, force: true })
  }
}

type Environment = Readonly<Record<string, string | undefined>>

/** For this machine, without a C compiler, and with modules from a proxy only: straight from where they are written is another network. */
function goEnvironment(): Environment {
  const proxies = run('go', ['env', 'GOPROXY'], process.env).split(/[,|]/)
  const proxy = proxies.filter((each) => each !== 'direct' && each !== 'off').join(',')
  if (proxy === '') throw new Fault('Go is told to use no proxy for modules: set GOPROXY')
  const machine = { CGO_ENABLED: '0', GOOS: '', GOARCH: '', GOFLAGS: '', GOROOT: '' }
  return { ...process.env, ...machine, GOPROXY: proxy, GOTOOLCHAIN: 'local' }
}

/** Returns a Go that is new enough: the one on the path, or one that it fetches as a module, as newer ones do by themselves. */
function newGo(environment: Environment): string {
  const [name = '', system = '', processor = ''] = run('go', ['env', 'GOVERSION', 'GOOS', 'GOARCH'], environment).split(
    '\n',
  )
  if (Number(/^go1\.(\d+)/.exec(name)?.[1] ?? 0) >= oldestGo) return 'go'
  const toolchain = `golang.org/toolchain@v0.0.1-${fetchedGo}.${system}-${processor}`
  const { Dir: root } = JSON.parse(run('go', ['mod', 'download', '-json', toolchain], environment)) as { Dir: string }
  // Modules have no programs, so what they hold are none.
  for (const place of ['bin', `pkg/tool/${system}_${processor}`]) {
    const folder = path.join(root, place)
    for (const file of existsSync(folder) ? readdirSync(folder) : []) chmodSync(path.join(folder, file), 0o755)
  }
  return path.join(root, 'bin/go')
}

/** Returns what a command printed. */
function run(command: string, args: readonly string[], env: Environment): string {
  const options = { encoding: 'utf8', env, timeout: buildWithinMs, maxBuffer: 1 << 26 } as const
  const { error, status, stdout, stderr } = spawnSync(command, args, options)
  if (systemCode(error) === 'ENOENT') throw new Fault('go is not installed; Debian has it as golang-go')
  if (error === undefined && status === 0) return stdout.trim()
  const said = `${stderr}\n${stdout}`.split('\n').filter((line) => !line.startsWith('go: downloading'))
  const reason = (error?.message ?? said.join('\n').trim()).slice(0, shownErrorCharacters)
  throw new Fault(`go ${args.join(' ')} failed: ${reason}`)
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const fault = await whyNoS3()
  process.stdout.write(`${fault ?? `versitygw ${version} is ready.`}\n`)
  process.exitCode = fault === undefined ? 0 : 1
}
