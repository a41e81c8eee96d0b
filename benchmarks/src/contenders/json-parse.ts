// Contender: JSON.parse and V8's RegExp, the baseline of the kernel model. What most Node programs do today.

import type { Contender } from '../contender.ts'
import type { PatternCompiler } from './compiled-rules.ts'
import { prepareRecordLoop } from './record-loop.ts'

/** Compiles RE2's dialect to V8's, as far as cases use it: plain groups, and `(?i)` at the front. */
export const compilePattern: PatternCompiler = (pattern, whole) => {
  const isCaseless = pattern.startsWith('(?i)')
  const plain = isCaseless ? pattern.slice(4) : pattern
  const regex = new RegExp(whole ? `^(?:${plain})$` : plain, isCaseless ? 'i' : '')
  return (text) => regex.test(text)
}

/** JSON.parse and RegExp. */
export const jsonParse: Contender = {
  id: 'json-parse',
  label: 'JSON.parse + RegExp',
  model: 'kernel',
  threads: 1,
  open: async (task) =>
    prepareRecordLoop(
      {
        how: 'line by line: JSON.parse, rules as closures, RegExp',
        parse: (line) => {
          const record = JSON.parse(line) as Record<string, unknown>
          return (field) => record[field]
        },
        compilePattern,
      },
      task,
    ),
}
