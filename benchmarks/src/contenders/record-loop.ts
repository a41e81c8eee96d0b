// The loop of the contenders that go record by record in JavaScript: find the line end, take the line as a string, have
// it parsed and decided, copy it when it is kept. What parses and what matches is given. Called by json-parse.ts and
// simdjson-re2.ts.

import { readFileSync } from 'node:fs'
import type { RuleSet } from '@weir/engine'
import type { Prepared, Task } from '../contender.ts'
import { digest } from '../expected.ts'
import { compileDecider } from './compiled-rules.ts'
import type { FieldReader, PatternCompiler } from './compiled-rules.ts'

/** What makes one such contender. */
export interface RecordLoop {
  readonly how: string
  /** Parses a line and returns its fields. */
  readonly parse: (line: string) => FieldReader
  readonly compilePattern: PatternCompiler
}

/** Returns the contender, ready: the input in memory, the rules compiled, room for the output. */
export function prepareRecordLoop(loop: RecordLoop, task: Task): Prepared {
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

function compileLoop(rules: RuleSet, loop: RecordLoop, input: Buffer): () => LoopAnswer {
  const decide = compileDecider(rules, loop.compilePattern)
  const keeps = [...rules.rules.map((rule) => rule.then), rules.default].map((action) => action === 'keep')
  const output = Buffer.allocUnsafeSlow(input.length + 1)
  return () => {
    const byRule = keeps.map(() => 0)
    let kept = 0
    let filled = 0
    for (let start = 0; start < input.length;) {
      const lineFeed = input.indexOf(10, start)
      const end = lineFeed < 0 ? input.length : lineFeed
      // Generated records are ASCII, for which latin1 is the cheaper way to the same string.
      const rule = decide(loop.parse(input.toString('latin1', start, end)))
      byRule[rule]!++
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
