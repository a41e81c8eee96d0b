// A client for tests of the servers themselves: kafkajs, with more patience. Called by tests of this folder.

import kafkajs from 'kafkajs'
import type { Kafka, KafkaConfig } from 'kafkajs'

/** On a loaded machine Java takes seconds for its first handshake; the library's default is one. */
const limits = { connectionTimeout: 30_000, authenticationTimeout: 30_000 }
const retry = { initialRetryTime: 5, maxRetryTime: 500 }

/** Tries again for half a minute, where nobody waits for what fails: the library's number of times is over in a moment. */
export const patience = { ...retry, retries: 60 }

/** Returns a client of these brokers that tries again soon and says nothing. */
export function clientOf(brokers: readonly string[], options: Partial<KafkaConfig> = {}): Kafka {
  const { NOTHING } = kafkajs.logLevel
  return new kafkajs.Kafka({ brokers: [...brokers], ...limits, retry, logLevel: NOTHING, ...options })
}

/** Makes a topic, and resolves when each of its partitions has a leader. */
export async function createTopic(
  kafka: Kafka,
  topic: string,
  numPartitions = 1,
  config: Readonly<Record<string, string>> = {},
): Promise<void> {
  const admin = kafka.admin()
  await admin.connect()
  const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }))
  await admin.createTopics({ topics: [{ topic, numPartitions, configEntries }] })
  for (let leaders = 0; leaders < numPartitions;) {
    // The broker that answers may not have heard of the topic yet.
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] }).catch(() => ({ topics: [] }))
    leaders = topics[0]?.partitions.filter(({ leader }) => leader >= 0).length ?? 0
  }
  await admin.disconnect()
}

/** Writes one value to partition 0 of a topic. */
export async function writeValue(kafka: Kafka, topic: string, value: string): Promise<void> {
  const producer = kafka.producer()
  await producer.connect()
  await producer.send({ topic, acks: -1, messages: [{ partition: 0, value }] })
  await producer.disconnect()
}
