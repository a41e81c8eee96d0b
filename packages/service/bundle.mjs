// Makes the folder `bundle` of what is compiled: the command in few files, because Node takes a third of a millisecond for
// every module that it loads, and there are more than a hundred. They are CommonJS, which loads faster. They hold the
// engine as well; its native kernel, and what runs in threads of its pool, stay where the engine is installed. Called by the
// set-up and by packing. That the bundle is left alone when it is older than what it was made of is decided in bin/weir.js.

import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = fileURLToPath(new URL('.', import.meta.url))
const engine = join(here, '../engine')

/** Where the bundle lies. */
export const folder = join(here, 'bundle')

/** Files that are started by name, by Node or as threads, and what they are made of. */
export const entryPoints = {
  filter: join(here, 'dist/main-filter.js'),
  main: join(here, 'dist/main.js'),
  'trial-process': join(here, 'dist/pipeline/trial-process.js'),
  'calibration-thread': join(here, 'dist/tuning/calibration-thread.js'),
  'rules-thread': join(engine, 'dist/rules-thread.js'),
  worker: join(engine, 'dist/pool/worker.js'),
}

/**
 * Entry points that are one file, `others.js`, of which each runs a part: they start more seldom, and share more, than
 * what has a file of its own.
 */
const joined = ['main', 'trial-process', 'calibration-thread', 'rules-thread']

/** Packages that are large, and loaded when something first needs them. */
const packages = ['piscina', 're2js', 'yaml']

/** Packages that no command loads which should start fast. */
const external = ['@aws-sdk/client-s3', 'cli-progress', 'pino', 'prom-client', 'zod']

const anyFile = /[\\/](engine|service|piscina)[\\/]dist[\\/].*\.js$/

/** What is written differently in the bundle: which files, what stands there, and what takes its place. */
const edits = [
  // The engine's binary is found where the engine is installed.
  [/engine[\\/]dist[\\/]kernel[\\/]native\.js$/, 'import.meta.url', 'kernelUrl()'],
  // Without a `require` of its own it has the package found in the bundle, and run when the first YAML is read, as before.
  [/engine[\\/]dist[\\/]rules[\\/]yaml-source\.js$/, 'const require = createRequire(import.meta.url);', ''],
  // What runs in a thread of the pool is that package's own.
  [/piscina[\\/]dist[\\/]index\.js$/, "(__dirname, 'worker.js')", "(installed('piscina'), '../worker.js')"],
  // What is loaded when it is needed stands in the same file, and runs when it is needed.
  [anyFile, "import('./", "require('./"],
  [anyFile, "import('../", "require('../"],
]

/** Parts of Node that take a millisecond each to load, and that a short run needs few of. */
const late = [
  'child_process',
  'crypto',
  'fs/promises',
  'net',
  'perf_hooks',
  'timers/promises',
  'tty',
  'worker_threads',
  'zlib',
]

/** What each file begins with. */
function prelude() {
  const functions = [kernelUrl, installed, delayed].map(String).join('\n')
  return `"use strict";const moduleUrl=require("node:url").pathToFileURL(__filename).href;\n${functions}`
}

/**
 * Returns the URL of the engine's module that loads the native kernel: as `require` would find it, but in less than the two
 * milliseconds which that takes, where the engine lies in an ordinary folder of packages. Runs in the bundle.
 */
function kernelUrl() {
  const { existsSync, realpathSync } = require('node:fs')
  const places = require.resolve.paths('@weir/engine').map((folder) => `${folder}/@weir/engine/dist/index.js`)
  const found = places.find((place) => existsSync(place))
  const engine = found === undefined ? require.resolve('@weir/engine') : realpathSync(found)
  return require('node:url').pathToFileURL(`${engine}/../kernel/native.js`).href
}

/** Returns the path of the main module of a package that the engine needs. Runs in the bundle. */
function installed(name) {
  return require('node:module').createRequire(kernelUrl()).resolve(name)
}

/** Returns what stands for a part of Node, and loads it when something of it is first asked for. Runs in the bundle. */
function delayed(name) {
  const get = (_, key) => (key === '__esModule' ? undefined : require(name)[key])
  return Object.create(new Proxy({}, { get }))
}

function edited(path) {
  let text = readFileSync(path, 'utf8')
  for (const [files, before, after] of edits) {
    if (!files.test(path)) continue
    if (files !== anyFile && !text.includes(before)) throw new Error(`${path} lacks what is replaced here: ${before}`)
    text = text.replaceAll(before, after)
  }
  return { contents: text }
}

const plugin = {
  name: 'weir',
  setup(build) {
    build.onLoad({ filter: anyFile }, ({ path }) => edited(path))
    build.onResolve({ filter: new RegExp(`^(${packages.join('|')})$`) }, ({ path, kind }) => {
      if (kind === 'entry-point') return undefined
      return path === 'piscina' ? { path, namespace: 'pool' } : { path: `./${path}.js`, external: true }
    })
    // As a module that runs when the pool does: what is imported from outside of a file runs at once.
    build.onLoad({ filter: /.*/, namespace: 'pool' }, () => ({
      contents: "export const { Piscina } = require('./piscina.js')",
    }))
    build.onResolve({ filter: /^\.\/piscina\.js$/ }, ({ path }) => ({ path, external: true }))
    build.onResolve({ filter: /^weir:others$/ }, ({ path }) => ({ path, namespace: 'others' }))
    build.onLoad({ filter: /.*/, namespace: 'others' }, () => ({
      contents: `export const parts = {${joined.map((name) => `'${name}': () => require(${JSON.stringify(entryPoints[name])})`).join()}}`,
      resolveDir: here,
    }))
  },
}

const options = {
  ...{ bundle: true, plugins: [plugin], external, platform: 'node', target: 'node20.19' },
  ...{ minifyWhitespace: true, minifySyntax: true, define: { 'import.meta.url': 'moduleUrl' } },
  ...{ sourcemap: 'linked', sourcesContent: false, metafile: true, absWorkingDir: here, logLevel: 'error' },
}

/** As a second step, since esbuild splits what several files share for no other form than modules. */
const asCommonJs = { format: 'cjs', banner: { js: prelude() } }

/** Has parts of Node loaded late. What is written is as long as what was there, so that source maps stay right. */
function delay(file) {
  const calls = new RegExp(`\\b(?:__)?require(?=\\("node:(?:${late.join('|')})"\\))`, 'g')
  const text = readFileSync(file, 'utf8')
  writeFileSync(
    file,
    text.replaceAll(calls, (call) => 'delayed'.padStart(call.length)),
  )
}

/** Makes the bundle anew. Rejects where esbuild is not installed, as on a platform that it does not know. */
export async function bundle() {
  const { build } = await import('esbuild')
  const made = `${folder}.${process.pid}`
  const modules = join(made, 'modules')
  try {
    const shared = { filter: entryPoints.filter, others: 'weir:others' }
    const alone = { worker: entryPoints.worker, ...Object.fromEntries(packages.map((name) => [name, name])) }
    const built = await Promise.all([
      build({ ...options, entryPoints: shared, splitting: true, format: 'esm', chunkNames: 'shared', outdir: modules }),
      build({ ...options, entryPoints: alone, ...asCommonJs, outdir: made }),
    ])
    const files = ['filter', 'others', 'shared'].map((name) => join(modules, `${name}.js`))
    await build({
      ...options,
      bundle: false,
      plugins: [],
      external: undefined,
      ...asCommonJs,
      entryPoints: files,
      outdir: made,
    })
    rmSync(modules, { recursive: true })
    delay(join(made, 'shared.js'))
    for (const file of readdirSync(made).filter((name) => name.endsWith('.js'))) {
      // The command reads them as such, where it loads what it has kept of them.
      if (/[^\x00-\x7f]/.test(readFileSync(join(made, file), 'utf8'))) throw new Error(`${file} is not ASCII.`)
    }
    for (const name of joined) writeFileSync(join(made, `${name}.js`), `require('./others.js').parts['${name}']()\n`)
    writeFileSync(join(made, 'package.json'), '{ "type": "commonjs" }\n')
    writeFileSync(join(made, 'licences.txt'), licencesOf(built.flatMap(({ metafile }) => Object.keys(metafile.inputs))))
    rmSync(folder, { recursive: true, force: true })
    renameSync(made, folder)
  } finally {
    rmSync(made, { recursive: true, force: true })
  }
}

/** Returns the licences of the packages that are inside the bundle, each under its name. */
function licencesOf(inputs) {
  const roots = new Set(inputs.flatMap((path) => /^.*node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+/.exec(path)?.[0] ?? []))
  const texts = Array.from(roots)
    .toSorted((a, b) => (a < b ? -1 : 1))
    .map((path) => {
      const { name, version } = JSON.parse(readFileSync(join(here, path, 'package.json'), 'utf8'))
      const file = readdirSync(join(here, path)).find((each) => /^licen[cs]e(\.\w+)?$/i.test(each))
      if (file === undefined) throw new Error(`${name} has no licence file, so it cannot be in the bundle.`)
      return `${name} ${version}\n\n${readFileSync(join(here, path, file), 'utf8').trim()}\n`
    })
  return texts.join('\n---\n\n')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    await bundle()
  } catch (error) {
    process.stderr.write(`The command cannot be bundled: ${error.message}\n`)
    process.exitCode = 1
  }
}
