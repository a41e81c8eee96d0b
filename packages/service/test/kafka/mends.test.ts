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
import { mends, outOfRange, vanished } from '#src/kafka/mends.js'
import type { MendName } from '#src/kafka/mends.js'
import { folder } from '../running.js'

/** The class that a module of the library is, as far as it is used here. */
type Class<T> = new (...given: unknown[]) => T

const names = Object.keys(mends) as MendName[]

const checks: Readonly<Record<MendName, (library: Library) => Promise<void> | void>> = {
  requests: async (library) => {
    const createRequest = library.part('protocol/request.js') as (given: object) => Promise<{ buffer: Buffer }>
    const body = await producedBody(library, { key: null, value: Buffer.alloc(1 << 20) }, 0)
    const request = { apiKey: 0, apiVersion: 7, encode: () => Promise.resolve({ buf: body, buffer: body }) }
    const { buffer } = await createRequest({ correlationId: 5, clientId: 'weir', request })
    assert.equal(buffer.buffer, body.buffer, 'the records were copied')
  },

  coordinators: async ({ part }) => {
    const Cluster = part('cluster/index.js') as {
      prototype: { findGroupCoordinator: (which: object) => Promise<object> }
    }
    const errors = part('protocol/error.js') as { createErrorFromCode: (code: number) => Error }
    let asked = 0
    let isAway = false
    const cluster = {
      retrier: (attempt: (bail: (error: Error) => never) => unknown) =>
        attempt((error) => {
          throw error
        }),
      findGroupCoordinatorMetadata: () => Promise.resolve({ coordinator: { nodeId: String(++asked) } }),
      findBroker: ({ nodeId }: { nodeId: string }) =>
        isAway && nodeId === '2' ? Promise.reject(new Error('away')) : Promise.resolve({ nodeId }),
    }
    const find = (groupId: string) =>
      Cluster.prototype.findGroupCoordinator.call(cluster, { groupId, coordinatorType: 1 })
    assert.deepEqual(await find('a'), { nodeId: '1' })
    assert.deepEqual(await find('a'), { nodeId: '1' }, 'it is asked once')
    // NOT_COORDINATOR: whoever said so sent the request to the wrong one.
    errors.createErrorFromCode(16)
    assert.deepEqual(await find('a'), { nodeId: '2' })
    assert.deepEqual(await find('b'), { nodeId: '3' }, 'another group has another')
    isAway = true
    assert.deepEqual(await find('a'), { nodeId: '4' }, 'one that is away is asked for anew')
  },

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

  frames: ({ part }) => {
    const Connection = part('network/connection.js') as { prototype: { processData: (frame: Buffer) => void } }
    const answers: { correlationId: number; payload: Buffer }[] = []
    const connection = {
      ...{ authHandlers: null, chunks: [] as Buffer[], bytesBuffered: 0, bytesNeeded: 4 },
      requestQueue: { fulfillRequest: (answer: { correlationId: number; payload: Buffer }) => answers.push(answer) },
    }
    const frames = [1, 2].map((correlationId) => {
      const frame = Buffer.alloc(12, correlationId)
      frame.writeInt32BE(8, 0)
      frame.writeInt32BE(correlationId, 4)
      return frame
    })
    for (const frame of frames) Connection.prototype.processData.call(connection, frame)
    assert.deepEqual(
      answers.map(({ correlationId, payload }) => [correlationId, payload.toString('hex')]),
      [
        [1, '01010101'],
        [2, '02020202'],
      ],
    )
    assert.equal(answers[1]!.payload.buffer, frames[1]!.buffer, 'the answer was copied')
    assert.equal(answers[1]!.payload.byteOffset, frames[1]!.byteOffset + 8, 'the answer was copied')
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

  rejoining: async ({ part }) => {
    const group = part('consumer/consumerGroup.js') as { prototype: object }
    const member = Object.create(group.prototype) as {
      retrier: () => Promise<void>
      joinAndSync(): Promise<void>
      fetch(nodeId: string): Promise<unknown>
    }
    member.retrier = () => Promise.reject(new Error('cut off'))
    await assert.rejects(member.joinAndSync(), /cut off/)
    await assert.rejects(member.fetch('1'), { type: 'REBALANCE_IN_PROGRESS' })
    member.retrier = () => Promise.resolve()
    await member.joinAndSync()
    // The library's own, which has no cluster here.
    await assert.rejects(member.fetch('1'), TypeError)
  },

  vanished: async ({ part }) => {
    const group = part('consumer/consumerGroup.js') as { prototype: Record<string, (error: object) => Promise<void>> }
    const told: unknown[] = []
    const cluster = { refreshMetadata: () => Promise.resolve() }
    vanished.set(cluster, (error) => told.push(error))
    const member = { cluster, logger: { debug: () => undefined }, joinAndSync: () => Promise.resolve() }
    const moved = { type: 'NOT_LEADER_FOR_PARTITION' }
    const gone = { type: 'UNKNOWN_TOPIC_OR_PARTITION' }
    for (const error of [moved, gone]) await group.prototype['recoverFromFetch']!.call(member, error)
    assert.deepEqual(told, [gone])
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

  connecting: async ({ part }) => {
    const Broker = part('broker/index.js') as Class<{ connect(): Promise<void>; isConnected(): boolean }>
    const silent = { debug: () => undefined, namespace: () => silent }
    const connection = { getSupportAuthenticationProtocol: () => false, authenticate: () => Promise.resolve() }
    let isConnected = false
    let answer: (asked: { apiVersions: object[] }) => void = () => undefined
    let tellAsked: () => void = () => undefined
    const asked = new Promise<void>((resolve) => (tellAsked = resolve))
    const connectionPool = {
      ...{
        host: 'here',
        port: 1,
        connectionTimeout: 1000,
        isConnected: () => isConnected,
        setVersions: () => undefined,
      },
      getConnection: () => Promise.resolve(((isConnected = true), connection)),
      send: () => {
        tellAsked()
        return new Promise((resolve) => (answer = resolve))
      },
    }
    const broker = new Broker({ connectionPool, logger: silent })
    assert.ok(!broker.isConnected())
    const connecting = broker.connect()
    await asked
    assert.ok(!broker.isConnected(), 'it does not know yet what it may be asked')
    answer({ apiVersions: [{ apiKey: 3, minVersion: 0, maxVersion: 5 }] })
    await connecting
    assert.ok(broker.isConnected())
    isConnected = false
    assert.ok(!broker.isConnected())
  },

  encoding: async (library) => {
    const headers = [
      ['none', null],
      ['7', Buffer.from('first')],
      ['1', Buffer.from('then')],
    ]
    const bytes = await producedBody(library, { key: null, value: Buffer.from('v'), headers }, 0)
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

/** Returns the body of the library's request that writes a record twice. */
async function producedBody(library: Library, message: object, compression: number): Promise<Buffer> {
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
      const theirs = await producedBody(loadLibrary({ mends: [] }), { ...content, headers: own }, compression)
      const ours = await producedBody(loadLibrary(), { ...content, headers: Object.entries(own) }, compression)
      assert.ok(ours.equals(theirs))
    }
  }
})

test('our requests are what the library’s own are, with and without room in front of their bodies', async () => {
  type CreateRequest = (given: object) => Promise<{ buffer: Buffer }>
  const requestOf = async (library: Library, clientId: string, body: Buffer) => {
    const Encoder = library.part('protocol/encoder.js') as Class<{ writeBufferInternal(bytes: Buffer): void }>
    const encoder = new Encoder()
    encoder.writeBufferInternal(body)
    // Ours takes what has a buffer; theirs wants one of its encoders.
    const payload = Buffer.isBuffer(body) && library === mended ? { buf: body, buffer: body } : encoder
    const request = { apiKey: 0, apiVersion: 7, encode: () => Promise.resolve(payload) }
    return (await (library.part('protocol/request.js') as CreateRequest)({ correlationId: 70_000, clientId, request }))
      .buffer
  }
  const mended = loadLibrary()
  const theirs = loadLibrary({ mends: [] })
  for (const clientId of ['weir', 'é'.repeat(10), 'x'.repeat(2000)]) {
    const body = await producedBody(mended, { key: null, value: Buffer.from('value') }, 0)
    for (const given of [body, Buffer.from(body)]) {
      const wanted = await requestOf(theirs, clientId, Buffer.from(given))
      assert.deepEqual(await requestOf(mended, clientId, given), wanted)
    }
  }
})

test('a request for two partitions is refused', async () => {
  const encode = (topicData: object[]) => {
    const request = loadLibrary().part('protocol/requests/produce/v7/request.js') as (given: object) => {
      encode: () => Promise<object>
    }
    return request({ acks: -1, timeout: 1, producerId: '1', producerEpoch: 0, topicData }).encode()
  }
  const partition = { partition: 0, firstSequence: 0, messages: [] }
  const wrong = [
    [],
    [{ topic: 'raw', partitions: [partition, partition] }],
    [
      { topic: 'a', partitions: [partition] },
      { topic: 'b', partitions: [partition] },
    ],
  ]
  for (const topicData of wrong) await assert.rejects(encode(topicData), /produces to one partition/)
})

test('a library of another version is refused, with both versions', async (t) => {
  const manifest = path.join(mkdtempSync(path.join(await folder(t), 'kafkajs-')), 'package.json')
  writeFileSync(manifest, '{"version":"2.2.5"}')
  assert.throws(() => loadLibrary({ manifest }), { code: 'ERR_KAFKA_LIBRARY', message: /2\.2\.5 .* 2\.2\.4/ })
})
