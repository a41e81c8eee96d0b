// `weir serve` between topics that do not take, or do not hold, what it expects: on a real broker, whose log, probe and metric
// are looked at. What topics hold is read by Kafka's own client.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { library } from '#src/kafka/library.js'
import { topicConfig } from '#src/kafka/topics.js'

import { eventually } from '../faults/fault.js'
import { useBroker } from '../servers/kafka/broker.js'
import { skipWithoutKafka } from '../servers/kafka/install.js'
import { readTopic, writeByConsole } from '../servers/kafka/reading.js'
import { makeTopic, record } from '../kafka/opening.js'
import { clusterOf, connectionTo, filter, linesOf, options, topics } from './kafka-pipelines.js'
import { serve, settingsText } from './serving.js'
import type { Logged } from './serving.js'

const skip = await skipWithoutKafka()
const broker = useBroker(skip)

const lax = ', strict: false'

/** Changes settings of a topic, and resolves when they hold; those that are not named go back to their defaults. */
async function configure(topic: string, settings: Readonly<Record<string, string>>): Promise<void> {
  const { Kafka, ConfigResourceTypes, logLevel } = library().kafkajs
  const admin = new Kafka({ brokers: [...broker().addresses], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  const configEntries = Object.entries(settings).map(([name, value]) => ({ name, value }))
  const resource = { type: ConfigResourceTypes.TOPIC, name: topic }
  await admin.alterConfigs({ validateOnly: false, resources: [{ ...resource, configEntries }] })
  // The controller has taken them; the broker goes by them when it has heard of it.
  await eventually('the settings hold', async () => {
    const { resources } = await admin.describeConfigs({ includeSynonyms: false, resources: [resource] })
    const found = new Map(resources[0]?.configEntries.map(({ configName, configValue }) => [configName, configValue]))
    return configEntries.every(({ name, value }) => found.get(name) === value)
  })
  await admin.disconnect()
}

for (const format of ['lines', 'chunks']) {
  test(`a send of ${format} that a topic does not take any more is cut at lines`, { skip }, async (t) => {
    const names = topics()
    const pipeline = filter(names).replace(`topic: ${names.processed}`, `topic: ${names.processed}, format: ${format}`)
    const serving = await serve(t, settingsText([pipeline], connectionTo(broker(), lax)), options)
    await serving.logged('A partition is taken over.', ({ partition }) => partition === 0)
    for (const topic of [names.processed, names.dead]) await configure(topic, { 'max.message.bytes': '20000' })
    const producer = await (await clusterOf(t, broker())).producer()
    const lines = Array.from({ length: 3000 }, (_, n) => (n % 2 === 0 ? `{"n":"1","at":${n}}` : `bad ${n}`))
    const value = Buffer.from(`${lines.join('\n')}\n${'bad one in a row\n'.repeat(3000)}`)
    await producer.send({ topic: names.raw, partition: 0 }, [{ key: null, value }])
    await serving.metricIs('weir_kafka_partition_position{pipeline="filter",partition="0"}', (offset) => offset === 1)
    assert.deepEqual(
      serving.log.filter(({ msg }) => msg === 'A transaction failed, and the partition is taken over again.').length,
      1,
    )
    assert.equal((await serving.stop()).code, 0)
    assert.deepEqual(linesOf(await readTopic(broker(), names.processed)), lines.filter((_, n) => n % 2 === 0)) // prettier-ignore
    const dead = linesOf(await readTopic(broker(), names.dead))
    assert.deepEqual(
      dead.filter((line) => !line.startsWith('bad one')),
      lines.filter((_, n) => n % 2 === 1),
    )
    assert.equal(dead.length, 4500)
  })
}

test('a line that a topic never takes stops the partition, and it is told why', { skip }, async (t) => {
  const names = topics()
  const serving = await serve(t, settingsText([filter(names)], connectionTo(broker(), lax)), options)
  await serving.logged('A partition is taken over.', ({ partition }) => partition === 0)
  await configure(names.processed, { 'max.message.bytes': '20000' })
  const producer = await (await clusterOf(t, broker())).producer()
  const value = Buffer.from(`{"n":"1"}\n{"n":"${'x'.repeat(30_000)}"}\n`)
  await producer.send({ topic: names.raw, partition: 0 }, [{ key: null, value }])
  const stop = await serving.logged('A partition is stopped, until somebody mends it.')
  assert.equal(stop['reason'], 'too_large')
  assert.match(await (await serving.ask('/readyz')).text(), /partition 0 is stopped \(too_large\): What offset 0/)
  const metric = 'weir_kafka_partition_stopped{pipeline="filter",partition="0",reason="too_large"}'
  assert.equal(await serving.metric(metric), '1')
  // Nothing is fetched of it any more, and still it is known how far behind it is.
  const figure = (name: string) => `weir_kafka_partition_${name}{pipeline="filter",partition="0"}`
  await serving.metricIs(figure('start_distance_records'), (distance) => distance === 0)
  assert.equal(await serving.metric(figure('lag_records')), '1')
  assert.equal(await serving.metric(figure('late')), '0')
  await serving.stop()
  assert.deepEqual((await readTopic(broker(), names.processed)).flat(), [])
})

/** What may be wrong with the topic that is read or those that are written; the words that name it, and where it stands. */
const wrongTopics: readonly (readonly [name: string, settings: Readonly<Record<string, string>>, words: RegExp])[] = [
  ['is compacted', { 'cleanup.policy': 'compact' }, /cleanup\.policy compact, and needs delete/],
  ['forgets too soon', { 'retention.ms': '3600000' }, /retention\.ms 3600000, and needs at least 259200000/],
  [
    'elects any leader',
    { 'unclean.leader.election.enable': 'true' },
    /unclean\.leader\.election\.enable true, and needs false/,
  ],
  [
    'has times of producers',
    { 'message.timestamp.type': 'CreateTime' },
    /message\.timestamp\.type CreateTime, and needs LogAppendTime/,
  ],
]

test(
  'topics that could lose records stop their partitions, each by name, until they are mended',
  { skip },
  async (t) => {
    const good = topicConfig(1, 72 * 3_600_000)
    const cluster = await clusterOf(t, broker())
    const all = wrongTopics.map(([name, settings, words], i) => ({
      name,
      settings,
      words,
      names: topics(),
      isSource: i % 2 === 0,
    }))
    for (const { names, settings, isSource } of all) {
      const made = [names.raw, names.processed, names.dead].map((name) => {
        const isWrong = name === (isSource ? names.raw : names.processed)
        const config = { ...good, 'retention.ms': '-1', ...(isWrong ? settings : {}) }
        return { name, partitions: 2, replicas: 1, config }
      })
      await cluster.admin.create(made)
    }
    const pipelines = all.map(({ names }, i) => filter(names).replace('  filter:', `  filter-${i}:`))
    const serving = await serve(t, settingsText(pipelines, connectionTo(broker())), options)
    for (const [i, { name, words }] of all.entries()) {
      const isIts = (event: Logged) => event['pipeline'] === `filter-${i}`
      const stop = await serving.logged('A partition is stopped, until somebody mends it.', isIts)
      assert.equal(stop['reason'], 'outputs', name)
      assert.match(String(stop['message']), words)
      const metric = `weir_kafka_partition_stopped{pipeline="filter-${i}",partition="${String(stop['partition'])}",reason="outputs"}`
      assert.equal(await serving.metric(metric), '1')
      assert.match(await (await serving.ask('/readyz')).text(), words)
    }
    assert.equal((await serving.stop()).code, 0)
  },
)

test('too few replicas, and too few that have to be in sync, stop the partitions', { skip }, async (t) => {
  const names = topics()
  const text = connectionTo(broker()).replace('replicas: 1', 'replicas: 3').replace('topics: create', 'topics: verify')
  const cluster = await clusterOf(t, broker())
  const config = topicConfig(1, 14 * 24 * 3_600_000)
  await cluster.admin.create(
    [names.raw, names.processed, names.dead].map((name) => ({ name, partitions: 2, replicas: 1, config })),
  )
  const serving = await serve(t, settingsText([filter(names)], text), options)
  const stop = await serving.logged('A partition is stopped, until somebody mends it.')
  assert.equal(stop['reason'], 'outputs')
  assert.match(
    String(stop['message']),
    /has replicas 1, and needs 3: .* has min\.insync\.replicas 1, and needs at least 2/,
  )
  await serving.stop()
})

test('a topic that is not there keeps the process out of the group, and it is told which', { skip }, async (t) => {
  const names = topics()
  const text = connectionTo(broker()).replace('topics: create', 'topics: verify')
  const serving = await serve(t, settingsText([filter(names)], text), options)
  const warned = await serving.logged('Topics are not as they should be.')
  assert.match(
    String(warned['problems']),
    /The topic raw-\d+ does not exist: make it with 2 partitions, or set topics: create/,
  )
  await serving.logged('The process is out of the group, until somebody mends it.')
  assert.match(
    await (await serving.ask('/readyz')).text(),
    /out of the group filter-\d+ \(no_topic\): .*UNKNOWN_TOPIC_OR_PARTITION/,
  )
  await serving.metricIs('weir_kafka_out_of_group{pipeline="filter",reason="no_topic"}', (value) => value === 1)
  await serving.stop()
})

/** What is written that is not read, and the words that name it. */
const unreadable: readonly (readonly [what: string, words: RegExp])[] = [
  ['zstd', /compressed with zstd, and only gzip is read/],
  ['lz4', /compressed with lz4/],
  ['snappy', /compressed with snappy/],
  ['20 MiB', /larger than 16 MiB when it is inflated/],
]

/** Writes to partition 0 what our client cannot: in another codec, or small only as long as it is compressed. */
async function writeUnreadable(topic: string, what: string): Promise<void> {
  if (what !== '20 MiB') return writeByConsole(broker(), topic, what, `${'x'.repeat(5_000)}\n`)
  const { Kafka, CompressionTypes, logLevel } = library().kafkajs
  const foreign = new Kafka({ brokers: [...broker().addresses], logLevel: logLevel.NOTHING }).producer()
  await foreign.connect()
  const messages = [{ key: null, value: Buffer.alloc(20 << 20, 'x'), headers: [] as never }]
  await foreign.send({ topic, compression: CompressionTypes.GZIP, messages })
  await foreign.disconnect()
}

test('what cannot be read stops its partition, with the codec or the size; others go on', { skip }, async (t) => {
  const cluster = await clusterOf(t, broker())
  const all = unreadable.map(([what, words]) => ({ what, words, names: topics() }))
  await Promise.all(
    all.map(async ({ what, names }) => {
      await makeTopic(cluster, names.raw, 1, { 'max.message.bytes': '4194304' })
      await writeUnreadable(names.raw, what)
    }),
  )
  const pipelines = all.map(({ names }, i) => filter(names).replace('  filter:', `  filter-${i}:`))
  const serving = await serve(t, settingsText(pipelines, connectionTo(broker(), lax)), options)
  const producer = await cluster.producer()
  for (const [i, { words, names }] of all.entries()) {
    const isIts = (event: Logged) => event['pipeline'] === `filter-${i}`
    const stop = await serving.logged('A partition is stopped, until somebody mends it.', isIts)
    assert.deepEqual([stop['reason'], stop['partition']], ['unreadable', 0])
    assert.match(String(stop['message']), words)
    assert.match(String(stop['cure']), /weir offsets/)
    await serving.logged('A partition is taken over.', (event) => isIts(event) && event['partition'] === 1)
    await producer.send({ topic: names.raw, partition: 1 }, [record('{"n":"1"}')])
    const figure = (name: string, labels: string) => `weir_kafka_partition_${name}{pipeline="filter-${i}",${labels}}`
    await serving.metricIs(figure('position', 'partition="1"'), (offset) => offset === 1)
    assert.equal(await serving.metric(figure('stopped', 'partition="0",reason="unreadable"')), '1')
    assert.match(await (await serving.ask('/readyz')).text(), words)
  }
  await serving.stop()
})

test('a group that another kind of consumer uses is told by name, and nothing is read', { skip }, async (t) => {
  const names = topics()
  const cluster = await clusterOf(t, broker())
  await cluster.admin.create([names.raw, names.processed, names.dead].map((name) => ({ name, partitions: 2, replicas: 1, config: {} }))) // prettier-ignore
  const { Kafka, logLevel, AssignerProtocol } = library().kafkajs
  const foreign = new Kafka({ brokers: [...broker().addresses], logLevel: logLevel.NOTHING }).consumer({
    groupId: names.group,
    partitionAssigners: [
      () => ({
        name: 'of-somebody-else',
        version: 1,
        assign: ({ members }) =>
          Promise.resolve(
            members.map(({ memberId }) => {
              const memberAssignment = AssignerProtocol.MemberAssignment.encode({
                version: 1,
                assignment: {},
                userData: Buffer.alloc(0),
              })
              return { memberId, memberAssignment }
            }),
          ),
        protocol: ({ topics: of }) => {
          const metadata = AssignerProtocol.MemberMetadata.encode({ version: 1, topics: of, userData: Buffer.alloc(0) })
          return { name: 'of-somebody-else', metadata }
        },
      }),
    ],
  })
  t.after(() => foreign.disconnect())
  const isIn = new Promise<void>((resolve) => foreign.on(foreign.events.GROUP_JOIN, () => resolve()))
  await foreign.connect()
  await foreign.subscribe({ topics: [names.raw] })
  await foreign.run({ eachMessage: () => Promise.resolve() })
  await isIn
  const serving = await serve(t, settingsText([filter(names)], connectionTo(broker(), lax)), options)
  const lost = await serving.logged('The process is out of the group, until somebody mends it.')
  assert.equal(lost['reason'], 'foreign_group')
  assert.match(String(lost['cure']), /a group of its own/)
  await serving.metricIs('weir_kafka_out_of_group{pipeline="filter",reason="foreign_group"}', (value) => value === 1)
  assert.match(await (await serving.ask('/readyz')).text(), /\(foreign_group\): .*INCONSISTENT_GROUP_PROTOCOL/)
  await foreign.disconnect()
  await serving.logged('A partition is taken over.')
  await serving.stop()
})
