// The tally that evaluators tell their counts: sums over evaluators with a place of their own and over those without.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Evaluator } from '#src/kernel/kernel.js'
import { reportLayout, reportLength } from '#src/kernel/techniques.js'
import { CountedEvaluator, createTally, readTally } from '#src/pool/tally.js'

const fields = 2
const length = reportLength(fields)
const { cacheBytesAt } = reportLayout

/** An evaluator that reports what a test last put there: every count the same. */
function reporting() {
  const report = new Float64Array(length)
  const state = { released: 0, fails: false }
  const evaluator: Evaluator = {
    evaluate: () => undefined,
    report: () => {
      if (state.fails) throw new Error('out of memory')
      return report.slice()
    },
    release: () => void state.released++,
  }
  const count = (each: number, cacheBytes: number): void => {
    report.fill(each)
    report[cacheBytesAt] = cacheBytes
  }
  return { evaluator, state, count }
}

const sums = (each: number, cacheBytes: number): number[] =>
  Array.from({ length }, (_, i) => (i === cacheBytesAt ? cacheBytes : each))

for (const places of [4, 2, 1, 0]) {
  test(`counts of three evaluators are added up where ${places} have a place, and bytes of caches are the most`, () => {
    const tally = createTally(fields, places)
    assert.deepEqual([...readTally(tally)], sums(0, 0))
    const all = [reporting(), reporting(), reporting()]
    const counted = all.map(({ evaluator }) => new CountedEvaluator(evaluator, tally))
    all.forEach(({ count }, i) => count(10 ** i, 100 * (i + 1)))
    assert.deepEqual([...readTally(tally)], sums(0, 0))
    for (const each of counted) each.tell()
    assert.deepEqual([...readTally(tally)], sums(111, 300))
    // To tell again changes nothing, and what came since is added once.
    for (const each of counted) each.tell()
    assert.deepEqual([...readTally(tally)], sums(111, 300))
    all[1]!.count(2 ** 40, 50)
    counted[1]!.tell()
    assert.deepEqual([...readTally(tally)], sums(2 ** 40 + 101, 300))
  })
}

test('what an evaluator cannot tell for want of memory it tells next time', () => {
  const tally = createTally(fields, 1)
  const { evaluator, state, count } = reporting()
  const counted = new CountedEvaluator(evaluator, tally)
  count(5, 0)
  state.fails = true
  counted.tell()
  assert.deepEqual([...readTally(tally)], sums(0, 0))
  state.fails = false
  counted.tell()
  counted.release()
  assert.deepEqual([[...readTally(tally)], state.released], [sums(5, 0), 1])
})

test('an evaluator that counts nothing leaves the tally as it is', () => {
  const tally = createTally(fields, 1)
  const { evaluator } = reporting()
  new CountedEvaluator({ ...evaluator, report: () => new Float64Array() }, tally).tell()
  assert.deepEqual([...readTally(tally)], sums(0, 0))
})
