// Memory of answers: used again when all who read in it are done, and never before.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { encodeBatch } from '#src/kafka/batch-encoder.js'
import { FetchMemory, fetchMemory } from '#src/kafka/fetch-memory.js'
import { decodeRecordSet, leaseOf } from '#src/kafka/record-batches.js'

const mib = 1 << 20

test('a piece is used again when its last reader is done, and not before', () => {
  const memory = new FetchMemory()
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

test('small answers, very large ones and bytes of others have no lease', () => {
  const memory = new FetchMemory()
  for (const bytes of [memory.take(100), memory.take(33 * mib), Buffer.alloc(mib)]) {
    assert.equal(memory.leaseOf(bytes), undefined)
  }
})

test('what is kept for later is bounded', () => {
  const memory = new FetchMemory()
  const leases = Array.from({ length: 20 }, () => memory.leaseOf(memory.take(8 * mib))!)
  for (const lease of leases) lease.release()
  assert.equal(memory.freeBytes, 64 * mib)
})

test('a piece of another size serves nobody', () => {
  const memory = new FetchMemory()
  const small = memory.take(mib)
  memory.leaseOf(small)!.release()
  assert.equal(memory.take(3 * mib).length, 3 * mib)
  assert.equal(memory.freeBytes, mib)
})

test('records that were read in an answer hold its memory until they are released', async () => {
  const head = { compression: 0, timestampMs: 0, producerId: -1n, producerEpoch: -1, firstSequence: -1 }
  const batch = await encodeBatch([{ key: null, value: Buffer.alloc(mib, 'x') }], { ...head, transactional: false })
  const answer = fetchMemory.take(2 * batch.length)
  batch.copy(answer)
  batch.copy(answer, batch.length)
  const sets = [
    await decodeRecordSet(answer.subarray(0, batch.length)),
    await decodeRecordSet(answer.subarray(batch.length)),
  ]
  assert.equal(sets[1]![0]!.value!.buffer, answer.buffer)
  leaseOf(sets[0]!)!.release()
  assert.notEqual(fetchMemory.take(answer.length).buffer, answer.buffer)
  leaseOf(sets[1]!)!.release()
  assert.equal(fetchMemory.take(answer.length).buffer, answer.buffer)
  assert.equal(leaseOf(await decodeRecordSet(batch)), undefined)
})
