// A member of a consumer group on the client library: what is assigned is paused before anything is fetched, offsets are
// never committed, and whatever ends the library's consumer is followed by a new one. Called by cluster.ts.

import { setTimeout as pause } from 'node:timers/promises'

import type { Batch, Consumer, ConsumerCrashEvent, ConsumerGroupJoinEvent, EachBatchPayload } from 'kafkajs'
import { KafkaError } from '../errors.ts'
import type { KafkaErrorCode } from '../errors.ts'
import { topicAssigner } from './assigner.ts'
import { Client } from './client.ts'
import type { ClientSettings } from './client.ts'
import { outOfRange, vanished } from './mends.ts'
import type { BatchTurn, FetchedBatch, GroupListener, GroupMember } from './port.ts'
import type { DecodedRecord } from './record-batches.ts'
import { kafkaError } from './refusals.ts'
import type { Lease } from './reused-memory.ts'

/** What members of one cluster share. */
export interface MemberSettings extends ClientSettings {
  readonly sessionMs: number
  readonly fetchBytes: number
}

/** A rebalance waits that long for members that still work on a batch. */
const rebalanceMs = 60_000

/** How long a fetch waits for the first byte, and a member without partitions to fetch until it looks again. */
const fetchWaitMs = 500

/** Bytes of all partitions of a broker together. A batch that is larger comes all the same. */
const mostFetchBytes = 16 << 20

/** Partitions that are worked on at the same time; others wait for their turn. */
const mostConcurrent = 64

/**
 * So long a batch may take before the other partitions of its broker go on without it. The library fetches from a broker
 * when all that it had from it before is done: one partition whose output is away would hold up all of them.
 */
const mostHeldMs = 1_000

/** Waits between two attempts to join: at first, and at most. */
const [firstWaitMs, mostWaitMs] = [250, 5_000]

/** How long leaving the group may take, when the process ends: without it the group waits for the session to be over. */
const mostLeaveMs = 5_000

/** What no waiting cures: who joins anew, and when, is for the listener to say. */
const final = new Set<KafkaErrorCode>(['ERR_KAFKA_GROUP', 'ERR_KAFKA_LIBRARY', 'ERR_KAFKA_AUTH', 'ERR_KAFKA_ACL'])

/** What the library's batches have besides what its types say: our mends put it there. */
interface MendedBatch extends Batch {
  readonly fetchedOffset: string
  readonly lastStableOffset: string
  readonly lease: Lease | undefined
}

/** Begins to join the group, and goes on until it is closed. */
export function joinGroup(
  settings: MemberSettings,
  group: string,
  topic: string,
  listener: GroupListener,
): GroupMember {
  const member = new Member(settings, group, topic, listener)
  member.start()
  return member
}

class Member implements GroupMember {
  readonly #settings: MemberSettings
  readonly #group: string
  readonly #topic: string
  readonly #listener: GroupListener
  readonly #closing = new AbortController()
  #client: Client | undefined
  #consumer: Consumer | undefined
  /** Resolves when the consumer has joined, or cannot. */
  #starting: Promise<void> | undefined
  #running: Promise<void> | undefined
  #waitMs = firstWaitMs
  /** For each partition, how often it was assigned, paused or sought: a batch from before is stale. */
  readonly #changes = new Map<number, number>()
  #assignments = 0
  /** Whether partitions were told that were not revoked, nor lost. */
  #isAssigned = false
  /** Errors of heartbeats, as we tell them, with the library's own. */
  readonly #unanswered = new WeakMap<object, unknown>()
  /** Partitions that the listener has paused, or not resumed since they were assigned. */
  #paused = new Set<number>()
  /** Partitions whose batch is still worked on, though the library takes it for ended. */
  readonly #held = new Set<number>()
  /** What the listener threw that it must not. */
  #thrown: unknown
  /** Ends the consumer that reads now. */
  #end: (error: unknown) => void = () => undefined

  constructor(settings: MemberSettings, group: string, topic: string, listener: GroupListener) {
    this.#settings = settings
    this.#group = group
    this.#topic = topic
    this.#listener = listener
  }

  start(): void {
    this.#running = this.#run()
  }

  pause(partitions: readonly number[]): void {
    this.#change(partitions)
    for (const partition of partitions) this.#paused.add(partition)
    this.#stopFetching(partitions)
  }

  resume(partitions: readonly number[]): void {
    for (const partition of partitions) this.#paused.delete(partition)
    this.#goOnFetching(partitions)
  }

  seek(partition: number, offset: bigint): void {
    this.#change([partition])
    this.#fetchFrom(partition, offset)
  }

  #stopFetching(partitions: readonly number[]): void {
    this.#tell((consumer) => consumer.pause([{ topic: this.#topic, partitions: [...partitions] }]))
  }

  /** Only those that nobody works on, and that the listener wants. */
  #goOnFetching(partitions: readonly number[]): void {
    const free = partitions.filter((partition) => !this.#held.has(partition) && !this.#paused.has(partition))
    if (free.length > 0) this.#tell((consumer) => consumer.resume([{ topic: this.#topic, partitions: free }]))
  }

  #fetchFrom(partition: number, offset: bigint): void {
    this.#tell((consumer) => consumer.seek({ topic: this.#topic, partition, offset: String(offset) }))
  }

  /** Tells the library, which refuses while it is no member; then all is paused, and sought anew, when it has joined. */
  #tell(call: (consumer: Consumer) => void): void {
    if (this.#consumer === undefined) return
    try {
      call(this.#consumer)
    } catch (error) {
      if (!(error instanceof this.#client!.library.kafkajs.KafkaJSNonRetriableError)) throw error
    }
  }

  async close(): Promise<void> {
    this.#closing.abort()
    // Leaving waits for joining, for batches that are worked on, and for brokers; not for ever.
    const enough = new AbortController()
    const mostMs = Math.min(this.#settings.requestMs, mostLeaveMs)
    const tooLong = pause(mostMs, undefined, { signal: enough.signal }).catch(() => undefined)
    await Promise.race([this.#leave().catch(() => undefined), tooLong])
    enough.abort()
    this.#client?.discard()
    await this.#running
  }

  /** The library leaves only what it has joined: a member that has not would be waited for by all others. */
  async #leave(): Promise<void> {
    await this.#starting
    await this.#consumer?.disconnect()
  }

  #change(partitions: readonly number[]): void {
    for (const partition of partitions) this.#changes.set(partition, (this.#changes.get(partition) ?? 0) + 1)
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing
    while (!signal.aborted) {
      const error = await this.#consume()
      this.#assignments++
      this.#isAssigned = false
      if (signal.aborted) return
      const isFinal = final.has(error.code) || this.#thrown !== undefined
      this.#listener.onLost((this.#thrown as Error | undefined) ?? error, isFinal)
      if (isFinal) return
      await pause(this.#waitMs, undefined, { signal }).catch(() => undefined)
      this.#waitMs = Math.min(this.#waitMs * 2, mostWaitMs)
    }
  }

  /** Reads as one member, and returns what ended it. */
  async #consume(): Promise<KafkaError> {
    const doing = `Reading ${this.#topic} as ${this.#group}`
    let resolve!: (error: unknown) => void
    const crash = new Promise((settle) => (resolve = settle))
    this.#end = resolve
    const onClose = () => resolve(new Error('it was closed'))
    this.#closing.signal.addEventListener('abort', onClose, { once: true })
    try {
      this.#client = new Client(this.#settings)
      const consumer = this.#open(this.#client)
      this.#consumer = consumer
      consumer.on(consumer.events.CRASH, ({ payload }: ConsumerCrashEvent) => resolve(payload.error))
      const starting = this.#start(consumer)
      this.#starting = starting.catch(() => undefined)
      await Promise.race([starting, crash])
      return kafkaError(await crash, doing)
    } catch (error) {
      return kafkaError(error, doing)
    } finally {
      this.#closing.signal.removeEventListener('abort', onClose)
      // When it is closed, it still has to leave the group.
      if (!this.#closing.signal.aborted) this.#client?.discard()
    }
  }

  async #start(consumer: Consumer): Promise<void> {
    await consumer.connect()
    await consumer.subscribe({ topics: [this.#topic], fromBeginning: true })
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: mostConcurrent,
      eachBatch: (payload) => this.#onBatch(payload),
    })
  }

  #open({ kafka, library }: Client): Consumer {
    const assigner = topicAssigner(library)
    const consumer = kafka.consumer({
      groupId: this.#group,
      readUncommitted: false,
      sessionTimeout: this.#settings.sessionMs,
      rebalanceTimeout: rebalanceMs,
      heartbeatInterval: Math.min(3_000, this.#settings.sessionMs / 3),
      maxWaitTimeInMs: fetchWaitMs,
      maxBytesPerPartition: this.#settings.fetchBytes,
      maxBytes: mostFetchBytes,
      allowAutoTopicCreation: false,
      // What ends the consumer is decided above, with an instance anew.
      retry: { restartOnFailure: () => Promise.resolve(false) },
      partitionAssigners: [
        (given) => {
          // The one place where the library shows the object by which it tells one consumer from another.
          outOfRange.set(given.cluster, (_, partition) => this.#onOutOfRange(partition))
          vanished.set(given.cluster, (error) => this.#end(error))
          return assigner(given)
        },
      ],
    })
    consumer.on(consumer.events.GROUP_JOIN, (event) => this.#onJoin(event))
    consumer.on(consumer.events.REBALANCING, () => this.#revoke())
    consumer.on(consumer.events.HEARTBEAT, () => {
      if (!this.#closing.signal.aborted) this.#listener.onHeartbeat()
    })
    return consumer
  }

  /** Runs before the library fetches anything. */
  #onJoin({ payload }: ConsumerGroupJoinEvent): void {
    const partitions = payload.memberAssignment[this.#topic] ?? []
    this.#waitMs = firstWaitMs
    this.#assignments++
    this.#paused = new Set()
    this.pause(partitions)
    // The library says so only on one of its ways to a new assignment.
    this.#revoke()
    if (this.#closing.signal.aborted) return
    this.#isAssigned = true
    this.#listener.onAssigned([...partitions].toSorted((a, b) => a - b))
  }

  /** Tells that what was assigned is not any more, once. */
  #revoke(): void {
    if (this.#isAssigned && !this.#closing.signal.aborted) this.#listener.onRevoked()
    this.#isAssigned = false
  }

  #onOutOfRange(partition: number): void {
    const message = `The offset of ${this.#group} in ${this.#topic}/${partition} is outside of what the topic holds.`
    this.#onFault(partition, new KafkaError('ERR_KAFKA_OFFSET', message))
  }

  #onFault(partition: number, error: KafkaError): void {
    this.pause([partition])
    this.#listener.onFault(partition, error)
  }

  async #onBatch(payload: EachBatchPayload): Promise<void> {
    const { partition, messages, lastStableOffset, fetchedOffset, lease } = payload.batch as MendedBatch
    const records = messages as unknown as readonly DecodedRecord[]
    const fault = records[0]?.fault
    if (fault !== undefined) {
      const message = `${this.#topic}/${partition} cannot be read on from offset ${fetchedOffset}: ${fault.message}.`
      const { code, details, retryable } = fault
      this.#onFault(partition, new KafkaError(code, message, { details, retryable }))
      return
    }
    const [assignments, changes] = [this.#assignments, this.#changes.get(partition)]
    const turn: BatchTurn = {
      get isStale() {
        return hasChanged() || payload.isStale()
      },
      heartbeat: () => this.#heartbeat(() => payload.heartbeat()),
    }
    const hasChanged = () => this.#assignments !== assignments || this.#changes.get(partition) !== changes
    const fetched: FetchedBatch = {
      partition,
      records,
      next: BigInt(payload.batch.lastOffset()) + 1n,
      end: BigInt(lastStableOffset),
      release: () => lease?.release(),
    }
    const work = this.#listener.onBatch(fetched, turn)
    if (!(await settlesWithin(work, mostHeldMs))) return this.#hold(fetched, turn, work)
    try {
      if ((await work) && !turn.isStale) payload.resolveOffset(String(records.at(-1)!.offset))
    } catch (error) {
      throw this.#toTheLibrary(error)
    }
  }

  /** Has nothing of the partition fetched until the batch is done, and the library go on with the others. */
  #hold({ partition, next }: FetchedBatch, turn: BatchTurn, work: Promise<boolean>): void {
    this.#held.add(partition)
    this.#stopFetching([partition])
    const goOn = (isDone: boolean) => {
      this.#held.delete(partition)
      // Where it is not done, the library begins with the same batch again.
      if (isDone && !turn.isStale) this.#fetchFrom(partition, next)
      this.#goOnFetching([partition])
    }
    work.then(goOn, (error: unknown) => {
      goOn(false)
      // That the member is out of the group the library hears by itself, since it goes on.
      if (!this.#unanswered.has(error as object)) this.#end(this.#toTheLibrary(error))
    })
  }

  async #heartbeat(beat: () => Promise<void>): Promise<void> {
    try {
      await beat()
    } catch (cause) {
      const error = kafkaError(cause, `Staying in the group ${this.#group}`)
      this.#unanswered.set(error, cause)
      throw error
    }
  }

  /** Returns what the library has to hear: its own error, by which it joins again, or one that ends it. */
  #toTheLibrary(error: unknown): unknown {
    const own = this.#unanswered.get(error as object)
    if (own !== undefined) return own
    this.#thrown = error
    const { KafkaJSNonRetriableError } = this.#client!.library.kafkajs
    return new KafkaJSNonRetriableError('The listener failed.')
  }
}

/** Returns whether the promise settles in time, in whatever way. */
function settlesWithin(work: Promise<unknown>, ms: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), ms)
    const onSettled = () => {
      clearTimeout(timer)
      resolve(true)
    }
    work.then(onSettled, onSettled)
  })
}
