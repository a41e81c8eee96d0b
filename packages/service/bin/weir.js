#!/usr/bin/env node
// Starts the command `weir`, from the bundle or from its compiled modules, or says how to compile it.

'use strict'

const { statSync } = require('node:fs')
const { join } = require('node:path')

const { loadKept } = require('./code-cache.js')

// Else this signal opens Node's inspector, by which everybody on the machine could run code in the process. Here, before
// anything is loaded: until a signal is handled, Node does what it does.
process.on('SIGUSR1', () => {})

/** Returns when a file of the package was last written, in milliseconds since 1970; 0 where there is none. */
function writtenMs(path) {
  return statSync(join(__dirname, path), { throwIfNoEntry: false })?.mtimeMs ?? 0
}

/** The part of the bundle that has what the arguments ask for. */
const part = process.argv[2] === 'filter' ? 'filter' : 'main'

// The compiler touches these when it writes anything. They are not published: there the bundle is always current.
const compiledMs = Math.max(...['..', '../../engine'].map((folder) => writtenMs(`${folder}/dist/tsconfig.tsbuildinfo`)))
const bundledMs = writtenMs(`../bundle/${part}.js`)

if (bundledMs > 0 && bundledMs >= compiledMs) {
  const bundle = join(__dirname, '../bundle')
  // Other commands start more seldom, or run for long.
  const isLoaded = part === 'filter' && loadKept(bundle, part, ['filter', 'shared', 'piscina', 're2js', 'yaml'])
  if (!isLoaded) require(join(bundle, `${part}.js`))
} else {
  import('../dist/main.js').catch((error) => {
    if (error?.code !== 'ERR_MODULE_NOT_FOUND') throw error
    process.stderr.write(
      `weir is not built: ${error.message}\nRun \`npm run build\` in its repository; it installs what is missing.\n`,
    )
    process.exitCode = 1
  })
}
