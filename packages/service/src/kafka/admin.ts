// What is asked of a cluster besides records, on the library's inner calls: its public ones take seconds to set an offset,
// ask for all partitions where one is meant, and tell the end of a log only as readers of committed records see it. Called
// by cluster.ts.

import { setTimeout as pause } from 'node:timers/promises'

import { KafkaError } from '../errors.ts'
import { Client } from './client.ts'
import type { ClientSettings } from './client.ts'
import type { ClusterAdmin, CommittedOffset, LogOffsets, OffsetRange, Target, TopicFound, TopicWanted } from './port.ts'
import { isType, kafkaError } from './refusals.ts'
import { topicIdDefinition } from './topic-id.ts'
import type { TopicIdAnswer } from './topic-id.ts'

/** The library's inner face, as far as it is used. */
export interface LibraryCluster {
  connect(): Promise<void>
  disconnect(): Promise<void>
  isConnected(): boolean
  refreshMetadata(): Promise<void>
  addTargetTopic(topic: string): Promise<void>
  findControllerBroker(): Promise<LibraryBroker>
  findGroupCoordinator(of: { groupId: string }): Promise<LibraryBroker>
  readonly brokerPool: { findConnectedBroker(): Promise<LibraryBroker> }
  findLeaderForPartitions(topic: string, partitions: readonly number[]): Readonly<Record<string, readonly number[]>>
  findBroker(of: { nodeId: string }): Promise<LibraryBroker>
}

interface LibraryBroker {
  lookupRequest(key: number, definitions: unknown): (given: object) => LibraryCall | undefined
  readonly connectionPool: { send(call: LibraryCall): Promise<unknown> }
  createTopics(given: object): Promise<unknown>
  createPartitions(given: object): Promise<unknown>
  describeConfigs(given: object): Promise<{ resources: readonly ConfigResource[] }>
  offsetFetch(given: object): Promise<{ responses: readonly { partitions: readonly FetchedOffset[] }[] }>
  listOffsets(given: object): Promise<{ responses: readonly { partitions: readonly ListedOffset[] }[] }>
  offsetCommit(given: object): Promise<unknown>
}

interface LibraryCall {
  readonly request: unknown
  readonly response: Response
}

interface Response {
  decode(payload: unknown): Promise<unknown>
  parse(decoded: unknown): Promise<unknown>
}

interface ConfigResource {
  readonly resourceName: string
  readonly configEntries: readonly { readonly configName: string; readonly configValue: string | null }[]
}

interface ListedOffset {
  readonly partition: number
  /** -1: none. */
  readonly offset: string
}

interface FetchedOffset {
  readonly partition: number
  readonly offset: string
  readonly metadata: string | null
}

interface Metadata {
  readonly clusterId: string | null
  readonly topicMetadata: readonly {
    readonly topic: string
    readonly topicErrorCode: number
    readonly partitionMetadata: readonly { partitionId: number; leader: number; replicas: readonly number[] }[]
  }[]
}

/** Numbers of the protocol. */
const [metadataKey, unknownTopic, topicResource, readUncommitted, readCommitted] = [3, 3, 2, 0, 1]
/** Moments that stand for the ends of a log. */
const [latest, earliest] = [-1, -2]

/** Waits between two attempts: at first, and at most. */
const [firstWaitMs, mostWaitMs] = [20, 500]

/** Asks one cluster. */
export class Admin implements ClusterAdmin {
  readonly #settings: ClientSettings
  #client: Client | undefined
  #cluster: LibraryCluster | undefined
  #isClosed = false

  constructor(settings: ClientSettings) {
    this.#settings = settings
  }

  readonly clusterId = (): Promise<string> => {
    return this.#ask('Asking for the id of the cluster', async (cluster) => {
      const { clusterId } = await this.#metadata(cluster, [])
      if (clusterId === null) throw new KafkaError('ERR_KAFKA_REQUEST', 'The cluster tells no id.')
      return clusterId
    })
  }

  async topicId(topic: string): Promise<string | undefined> {
    return this.#ask(`Asking for the id of ${topic}`, async (cluster) => {
      const broker = await cluster.brokerPool.findConnectedBroker()
      const call = broker.lookupRequest(metadataKey, topicIdDefinition)({ topic })
      if (call === undefined) return undefined
      const { errorCode, id } = (await broker.connectionPool.send(call)) as TopicIdAnswer
      if (errorCode === 0) return id
      const part = this.#client!.library.part('protocol/error.js') as { createErrorFromCode(code: number): Error }
      throw part.createErrorFromCode(errorCode)
    })
  }

  async describe(topics: readonly string[]): Promise<readonly (TopicFound | undefined)[]> {
    if (topics.length === 0) return []
    return this.#ask(`Describing ${topics.join(', ')}`, async (cluster) => {
      const { topicMetadata } = await this.#metadata(cluster, topics)
      const found = new Map(topicMetadata.map((topic) => [topic.topic, topic]))
      const there = topics.filter((topic) => found.get(topic)?.topicErrorCode !== unknownTopic)
      const configs = await this.#configs(cluster, there)
      return topics.map((name) => {
        const topic = found.get(name)
        if (topic === undefined || topic.topicErrorCode === unknownTopic) return undefined
        const partitions = topic.partitionMetadata.toSorted((a, b) => a.partitionId - b.partitionId)
        const leaders = partitions.map(({ leader }) => (leader < 0 ? undefined : leader))
        const replicas = Math.min(...partitions.map((partition) => partition.replicas.length))
        return { name, leaders, replicas: partitions.length === 0 ? 0 : replicas, config: configs.get(name) ?? {} }
      })
    })
  }

  async create(topics: readonly TopicWanted[]): Promise<void> {
    await this.#ask(`Making ${topics.map(({ name }) => name).join(', ')}`, async (cluster) => {
      await cluster.refreshMetadata()
      const controller = await cluster.findControllerBroker()
      for (const { name, partitions, replicas, config } of topics) {
        const configEntries = Object.entries(config).map(([key, value]) => ({ name: key, value }))
        const topic = { topic: name, numPartitions: partitions, replicationFactor: replicas, configEntries }
        try {
          await controller.createTopics({ topics: [topic], timeout: this.#settings.requestMs })
        } catch (error) {
          // Another process makes it too, or the answer to the attempt before was lost.
          if (!isType(error, 'TOPIC_ALREADY_EXISTS')) throw error
        }
      }
    })
  }

  async grow(topic: string, partitions: number): Promise<void> {
    await this.#ask(`Giving ${topic} ${partitions} partitions`, async (cluster) => {
      await cluster.refreshMetadata()
      const controller = await cluster.findControllerBroker()
      const topicPartitions = [{ topic, count: partitions }]
      try {
        await controller.createPartitions({ topicPartitions, timeout: this.#settings.requestMs })
      } catch (error) {
        // As many as that, or more, may be there by now.
        const [found] = isType(error, 'INVALID_PARTITIONS') ? await this.describe([topic]) : []
        if ((found?.leaders.length ?? 0) < partitions) throw error
      }
    })
  }

  async committed(group: string, of: Target): Promise<CommittedOffset | undefined> {
    return (await this.allCommitted(group, of.topic, [of.partition])).get(of.partition)
  }

  async allCommitted(
    group: string,
    topic: string,
    partitions: readonly number[],
  ): Promise<ReadonlyMap<number, CommittedOffset>> {
    const where = partitions.length === 1 ? `${topic}/${partitions[0]}` : topic
    return this.#ask(`Asking for the offset of ${group} in ${where}`, async (cluster) => {
      const coordinator = await cluster.findGroupCoordinator({ groupId: group })
      const topics = [{ topic, partitions: partitions.map((partition) => ({ partition })) }]
      const { responses } = await coordinator.offsetFetch({ groupId: group, topics })
      const found = responses[0]?.partitions ?? []
      if (found.length !== partitions.length) throw new KafkaError('ERR_KAFKA_ANSWER', 'The coordinator tells no offset.') // prettier-ignore
      const known = found.filter(({ offset }) => offset !== '-1')
      return new Map(known.map(({ partition, offset, metadata }) => [partition, { offset: BigInt(offset), metadata: metadata ?? '' }])) // prettier-ignore
    })
  }

  async setCommitted(group: string, of: Target, offset: bigint, metadata: string): Promise<void> {
    const doing = `Setting the offset of ${group} in ${of.topic}/${of.partition}`
    await this.#ask(doing, async (cluster) => {
      const coordinator = await cluster.findGroupCoordinator({ groupId: group })
      const partitions = [{ partition: of.partition, offset: String(offset), metadata }]
      const topics = [{ topic: of.topic, partitions }]
      try {
        // As nobody's member: that is taken only while the group has none.
        await coordinator.offsetCommit({ groupId: group, groupGenerationId: -1, memberId: '', topics })
      } catch (error) {
        if (!isType(error, 'UNKNOWN_MEMBER_ID') && !isType(error, 'ILLEGAL_GENERATION')) throw error
        const message = `${doing} failed: the group has members. Stop whoever uses it.`
        throw new KafkaError('ERR_KAFKA_GROUP', message, { details: { group }, cause: error })
      }
    })
  }

  async range({ topic, partition }: Target): Promise<OffsetRange> {
    return this.#ask(`Asking for the offsets of ${topic}/${partition}`, async (cluster) => {
      const ask = async (timestamp: number) => {
        const found = (await listOffsets(cluster, topic, [partition], timestamp)).get(partition)
        if (found !== undefined) return found
        throw new KafkaError('ERR_KAFKA_TOPIC', `There is no partition ${topic}/${partition}.`)
      }
      // The start first: what is deleted in between is seen as an end that is behind it, never the other way round.
      const first = await ask(earliest)
      return { first, end: await ask(latest) }
    })
  }

  async logs(topic: string, partitions: readonly number[]): Promise<ReadonlyMap<number, LogOffsets>> {
    return this.#ask(`Asking for the offsets of ${topic}`, async (cluster) => {
      const firsts = await listOffsets(cluster, topic, partitions, earliest)
      const stables = await listOffsets(cluster, topic, partitions, latest, readCommitted)
      const ends = await listOffsets(cluster, topic, partitions, latest)
      return new Map(
        partitions.flatMap((partition) => {
          const [first, stable, end] = [firsts.get(partition), stables.get(partition), ends.get(partition)]
          const isKnown = first !== undefined && stable !== undefined && end !== undefined
          return isKnown ? [[partition, { first, stable, end }] as const] : []
        }),
      )
    })
  }

  async since(topic: string, partitions: readonly number[], ms: number): Promise<ReadonlyMap<number, bigint>> {
    return this.#ask(`Asking for offsets of ${topic} by time`, async (cluster) => {
      return listOffsets(cluster, topic, partitions, ms)
    })
  }

  /** As all questions are asked: for reader.ts. *Errors*: `KafkaError`. */
  ask<T>(doing: string, call: (cluster: LibraryCluster) => Promise<T>): Promise<T> {
    return this.#ask(doing, call)
  }

  /** Ends the connections for good: what is being asked fails. Never throws. */
  close(): void {
    this.#isClosed = true
    this.#drop()
  }

  /** Asks until it is answered, on connections anew where they may be what fails. *Errors*: `KafkaError`. */
  async #ask<T>(doing: string, call: (cluster: LibraryCluster) => Promise<T>): Promise<T> {
    const until = performance.now() + this.#settings.requestMs
    for (let waitMs = firstWaitMs; ; waitMs = Math.min(waitMs * 2, mostWaitMs)) {
      if (this.#isClosed) throw new KafkaError('ERR_KAFKA_DISCARDED', `${doing} failed: the cluster was closed.`)
      // By itself the library goes once from broker to broker; everything else is tried again here.
      const client = (this.#client ??= new Client(this.#settings, this.#settings.brokers.length - 1))
      try {
        const cluster = (this.#cluster ??= client.openCluster(readUncommitted))
        const ask = async () => {
          if (!cluster.isConnected()) {
            await cluster.connect()
            await cluster.refreshMetadata()
          }
          return call(cluster)
        }
        return await this.#inTime(doing, ask(), until)
      } catch (error) {
        const failure = kafkaError(error, doing)
        if (this.#isClosed) continue
        if (!failure.retryable || performance.now() + waitMs > until) throw failure
        // Leaders and coordinators are looked up anew; connections that hang are left.
        if (failure.code === 'ERR_KAFKA_TIMEOUT' || failure.code === 'ERR_KAFKA_CONNECT') this.#renew(client)
        else await this.#cluster?.refreshMetadata().catch(() => undefined)
      }
      await pause(waitMs)
    }
  }

  async #inTime<T>(doing: string, answer: Promise<T>, until: number): Promise<T> {
    const enough = new AbortController()
    const leftMs = Math.max(1, until - performance.now())
    const tooLate = pause(leftMs, undefined, { signal: enough.signal }).then(() => {
      throw new KafkaError('ERR_KAFKA_TIMEOUT', `${doing} failed: no answer in time${this.#client?.lastSaid ?? ''}.`, {
        retryable: true,
      })
    })
    try {
      return await Promise.race([answer, tooLate])
    } finally {
      enough.abort()
    }
  }

  #renew(client: Client): void {
    if (this.#client === client) this.#drop()
  }

  #drop(): void {
    this.#client?.discard()
    this.#client = undefined
    this.#cluster = undefined
  }

  /** Asks for metadata without the library's judgement, which throws at the first topic that is missing or without leader. */
  async #metadata(cluster: LibraryCluster, topics: readonly string[]): Promise<Metadata> {
    const broker = await cluster.brokerPool.findConnectedBroker()
    const { requests } = this.#client!.library.part('protocol/requests/index.js') as { requests: { Metadata: unknown } }
    const ask = broker.lookupRequest(metadataKey, requests.Metadata)
    const { request, response } = ask({ topics, allowAutoTopicCreation: false })!
    const parse = (decoded: unknown) => Promise.resolve(decoded)
    return (await broker.connectionPool.send({ request, response: { ...response, parse } })) as Metadata
  }

  async #configs(cluster: LibraryCluster, topics: readonly string[]): Promise<Map<string, Record<string, string>>> {
    if (topics.length === 0) return new Map()
    const broker = await cluster.brokerPool.findConnectedBroker()
    const asked = topics.map((name) => ({ type: topicResource, name, configNames: [] }))
    const { resources } = await broker.describeConfigs({ resources: asked })
    return new Map(
      resources.map(({ resourceName, configEntries }) => [
        resourceName,
        Object.fromEntries(configEntries.map(({ configName, configValue }) => [configName, configValue ?? ''])),
      ]),
    )
  }
}

/**
 * Returns the partitions that each broker leads, those that there are. What the library knows of a topic it never looks up again
 * by itself here: a partition that it does not know may have been added since.
 */
export async function leadersOf(
  cluster: LibraryCluster,
  topic: string,
  partitions: readonly number[],
): Promise<readonly (readonly [nodeId: string, partitions: readonly number[]])[]> {
  await cluster.addTargetTopic(topic)
  const known = Object.entries(cluster.findLeaderForPartitions(topic, partitions))
  if (known.flatMap(([, led]) => led).length === partitions.length) return known
  await cluster.refreshMetadata()
  return Object.entries(cluster.findLeaderForPartitions(topic, partitions))
}

/** Asks the leaders. Returns the offsets that there are, by partition. */
async function listOffsets(
  cluster: LibraryCluster,
  topic: string,
  partitions: readonly number[],
  timestamp: number,
  isolationLevel = readUncommitted,
): Promise<Map<number, bigint>> {
  const leaders = await leadersOf(cluster, topic, partitions)
  const answers = await Promise.all(
    leaders.map(async ([nodeId, led]) => {
      const broker = await cluster.findBroker({ nodeId })
      const topics = [{ topic, partitions: led.map((partition) => ({ partition, timestamp })) }]
      const { responses } = await broker.listOffsets({ isolationLevel, topics })
      return responses[0]?.partitions ?? []
    }),
  )
  const found = answers.flat().map(({ partition, offset }) => [partition, BigInt(offset)] as const)
  return new Map(found.filter(([, offset]) => offset >= 0n))
}
