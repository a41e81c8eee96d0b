// Records by filters of the original, with what became of them in Java: how a kernel's answer is compared with that, and
// where recorded answers lie. Used by original-java.test.ts and original.test.ts.

import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { noRule } from '#src/batch/batch.js'
import type { Validation } from '#src/batch/batch.js'
import type { Kernel } from '#src/kernel/kernel.js'
import { compileRuleSet } from '#src/rules/compile.js'
import { route } from '#src/rules/program.js'
import type { OriginalFilterSettings } from '#src/rules/rule-set.js'
import { runKernel } from './kernel-run.ts'
import type { RecordVerdict } from './kernel-run.ts'

/** Filters, an input in Base64, and for each line `keep`, `null`, `error`, or the index of the filter that drops it. */
export interface RecordCase {
  readonly filters: readonly OriginalFilterSettings[]
  readonly bytes: string
  readonly outcomes: readonly string[]
}

/** A pattern, and what it did in Java: refused it, or a character for each value, 1 where it matches. */
export interface PatternCase {
  readonly regex: string
  readonly values: readonly string[]
  readonly error?: string
  readonly matches?: string
}

/**
 * Compares a kernel's answer with the outcomes, in the modes `full` and `kept`, and returns the bytes that it keeps as
 * latin1 text.
 */
export function compareOutcomes(kernel: Kernel, { filters, bytes, outcomes }: RecordCase, name: string): string {
  const input = Buffer.from(bytes, 'base64')
  const { program } = compileRuleSet({ filters })
  const evaluator = kernel.load(program)
  const { length } = program.plan.rules
  const run = (validation: Validation) => runKernel(evaluator, input, length, { validation, maxRecordBytes: 1 << 24 })
  const shown = (records: readonly RecordVerdict[], mode: string): string[] =>
    records.map((record, i) => {
      const found = outcomeOf(record, length)
      const line = input.toString('latin1', record.start, record.end)
      // Behind `null`, any character beyond ASCII makes it another word here, and only letters do in Java.
      if (outcomes[i] === 'null' && found === 'error' && /^[ \t\r]*null[^\0-\x7f]/.test(line)) return 'null'
      // Under `kept`, what goes may be malformed as well.
      return mode === 'kept' && outcomes[i] === 'error' && found !== 'keep' ? 'error' : found
    })
  const answer = run('full')
  const about = `${name}: ${JSON.stringify(filters)} on ${JSON.stringify(input.toString('latin1'))}`
  assert.deepEqual(shown(answer.records, 'full'), outcomes, about)
  const kept = run('kept')
  assert.deepEqual(shown(kept.records, 'kept'), outcomes, `${about}, mode kept`)
  assert.equal(kept.gathered[route.keep], answer.gathered[route.keep], about)
  evaluator.release()
  return answer.gathered[route.keep] ?? ''
}

function outcomeOf({ route: to, rule }: RecordVerdict, ruleCount: number): string {
  if (rule === noRule) return 'error'
  if (to === route.keep) return 'keep'
  return rule === ruleCount - 1 ? 'null' : String(rule)
}

const folder = new URL('../../../fixtures/original/', import.meta.url)

/** Writes recorded answers where WEIR_RECORD asks for it. */
export function writeRecorded(file: string, answers: readonly object[]): void {
  if (process.env['WEIR_RECORD'] !== '1') return
  mkdirSync(folder, { recursive: true })
  writeFileSync(new URL(file, folder), `[\n${answers.map((answer) => JSON.stringify(answer)).join(',\n')}\n]\n`)
}

/** Returns recorded answers. */
export function readRecorded(file: string): unknown[] {
  return JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as unknown[]
}
