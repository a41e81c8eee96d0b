// Each mend of the client library, by what the library does wrong without it: the same assertion fails on the library with
// all mends but that one.

import assert from 'node:assert/strict'
import { mkdtempSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'

import { encodeBatch } from '#src/kafka/batch-encoder.js'
import { crc32c } from '#src/kafka/crc32c.js'
import { loadLibrary } from '#src/kafka/library.js'
import type { Library } from '#src/kafka/library.js'
import { mends, outOfRange } from '#src/kafka/mends.js'
import type { MendName } from '#src/kafka/mends.js'
import { folder } from '../running.js'

/** The class that a module of the library is, as far as it is used here. */
type Class<T> = new (...given: unknown[]) => T

const names = Object.keys(mends) as MendName[]

const checks: Readonly<Record<MendName, (library: Library) => Promise<void> | void>> = {
  checksum: ({ part }) => {
    assert.equal(part('protocol/recordBatch/crc32C/index.js'), crc32c)
  },

  growth: ({ part }) => {
    const Encoder = part('protocol/encoder.js') as Class<{ buf: Buffer; writeBuffer(bytes: Buffer): unknown }>
    const large = new Encoder()
    large.writeBuffer(Buffer.alloc(3 << 20))
    assert.ok(large.buf.length < (3 << 20) + 1024, `${large.buf.length} bytes for three MiB`)
    const small = new Encoder()
    const sizes = new Set<number>()
    for (let i = 0; i < 20_000; i++) {
      small.writeBuffer(Buffer.alloc(100))
      sizes.add(small.buf.length)
    }
    assert.ok(sizes.size < 20, `${sizes.size} buffers for twenty thousand records`)
  },

  idleTimer: ({ part }) => {
    const RequestQueue = part('network/requestQueue/index.js') as Class<{
      pending: unknown[]
      throttleCheckTimeoutId: unknown
      throttledUntil: number
      scheduleCheckPendingRequests(): void
      destroy(): void
    }>
    const queue = new RequestQueue({ logger: {} })
    queue.scheduleCheckPendingRequests()
    const isIdleAsleep = queue.throttleCheckTimeoutId === null
    queue.pending.push({})
    queue.throttledUntil = Date.now() + 60_000
    queue.scheduleCheckPendingRequests()
    const isThrottledAwake = queue.throttleCheckTimeoutId !== null
    queue.destroy()
    assert.deepEqual([isIdleAsleep, isThrottledAwake], [true, true])
  },

  aborted: ({ part }) => {
    const filter = part('consumer/filterAbortedMessages.js') as (given: object) => { offset: string }[]
    const message = (offset: number, producerId: string, isControlRecord = false, key: Buffer | null = null) => ({
      ...{ offset: String(offset), key, isControlRecord, batchContext: { producerId, inTransaction: true } },
    })
    const messages = [message(0, 'a'), message(1, 'b'), message(2, 'a', false, Buffer.alloc(4)), message(3, 'a')]
    const abortedTransactions = [
      { producerId: 'b', firstOffset: '1' },
      { producerId: 'a', firstOffset: '0' },
    ]
    assert.deepEqual(filter({ messages, abortedTransactions }), [])
  },

  reading: async ({ part }) => {
    const records = [{ key: null, value: Buffer.from('value') }]
    const head = { compression: 0, timestampMs: 0, producerId: -1n, producerEpoch: -1, firstSequence: -1 }
    const batch = await encodeBatch(records, { ...head, transactional: false })
    batch[batch.length - 3]! ^= 1
    const [message] = await fetched(part, batch)
    assert.equal(message?.fault?.code, 'ERR_KAFKA_CRC')
  },

  stableOffset: ({ part }) => {
    const Batch = part('consumer/batch.js') as Class<{ lastStableOffset: string }>
    const found = { partition: 0, highWatermark: '9', lastStableOffset: '5', messages: [], abortedTransactions: [] }
    assert.equal(new Batch('topic', '0', found).lastStableOffset, '5')
  },

  ranges: async ({ part }) => {
    const group = part('consumer/consumerGroup.js') as { prototype: Record<string, (error: object) => Promise<void>> }
    const told: unknown[] = []
    const cluster = {}
    outOfRange.set(cluster, (topic, partition) => told.push([topic, partition]))
    const member = {
      cluster,
      preferredReadReplicasPerTopicPartition: { raw: { 3: { nodeId: 2 } } },
      logger: { error: () => undefined, info: () => undefined },
      offsetManager: { setDefaultOffset: () => told.push('a default was committed') },
    }
    const recover = group.prototype['recoverFromOffsetOutOfRange']!
    await recover.call(member, { topic: 'raw', partition: 3 })
    assert.deepEqual(told, [], 'the leader is asked first')
    await recover.call(member, { topic: 'raw', partition: 3 })
    assert.deepEqual(told, [['raw', 3]])
  },

  reasons: async ({ part }) => {
    const pool = part('cluster/brokerPool.js') as {
      prototype: { withBroker: (callback: (given: { nodeId: string }) => Promise<string>) => Promise<string> }
    }
    const brokers = {
      brokers: { 1: {}, 2: {} },
      findBroker: ({ nodeId }: { nodeId: string }) =>
        nodeId === '1' ? Promise.reject(new Error('1 is away')) : Promise.resolve({}),
    }
    const withBroker = pool.prototype.withBroker
    // Whichever is asked first.
    for (let i = 0; i < 20; i++) {
      assert.equal(await withBroker.call(brokers, ({ nodeId }) => Promise.resolve(nodeId)), '2')
    }
    const refusing = { ...brokers, brokers: { 2: {} } }
    await assert.rejects(
      withBroker.call(refusing, () => Promise.reject(new Error('not allowed'))),
      /not allowed/,
    )
  },

  encoding: async (library) => {
    const headers = [
      ['none', null],
      ['7', Buffer.from('first')],
      ['1', Buffer.from('then')],
    ]
    const bytes = await produced(library, { key: null, value: Buffer.from('v'), headers }, 0)
    // Three headers: `none`, whose value has the length -1, then `7`, and not the smaller number first.
    assert.ok(bytes.includes(Buffer.from('06086e6f6e65010237', 'hex')), bytes.toString('hex'))
  },

  grouping: ({ part }) => {
    const group = part('producer/groupMessagesPerPartition.js') as (given: object) => Record<number, unknown[]>
    const messages = Array.from({ length: 1000 }, (_, i) => ({ i, partition: i % 2 }))
    const partitioner = ({ message }: { message: { partition: number } }) => message.partition
    const iterate = Array.prototype[Symbol.iterator]
    let walks = 0
    const counting = function (this: unknown[]) {
      walks++
      return iterate.call(this)
    }
    Reflect.set(Array.prototype, Symbol.iterator, counting)
    let groups
    try {
      groups = group({ topic: 'raw', partitionMetadata: [{}, {}], messages, partitioner })
    } finally {
      Reflect.set(Array.prototype, Symbol.iterator, iterate)
    }
    assert.deepEqual([groups[0]!.length, groups[1]!.length], [500, 500])
    assert.ok(walks < 10, `the list was copied ${walks} times`)
  },
}

/** Returns what the library makes of a fetch that holds the batch. */
async function fetched(part: Library['part'], batch: Buffer): Promise<{ fault?: { code: string }; value: Buffer }[]> {
  const int32 = (value: number) => {
    const bytes = Buffer.alloc(4)
    bytes.writeInt32BE(value)
    return bytes
  }
  const answer = Buffer.concat([
    ...[int32(0), Buffer.alloc(2), int32(0)],
    ...[int32(1), Buffer.from([0, 3]), Buffer.from('raw')],
    ...[int32(1), int32(0), Buffer.alloc(2), Buffer.alloc(8), Buffer.alloc(8), Buffer.alloc(8), int32(0), int32(-1)],
    ...[int32(batch.length), batch],
  ])
  const { decode } = part('protocol/requests/fetch/v11/response.js') as {
    decode: (bytes: Buffer) => Promise<{ responses: { partitions: { messages: [] }[] }[] }>
  }
  return (await decode(answer)).responses[0]!.partitions[0]!.messages
}

/** Returns the library's request that writes a record. */
async function produced(library: Library, message: object, compression: number): Promise<Buffer> {
  const request = library.part('protocol/requests/produce/v7/request.js') as (given: object) => {
    encode: () => Promise<{ buffer: Buffer }>
  }
  const partitions = [{ partition: 2, firstSequence: 5, messages: [message, message] }]
  const topicData = [{ topic: 'raw', partitions }]
  const given = {
    acks: -1,
    timeout: 1,
    transactionalId: 'id',
    producerId: '77',
    producerEpoch: 3,
    compression,
    topicData,
  }
  return (await request(given).encode()).buffer
}

for (const name of names) {
  test(`the library is mended, and was not without it: ${name}`, async () => {
    await checks[name](loadLibrary())
    const without = loadLibrary({ mends: names.filter((each) => each !== name) })
    await assert.rejects(async () => checks[name](without), /AssertionError|TypeError|1 is away/)
  })
}

test('our encoder writes what the library’s own writes, where that can', async (t) => {
  t.mock.method(Date, 'now', () => 1_700_000_000_000)
  const key = Buffer.from('key')
  const large = Buffer.alloc(300_000, 'x')
  for (const compression of [0, 1]) {
    for (const [content, own] of [
      [{ key: null, value: large }, {}],
      [
        { key, value: Buffer.alloc(0) },
        { a: key, b: large },
      ],
      [{ key: Buffer.alloc(64), value: key }, { a: Buffer.alloc(64) }],
    ] as const) {
      const theirs = await produced(loadLibrary({ mends: [] }), { ...content, headers: own }, compression)
      const ours = await produced(loadLibrary(), { ...content, headers: Object.entries(own) }, compression)
      assert.ok(ours.equals(theirs))
    }
  }
})

test('a library of another version is refused, with both versions', async (t) => {
  const manifest = path.join(mkdtempSync(path.join(await folder(t), 'kafkajs-')), 'package.json')
  writeFileSync(manifest, '{"version":"2.2.5"}')
  assert.throws(() => loadLibrary({ manifest }), { code: 'ERR_KAFKA_LIBRARY', message: /2\.2\.5 .* 2\.2\.4/ })
})
