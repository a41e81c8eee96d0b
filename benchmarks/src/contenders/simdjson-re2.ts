// Contender: the npm packages simdjson (lazyParse, a call per field) and re2 (a call per test). Their binaries are built
// when they are first needed; where that fails, the contender is skipped with the reason.

import { createRequire } from 'node:module'
import type { Contender } from '../contender.ts'
import { buildAddon } from './addons.ts'
import { prepareRecordLoop } from './record-loop.ts'

interface SimdjsonDocument {
  valueForKeyPath(path: string): unknown
}

interface Simdjson {
  readonly lazyParse?: (text: string) => SimdjsonDocument
}
type Re2Class = new (pattern: string, flags: string) => { test(text: string): boolean }

const require = createRequire(import.meta.url)

/** The npm packages simdjson and re2. */
export const simdjsonRe2: Contender = {
  id: 'simdjson-re2',
  label: 'npm simdjson + npm re2',
  model: 'kernel',
  threads: 1,
  open: async (task) => {
    const failure = buildAddon('simdjson') ?? buildAddon('re2')
    if (failure !== undefined) return { skipped: failure }
    const { lazyParse } = require('simdjson') as Simdjson
    // Without its binary the package is JSON under another name.
    if (lazyParse === undefined) return { skipped: 'simdjson is built, and still offers no lazyParse' }
    const Re2 = require('re2') as Re2Class
    return prepareRecordLoop<SimdjsonDocument>(
      {
        how: 'line by line: simdjson.lazyParse, valueForKeyPath for each field that is asked for, RE2.test',
        // It parses every kind of value, and checks their depth by itself.
        parse: (line) => (/^[ \t]*\{/.test(line) ? lazyParse(line) : undefined),
        compileField: (path) => (document) => {
          try {
            return document.valueForKeyPath(path)
          } catch {
            // What is not there is an error to the package.
            return undefined
          }
        },
        compilePattern: (pattern, whole, ignoreCase) => {
          const regex = new Re2(whole ? `^(?:${pattern})$` : pattern, ignoreCase ? 'i' : '')
          return (text) => regex.test(text)
        },
      },
      task,
    )
  },
}
