// The loop of the contenders that go record by record in JavaScript: find the line end, take the line as a string, have
// it parsed and decided, copy it when it is kept. What parses and what matches is given. Called by json-parse.ts and
// simdjson-re2.ts.

import { isAscii, isUtf8 } from 'node:buffer'
import { readFileSync } from 'node:fs'
import type { RuleSet } from '@weir/engine'
import type { Prepared, Task } from '../contender.ts'
import { digest } from '../expected.ts'
import { compileDecider } from './compiled-rules.ts'
import type { RuleTools } from './compiled-rules.ts'

/** What makes one such contender; `R` is what its parser returns. */
export interface RecordLoop<R> extends RuleTools<R> {
  readonly how: string
  /** Parses a line; undefined for JSON that is no object. Throws for what is no JSON. */
  readonly parse: (line: string) => R | undefined
  /** What else is asked of a record that is kept, where the parser does not ask it. */
  readonly mayLeave?: (record: R) => boolean
}

/** Returns the contender, ready: the input in memory, the rules compiled, room for the output. */
export function prepareRecordLoop<R>(loop: RecordLoop<R>, task: Task): Prepared {
  const input = readFileSync(task.input.path)
  const run = compileLoop(task.case.rules, loop, input)
  return {
    how: loop.how,
    run: async () => {
      const started = process.hrtime.bigint()
      const { kept, byRule, output } = run()
      const seconds = Number(process.hrtime.bigint() - started) / 1e9
      return { seconds, answer: async () => ({ kept, byRule, sha256: digest([output]) }) }
    },
    close: async () => {},
  }
}

interface LoopAnswer {
  readonly kept: number
  readonly byRule: number[]
  /** Valid until the next run. */
  readonly output: Uint8Array
}

/** What decides a line: a malformed one is decided by no rule. */
const malformed = -1

function compileLoop<R>(rules: RuleSet, loop: RecordLoop<R>, input: Buffer): () => LoopAnswer {
  const keeps = [...rules.rules.map((rule) => rule.then), rules.default].map((action) => action === 'keep')
  const decideLine = compileLine(rules, loop, keeps)
  const output = Buffer.allocUnsafeSlow(input.length + 1)
  return () => {
    const byRule = keeps.map(() => 0)
    let kept = 0
    let filled = 0
    // For ASCII latin1 is the cheaper way to the same string, and one look at all of it is cheaper than one at each line.
    const readLine = isAscii(input) ? readAscii : readUtf8
    for (let start = 0; start < input.length;) {
      const lineFeed = input.indexOf(10, start)
      const end = lineFeed < 0 ? input.length : lineFeed
      const line = readLine(input, start, end)
      const rule = line === undefined ? malformed : decideLine(line)
      if (rule !== malformed) byRule[rule]!++
      if (keeps[rule] === true) {
        kept++
        filled += input.copy(output, filled, start, end)
        output[filled++] = 10
      }
      start = end + 1
    }
    return { kept, byRule, output: output.subarray(0, filled) }
  }
}

function readAscii(input: Buffer, start: number, end: number): string {
  return input.toString('latin1', start, end)
}

function readUtf8(input: Buffer, start: number, end: number): string | undefined {
  // A decoder would put U+FFFD for what is not UTF-8, and the record would pass.
  const line = input.subarray(start, end)
  return isAscii(line) ? readAscii(input, start, end) : isUtf8(line) ? input.toString('utf8', start, end) : undefined
}

/** Returns a function from a line to the index of its rule, or `malformed`. */
function compileLine<R>(rules: RuleSet, loop: RecordLoop<R>, keeps: readonly boolean[]): (line: string) => number {
  const decide = compileDecider(rules, loop)
  const { parse, mayLeave } = loop
  return (line) => {
    let record: R | undefined
    try {
      record = parse(line)
    } catch {
      return malformed
    }
    if (record === undefined) return malformed
    const rule = decide(record)
    return keeps[rule] === true && mayLeave !== undefined && !mayLeave(record) ? malformed : rule
  }
}
