// Makes the folder `bundle` of what is compiled: the command in a few files, because Node takes a third of a millisecond
// for every module that it loads, and there are more than a hundred. Holds the engine as well; its native kernel and the
// package behind its pool stay where the engine is installed. Called by the set-up and by packing. That it is left alone
// when it is older than what it was made of is decided in bin/weir.js.

import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = fileURLToPath(new URL('.', import.meta.url))
const engine = join(here, '../engine')

/** Where the bundle lies. */
export const folder = join(here, 'bundle')

/** Files that are started by name, by Node or as threads, and what they are made of. */
export const entryPoints = {
  main: join(here, 'dist/main.js'),
  'trial-process': join(here, 'dist/pipeline/trial-process.js'),
  'calibration-thread': join(here, 'dist/tuning/calibration-thread.js'),
  worker: join(engine, 'dist/pool/worker.js'),
  'rules-thread': join(engine, 'dist/rules-thread.js'),
}

/** Packages that no command loads which should start fast. */
const external = ['cli-progress', 'pino', 'prom-client', 'zod']

const resolveEngine = "import.meta.resolve('@weir/engine')"

/** What the engine finds beside itself, or among its own dependencies, is found there from the bundle, too. */
const fromEngine = {
  name: 'from-engine',
  setup(build) {
    build.onLoad({ filter: /[\\/]engine[\\/]dist[\\/]kernel[\\/]native\.js$/ }, ({ path }) =>
      edited(path, 'import.meta.url', `new URL('kernel/native.js', ${resolveEngine}).href`),
    )
    // Without a `require` of its own it has the package bundled, and run when the first YAML is read, as before.
    build.onLoad({ filter: /[\\/]engine[\\/]dist[\\/]rules[\\/]yaml-source\.js$/ }, ({ path }) =>
      edited(path, 'const require = createRequire(import.meta.url);', ''),
    )
    build.onResolve({ filter: /^piscina$/ }, ({ path }) => ({ path, namespace: 'from-engine' }))
    build.onLoad({ filter: /.*/, namespace: 'from-engine' }, ({ path }) => ({
      contents:
        `import { createRequire } from 'node:module'\n` +
        `export const { Piscina } = createRequire(${resolveEngine})('${path}')\n`,
    }))
  },
}

function edited(path, text, replacement) {
  const contents = readFileSync(path, 'utf8')
  if (!contents.includes(text)) throw new Error(`${path} lacks the text that is replaced here: ${text}`)
  return { contents: contents.replaceAll(text, replacement), loader: 'js' }
}

/** Makes the bundle anew. Rejects where esbuild is not installed, as on a platform that it does not know. */
export async function bundle() {
  const { build } = await import('esbuild')
  const made = `${folder}.${process.pid}`
  try {
    const { metafile } = await build({
      ...{ entryPoints, external, outdir: made, plugins: [fromEngine] },
      ...{
        bundle: true,
        splitting: true,
        minifyWhitespace: true,
        minifySyntax: true,
        format: 'esm',
        platform: 'node',
        target: 'node20.19',
      },
      ...{ sourcemap: 'linked', sourcesContent: false, metafile: true, absWorkingDir: here, logLevel: 'error' },
      // For packages that are no modules: within them `require` still means Node's.
      banner: {
        js: "import { createRequire as moduleRequire } from 'node:module'; const require = moduleRequire(import.meta.url);",
      },
    })
    mkdirSync(made, { recursive: true })
    writeFileSync(join(made, 'licences.txt'), licencesOf(Object.keys(metafile.inputs)))
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
