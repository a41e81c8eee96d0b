// The client by which the harness makes topics, writes, asks how far a group is, and reads what is committed: kafkajs as it
// comes. No other file of the harness imports it. Called by the files beside it, ../archive and ../soak.

import kafkajs from 'kafkajs'
import type { Admin, Consumer, Kafka } from 'kafkajs'
import { pause } from '../service/processes.ts'

/** What a topic must be for Weir to write it without a warning; the same for every contender. */
const topicConfig = {
  'cleanup.policy': 'delete',
  'max.message.bytes': String(4 << 20),
  'message.timestamp.type': 'LogAppendTime',
  'retention.ms': '-1',
}

/** Between two tries of what a broker refuses for a while. */
const lookMs = 20
const mostRefusedMs = 60_000

/** A value with its place. */
export interface ReadValue {
  readonly partition: number
  /** Null where the record has no value. */
  readonly value: Buffer | null
}

/** Values for one partition. */
export interface Sent {
  readonly partition: number
  readonly values: readonly (Buffer | string)[]
  /** Of the values, in milliseconds since 1970; by default now. A topic takes it that was made to. */
  readonly timestampMs?: number
}

/** What writes to one topic. */
export interface Writer {
  /** Writes values with null keys, once each, acknowledged before it resolves; one send at a time to a partition. */
  send(parts: readonly Sent[]): Promise<void>
  close(): Promise<void>
}

/** A connection to a broker. */
export class Client {
  private readonly kafka: Kafka
  private readonly admin: Admin
  private groups = 0

  private constructor(bootstrap: string) {
    const retry = { initialRetryTime: 5, maxRetryTime: 500 }
    this.kafka = new kafkajs.Kafka({ brokers: [bootstrap], retry, logLevel: kafkajs.logLevel.NOTHING })
    this.admin = this.kafka.admin()
  }

  static async connect(bootstrap: string): Promise<Client> {
    const client = new Client(bootstrap)
    await client.admin.connect()
    return client
  }

  async close(): Promise<void> {
    await this.admin.disconnect()
  }

  /** Makes a topic, and resolves when each of its partitions has a leader. `config`: what is to be otherwise than usual. */
  async createTopic(
    topic: string,
    numPartitions: number,
    config: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    const configEntries = Object.entries({ ...topicConfig, ...config }).map(([name, value]) => ({ name, value }))
    // Waiting for leaders, kafkajs fails where the broker has not heard of the topic yet.
    await this.admin.createTopics({ waitForLeaders: false, topics: [{ topic, numPartitions, configEntries }] })
    for (;;) {
      const { topics } = await again(() => this.admin.fetchTopicMetadata({ topics: [topic] }))
      if (topics[0]?.partitions.filter(({ leader }) => leader >= 0).length === numPartitions) break
      await pause(lookMs)
    }
    // A broker that is said to lead a partition may not know of it yet.
    await this.endsOf(topic)
  }

  /** Has a topic give records the broker's time from now on; those that it has keep theirs. */
  async stampTopic(name: string): Promise<void> {
    const configEntries = Object.entries(topicConfig).map(([key, value]) => ({ name: key, value }))
    const topic = kafkajs.ConfigResourceTypes.TOPIC
    await this.admin.alterConfigs({ validateOnly: false, resources: [{ type: topic, name, configEntries }] })
  }

  async deleteTopics(topics: readonly string[]): Promise<void> {
    await this.admin.deleteTopics({ topics: [...topics] })
  }

  /** Returns what writes to a topic. One for each: kafkajs' producers do not bear that a topic of theirs is deleted. */
  async openWriter(topic: string): Promise<Writer> {
    // What fails in one partition, kafkajs sends again in all.
    const producer = this.kafka.producer({
      idempotent: true,
      createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
    })
    await producer.connect()
    return {
      send: async (parts) => {
        const messages = parts.flatMap(({ partition, values, timestampMs }) => {
          const time = timestampMs === undefined ? {} : { timestamp: String(timestampMs) }
          return values.map((value) => ({ partition, key: null, value, ...time }))
        })
        await producer.send({ topic, acks: -1, messages })
      },
      close: () => producer.disconnect(),
    }
  }

  /** Returns one more than the last offset of each partition. Where a transaction is open, it counts as well. */
  async endsOf(topic: string): Promise<number[]> {
    const ends: number[] = []
    for (const { partition, high } of await again(() => this.admin.fetchTopicOffsets(topic)))
      ends[partition] = Number(high)
    return ends
  }

  /** Returns the offset that a group has committed in each partition of a topic; 0 where there is none. */
  async committedBy(group: string, topic: string, partitions: number): Promise<number[]> {
    const committed = new Array<number>(partitions).fill(0)
    const [found] = await again(() => this.admin.fetchOffsets({ groupId: group, topics: [topic] }))
    for (const { partition, offset } of found?.partitions ?? []) committed[partition] = Math.max(0, Number(offset))
    return committed
  }

  /** Returns how many partitions each member of a group has; nothing while the group is being divided. */
  async membersOf(group: string): Promise<number[]> {
    const { groups } = await again(() => this.admin.describeGroups([group]))
    if (groups[0]?.state !== 'Stable') return []
    return groups[0].members.map(({ memberAssignment }) => {
      const { assignment = {} } = kafkajs.AssignerProtocol.MemberAssignment.decode(memberAssignment) ?? {}
      return Object.values(assignment).reduce((sum, partitions) => sum + partitions.length, 0)
    })
  }

  /** Reads the committed records of a topic from first to last, those of a partition in their order. */
  async readAll(topic: string, take: (value: ReadValue) => void): Promise<void> {
    const ends = await this.endsOf(topic)
    const left = new Set(ends.flatMap((end, partition) => (end > 0 ? [partition] : [])))
    if (left.size === 0) return
    const consumer = this.consumer()
    let hasBegun = false
    const done = new Promise<void>((resolve, reject) => {
      // Markers of transactions take offsets too, and no record says so: the end of a batch does.
      consumer.on('consumer.end_batch_process', ({ payload: { partition, lastOffset } }) => {
        if (Number(lastOffset) + 1 >= ends[partition]!) left.delete(partition)
        if (left.size === 0) resolve()
      })
      // Until a broker has loaded its groups, it lets nobody in, and kafkajs tries again; from the first record, as ever.
      consumer.on('consumer.crash', ({ payload: { error, restart } }) => {
        if (!restart || hasBegun) reject(error)
      })
    })
    try {
      await this.follow(consumer, topic, (value) => {
        hasBegun = true
        take(value)
      })
      await done
    } finally {
      await consumer.disconnect()
    }
  }

  /** Reads what is committed to a topic, from its first record on, as it comes. Returns what ends that. */
  async readNew(topic: string, take: (value: ReadValue) => void): Promise<() => Promise<void>> {
    const consumer = this.consumer()
    await this.follow(consumer, topic, take)
    return () => consumer.disconnect()
  }

  private consumer(): Consumer {
    // A value that is there is to be had at once, however small it is.
    return this.kafka.consumer({
      groupId: `harness-${process.pid}-${++this.groups}`,
      maxWaitTimeInMs: 100,
      minBytes: 1,
      maxBytesPerPartition: 8 << 20,
    })
  }

  private async follow(consumer: Consumer, topic: string, take: (value: ReadValue) => void): Promise<void> {
    await consumer.connect()
    await consumer.subscribe({ topic, fromBeginning: true })
    await consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch }) => {
        const { partition } = batch
        for (const { value } of batch.messages) take({ partition, value })
      },
    })
  }
}

/**
 * Repeats what a broker refuses for a while, as it does until it has loaded its groups, or leads a new partition. *Errors*:
 * others, and these when a minute has not helped.
 */
async function again<T>(ask: () => Promise<T>): Promise<T> {
  for (const startedMs = performance.now(); ; await pause(lookMs)) {
    try {
      return await ask()
    } catch (error) {
      const isForNow = error instanceof kafkajs.KafkaJSError && error.retriable
      if (!isForNow || performance.now() - startedMs > mostRefusedMs) throw error
    }
  }
}
