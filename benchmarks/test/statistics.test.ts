// Median, spread and ratios by round: what every number of the table is made of.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ratiosByRound, summarize } from '#src/statistics.js'

test('the median of an odd number of samples is the middle one', () => {
  assert.deepEqual(summarize([9, 1, 4]), { median: 4, least: 1, most: 9, count: 3 })
})

test('the median of an even number of samples lies between the middle two', () => {
  assert.deepEqual(summarize([10, 1, 2, 4]), { median: 3, least: 1, most: 10, count: 4 })
})

test('one sample is its own median and spread', () => {
  assert.deepEqual(summarize([7]), { median: 7, least: 7, most: 7, count: 1 })
})

test('values are compared as numbers and the list is left as it was', () => {
  const values = [100, 20, 3]
  assert.equal(summarize(values).median, 20)
  assert.deepEqual(values, [100, 20, 3])
})

test('no samples are refused', () => {
  assert.throws(() => summarize([]), RangeError)
})

test('ratios are taken within a round, and rounds that only one side has are left out', () => {
  const values = [
    { round: 0, value: 10 },
    { round: 1, value: 30 },
    { round: 3, value: 5 },
  ]
  const baseline = [
    { round: 0, value: 2 },
    { round: 1, value: 3 },
    { round: 2, value: 1 },
  ]
  assert.deepEqual(ratiosByRound(values, baseline), [5, 10])
})
