// `weir serve` between topics that do not take, or do not hold, what it expects: on a real broker, whose log, probe and metric
// are looked at. What topics hold is read by Kafka's own client.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { library } from '#src/kafka/library.js'

import { useBroker } from '../servers/kafka/broker.js'
import { skipWithoutKafka } from '../servers/kafka/install.js'
import { readTopic } from '../servers/kafka/reading.js'
import { clusterOf, connectionTo, filter, linesOf, options, topics } from './kafka-pipelines.js'
import { serve, settingsText } from './serving.js'

const skip = await skipWithoutKafka()
const broker = useBroker(skip)

const lax = ', strict: false'

/** Changes settings of a topic; those that are not named go back to their defaults. */
async function configure(topic: string, settings: Readonly<Record<string, string>>): Promise<void> {
  const { Kafka, ConfigResourceTypes, logLevel } = library().kafkajs
  const admin = new Kafka({ brokers: [...broker().addresses], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  const configEntries = Object.entries(settings).map(([name, value]) => ({ name, value }))
  await admin.alterConfigs({
    validateOnly: false,
    resources: [{ type: ConfigResourceTypes.TOPIC, name: topic, configEntries }],
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
