// Memory of requests: used again when they are answered, and never while a connection may still write it.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { encodeProduce, releaseRequest } from '#src/kafka/batch-encoder.js'
import { sendMemory } from '#src/kafka/send-memory.js'

const valueBytes = 200_000
/** What memory of such a value is kept in. */
const pieceBytes = 256 << 10

function encode(messages: readonly { key: null; value: Buffer }[], compression = 0): Promise<Buffer> {
  const partitions = [{ partition: 0, firstSequence: 0, messages }]
  const request = { acks: -1, timeout: 1, producerId: '1', producerEpoch: 0, compression }
  return encodeProduce({ ...request, topicData: [{ topic: 't', partitions }] }, Date.now)
}

const messagesOf = (letter: string) => [{ key: null, value: Buffer.alloc(valueBytes, letter) }]

test('the memory of a request is used again when it was answered, and not before', async () => {
  const messages = messagesOf('a')
  const first = await encode(messages)
  const second = await encode(messagesOf('b'))
  assert.notEqual(second.buffer, first.buffer)
  releaseRequest(messages)
  // Once is enough: the piece may have another user by now.
  releaseRequest(messages)
  const third = await encode(messagesOf('c'))
  assert.equal(third.buffer, first.buffer)
  assert.notEqual((await encode(messagesOf('d'))).buffer, first.buffer)
})

test('requests of a send that was tried again are left alone: one of them may still wait in a connection', async () => {
  const messages = messagesOf('a')
  const tries = [await encode(messages), await encode(messages), await encode(messages)]
  const freeBytes = sendMemory.freeBytes
  releaseRequest(messages)
  assert.equal(sendMemory.freeBytes, freeBytes)
  assert.equal(new Set(tries.map(({ buffer }) => buffer)).size, 3)
})

test('what was compressed is not read any more', async () => {
  const freeBytes = sendMemory.freeBytes
  await encode(messagesOf('a'), 1)
  assert.equal(sendMemory.freeBytes, Math.max(pieceBytes, freeBytes))
})
