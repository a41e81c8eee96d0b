// Clusters, topics and producers for tests of the Kafka client. Called by them.

import type { TestContext } from 'node:test'

import { openCluster } from '#src/kafka/cluster.js'
import type { KafkaOptions } from '#src/kafka/options.js'
import type { CommittedOffset, KafkaCluster, OutgoingRecord, Target, TransactionalProducer } from '#src/kafka/port.js'

/** Opens a cluster that is closed when the test is over. */
export async function open(t: TestContext, options: KafkaOptions): Promise<KafkaCluster> {
  const cluster = await openCluster(options)
  t.after(() => cluster.close())
  return cluster
}

/** Makes a topic with one replica. */
export async function makeTopic(
  cluster: KafkaCluster,
  name: string,
  partitions = 1,
  config: Readonly<Record<string, string>> = {},
): Promise<void> {
  await cluster.admin.create([{ name, partitions, replicas: 1, config }])
  for (;;) {
    const [found] = await cluster.admin.describe([name])
    if (found !== undefined && !found.leaders.includes(undefined)) return
  }
}

/** Writes values to a partition, and returns the offset of the first. */
export async function write(
  cluster: KafkaCluster,
  topic: string,
  values: readonly string[],
  partition = 0,
): Promise<bigint> {
  const producer = await cluster.producer()
  const offset = await producer.send({ topic, partition }, values.map(record))
  producer.discard()
  return offset
}

/** Returns a producer that owns the id. */
export async function owner(cluster: KafkaCluster, id: string): Promise<TransactionalProducer> {
  const producer = await cluster.transactional(id)
  await producer.initialise()
  return producer
}

/** Resolves when the last transaction of the id is over for readers, too: its commit is answered before that. */
export async function settled(cluster: KafkaCluster, id: string): Promise<void> {
  const next = await owner(cluster, id)
  next.discard()
}

/** Returns the offset that is final: right after a commit, also an answered one, it may be read as it was before. */
export async function settledOffset(
  cluster: KafkaCluster,
  id: string,
  group: string,
  of: Target,
): Promise<CommittedOffset | undefined> {
  await settled(cluster, id)
  return cluster.admin.committed(group, of)
}

/** A process that stands still for a moment when its time is up hears of nothing but that: so often it is asked again. */
const mostAttempts = 20

/** Asks until the answer is another than that there was none in time. *Errors*: those of the call. */
export async function answered<T>(call: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await call()
    } catch (error) {
      if ((error as { code?: string }).code !== 'ERR_KAFKA_TIMEOUT' || attempt === mostAttempts) throw error
    }
  }
}

/** Returns a record without a key. */
export function record(value: string): OutgoingRecord {
  return { key: null, value: Buffer.from(value) }
}

/** The values of records, as text. */
export function valuesOf(records: readonly { readonly value: Uint8Array | null }[]): (string | null)[] {
  return records.map(({ value }) => (value === null ? null : Buffer.from(value).toString()))
}
