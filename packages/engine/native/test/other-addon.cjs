// Loaded before anything else (`node --require`), this makes Node take WEIR_ADDON where the engine asks for its addon, in
// worker threads too: so the engine's own tests run with an instrumented build of it. Used by ../proof.mjs alone.

'use strict'

const { basename } = require('node:path')

const load = process.dlopen
process.dlopen = (module, path, ...rest) => {
  const isOurs = basename(path) === 'weir.node' && process.env.WEIR_ADDON !== undefined
  load.call(process, module, isOurs ? process.env.WEIR_ADDON : path, ...rest)
}
