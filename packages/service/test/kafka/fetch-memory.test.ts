// Memory of answers: records hold it until they are released.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { encodeBatch } from '#src/kafka/batch-encoder.js'
import { fetchMemory } from '#src/kafka/fetch-memory.js'
import { decodeRecordSet, leaseOf } from '#src/kafka/record-batches.js'

const mib = 1 << 20

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
