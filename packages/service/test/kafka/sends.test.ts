// How records become sends.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { encodeBatch } from '#src/kafka/batch-encoder.js'
import type { OutgoingRecord } from '#src/kafka/port.js'
import { checkSend, mostSendBytes, mostSendRecords, planSends, refusalOf } from '#src/kafka/sends.js'

const record = (bytes: number): OutgoingRecord => ({ key: null, value: Buffer.alloc(bytes) })

async function encodedBytes(send: readonly OutgoingRecord[]): Promise<number> {
  const head = { compression: 0, timestampMs: 0, producerId: 0n, producerEpoch: 0, firstSequence: 0 }
  return (await encodeBatch(send, { ...head, transactional: true })).length
}

test('sends keep the order, lose nothing and stay within the limits once encoded', async () => {
  const sizes = Array.from({ length: 3_000 }, (_, i) => (i % 97 === 0 ? 300_000 : (i * 7_919) % 3_000))
  const records = sizes.map((bytes, i) => ({ ...record(bytes), headers: [['n', Buffer.from(String(i))]] as const }))
  const sends = planSends(records)
  assert.deepEqual(sends.flat(), records)
  for (const send of sends) {
    assert.ok((await encodedBytes(send)) <= mostSendBytes)
    checkSend(send)
    const lines = send.filter(({ value }) => value.length < 16 << 10)
    assert.ok((await encodedBytes(lines)) <= (1 << 20) + 61)
  }
  assert.ok(sends.length < 15, `${sends.length} sends`)
})

test('lines are cut at a MiB and at twenty thousand, chunks at three MiB', () => {
  assert.deepEqual(
    planSends(Array(50_000).fill(record(1))).map((send) => send.length),
    [20_000, 20_000, 10_000],
  )
  const lines = planSends(Array(3_000).fill(record(1_000)))
  assert.ok(lines[0]!.length > 1_000 && lines[0]!.length < 1_050)
  assert.deepEqual(
    planSends(Array(24).fill(record(256 << 10))).map((send) => send.length),
    [11, 11, 2],
  )
  assert.deepEqual(planSends([]), [])
})

test('the largest record is one that just fills a send, and one byte more is refused with its size', async () => {
  // Head, attributes and time, offset, key, headers, and the two lengths.
  const most = record(mostSendBytes - 61 - 2 - 3 - 1 - 1 - 4 - 4)
  assert.equal(refusalOf(most), undefined)
  assert.ok((await encodedBytes([most])) <= mostSendBytes)
  const more = record(most.value.length + 1)
  assert.throws(() => planSends([record(1), more]), {
    code: 'ERR_KAFKA_SIZE',
    details: { bytes: mostSendBytes + 1, mostSendBytes, index: 1 },
  })
})

test('a key that passes for a marker is refused, with its place', () => {
  const bad = { key: new Uint8Array(4), value: Buffer.alloc(1) }
  assert.throws(() => planSends([record(1), record(1), bad]), { code: 'ERR_KAFKA_KEY', details: { index: 2 } })
  for (const key of [Buffer.alloc(3), Buffer.alloc(5), Buffer.from([0, 0, 0, 1]), null]) {
    assert.equal(refusalOf({ key, value: Buffer.alloc(1) }), undefined)
  }
})

test('what was not planned is refused', () => {
  assert.throws(() => checkSend([]), { code: 'ERR_KAFKA_SIZE' })
  assert.throws(() => checkSend(Array(mostSendRecords + 1).fill(record(1))), { code: 'ERR_KAFKA_SIZE' })
  assert.throws(() => checkSend([record(2 << 20), record(2 << 20)]), { code: 'ERR_KAFKA_SIZE' })
})
