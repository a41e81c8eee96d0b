// The times between attempts.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Backoff, backoffMs } from '#src/pipeline/retry.js'

test('the bound doubles with each attempt, up to the most, and is small again after a success', () => {
  const backoff = new Backoff(() => 0.999_999)
  const waits = Array.from({ length: 12 }, () => backoff.next())
  assert.deepEqual(waits.slice(0, 4), [399, 799, 1599, 3199])
  assert.ok(waits.every((ms, i) => ms >= (waits[i - 1] ?? 0) && ms < backoffMs.most))
  assert.equal(waits.at(-1), backoffMs.most - 1)
  backoff.reset()
  assert.equal(backoff.next(), 399)
})

test('no wait is shorter than the least', () => {
  const backoff = new Backoff(() => 0)
  assert.deepEqual(
    [backoff.next(), backoff.next(), backoff.next()],
    Array.from({ length: 3 }, () => backoffMs.least),
  )
})
