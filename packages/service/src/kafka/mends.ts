// What is mended in kafkajs 2.2.4, by replacing parts of it before it is loaded, each for a reason that stands beside it.
// Only for exactly that version. Each has a test that fails without it. Called by library.ts.

import { withoutAborted } from './aborted.ts'
import { encodeProduce, frameRequest } from './batch-encoder.ts'
import type { ProduceRequest, RequestHead } from './batch-encoder.ts'
import { crc32c } from './crc32c.ts'
import { decodeRecordSet, leaseOf } from './record-batches.ts'
import type { DecodedRecord } from './record-batches.ts'
import type { Lease } from './reused-memory.ts'

/** The modules of the library, while it is being loaded. Paths are below its folder `src`, with their ending. */
export interface LibraryModules {
  /** Loads a module, and what it needs, as it is then. */
  readonly load: (path: string) => unknown
  /** Has all that load it from now on get this instead. */
  readonly replace: (path: string, by: unknown) => void
}

/** What becomes of a partition whose offset is outside of the log; found by the library's object for the cluster. */
export const outOfRange = new WeakMap<object, (topic: string, partition: number) => void>()

/** A number of the protocol. */
const rebalanceInProgress = 27

/** What is told that a topic which is read was gone; found as above. */
export const vanished = new WeakMap<object, (error: Error) => void>()

interface EncoderClass {
  prototype: { buf: Buffer; offset: number; ensureAvailable(length: number): void }
}

/** For what is longer the buffer grows to what is needed: it is mostly the last that is written. Else it doubles. */
const mostDoubledBytes = 32 << 10

interface Decoder {
  readInt32(): number
  canReadBytes(length: number): boolean
  readBytes(length: number): Buffer
}

interface FetchedPartition {
  readonly lastStableOffset?: string
  readonly highWatermark: string
  readonly messages: readonly DecodedRecord[]
}

interface BatchClass {
  new (topic: string, fetchedOffset: string, partition: FetchedPartition): object
}

interface RequestQueueClass {
  prototype: { pending: unknown[]; scheduleCheckPendingRequests: (this: { pending: unknown[] }) => void }
}

interface ConnectionClass {
  prototype: {
    authHandlers: { onSuccess(answer: Buffer): void } | null
    requestQueue: { fulfillRequest(answer: { size: number; correlationId: number; payload: Buffer }): void }
    processData(frame: Buffer): void
  }
}

interface GivenRequest extends Pick<RequestHead, 'correlationId' | 'clientId'> {
  readonly request: Pick<RequestHead, 'apiKey' | 'apiVersion'> & { encode(): Promise<{ buffer: Buffer }> }
}

interface ErrorsOfProtocol {
  createErrorFromCode(code: number): { readonly type: string }
}

type FindCoordinator = (which: { groupId: string; coordinatorType?: number }) => Promise<{ nodeId: string }>

interface ClusterClass {
  prototype: {
    findBroker(which: { nodeId: string }): Promise<{ nodeId: string }>
    findGroupCoordinator: FindCoordinator
  }
}

interface OutOfRange {
  readonly topic: string
  readonly partition: number
}

interface ConsumerGroupClass {
  prototype: {
    cluster: object
    preferredReadReplicasPerTopicPartition: Record<string, Record<number, unknown> | undefined>
    recoverFromFetch(error: Error & { readonly type?: string }): Promise<void>
    recoverFromOffsetOutOfRange(error: OutOfRange): Promise<void>
    joinAndSync: (this: object) => Promise<void>
    fetch: (this: object, nodeId: string) => Promise<unknown>
  }
}

interface BrokerClass {
  prototype: { isConnected(): boolean; readonly lookupRequest: { readonly name: string } }
}

interface BrokerPoolClass {
  prototype: {
    brokers: Record<string, unknown>
    findBroker(which: { nodeId: string }): Promise<unknown>
    withBroker(callback: (found: { nodeId: string; broker: unknown }) => Promise<unknown>): Promise<unknown>
  }
}

interface Grouped {
  readonly topic: string
  readonly partitionMetadata: readonly unknown[]
  readonly messages: readonly { readonly partition: number }[]
  readonly partitioner: (given: { topic: string; partitionMetadata: unknown; message: unknown }) => number
}

/** The mends, in the order in which they have to be made. */
export const mends = {
  /** The library copies a request twice into memory that grows. */
  requests({ replace }: LibraryModules): void {
    replace('protocol/request.js', async ({ request, ...head }: GivenRequest) => {
      const { apiKey, apiVersion } = request
      return { buffer: frameRequest({ ...head, apiKey, apiVersion }, (await request.encode()).buffer) }
    })
  },

  /** The library asks for the coordinator before each call of a transaction: four of its nine requests. */
  coordinators({ load, replace }: LibraryModules): void {
    const errors = load('protocol/error.js') as ErrorsOfProtocol
    const wasMoved = new Set(['GROUP_LOAD_IN_PROGRESS', 'GROUP_COORDINATOR_NOT_AVAILABLE', 'NOT_COORDINATOR_FOR_GROUP'])
    // Of all clients: that a coordinator has moved is rare, and that they ask anew costs little.
    let moves = 0
    const createErrorFromCode = (code: number) => {
      const error = errors.createErrorFromCode(code)
      if (wasMoved.has(error.type)) moves++
      return error
    }
    replace('protocol/error.js', { ...errors, createErrorFromCode })
    const { prototype } = load('cluster/index.js') as ClusterClass
    const find: FindCoordinator = Reflect.get(prototype, 'findGroupCoordinator')
    const known = new WeakMap<object, Map<string, { readonly nodeId: string; readonly moves: number }>>()
    prototype.findGroupCoordinator = async function (which) {
      const name = `${which.coordinatorType ?? 0} ${which.groupId}`
      const ofCluster = known.get(this) ?? new Map<string, { nodeId: string; moves: number }>()
      known.set(this, ofCluster)
      const last = ofCluster.get(name)
      ofCluster.delete(name)
      const before = moves
      const found = last?.moves === moves ? await this.findBroker(last).catch(() => undefined) : undefined
      const broker = found ?? (await find.call(this, which))
      ofCluster.set(name, { nodeId: broker.nodeId, moves: before })
      return broker
    }
  },

  /** The library's checksum, a byte at a time, takes a third of the time of producing. */
  checksum({ replace }: LibraryModules): void {
    replace('protocol/recordBatch/crc32C/index.js', crc32c)
  },

  /** The library doubles its buffer and fills it with zeros for every large value: it is copied nine times. */
  growth({ load }: LibraryModules): void {
    const Encoder = load('protocol/encoder.js') as EncoderClass
    Encoder.prototype.ensureAvailable = function (length) {
      const needed = this.offset + length
      if (needed <= this.buf.length) return
      const size = length > mostDoubledBytes ? needed + 64 : 2 ** Math.ceil(Math.log2(needed))
      const grown = Buffer.allocUnsafeSlow(size)
      this.buf.copy(grown, 0, 0, this.offset)
      this.buf = grown
    }
  },

  /** An idle connection wakes every millisecond to look at requests that wait, also when none does. */
  idleTimer({ load }: LibraryModules): void {
    const { prototype } = load('network/requestQueue/index.js') as RequestQueueClass
    const schedule = prototype.scheduleCheckPendingRequests
    prototype.scheduleCheckPendingRequests = function () {
      if (this.pending.length > 0) schedule.call(this)
    }
  },

  /** Records of aborted transactions could be seen: aborted.ts says how. */
  aborted({ replace }: LibraryModules): void {
    replace('consumer/filterAbortedMessages.js', withoutAborted)
  },

  /** The library ignores checksums, and one batch that it cannot read ends the consumer. */
  reading({ replace }: LibraryModules): void {
    replace('protocol/requests/fetch/v4/decodeMessages.js', async (decoder: Decoder) => {
      const length = decoder.readInt32()
      if (length <= 0 || !decoder.canReadBytes(length)) return []
      return decodeRecordSet(decoder.readBytes(length))
    })
  },

  /** The library forgets where readers of committed records have to stop for now, and what their memory is. */
  stableOffset({ load, replace }: LibraryModules): void {
    const Batch = load('consumer/batch.js') as BatchClass
    replace(
      'consumer/batch.js',
      class extends Batch {
        readonly lastStableOffset: string
        readonly lease: Lease | undefined
        constructor(...given: ConstructorParameters<BatchClass>) {
          super(...given)
          this.lease = leaseOf(given[2].messages)
          this.lastStableOffset = given[2].lastStableOffset ?? given[2].highWatermark
        }
      },
    )
  },

  /** The library joins what it read by copying, although frames come whole: frames.ts. */
  frames({ load }: LibraryModules): void {
    const Connection = load('network/connection.js') as ConnectionClass
    Connection.prototype.processData = function (frame) {
      if (this.authHandlers) return this.authHandlers.onSuccess(frame)
      const [size, correlationId] = [frame.readInt32BE(0), frame.readInt32BE(4)]
      this.requestQueue.fulfillRequest({ size, correlationId, payload: frame.subarray(8) })
    }
  },

  /** The library commits -1 or -2 over an offset that is out of range: a default, where there must be none. */
  ranges({ load }: LibraryModules): void {
    const { prototype } = load('consumer/consumerGroup.js') as ConsumerGroupClass
    prototype.recoverFromOffsetOutOfRange = async function ({ topic, partition }) {
      const replicas = this.preferredReadReplicasPerTopicPartition[topic]
      // A follower may lag behind: its leader is asked before anybody is told.
      if (replicas?.[partition] !== undefined) delete replicas[partition]
      else outOfRange.get(this.cluster)?.(topic, partition)
    }
  },

  /**
   * The library reads on with what it had when its way back into the group has failed, and never tries again: nobody hears
   * of it, and whatever else was assigned to it stands still.
   */
  rejoining({ load }: LibraryModules): void {
    const { prototype } = load('consumer/consumerGroup.js') as ConsumerGroupClass
    const { createErrorFromCode } = load('protocol/error.js') as { createErrorFromCode: (code: number) => Error }
    const { joinAndSync, fetch } = prototype
    const outside = new WeakSet<object>()
    prototype.joinAndSync = async function () {
      outside.add(this)
      await joinAndSync.call(this)
      outside.delete(this)
    }
    prototype.fetch = async function (nodeId) {
      // Whoever hears this joins again.
      if (outside.has(this)) throw createErrorFromCode(rebalanceInProgress)
      return fetch.call(this, nodeId)
    }
  },

  /** The library reads on at the old offset in a topic that was deleted and made anew: what is before it would be left out. */
  vanished({ load }: LibraryModules): void {
    const { prototype } = load('consumer/consumerGroup.js') as ConsumerGroupClass
    const recover: ConsumerGroupClass['prototype']['recoverFromFetch'] = Reflect.get(prototype, 'recoverFromFetch')
    prototype.recoverFromFetch = async function (error) {
      // Only who joins anew asks where the group stands: the brokers forget that together with the topic.
      if (error.type === 'UNKNOWN_TOPIC_OR_PARTITION') vanished.get(this.cluster)?.(error)
      return recover.call(this, error)
    }
  },

  /** The library ends at the first broker that is away, and hides why another refused. */
  reasons({ load }: LibraryModules): void {
    const { prototype } = load('cluster/brokerPool.js') as BrokerPoolClass
    const { KafkaJSBrokerNotFound } = load('errors.js') as { KafkaJSBrokerNotFound: new (message: string) => Error }
    prototype.withBroker = async function (callback) {
      // By its name the library knows that it has to ask for the brokers first.
      let reason: Error | undefined
      for (const nodeId of shuffled(Object.keys(this.brokers))) {
        try {
          return await callback({ nodeId, broker: await this.findBroker({ nodeId }) })
        } catch (error) {
          reason = error as Error
        }
      }
      throw reason ?? new KafkaJSBrokerNotFound('No broker is known yet')
    }
  },

  /** The library takes a broker for connected while it still asks which requests it knows: whoever comes second cannot ask. */
  connecting({ load }: LibraryModules): void {
    const { prototype } = load('broker/index.js') as BrokerClass
    const hasConnection = Reflect.get(prototype, 'isConnected')
    prototype.isConnected = function () {
      // The name of what stands there until the answer has come.
      return hasConnection.call(this) && this.lookupRequest.name !== 'notInitializedLookup'
    }
  },

  /** The library makes three buffers for each record, and fails on a header without a value. */
  encoding({ replace }: LibraryModules): void {
    replace('protocol/requests/produce/v3/request.js', (given: ProduceRequest) => ({
      ...{ apiKey: 0, apiVersion: 3, apiName: 'Produce', expectResponse: () => given.acks !== 0 },
      encode: async () => {
        const buffer = await encodeProduce(given, Date.now)
        // What the library's encoder takes for one of its own.
        return { buf: buffer, buffer }
      },
    }))
  },

  /** The library copies the list of messages for each of them: twenty thousand take longer than a heartbeat. */
  grouping({ replace }: LibraryModules): void {
    replace('producer/groupMessagesPerPartition.js', ({ topic, partitionMetadata, messages, partitioner }: Grouped) => {
      const groups: Record<number, unknown[]> = {}
      for (const message of messages) {
        ;(groups[partitioner({ topic, partitionMetadata, message })] ??= []).push(message)
      }
      return groups
    })
  },
} as const

/** The name of a mend. */
export type MendName = keyof typeof mends

function shuffled<T>(list: readonly T[]): T[] {
  return list
    .map((item) => [Math.random(), item] as const)
    .toSorted(([a], [b]) => a - b)
    .map(([, item]) => item)
}
