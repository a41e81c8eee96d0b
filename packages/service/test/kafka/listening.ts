// A member of a group that takes whatever it is given from a known offset, and remembers all that it is told. Called by
// tests of the Kafka client.

import { EventEmitter, once } from 'node:events'

import type {
  BatchTurn,
  FetchedBatch,
  FetchedRecord,
  GroupListener,
  GroupMember,
  KafkaCluster,
} from '#src/kafka/port.js'

/** What a listening member was told, and how to wait for more. */
export interface Listening {
  readonly member: GroupMember
  readonly told: Told
  /** Resolves when the condition holds; looked at whenever something is told. */
  until(condition: (told: Told) => boolean): Promise<Told>
}

/** What a member was told. */
export interface Told {
  readonly assigned: (readonly number[])[]
  readonly records: FetchedRecord[]
  readonly batches: FetchedBatch[]
  readonly faults: { readonly partition: number; readonly error: Error }[]
  readonly lost: { readonly error: Error; readonly isFinal: boolean }[]
  revoked: number
  heartbeats: number
}

/** What differs from a member that reads everything from the first offset. */
export interface ListeningOptions {
  /** Where to begin; undefined: the partition stays paused. Default: 0. */
  readonly from?: (partition: number) => bigint | undefined
  /** Returns whether the batch is done. */
  readonly onBatch?: (batch: FetchedBatch, turn: BatchTurn) => Promise<boolean>
}

/** Joins the group and reads. Close the cluster when done. */
export async function listen(
  cluster: KafkaCluster,
  group: string,
  topic: string,
  options: ListeningOptions = {},
): Promise<Listening> {
  const { from = () => 0n, onBatch } = options
  const told: Told = { assigned: [], records: [], batches: [], faults: [], lost: [], revoked: 0, heartbeats: 0 }
  const news = new EventEmitter()
  const tell = () => news.emit('told')
  const listener: GroupListener = {
    onAssigned(partitions) {
      told.assigned.push(partitions)
      for (const partition of partitions) {
        const offset = from(partition)
        if (offset === undefined) continue
        listening.member.seek(partition, offset)
        listening.member.resume([partition])
      }
      tell()
    },
    onRevoked() {
      told.revoked++
      tell()
    },
    async onBatch(batch, turn) {
      told.batches.push(batch)
      tell()
      const isDone = (await onBatch?.(batch, turn)) ?? true
      if (isDone) told.records.push(...batch.records)
      tell()
      return isDone
    },
    onHeartbeat() {
      told.heartbeats++
      tell()
    },
    onFault(partition, error) {
      told.faults.push({ partition, error })
      tell()
    },
    onLost(error, isFinal) {
      told.lost.push({ error, isFinal })
      tell()
    },
  }
  const until = async (condition: (told: Told) => boolean) => {
    while (!condition(told)) await once(news, 'told')
    return told
  }
  const listening = { told, until } as { member: GroupMember } & Listening
  listening.member = await cluster.join(group, topic, listener)
  return listening
}
