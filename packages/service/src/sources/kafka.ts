// A topic of Kafka as a source: one membership in a consumer group, and a partition of it for each that is assigned. What
// a partition does is in kafka-partition.ts. Called by ../commands.

import type { FetchedBatch, GroupListener, GroupMember } from '../kafka/port.ts'
import type { BatchTurn } from '../kafka/port.ts'
import type { PartitionedSource } from '../ports/partitioned.ts'
import { KafkaPartition } from './kafka-partition.ts'
import type { KafkaPartitionOptions } from './kafka-partition-options.ts'
import type { Clock } from '../time.ts'
import { lookAgainMs, refusalIn } from './kafka-stops.ts'
import type { RefusalReason } from './kafka-stops.ts'
import { KafkaWatch } from './kafka-watch.ts'
import type { KafkaWatchOptions } from './kafka-watch.ts'

/**
 * Why this process is in no group, in a word. `joining`: nothing is known against it; `foreign_group`: others use the group
 * in another way; `no_topic`: what it reads is not there; `lost`: what may pass by itself.
 */
export type OutsideReason = 'joining' | 'lost' | 'foreign_group' | 'no_topic' | RefusalReason

/** Options of a source. */
export interface KafkaSourceOptions extends KafkaPartitionOptions {
  /** Called before the group is joined: has the topics be there. *Errors*: it is tried again later. */
  readonly prepare?: () => Promise<unknown>
  /** How long to wait before the group is joined again. */
  readonly backoffMs: { next(): number; reset(): void }
  /** Milliseconds since 1970. */
  readonly now: Clock
  readonly onWarning: KafkaWatchOptions['onWarning']
  readonly onWatchProblem: KafkaWatchOptions['onProblem']
  /** Told when the group was joined, and what it assigned. */
  readonly onAssigned: (partitions: readonly number[]) => void
  /** Told when this process is out of the group; it joins again: after a refusal when that may have been mended. */
  readonly onLost: (error: Error, reason: OutsideReason) => void
}

/** A topic, read as a member of a group. */
export class KafkaSource implements PartitionedSource<bigint> {
  readonly name: string
  readonly partitions = new Map<number, KafkaPartition>()
  /** What is found out besides records, from the first `join()` on. */
  readonly watch: KafkaWatch
  private readonly options: KafkaSourceOptions
  private onPartition: (partition: KafkaPartition) => void = () => undefined
  private member: GroupMember | undefined
  private outside: Outside | undefined = { reason: 'joining', words: 'the group is not joined yet' }
  private isLeaving = false
  /** The last membership that was begun: not what is done before, which asks brokers that may be away. */
  private joining: Promise<void> = Promise.resolve()
  private stopTimer: () => void = () => undefined
  private readonly stopHearing: () => void

  constructor(options: KafkaSourceOptions) {
    this.options = options
    this.name = `${options.topic} of ${options.cluster.name}`
    const { cluster, group, topic, outputs, clock, now, startTimer, onWarning } = options
    this.watch = new KafkaWatch({
      ...{ admin: cluster.admin, group, topic, outputs, clock, now, startTimer, onWarning },
      onProblem: options.onWatchProblem,
      partitions: () => this.assigned(),
    })
    this.stopHearing = options.cluster.onCredentials(() => this.lookAgain())
  }

  /** Why this process is in no group; absent while it is. */
  get outsideReason(): OutsideReason | undefined {
    return this.outside?.reason
  }

  get whyFull(): string | undefined {
    if (this.outside !== undefined) return this.outside.words
    const stops = [...this.partitions.values()].flatMap(({ whyFull }) => whyFull ?? [])
    return stops.length === 0 ? undefined : stops.join('; ')
  }

  join(onPartition: (partition: KafkaPartition) => void): void {
    this.onPartition = onPartition
    void this.attempt()
    this.watch.begin()
  }

  async leave(): Promise<void> {
    this.isLeaving = true
    this.stopTimer()
    this.stopHearing()
    this.watch.close()
    for (const partition of this.partitions.values()) partition.revoke()
    await this.joining.catch(() => undefined)
    const { member } = this
    this.member = undefined
    await member?.close()
  }

  async close(): Promise<void> {
    // Its batch is given up, so that the member can leave.
    for (const partition of this.partitions.values()) await partition.close()
    await this.leave()
  }

  /** Joins, or tries again later: a broker that is away at the start is no reason to end. Never rejects. */
  private async attempt(): Promise<void> {
    const membership = new Membership(this.options.onAssigned, (partition) => this.partitionOf(partition))
    try {
      await this.options.prepare?.()
      if (this.isLeaving) return
      this.joining = this.enter(membership)
      await this.joining
    } catch (error) {
      this.lose(membership, error as Error, true)
    }
  }

  private async enter(membership: Membership): Promise<void> {
    const { cluster, group, topic } = this.options
    const member = await cluster.join(group, topic, this.listener(membership))
    if (this.isLeaving || membership.isOver) return member.close()
    this.member = member
    membership.begin(member)
  }

  private listener(membership: Membership): GroupListener {
    const { backoffMs } = this.options
    return {
      onAssigned: (partitions) => {
        if (membership.isOver || this.isLeaving) return
        backoffMs.reset()
        this.outside = undefined
        membership.assign(partitions)
        for (const [number, partition] of this.partitions) if (!partitions.includes(number)) partition.revoke()
      },
      onRevoked: () => {
        if (!membership.isOver) this.revokeAll()
      },
      onBatch: async (batch: FetchedBatch, turn: BatchTurn) => {
        return membership.isOver ? false : ((await this.partitions.get(batch.partition)?.offer(batch, turn)) ?? false)
      },
      onHeartbeat: () => {
        for (const partition of membership.isOver ? [] : this.partitions.values()) partition.heartbeat()
      },
      onFault: (partition, error) => {
        if (!membership.isOver) this.partitions.get(partition)?.fault(error)
      },
      onLost: (error, isFinal) => {
        if (!membership.isOver) this.lose(membership, error, isFinal)
      },
    }
  }

  private partitionOf(number: number): KafkaPartition {
    const known = this.partitions.get(number)
    if (known !== undefined) return known
    const partition = new KafkaPartition(number, this.options)
    this.partitions.set(number, partition)
    this.onPartition(partition)
    return partition
  }

  /** Credentials have changed: what was refused is tried at once. */
  private lookAgain(): void {
    const reason = this.outside?.reason
    if (reason === 'no_credentials' || reason === 'no_permission') this.attemptAfter(0)
    for (const partition of this.partitions.values()) partition.lookAgain()
  }

  private attemptAfter(ms: number): void {
    this.stopTimer()
    this.stopTimer = this.options.startTimer(ms, () => {
      if (!this.isLeaving) void this.attempt()
    })
  }

  private assigned(): number[] {
    const all = [...this.partitions.values()].filter(({ condition }) => condition !== 'unassigned')
    return all.map(({ partition }) => partition)
  }

  private revokeAll(): void {
    for (const partition of this.partitions.values()) partition.revoke()
  }

  /** A final loss is joined over anew: other pipelines of the process are none of its business. */
  private lose(membership: Membership, error: Error, isFinal: boolean): void {
    const refusal = refusalIn(error)
    const reason = refusal ?? outsideReasons.get(String((error as { code?: unknown }).code)) ?? 'lost'
    const named = reason === 'lost' ? '' : ` (${reason})`
    this.outside = { reason, words: `out of the group ${this.options.group}${named}: ${error.message}` }
    this.revokeAll()
    if (this.isLeaving) return
    this.options.onLost(error, reason)
    if (!isFinal) return
    membership.isOver = true
    const { member } = this
    this.member = undefined
    void member?.close()
    this.attemptAfter(refusal === undefined ? this.options.backoffMs.next() : lookAgainMs)
  }
}

/** What errors mean that neither pass by themselves nor are refusals. */
const outsideReasons: ReadonlyMap<string, OutsideReason> = new Map<string, OutsideReason>([
  ['ERR_KAFKA_GROUP', 'foreign_group'],
  ['ERR_KAFKA_TOPIC', 'no_topic'],
])

/** Why this process is in no group. */
interface Outside {
  readonly reason: OutsideReason
  /** For people. */
  readonly words: string
}

/** One membership: what is assigned before the member itself is known waits for it. */
class Membership {
  /** Nothing of it is heard any more. */
  isOver = false
  private readonly told: (partitions: readonly number[]) => void
  private readonly partitionOf: (number: number) => KafkaPartition
  private member: GroupMember | undefined
  private early: readonly number[] | undefined

  constructor(told: (partitions: readonly number[]) => void, partitionOf: (number: number) => KafkaPartition) {
    this.told = told
    this.partitionOf = partitionOf
  }

  begin(member: GroupMember): void {
    this.member = member
    if (this.early !== undefined) this.assign(this.early)
  }

  assign(partitions: readonly number[]): void {
    const { member } = this
    this.early = member === undefined ? partitions : undefined
    if (member === undefined) return
    this.told(partitions)
    for (const number of partitions) this.partitionOf(number).assign(member)
  }
}
