// The pseudo-random numbers that generators draw, and their tables.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Random, weighted, zipf } from '#src/generators/random.js'

test('the numbers of a seed are the same on every machine', () => {
  const random = new Random(42)
  const drawn = Array.from({ length: 4 }, () => random.bits())
  assert.deepEqual(drawn, [1849552023, 4223452576, 118919111, 3893884377])
})

test('seeds that differ only above 32 bits give different numbers', () => {
  assert.notEqual(new Random(7).bits(), new Random(7 + 2 ** 32).bits())
})

test('skewed numbers average what was asked for and stay below four times that', () => {
  const random = new Random(1)
  const drawn = Array.from({ length: 20_000 }, () => random.skewed(1000))
  const mean = drawn.reduce((sum, value) => sum + value, 0) / drawn.length
  assert.ok(mean > 960 && mean < 1030, `mean ${mean}`)
  assert.ok(Math.max(...drawn) < 4000)
})

test('a weighted table holds each value as often as its weight says', () => {
  assert.deepEqual(weighted([['a', 2], ['b', 0], ['c', 1]]), ['a', 'a', 'c']) // prettier-ignore
})

test('a Zipf table holds the n-th value about n times less often, and every value at least once', () => {
  const table = zipf(Array.from({ length: 300 }, (_, index) => index))
  const count = (value: number) => table.filter((entry) => entry === value).length
  assert.equal(count(0), 16)
  assert.equal(count(1), 8)
  assert.equal(count(299), 1)
})
