// Fetched record batches: what our encoder writes is read back; what is damaged, unknown or too large becomes a fault.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'

import { encodeBatch, recordBytes } from '#src/kafka/batch-encoder.js'
import type { BatchHead } from '#src/kafka/batch-encoder.js'
import { crc32c } from '#src/kafka/crc32c.js'
import type { OutgoingRecord } from '#src/kafka/port.js'
import { decodeRecordSet, mostBatchBytes } from '#src/kafka/record-batches.js'

const head: BatchHead = {
  compression: 0,
  timestampMs: 1_700_000_000_000,
  producerId: 7n,
  producerEpoch: 1,
  firstSequence: 0,
  transactional: true,
}

/** A batch at an offset, with parts of its head changed and the checksum made right again. */
async function batchAt(offset: bigint, values: readonly string[], change: (batch: Buffer) => void = () => undefined) {
  const batch = await encodeBatch(
    values.map((value) => ({ key: null, value: Buffer.from(value) })),
    head,
  )
  batch.writeBigInt64BE(offset, 0)
  change(batch)
  batch.writeUInt32BE(crc32c(batch.subarray(21)), 17)
  return batch
}

async function faultOf(bytes: Buffer) {
  const records = await decodeRecordSet(bytes)
  assert.equal(records.length, 1)
  const { fault } = records[0]!
  assert.ok(fault !== undefined)
  return { code: fault.code, message: fault.message }
}

test('what is encoded is decoded, plain and compressed', async () => {
  const records: OutgoingRecord[] = [
    { key: null, value: Buffer.from('a') },
    {
      key: Buffer.from('k'.repeat(64)),
      value: Buffer.alloc(0),
      headers: [
        ['ünïcode', Buffer.from('x'.repeat(9_000))],
        ['', null],
        ['', Buffer.alloc(0)],
      ],
    },
    { key: Buffer.alloc(0), value: Buffer.alloc(70_000, 'v') },
  ]
  const size = records.reduce((sum, each, index) => sum + recordBytes(each, index), 0)
  for (const compression of [0, 1]) {
    const batch = await encodeBatch(records, { ...head, compression })
    if (compression === 0) assert.equal(batch.length, 61 + size)
    batch.writeBigInt64BE(1_000n, 0)
    const decoded = await decodeRecordSet(batch)
    assert.deepEqual(
      decoded.map(({ offset, key, value, headers, timestampMs }) => ({ offset, key, value, headers, timestampMs })),
      records.map(({ key, value, headers = [] }, index) => ({
        ...{ offset: 1_000n + BigInt(index), key, value, headers },
        timestampMs: head.timestampMs,
      })),
    )
    assert.deepEqual(decoded[0]!.batchContext, { producerId: 7n, inTransaction: true })
    assert.equal(decoded[0]!.isControlRecord, false)
  }
})

test('every byte that is changed in a batch is noticed', async () => {
  const batch = await batchAt(0n, ['some', 'values'])
  // The base offset and the leader's epoch are the broker's, and not checked.
  for (let at = 16; at < batch.length; at++) {
    const damaged = Buffer.from(batch)
    damaged[at]! ^= 0x10
    assert.match((await faultOf(damaged)).code, /^ERR_KAFKA_(CRC|CODEC)$/, `byte ${at}`)
  }
})

test('a batch that is cut off at the end is left for the next fetch', async () => {
  const [first, second] = [await batchAt(0n, ['one']), await batchAt(1n, ['two'])]
  const both = Buffer.concat([first, second])
  for (let length = first.length; length < both.length; length++) {
    const records = await decodeRecordSet(both.subarray(0, length))
    assert.deepEqual(
      records.map(({ offset }) => offset),
      [0n],
    )
  }
  assert.equal((await decodeRecordSet(both)).length, 2)
  // The first never is, so its length is what is wrong: to wait for the rest of it would be to wait for ever.
  assert.match((await faultOf(first.subarray(0, first.length - 1))).message, /its length is wrong/)
})

test('records before a batch that cannot be read are given first, and the fault when it is the first', async () => {
  const [good, bad] = [await batchAt(0n, ['good']), await batchAt(1n, ['bad'])]
  bad[bad.length - 2]! ^= 1
  const both = await decodeRecordSet(Buffer.concat([good, bad, good]))
  assert.deepEqual(
    both.map(({ value, fault }) => [value?.toString(), fault]),
    [['good', undefined]],
  )
  assert.deepEqual(await faultOf(Buffer.concat([bad, good])), {
    code: 'ERR_KAFKA_CRC',
    message: 'a batch is damaged: its checksum is wrong',
  })
})

test('codecs that are not read, and versions, are told by name', async () => {
  for (const [codec, name] of [
    [2, 'snappy'],
    [3, 'lz4'],
    [4, 'zstd'],
    [6, 'codec 6'],
  ] as const) {
    const batch = await batchAt(0n, ['x'], (each) => each.writeInt16BE(codec, 21))
    assert.deepEqual(await faultOf(batch), {
      code: 'ERR_KAFKA_CODEC',
      message: `a batch is compressed with ${name}, and only gzip is read`,
    })
  }
  const old = await batchAt(0n, ['x'], (each) => each.writeInt8(1, 16))
  assert.match((await faultOf(old)).message, /of version 1/)
  const garbage = await batchAt(0n, ['no gzip'], (each) => each.writeInt16BE(1, 21))
  assert.match((await faultOf(garbage)).message, /malformed: gzip says/)
  const short = await batchAt(0n, ['x'], (each) => each.writeInt32BE(3, 8))
  assert.match((await faultOf(short)).message, /head is cut off/)
})

test('a batch that inflates to more than the limit is refused before it is there', async () => {
  const bomb = gzipSync(Buffer.alloc(mostBatchBytes + 1))
  const plain = await batchAt(0n, ['x'])
  const batch = Buffer.concat([plain.subarray(0, 61), bomb])
  batch.writeInt32BE(batch.length - 12, 8)
  batch.writeInt16BE(1, 21)
  batch.writeUInt32BE(crc32c(batch.subarray(21)), 17)
  assert.equal((await faultOf(batch)).code, 'ERR_KAFKA_SIZE')
})

test('records that reach over their batch, or leave a rest, are malformed', async () => {
  for (const change of [
    (batch: Buffer) => batch.writeInt32BE(5, 57),
    (batch: Buffer) => batch.writeUInt8(0xff, 61),
    // The length of the value.
    (batch: Buffer) => batch.writeUInt8(9, 66),
    (batch: Buffer) => batch.writeUInt8(3, 66),
  ]) {
    assert.match((await faultOf(await batchAt(0n, ['value'], change))).message, /malformed/)
  }
})

test('markers are markers, and the broker’s time is that of the whole batch', async () => {
  const marker = await batchAt(3n, ['x'], (batch) => batch.writeInt16BE(16 | 32, 21))
  assert.equal((await decodeRecordSet(marker))[0]!.isControlRecord, true)
  // The second is five milliseconds later, in zigzag coding, unless the broker's time of arrival counts.
  const times = async (attributes: number) => {
    const batch = await batchAt(3n, ['x', 'y'], (each) => {
      each.writeUInt8(10, 61 + 8 + 2)
      each.writeBigInt64BE(7n, 35)
      each.writeInt16BE(attributes, 21)
    })
    return (await decodeRecordSet(batch)).map(({ timestampMs }) => timestampMs)
  }
  assert.deepEqual(await times(0), [head.timestampMs, head.timestampMs + 5])
  assert.deepEqual(await times(8), [7, 7])
})

test('offsets that compaction has emptied are passed by, and end no transaction', async () => {
  const batch = await batchAt(10n, ['x'], (each) => each.writeInt32BE(4, 23))
  const records = await decodeRecordSet(batch)
  assert.deepEqual(
    records.map(({ offset, isControlRecord }) => [offset, isControlRecord]),
    [
      [10n, false],
      [14n, true],
    ],
  )
  assert.deepEqual(records[1]!.batchContext, { producerId: -1n, inTransaction: false })
})
