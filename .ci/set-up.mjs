// Makes a checkout ready: installs packages, builds the native kernel and, for the tests, the judge, and compiles
// TypeScript. Every step is skipped when what it made is still current, so a second run costs next to nothing.
// Used by start.mjs, test.mjs and bench.mjs, and run alone as `npm run build`; `-- --tests` builds what the tests need
// as well, `-- --addon NAME` only a package that a benchmark needs. Node's built-in modules only: it runs first.

import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, isBuilt, missingTools, nodeGyp, takeLock } from '../packages/engine/native/build.mjs'

/** The root of the checkout. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** A step of the set-up failed; the message says what is missing and how to cure it. */
export class SetUpError extends Error {
  name = 'SetUpError'
}

const installStamp = join(root, 'node_modules', '.weir-installed')
const ownFolder = join(root, '.set-up')

/**
 * Packages of npm that are compiled here, each when it is first needed: the judge of the tests, which is also a
 * contender of the benchmarks, and another contender. Each is listed in package.json under allowScripts.
 */
export const compiledPackages = ['re2', 'simdjson']

/**
 * Makes the checkout ready and returns what the caller needs to know: `judge`, the folder of the re2 package built for
 * the Node that runs, when `options.tests` asks for what the tests need. `options.native: false` leaves the kernel out,
 * `options.judge: false` the judge; `options.projects` are the TypeScript projects to compile, by default all.
 */
export function setUp({ native = true, tests = false, judge = tests, projects = [] } = {}) {
  const began = performance.now()
  checkNode()
  const release = lock()
  let done = 0
  try {
    // Ten minutes of installing should not end in "no compiler": this is asked first.
    if ((native && !existsSync(installStamp)) || (judge && !isAddonBuilt('re2'))) checkTools()
    done += install()
    if (native) done += buildKernel(tests)
    if (judge) done += buildAddon('re2')
    compile(projects)
    bundle()
  } finally {
    release()
  }
  if (done === 0) say(`everything is current (${seconds(began)})`)
  return { judge: judge ? addonFolder('re2') : undefined }
}

/** Compiles one of `compiledPackages` for the Node that runs, unless that is done. */
export function setUpAddon(name) {
  if (!compiledPackages.includes(name)) {
    throw new SetUpError(`There is no addon ${name}; what is compiled here: ${compiledPackages.join(', ')}.`)
  }
  const release = lock()
  try {
    buildAddon(name)
  } finally {
    release()
  }
}

function lock() {
  mkdirSync(ownFolder, { recursive: true })
  return takeLock(join(ownFolder, 'lock'))
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major > 20 || (major === 20 && minor >= 19)) return
  throw new SetUpError(`Node ${process.versions.node} is too old: Weir needs Node 20.19 or newer.`)
}

function checkTools() {
  const missing = missingTools()
  if (missing.length === 0) return
  throw new SetUpError(
    `The native kernel is compiled here, and this machine lacks: ${missing.join('; ')}. ` +
      'On Debian: apt-get install g++ make python3. Without a compiler, `npm start -- --portable` runs the slower portable kernel.',
  )
}

/**
 * Installs what the lockfile names, without running any package's script; what may be compiled is listed in package.json
 * under allowScripts. Not `npm ci`: that refuses a lockfile without the optional packages of every other platform, which
 * a registry need not have. What it adds is done here: manifests are compared first, and the folder is made anew.
 */
function install() {
  const stamp = installHash()
  const before = read(installStamp)
  if (before === stamp) return 0
  checkLockfile()
  step(
    `installing packages (${before === undefined ? 'none installed yet' : 'the lockfile or a package.json changed'})`,
  )
  rmSync(join(root, 'node_modules'), { recursive: true, force: true })
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error']
  const args = ['install', '--ignore-scripts', '--no-save', '--include=dev', '--prefer-offline', ...quiet]
  if (run(...npm(), ...args) !== 0) {
    throw new SetUpError(
      'npm install failed; its messages stand above. If it could not reach the registry, check the network and the ' +
        'proxy settings of npm.',
    )
  }
  writeFileSync(installStamp, stamp)
  return 1
}

const dependencyKinds = ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies']

function checkLockfile() {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))
  for (const folder of ['.', ...manifest('.').workspaces]) {
    const entry = packages[folder === '.' ? '' : folder] ?? {}
    const differing = dependencyKinds.find((kind) => sorted(entry[kind]) !== sorted(manifest(folder)[kind]))
    if (differing === undefined) continue
    throw new SetUpError(
      `package-lock.json does not hold the ${differing} of ${join(folder, 'package.json')}. ` +
        'Run `npm install --ignore-scripts --package-lock-only` and commit the lockfile.',
    )
  }
}

function sorted(dependencies = {}) {
  return JSON.stringify(Object.entries(dependencies).sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** Dependencies as locked and as declared; not the Node version, since nothing in node_modules is compiled at install. */
function installHash() {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch}\n`)
  for (const name of ['package-lock.json', '.npmrc']) hash.update(read(join(root, name)) ?? '')
  const { workspaces } = manifest('.')
  for (const folder of ['.', ...workspaces]) {
    const own = manifest(folder)
    const declared = ['name', 'version', 'bin', 'overrides', ...dependencyKinds].map((key) => own[key])
    hash.update(JSON.stringify([folder, declared]))
  }
  return hash.update(JSON.stringify(workspaces)).digest('hex')
}

function buildKernel(tests) {
  if (isBuilt({ tests })) return 0
  const first = !existsSync(join(root, 'packages/engine/native/build/Release/weir.node'))
  step(`building the native kernel (${first ? 'not built yet; about two minutes' : 'what it is made of has changed'})`)
  try {
    build({ tests })
  } catch (error) {
    throw new SetUpError(
      `${error.message} Without a compiler, \`npm start -- --portable\` runs the slower portable kernel.`,
    )
  }
  return 1
}

/** Where a package compiled for the running Node lies: re2 is not Node-API, so each major needs a binary of its own. */
function addonFolder(name) {
  return join(ownFolder, 'addons', `${process.platform}-${process.arch}-abi${process.versions.modules}`, name)
}

function isAddonBuilt(name) {
  const source = join(root, 'node_modules', name, 'package.json')
  return existsSync(source) && read(join(addonFolder(name), 'built')) === JSON.parse(read(source)).version
}

/**
 * Compiles a package in a copy of its folder, and puts the binary where its `import` finds it as well. Its own script is
 * not run: that of re2 would try to download a binary first.
 */
function buildAddon(name) {
  const target = addonFolder(name)
  const source = join(root, 'node_modules', name)
  if (!existsSync(source)) throw new SetUpError(`${name} is not installed: run \`npm run build\`.`)
  const { version } = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8'))
  if (manifest('.').allowScripts?.[`${name}@${version}`] !== true) {
    throw new SetUpError(`${name}@${version} is not listed in allowScripts of package.json, so it is not compiled.`)
  }
  const isNew = !isAddonBuilt(name)
  if (isNew) {
    step(`building npm's ${name} ${version} for Node ${process.versions.node} (a minute or two)`)
    compileAddon(name, source, target)
    writeFileSync(join(target, 'built'), version)
  }
  const shared = join(source, 'build', 'Release')
  const stamp = `${version} ${process.versions.modules}`
  if (read(join(shared, 'built')) !== stamp) {
    mkdirSync(shared, { recursive: true })
    cpSync(join(target, 'build', 'Release', `${name}.node`), join(shared, `${name}.new`))
    renameSync(join(shared, `${name}.new`), join(shared, `${name}.node`))
    writeFileSync(join(shared, 'built'), stamp)
  }
  return isNew ? 1 : 0
}

function compileAddon(name, source, target) {
  checkTools()
  rmSync(target, { recursive: true, force: true })
  cpSync(source, target, { recursive: true, filter: (path) => path !== join(source, 'build') })
  // The messages of make are hundreds of lines about files that are not ours: shown only when the build fails.
  const { status, stdout, stderr } = nodeGyp(target, ['rebuild', '--jobs', String(availableParallelism())])
  if (status !== 0) {
    process.stderr.write(`${stdout}\n${stderr}\n`)
    throw new SetUpError(`Building ${name} failed; the compiler's messages stand above.`)
  }
  for (const part of ['obj.target', '.deps']) rmSync(join(target, 'build', 'Release', part), { recursive: true })
}

/**
 * Puts the command into a few files, unless that is done since it was compiled. Without them it starts from its modules,
 * slower: so where there is no esbuild for the platform that is said, and no reason to stop.
 */
function bundle() {
  if (isBundled()) return
  if (run(process.execPath, join(root, 'packages/service/bundle.mjs')) === 0) return
  say('the command stays as it is compiled; it starts more slowly than from a bundle')
}

/** Whether the bundle is there, and no older than what it is made of; the command asks no further than when it was compiled. */
export function isBundled() {
  const writtenMs = (path) => statSync(join(root, path), { throwIfNoEntry: false })?.mtimeMs
  const compiled = ['packages/service', 'packages/engine'].map((path) => writtenMs(`${path}/dist/tsconfig.tsbuildinfo`))
  // Nothing to bundle, when only some projects are compiled.
  if (compiled.includes(undefined)) return true
  const others = ['packages/service/bundle.mjs', 'node_modules/.weir-installed'].map(writtenMs)
  return (writtenMs('packages/service/bundle/main.js') ?? 0) >= Math.max(...compiled, ...others)
}

function compile(projects) {
  for (const project of typeScriptProjects()) forgetIncomplete(project)
  if (run(process.execPath, join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-b', ...projects) === 0) return
  throw new SetUpError('TypeScript found errors; they stand above.')
}

/** Projects of the root tsconfig.json: where their sources are, and where they compile to. */
export function typeScriptProjects() {
  const { references } = JSON.parse(readFileSync(join(root, 'tsconfig.json'), 'utf8'))
  return references.map(({ path }) => {
    const folder = join(root, path)
    const { rootDir, outDir } = JSON.parse(readFileSync(join(folder, 'tsconfig.json'), 'utf8')).compilerOptions
    return { folder, sources: join(folder, rootDir), outDir: join(folder, outDir) }
  })
}

/**
 * Paths of a project's TypeScript files below its sources. What it compiles to is not looked into, though it may lie among
 * them: its tests make and remove folders there.
 */
export function sourcesOf({ sources, outDir }) {
  const below = (folder) =>
    readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) return relative(outDir, path) === '' ? [] : below(path)
      return /(?<!\.d)\.ts$/.test(path) ? [relative(sources, path)] : []
    })
  return below(sources).sort()
}

/**
 * `tsc -b` compares times, so it does not see a new file that is older than its last run, nor outputs that were deleted,
 * and it leaves the outputs of sources that are gone. The first two make it start anew here; the last are deleted.
 */
function forgetIncomplete(project) {
  if (!existsSync(project.outDir)) return
  const { outDir } = project
  const expected = new Set(sourcesOf(project).map((path) => path.replace(/\.ts$/, '')))
  for (const path of readdirSync(outDir, { recursive: true }).map(String)) {
    const stem = /^(.*?)\.(js|d\.ts)(\.map)?$/.exec(path)?.[1]
    if (stem !== undefined && !expected.has(stem)) rmSync(join(outDir, path))
  }
  const isComplete = [...expected].every((stem) => existsSync(join(outDir, `${stem}.js`)))
  if (!isComplete) rmSync(join(outDir, 'tsconfig.tsbuildinfo'), { force: true })
}

/** The npm that started us, run by the Node that runs us, or else the one on PATH. */
function npm() {
  const path = process.env.npm_execpath
  if (path?.endsWith('.js') && existsSync(path)) return [process.execPath, path]
  if (spawnSync('npm', ['--version']).status === 0) return ['npm']
  throw new SetUpError('npm is not on PATH; it comes with Node (Debian package: npm).')
}

/** What it prints goes to standard error: standard output belongs to the command that the set-up is for. */
function run(command, ...args) {
  return spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] }).status
}

function manifest(folder) {
  return JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'))
}

function read(path) {
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined
}

function step(text) {
  say(`${text} …`)
}

function say(text) {
  console.error(`set-up: ${text}`)
}

function seconds(began) {
  return `${((performance.now() - began) / 1000).toFixed(1)} s`
}

function main(args) {
  const [option, name] = args
  if (args.length === 0) setUp()
  else if (args.length === 1 && option === '--tests') setUp({ tests: true })
  else if (args.length === 2 && option === '--addon') setUpAddon(name)
  else {
    console.error(
      `npm run build: unknown arguments ${args.join(' ')}. Usage: npm run build -- [--tests | --addon NAME]`,
    )
    return 2
  }
  return 0
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    process.exitCode = main(process.argv.slice(2))
  } catch (error) {
    if (!(error instanceof SetUpError)) throw error
    console.error(`set-up: ${error.message}`)
    process.exitCode = 1
  }
}
