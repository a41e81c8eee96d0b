// The topics of a pipeline of `weir serve` while it runs, on a cluster in memory.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'

import { PipelineKafka } from '#src/commands/serve-kafka.js'
import type { KafkaSource } from '#src/sources/kafka.js'
import type { KafkaPartition } from '#src/sources/kafka-partition.js'
import { filterCluster, group, until } from '../sources/kafka-filter.js'

const silent = () => undefined
const log = { debug: silent, info: silent, warn: silent, error: silent }
const metrics = { kafkaTook: silent, discardedProducer: silent, wrongBatch: silent }

const source = { topic: 'raw', group, format: 'ndjson' } as const
const filter = { source: { kafka: source }, routes: { keep: { kafka: { topic: 'processed' } } } }

/** A source of a pipeline, by default from `raw` to `processed`, whose partitions are read by somebody who delivers nothing. */
function openSource(
  t: TestContext,
  cluster: unknown,
  topics: 'create' | 'verify',
  { pipeline = filter, strict = true }: { readonly pipeline?: object; readonly strict?: boolean } = {},
): KafkaSource {
  const settings = { topics, partitions: 2, replicas: 1, strict }
  const given = [cluster, settings, pipeline, log, metrics] as unknown as ConstructorParameters<typeof PipelineKafka>
  const opened = new PipelineKafka(...given).openSource(source)
  const read = async (partition: KafkaPartition) => {
    for await (const value of partition.values()) assert.fail(`nothing was written, and ${value.kind} came`)
  }
  opened.join((partition) => void read(partition))
  t.after(() => opened.close())
  return opened
}

for (const [topics, condition, count] of [
  ['create', 'running', 3],
  ['verify', 'stopped', 2],
] as const) {
  test(`a source that grows has its outputs grow, or its new partition stopped alone: topics: ${topics}`, async (t) => {
    const kafka = filterCluster()
    const cluster = kafka.cluster('a')
    const source = openSource(t, cluster, topics)
    const conditions = () => [...source.partitions.values()].map((partition) => partition.condition)
    await until(kafka, () => conditions().join() === 'running,running', conditions)
    await cluster.admin.grow('raw', 3)
    kafka.rebalance(group)
    await until(kafka, () => conditions().join() === ['running', 'running', condition].join(), conditions)
    const [processed] = await cluster.admin.describe(['processed'])
    assert.equal(processed?.leaders.length, count)
  })
}

test('a topic that is compacted is not archived, whatever else is allowed', async (t) => {
  for (const [policy, condition] of [
    ['compact,delete', 'stopped'],
    ['delete', 'running'],
  ] as const) {
    const kafka = filterCluster()
    kafka.topicConfig = { 'cleanup.policy': policy, 'message.timestamp.type': 'CreateTime' }
    const pipeline = { source: { kafka: source }, routes: { keep: { s3: {} } } }
    const opened = openSource(t, kafka.cluster('a'), 'verify', { pipeline, strict: false })
    const conditions = () => [...new Set([...opened.partitions.values()].map((partition) => partition.condition))]
    await until(kafka, () => conditions().join() === condition, conditions)
    assert.equal(opened.whyFull?.includes('cleanup.policy') ?? false, condition === 'stopped')
  }
})
