// When a source is behind: by what became safe before, and by how long the oldest body has waited.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Pace } from '#src/sources/http-pace.js'

test('nothing is refused while the oldest body has waited a second at most', () => {
  const pace = new Pace(20_000)
  pace.safe(1, 0, 10_000)
  assert.equal(
    pace.isBehind(() => 1e9, 0, 1_000),
    false,
  )
  assert.equal(
    pace.isBehind(() => 1e9, 0, 1_001),
    true,
  )
})

test('before anything became safe, half of the time for an answer is waited for it', () => {
  const pace = new Pace(20_000)
  assert.equal(
    pace.isBehind(() => 1, 0, 10_000),
    false,
  )
  assert.equal(
    pace.isBehind(() => 1, 0, 10_001),
    true,
  )
})

test('what is held may take half of the time for an answer, at the pace of late', () => {
  const pace = new Pace(20_000)
  pace.safe(1_000, 0, 1_000)
  assert.equal(
    pace.isBehind(() => 10_000, 1_000, 3_000),
    false,
  )
  assert.equal(
    pace.isBehind(() => 10_001, 1_000, 3_000),
    true,
  )
})

test('time in which nothing was held does not count against the pace, and new measures soon outweigh old ones', () => {
  const pace = new Pace(20_000)
  pace.safe(1_000, 0, 1_000)
  pace.safe(1_000, 100_000, 101_000)
  assert.equal(
    pace.isBehind(() => 10_000, 101_000, 103_000),
    false,
  )
  for (let at = 101_000; at < 120_000; at += 1_000) pace.safe(100, 0, at + 1_000)
  assert.equal(
    pace.isBehind(() => 1_100, 120_000, 122_000),
    true,
  )
  assert.equal(
    pace.isBehind(() => 900, 120_000, 122_000),
    false,
  )
})
