// The differential test: generated rule sets and inputs, each kernel against the judge, which has the C++ RE2 behind
// the same obvious code. A failure is shrunk and printed with the seed that reproduces it.
// WEIR_SEED: a number, or `random`. WEIR_RUNS: how many rule sets are tried; longer runs are for nights.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { paddingBytes } from '#src/batch/batch.js'
import type { Validation } from '#src/batch/batch.js'
import type { Evaluator, Kernel } from '#src/kernel/kernel.js'
import { compileRuleSet } from '#src/rules/compile.js'
import { route } from '#src/rules/program.js'
import type { Program } from '#src/rules/program.js'
import type { OriginalSettings, RuleSet } from '#src/rules/rule-set.js'
import { originalSettings } from './generators/original-filters.ts'
import { alikeInput, mixedInput } from './generators/records.ts'
import { ruleSet } from './generators/rule-sets.ts'
import { techniqueSettings } from './generators/techniques.ts'
import { judge, kernels } from './judge.ts'
import { runKernel } from './kernel-run.ts'
import type { RecordVerdict, RunAnswer, RunOptions } from './kernel-run.ts'

const seedSetting = process.env['WEIR_SEED'] ?? '20240229'
const seed = seedSetting === 'random' ? Date.now() % 2 ** 31 : Number(seedSetting)
const runs = Number(process.env['WEIR_RUNS'] ?? 1000)

/** In mode `full`, answers are equal but for the number of calls. */
function compareFull(found: RunAnswer, expected: RunAnswer): void {
  assert.deepEqual({ ...found, calls: 0 }, { ...expected, calls: 0 })
}

const isRefused = (to: number): boolean => to === route.drop || to === route.malformed

/** What an answer says about records that go somewhere: it is exact in mode `kept`. */
function keptPart(answer: RunAnswer): unknown {
  const gathered = Object.entries(answer.gathered).filter(([to]) => !isRefused(Number(to)))
  const byRoute = Object.entries(answer.byRoute).filter(([to]) => !isRefused(Number(to)))
  const { records, kept, dropped, malformed, lines } = answer.counts
  return { gathered, byRoute, records, kept, refused: dropped + malformed, lines, delays: answer.delays }
}

/** In mode `kept`, well-formed records are judged exactly, and malformed ones may count as dropped. */
function compareKept(found: RunAnswer, expected: RunAnswer): void {
  compareRecords(found.records, expected.records, (record) => isRefused(record.route))
  assert.deepEqual(keptPart(found), keptPart(expected))
}

/** Compares verdicts one by one; where the judge says malformed, `mayBe` decides. */
function compareRecords(
  found: readonly RecordVerdict[],
  expected: readonly RecordVerdict[],
  mayBe: (record: RecordVerdict) => boolean,
): void {
  assert.equal(found.length, expected.length, 'number of records')
  expected.forEach((wanted, i) => {
    const record = found[i]!
    if (wanted.reason === 0) assert.deepEqual(record, wanted)
    else {
      assert.deepEqual([record.start, record.end], [wanted.start, wanted.end])
      assert.ok(mayBe(record), `record ${i} is malformed and goes to route ${record.route}`)
    }
  })
}

function compareAll(evaluator: Evaluator, reference: Kernel, program: Program, input: Buffer, shape: RunOptions): void {
  const { length } = program.plan.rules
  const expected = runKernel(reference.load(program), input, length, { ...shape, validation: 'full' })
  const run = (validation: Validation): RunAnswer => runKernel(evaluator, input, length, { ...shape, validation })
  compareFull(run('full'), expected)
  compareKept(run('kept'), expected)
  compareRecords(run('read').records, expected.records, () => true)
  // Once more, with whatever the evaluator remembers from the batches before.
  compareFull(run('full'), expected)
  const counts = runKernel(evaluator, input, length, { ...shape, validation: 'full', arrays: false })
  compareFull({ ...counts, records: expected.records }, expected)
}

/** Shapes of runs: verdict arrays that fill up, a small length limit, an input that starts anywhere. */
const shape: fc.Arbitrary<RunOptions> = fc.record({
  recordCapacity: fc.constantFrom(4096, 4, 8),
  maxRecordBytes: fc.constantFrom(1 << 20, 1 << 20, 64),
  lead: fc.constantFrom('', '\n', '{"a":"\n', '"\\\n').map((text) => Buffer.from(text)),
  trail: fc
    .constantFrom('', '"}\n', '\\"\n{"a":"x"}\n', '\u00a9]}]}', '"UA":"Chrome"}')
    .map((text) => Buffer.from(text.repeat(paddingBytes)).subarray(0, paddingBytes)),
  nowMs: fc.constantFrom(1_600_000_000_500, 1_600_700_000_000, 0),
})

/** Where the time of a record may stand: nowhere, where rules look too, and elsewhere. Filters know no indexes. */
const timeField = fc.constantFrom(undefined, 'a', 'UA', 'reqTimeMs', 'c', 'a.b', 'b.a', '["a.b"]')

function check(
  kernel: Kernel,
  reference: Kernel,
  sets: fc.Arbitrary<RuleSet | OriginalSettings>,
  inputs: fc.Arbitrary<Buffer>,
  numRuns: number,
): void {
  const arbitraries = [sets, inputs, shape, timeField, techniqueSettings] as const
  const property = fc.property(...arbitraries, (rules, input, options, time, techniques) => {
    const { program } = compileRuleSet(rules, time)
    compareAll(kernel.load(program, techniques), reference, program, input, options)
  })
  const result = fc.check(property, { seed, numRuns })
  if (!result.failed) return
  assert.ok(result.counterexample !== null, 'the generators gave up')
  const [rules, input, options, time, techniques] = result.counterexample
  const { lead, trail, ...rest } = options
  const cause = result.errorInstance instanceof Error ? result.errorInstance.message : String(result.errorInstance)
  assert.fail(
    [
      `WEIR_SEED=${seed} finds a difference, after ${result.numShrinks} shrinks at ${result.counterexamplePath}:`,
      `rules: ${JSON.stringify(rules)}`,
      `time field: ${time ?? 'none'}`,
      `techniques: ${JSON.stringify(techniques)}`,
      `input (latin1): ${JSON.stringify(input.toString('latin1'))}`,
      `shape: ${JSON.stringify({ ...rest, lead: lead?.toString(), trail: trail?.toString() })}`,
      cause,
    ].join('\n'),
  )
}

for (const [name, loaded] of Object.entries(kernels)) {
  const skip = loaded.skip ?? judge.skip ?? false
  test(`${name} judges any records as the judge does`, { skip }, () => {
    assert.ok(loaded.skip === undefined && judge.skip === undefined)
    check(loaded.kernel, judge.kernel, ruleSet, mixedInput, runs)
  })
  test(`${name} judges many records alike, and some that are not, as the judge does`, { skip }, () => {
    assert.ok(loaded.skip === undefined && judge.skip === undefined)
    check(loaded.kernel, judge.kernel, ruleSet, alikeInput, Math.ceil(runs / 20))
  })
  test(`${name} judges any records by filters of the original as the judge does`, { skip }, () => {
    assert.ok(loaded.skip === undefined && judge.skip === undefined)
    check(loaded.kernel, judge.kernel, originalSettings, mixedInput, runs)
    check(loaded.kernel, judge.kernel, originalSettings, alikeInput, Math.ceil(runs / 20))
  })
}
