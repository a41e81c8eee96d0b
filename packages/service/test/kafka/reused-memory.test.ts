// Large pieces of memory: used again when all who read in it are done, and never before.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { ReusedMemory } from '#src/kafka/reused-memory.js'

const mib = 1 << 20

test('a piece is used again when its last reader is done, and not before', () => {
  const memory = new ReusedMemory()
  const first = memory.take(mib)
  const [a, b] = [memory.leaseOf(first), memory.leaseOf(first.subarray(100))]
  a!.release()
  // Once is enough: the other still reads.
  a!.release()
  assert.notEqual(memory.take(mib).buffer, first.buffer)
  b!.release()
  const again = memory.take(mib - 5)
  assert.equal(again.buffer, first.buffer)
  assert.equal(again.length, mib - 5)
  assert.equal(memory.freeBytes, 0)
})

test('small pieces, very large ones and bytes of others have no lease', () => {
  const memory = new ReusedMemory()
  for (const bytes of [memory.take(100), memory.take(33 * mib), Buffer.alloc(mib)]) {
    assert.equal(memory.leaseOf(bytes), undefined)
  }
})

test('what is kept for later is bounded', () => {
  const memory = new ReusedMemory()
  const leases = Array.from({ length: 20 }, () => memory.leaseOf(memory.take(8 * mib))!)
  for (const lease of leases) lease.release()
  assert.equal(memory.freeBytes, 64 * mib)
  const little = new ReusedMemory(mib)
  little.leaseOf(little.take(2 * mib))!.release()
  assert.equal(little.freeBytes, 0)
})

test('a piece of another size serves nobody', () => {
  const memory = new ReusedMemory()
  const small = memory.take(mib)
  memory.leaseOf(small)!.release()
  assert.equal(memory.take(3 * mib).length, 3 * mib)
  assert.equal(memory.freeBytes, mib)
})
