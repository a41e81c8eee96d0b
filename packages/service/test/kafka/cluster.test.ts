// Producers, transactions and questions on a real broker, judged by Kafka's own client as well.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'

import type { KafkaOptions } from '#src/kafka/options.js'
import { provideTopics, refuseProblems, topicConfig } from '#src/kafka/topics.js'
import { useBroker } from '../servers/kafka/broker.js'
import { skipWithoutKafka } from '../servers/kafka/install.js'
import { readTopic } from '../servers/kafka/reading.js'
import { listen } from './listening.js'
import { answered, makeTopic, open, owner, record, settled, settledOffset, valuesOf, write } from './opening.js'

const skip = await skipWithoutKafka()
const broker = useBroker(skip)

const openHere = (t: TestContext, options: Partial<KafkaOptions> = {}) =>
  open(t, { brokers: broker().addresses, ...options })
const text = (value: string) => Buffer.from(value)

test('records come back as they were sent: keys, headers, order, nothing', { skip }, async (t) => {
  const cluster = await openHere(t)
  await makeTopic(cluster, 'back', 2)
  const headers = [
    ['b', text('1')],
    ['7', null],
    ['__proto__', new Uint8Array(0)],
    ['b', text('2')],
  ] as const
  const producer = await cluster.producer()
  const empty = { key: Buffer.alloc(0), value: Buffer.alloc(0) }
  const sent = [{ key: text('k'), value: text('v'), headers }, record('second'), empty]
  assert.equal(await producer.send({ topic: 'back', partition: 1 }, sent), 0n)
  assert.equal(await producer.send({ topic: 'back', partition: 1 }, [record('later')]), 3n)

  const reading = await listen(cluster, 'g-back', 'back')
  const { records, batches } = await reading.until((told) => told.records.length === 4)
  const judged = (await readTopic(broker(), 'back'))[1]!
  assert.equal(batches.at(-1)!.end, 4n)
  assert.ok(Math.abs(records[0]!.timestampMs - Date.now()) < 60_000)
  for (const read of [records, judged]) {
    assert.deepEqual(valuesOf(read), ['v', 'second', '', 'later'])
    assert.deepEqual(
      read.map(({ offset, key }) => [offset, key && Buffer.from(key).toString()]),
      [
        [0n, 'k'],
        [1n, null],
        [2n, ''],
        [3n, null],
      ],
    )
    assert.deepEqual(
      read[0]!.headers.map(([name, value]) => [name, value && Buffer.from(value).toString()]),
      [
        ['b', '1'],
        ['7', null],
        ['__proto__', ''],
        ['b', '2'],
      ],
    )
  }
})

test(
  'sends to one partition go one after another, compressed too, and twenty thousand records at once',
  { skip },
  async (t) => {
    const cluster = await openHere(t, { compression: 'gzip' })
    await makeTopic(cluster, 'many', 2)
    const producer = await cluster.producer()
    const batches = Array.from({ length: 10 }, (_, i) => Array.from({ length: 2_000 }, (_, j) => record(`${i}.${j}`)))
    const to = { topic: 'many', partition: 0 }
    const offsets = await Promise.all(batches.map((batch) => producer.send(to, batch)))
    assert.deepEqual(
      offsets,
      batches.map((_, i) => BigInt(i * 2_000)),
    )
    assert.equal(await producer.send(to, batches.flat()), 20_000n)
    const reading = await listen(cluster, 'g-many', 'many')
    const { records } = await reading.until((told) => told.records.length === 40_000)
    assert.deepEqual(valuesOf(records), valuesOf([...batches.flat(), ...batches.flat()]))
  },
)

test('whoever initialises an id last owns it: the owner before can neither write nor commit', { skip }, async (t) => {
  const cluster = await openHere(t)
  await makeTopic(cluster, 'fenced')
  const to = { topic: 'fenced', partition: 0 }
  const first = await owner(cluster, 'fenced.0')
  const pending = await first.begin()
  await pending.send(to, [record('from the first')])
  await pending.moveOffset('g-fenced', to, 7n, 'v1')
  const second = await owner(cluster, 'fenced.0')
  assert.equal(await cluster.admin.committed('g-fenced', to), undefined)
  await assert.rejects(pending.commit(), { code: 'ERR_KAFKA_FENCED' })
  await assert.rejects(pending.abort(), { code: 'ERR_KAFKA_DISCARDED' })
  await assert.rejects(first.begin(), { code: 'ERR_KAFKA_DISCARDED' })

  const transaction = await second.begin()
  await transaction.send(to, [record('from the second')])
  await transaction.moveOffset('g-fenced', to, 8n, 'v2')
  await transaction.commit()
  await assert.rejects(transaction.send(to, [record('late')]), { code: 'ERR_KAFKA_TRANSACTION' })
  assert.deepEqual(await settledOffset(cluster, 'fenced.0', 'g-fenced', to), { offset: 8n, metadata: 'v2' })
  assert.deepEqual(valuesOf((await readTopic(broker(), 'fenced'))[0]!), ['from the second'])
})

test('a producer that is not initialised, or has a transaction, begins none', { skip }, async (t) => {
  const cluster = await openHere(t)
  const producer = await cluster.transactional('begins')
  await assert.rejects(producer.begin(), { code: 'ERR_KAFKA_TRANSACTION', message: /is not initialised/ })
  await producer.initialise()
  await assert.rejects(producer.initialise(), { code: 'ERR_KAFKA_TRANSACTION', message: /is initialised already/ })
  const transaction = await producer.begin()
  await assert.rejects(producer.begin(), { code: 'ERR_KAFKA_TRANSACTION', message: /has a transaction already/ })
  await transaction.abort()
  await (await producer.begin()).commit()
})

test('transactions that only move an offset follow one another at once', { skip }, async (t) => {
  const cluster = await openHere(t)
  await makeTopic(cluster, 'offsets')
  const of = { topic: 'offsets', partition: 0 }
  const producer = await owner(cluster, 'offsets.0')
  for (let offset = 1n; offset <= 40n; offset++) {
    const transaction = await producer.begin()
    await transaction.moveOffset('g-offsets', of, offset, '')
    await transaction.commit()
  }
  assert.deepEqual(await settledOffset(cluster, 'offsets.0', 'g-offsets', of), { offset: 40n, metadata: '' })
})

test('aborted transactions that overlap in one partition are seen by nobody', { skip }, async (t) => {
  const cluster = await openHere(t)
  await makeTopic(cluster, 'overlap')
  const to = { topic: 'overlap', partition: 0 }
  const [a, b, c] = [await owner(cluster, 'o.a'), await owner(cluster, 'o.b'), await owner(cluster, 'o.c')]
  let [ta, tb] = [await a.begin(), await b.begin()]
  const say = (by: typeof ta, value: string) => by.send(to, [record(value)])
  await say(ta, 'aborted 1')
  await say(tb, 'b1')
  await say(ta, 'aborted 2')
  await tb.commit()
  await say(ta, 'aborted 3')
  await ta.abort()
  const tc = await c.begin()
  await say(tc, 'c1')
  ta = await a.begin()
  await say(ta, 'aborted 4')
  tb = await b.begin()
  await say(tb, 'aborted 5')
  await ta.abort()
  await say(tc, 'c2')
  await say(tb, 'aborted 6')
  await tb.abort()
  await tc.commit()
  ta = await a.begin()
  await say(ta, 'a7')
  await ta.commit()
  await settled(cluster, 'o.a')
  const expected = ['b1', 'c1', 'c2', 'a7']
  assert.deepEqual(valuesOf((await readTopic(broker(), 'overlap'))[0]!), expected)
  const reading = await listen(cluster, 'g-overlap', 'overlap')
  const { records } = await reading.until((told) => told.records.length >= expected.length)
  assert.deepEqual(valuesOf(records), expected)
})

test('after a failed send a producer is never asked again', { skip }, async (t) => {
  await makeTopic(await openHere(t), 'failing')
  const to = { topic: 'failing', partition: 0 }
  const cluster = await openHere(t, { requestMs: 400 })
  const producer = await answered(async () => {
    const opened = await cluster.producer()
    await opened.send(to, [record('before')])
    return opened
  })
  await broker().node.whileStopped(async () => {
    const [lost, waiting] = [producer.send(to, [record('lost')]), producer.send(to, [record('next')])]
    await Promise.all([
      assert.rejects(lost, { code: 'ERR_KAFKA_TIMEOUT', retryable: true }),
      assert.rejects(waiting, { code: 'ERR_KAFKA_DISCARDED' }),
    ])
  })
  await assert.rejects(producer.send(to, [record('after')]), { code: 'ERR_KAFKA_DISCARDED' })
  // Whether it was written is not known; what came after it was not.
  const values = valuesOf((await readTopic(broker(), 'failing'))[0]!)
  assert.ok(
    values.every((value) => value === 'before' || value === 'lost'),
    values.join(),
  )
})

test('a producer that is given up lets nobody wait', { skip }, async (t) => {
  const cluster = await openHere(t)
  await makeTopic(cluster, 'given')
  const to = { topic: 'given', partition: 0 }
  const producer = await cluster.producer()
  await producer.send(to, [record('before')])
  await broker().node.whileStopped(async () => {
    const sending = producer.send(to, [record('under way')])
    producer.discard()
    await assert.rejects(sending, { code: 'ERR_KAFKA_DISCARDED' })
  })
})

test('a topic that is not there, and a partition that is not, are named', { skip }, async (t) => {
  const cluster = await openHere(t)
  const producer = await answered(async () => (await openHere(t, { requestMs: 1_000 })).producer())
  await assert.rejects(producer.send({ topic: 'nowhere', partition: 0 }, [record('x')]), {
    code: /^ERR_KAFKA_(TOPIC|TIMEOUT)$/,
    message: /^Writing to nowhere\/0 /,
  })
  await makeTopic(cluster, 'narrow')
  const other = await cluster.producer()
  await assert.rejects(other.send({ topic: 'narrow', partition: 3 }, [record('x')]), {
    code: 'ERR_KAFKA_TOPIC',
    message: /narrow\/3/,
  })
  await assert.rejects(cluster.admin.range({ topic: 'narrow', partition: 3 }), {
    code: 'ERR_KAFKA_TOPIC',
    message: /narrow\/3/,
  })
})

test('a batch that the topic does not take is told as too large', { skip }, async (t) => {
  const cluster = await openHere(t)
  await makeTopic(cluster, 'small', 1, { 'max.message.bytes': '1000' })
  const producer = await cluster.producer()
  await assert.rejects(producer.send({ topic: 'small', partition: 0 }, [record('x'.repeat(2_000))]), {
    code: 'ERR_KAFKA_SIZE',
  })
})

test('the range of a partition counts what is not committed yet', { skip }, async (t) => {
  const cluster = await openHere(t)
  await makeTopic(cluster, 'range')
  const of = { topic: 'range', partition: 0 }
  assert.deepEqual(await cluster.admin.range(of), { first: 0n, end: 0n })
  const producer = await owner(cluster, 'range.0')
  const transaction = await producer.begin()
  await transaction.send(of, [record('1'), record('2')])
  assert.deepEqual(await cluster.admin.range(of), { first: 0n, end: 2n })
  await transaction.abort()
})

test('logs, times and offsets of several partitions are told at once', { skip }, async (t) => {
  const cluster = await openHere(t)
  await makeTopic(cluster, 'logs', 3)
  await write(cluster, 'logs', ['a', 'b'], 0)
  const between = Date.now()
  // The next record is of a later time.
  while (Date.now() === between) await cluster.admin.clusterId()
  await write(cluster, 'logs', ['c'], 0)
  await write(cluster, 'logs', ['x'], 1)
  const transaction = await (await owner(cluster, 'logs')).begin()
  await transaction.send({ topic: 'logs', partition: 0 }, [record('open')])
  await transaction.send({ topic: 'logs', partition: 0 }, [record('open')])
  assert.deepEqual(
    await cluster.admin.logs('logs', [0, 1, 2]),
    new Map([
      [0, { first: 0n, stable: 3n, end: 5n }],
      [1, { first: 0n, stable: 1n, end: 1n }],
      [2, { first: 0n, stable: 0n, end: 0n }],
    ]),
  )
  assert.deepEqual(await cluster.admin.since('logs', [0, 1, 2], 0), new Map([[0, 0n], [1, 0n]])) // prettier-ignore
  assert.deepEqual(await cluster.admin.since('logs', [0, 2], between + 1), new Map([[0, 2n]]))
  assert.deepEqual(await cluster.admin.since('logs', [0, 1], Date.now() + 60_000), new Map())
  await cluster.admin.setCommitted('g-logs', { topic: 'logs', partition: 1 }, 1n, 'note')
  assert.deepEqual(
    await cluster.admin.allCommitted('g-logs', 'logs', [0, 1, 2]),
    new Map([[1, { offset: 1n, metadata: 'note' }]]),
  )
  await transaction.abort()
})

test('partitions that are added are found by who has asked of the topic before', { skip }, async (t) => {
  const [cluster, other] = [await openHere(t), await openHere(t)]
  const of = (partition: number) => ({ topic: 'growing', partition })
  const readAll = async (partition: number) => {
    const values: (string | null)[] = []
    for await (const piece of cluster.read(of(partition), 0n, 1n)) values.push(...valuesOf(piece))
    return values
  }
  const grow = async (partitions: number) => {
    await other.admin.grow('growing', partitions)
    const leaders = async () => (await other.admin.describe(['growing']))[0]!.leaders
    while ((await leaders()).filter((leader) => leader !== undefined).length < partitions);
  }
  await makeTopic(cluster, 'growing')
  await write(other, 'growing', ['old'])
  assert.deepEqual(await cluster.admin.range(of(0)), { first: 0n, end: 1n })
  assert.deepEqual(await readAll(0), ['old'])
  await grow(3)
  for (const partition of [1, 2]) await write(other, 'growing', ['new'], partition)
  assert.deepEqual(await cluster.admin.range(of(1)), { first: 0n, end: 1n })
  assert.deepEqual(await readAll(2), ['new'])
  await grow(4)
  assert.deepEqual([...(await cluster.admin.logs('growing', [0, 3])).keys()], [0, 3])
})

test('an offset is set for a group without members, and refused for one that has some', { skip }, async (t) => {
  const cluster = await openHere(t)
  await makeTopic(cluster, 'set')
  const of = { topic: 'set', partition: 0 }
  await cluster.admin.setCommitted('g-set', of, 12n, 'by hand')
  assert.deepEqual(await cluster.admin.committed('g-set', of), { offset: 12n, metadata: 'by hand' })
  const reading = await listen(cluster, 'g-set', 'set', { from: () => undefined })
  await reading.until(({ assigned }) => assigned.length > 0)
  await assert.rejects(cluster.admin.setCommitted('g-set', of, 13n, ''), {
    code: 'ERR_KAFKA_GROUP',
    message: /has members/,
  })
  await reading.member.close()
  await cluster.admin.setCommitted('g-set', of, 14n, '')
  assert.equal((await cluster.admin.committed('g-set', of))?.offset, 14n)
})

test('topics are made, grown and awaited, and what is wrong with them is told and left', { skip }, async (t) => {
  const cluster = await openHere(t)
  const { admin } = cluster
  const wanted = (name: string, partitions: number) => ({
    name,
    partitions,
    replicas: 1,
    config: topicConfig(1, 3_600_000),
  })
  const first = await provideTopics(admin, [wanted('made', 2)], { mode: 'create' })
  assert.deepEqual([first.made, first.grown, first.problems], [['made'], [], []])
  assert.deepEqual(first.found.get('made')?.leaders, [1, 1])
  const again = await provideTopics(admin, [wanted('made', 4)], { mode: 'create' })
  assert.deepEqual([again.made, again.grown, again.problems], [[], [{ topic: 'made', from: 2, to: 4 }], []])
  assert.equal(again.found.get('made')?.leaders.length, 4)

  await makeTopic(cluster, 'wrong', 1, {
    'cleanup.policy': 'compact',
    'max.message.bytes': '1000000',
    'message.timestamp.type': 'CreateTime',
  })
  const report = await provideTopics(admin, [{ ...wanted('wrong', 2), replicas: 3 }, wanted('absent', 1)], {
    mode: 'verify',
  })
  assert.deepEqual([report.made, report.grown], [[], []])
  assert.deepEqual(
    report.problems.map(({ topic, setting, found, wanted: is }) => [topic, setting, found, is]),
    [
      ['wrong', 'partitions', '1', '2'],
      ['wrong', 'replicas', '1', '3'],
      ['wrong', 'cleanup.policy', 'compact', 'delete'],
      ['wrong', 'max.message.bytes', '1000000', 'at least 4194304'],
      ['wrong', 'message.timestamp.type', 'CreateTime', 'LogAppendTime'],
      ['absent', 'topic', 'none', 'one'],
    ],
  )
  assert.throws(() => refuseProblems(report), {
    code: 'ERR_KAFKA_TOPIC',
    message: /compact, and needs delete.*absent does not exist/,
  })
  await assert.rejects(admin.create([{ name: 'three', partitions: 1, replicas: 3, config: {} }]), {
    code: 'ERR_KAFKA_TOPIC',
    message: /^Making three failed: /,
  })
})

test('the cluster tells its id, and where nobody answers that is told in time', { skip }, async (t) => {
  const cluster = await openHere(t)
  assert.match(await cluster.admin.clusterId(), /^[\w-]{22}$/)
  const nobody = await open(t, { brokers: ['127.0.0.1:1'], requestMs: 300 })
  const times: number[] = []
  const ask = async () => {
    const began = performance.now()
    await nobody.admin.clusterId().finally(() => times.push(performance.now() - began))
  }
  const refusal = { code: 'ERR_KAFKA_CONNECT', retryable: true, message: /ECONNREFUSED/ }
  for (let asked = 0; asked < 3; asked++) await assert.rejects(answered(ask), refusal)
  // The least of them: the process may have stood still.
  assert.ok(Math.min(...times) < 5_000, times.join())
})

test('many writers and transactions leave order and nothing else', { skip }, async (t) => {
  const cluster = await openHere(t)
  await makeTopic(cluster, 'counted')
  assert.equal(await write(cluster, 'counted', ['1', '2']), 0n)
  assert.equal(await write(cluster, 'counted', ['3']), 2n)
})
