// Intervals of samples and of ratios, against values that were worked out by hand.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { intervalOf, medianInterval, quantileOf, ratioInterval } from '#src/tuning/intervals.js'

const about = (actual: number, expected: number) =>
  assert.ok(Math.abs(actual - expected) < 1e-3 * expected, `${actual} is not about ${expected}`)

test('an interval is that of Student for the logarithms of the samples', () => {
  // Logarithms to the base of 2: 1, 2, 3, so the mean is 2, the deviation 1, and half of the width 4.303 / √3.
  const { middle, low, high, samples } = intervalOf([2, 4, 8])
  assert.equal(samples, 3)
  about(middle, 4)
  about(high, 4 * 2 ** (4.303 / Math.sqrt(3)))
  about(low, 4 / 2 ** (4.303 / Math.sqrt(3)))
  about(intervalOf([2, 4, 8], 0.99).high, 4 * 2 ** (9.925 / Math.sqrt(3)))
})

test('more samples of the same spread make an interval narrower, beyond the table of quantiles too', () => {
  const widths = [2, 4, 8, 16, 32, 64].map((count) => {
    const { low, high } = intervalOf(Array.from({ length: count }, (_, i) => (i % 2 === 0 ? 1 : 1.2)))
    return high / low
  })
  assert.deepEqual(
    widths.toSorted((a, b) => b - a),
    widths,
  )
})

test('one sample says nothing of how far off it is, and none is a mistake of the caller', () => {
  assert.deepEqual(intervalOf([5]), { middle: 5, low: 0, high: Number.POSITIVE_INFINITY, samples: 1 })
  assert.throws(() => intervalOf([]), RangeError)
})

test('a ratio counts the rounds that both have, and what slows a whole round down does not widen it', () => {
  const base = new Map([
    [1, 100],
    [2, 10],
    [3, 55],
    [5, 7],
  ])
  const values = new Map([
    [1, 200],
    [2, 20],
    [3, 110],
    [4, 1],
  ])
  const ratio = ratioInterval(values, base)
  assert.equal(ratio?.samples, 3)
  for (const value of [ratio.middle, ratio.low, ratio.high]) about(value, 2)
  assert.equal(ratioInterval(new Map([[1, 1]]), new Map([[2, 1]])), undefined)
})

test('a quantile is the nearest rank: 99 of 100 values do not exceed it', () => {
  const values = Array.from({ length: 100 }, (_, i) => 100 - i)
  assert.equal(quantileOf(values, 0.99), 99)
  assert.equal(quantileOf(values, 0.5), 50)
  assert.equal(quantileOf([7], 0.99), 7)
  assert.equal(quantileOf([3, 1, 2], 0), 1)
  assert.throws(() => quantileOf([], 0.5), RangeError)
})

test('the interval of a median is not moved by a few values that are far off', () => {
  const values = Array.from({ length: 100 }, (_, i) => (i < 10 ? 1000 : 1 + (i % 10) / 100))
  const { middle, low, high, samples } = medianInterval(values)
  assert.ok(low <= middle && middle <= high && high < 1.1 && low >= 1, `${low} ${middle} ${high}`)
  assert.equal(samples, 100)
  assert.deepEqual(medianInterval([3, 1, 2, 5, 4, 6]), { middle: 3, low: 1, high: 6, samples: 6 })
})
