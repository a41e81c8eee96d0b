// Contender: JSON.parse and V8's RegExp, the baseline of the kernel model. What most Node programs do today.

import type { Contender } from '../contender.ts'
import type { FieldCompiler, PatternCompiler } from './compiled-rules.ts'
import { prepareRecordLoop } from './record-loop.ts'

/** Compiles RE2's dialect to V8's, as far as cases use it: plain groups, and `(?i)` at the front. */
export const compilePattern: PatternCompiler = (pattern, whole, ignoreCase) => {
  const isCaseless = pattern.startsWith('(?i)')
  const plain = isCaseless ? pattern.slice(4) : pattern
  const regex = new RegExp(whole ? `^(?:${plain})$` : plain, isCaseless || ignoreCase ? 'i' : '')
  return (text) => regex.test(text)
}

type Json = Readonly<Record<string, unknown>>

/** Compiles paths as `a`, `a.b` and `a[0]`. */
export const compileField: FieldCompiler<Json> = (path) => {
  const [first, ...rest] = path.split(/\.|\[(\d+)\]/).filter((step) => step !== undefined && step !== '')
  if (rest.length === 0) return (record) => record[first!]
  return (record) => {
    let value = record[first!]
    for (const step of rest) {
      if (typeof value !== 'object' || value === null) return undefined
      value = (value as Json)[step]
    }
    return value
  }
}

/** Levels of objects and arrays that a record may have; JSON.parse knows no bound. */
const mostLevels = 1024

function fits(value: unknown, levels = mostLevels): boolean {
  if (typeof value !== 'object' || value === null) return true
  return levels > 0 && Object.values(value).every((each) => fits(each, levels - 1))
}

/** JSON.parse and RegExp. */
export const jsonParse: Contender = {
  id: 'json-parse',
  label: 'JSON.parse + RegExp',
  model: 'kernel',
  threads: 1,
  open: async (task) =>
    prepareRecordLoop<Json>(
      {
        how: 'line by line: JSON.parse, rules as closures, RegExp',
        parse: (line) => {
          const value = JSON.parse(line) as unknown
          return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined
        },
        // Asked only where there is something to find: it walks all of a record, which others do not either.
        ...(task.expected.byRoute.malformed > 0 ? { mayLeave: fits } : {}),
        compileField,
        compilePattern,
      },
      task,
    ),
}
