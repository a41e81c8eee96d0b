// One partition of a Kafka source: taken over when it is assigned, read one batch at a time, and taken over again after
// any error. The group that it belongs to is kafka.ts, its only caller; who evaluates and writes is ../pipeline.
//
// I3  One batch, one transaction for each id: the next batch is handed out when the one before is committed.
// I4  C moves only together with the outputs of all records below it (../kafka/transaction.ts).
// I5  After an unknown answer that producer never acts again: it is discarded, and the partition taken over.
// I6  Nothing outside of the transaction takes effect: metrics count when its commit was answered.
//
// Whether the partition is assigned to this process is a matter of progress alone. A batch that is under way when it is
// taken away is finished: the transactional id is the lock, and a new owner fences this one (I1).

import { PartitionTransaction } from '../kafka/transaction.ts'
import type { TransactionOutcome } from '../kafka/transaction.ts'
import type { BatchTurn, FetchedBatch, GroupMember, Target } from '../kafka/port.ts'
import type { TransactionalProducer } from '../kafka/port.ts'
import type { SourcePartition } from '../ports/partitioned.ts'
import type { MessagesValue, Restart, SourceValue } from '../ports/source.ts'
import type { Transaction } from '../ports/transaction.ts'
import { messagesOf } from './kafka-format.ts'
import { BatchOrder } from './kafka-order.ts'
import type { KafkaPartitionOptions } from './kafka-partition-options.ts'
import { SendSizes } from './kafka-sizes.ts'
import { PartitionStop, canBeLookedAt, lookAgainMs, stopIfRefused, unreadableBy, unwritableBy } from './kafka-stops.ts'
import type { StopReason } from './kafka-stops.ts'
import { takeOver } from './kafka-takeover.ts'

/** Time in milliseconds between two signs of life while a batch is worked on. */
const heartbeatMs = 3_000

/** What a partition is doing. */
export type PartitionCondition = 'unassigned' | 'taking over' | 'running' | 'stopped'

interface Offered {
  readonly batch: FetchedBatch
  readonly turn: BatchTurn
  readonly settle: (isDone: boolean) => void
  /** Set when the group said that this process is no member any more. */
  lost?: Error
  /** Calls the next sign of life off. */
  stopTimer: () => void
}

/** A partition as a source. What comes between two iterations is discarded, and read again from C. */
export class KafkaPartition implements SourcePartition<bigint> {
  readonly name: string
  readonly partition: number
  readonly begin?: () => Promise<Transaction<bigint>>
  private readonly options: KafkaPartitionOptions
  private readonly target: Target
  private member: GroupMember | undefined
  /** Raised with every assignment and every loss; what was begun under an older one ends. */
  private generation = 0
  private isAssigned = false
  private producer: TransactionalProducer | undefined
  /** The offset that comes next; only while the partition is taken over. */
  private expected: bigint | undefined
  /** The last offset that is known to be committed. */
  private committed = -1n
  private stopped: PartitionStop | undefined
  /** Whether it is found out if the stop is over; it stays until it is. */
  private isLooking = false
  /** What failed is tried again when the group has been heard of. */
  private awaitsHeartbeat = false
  /** The offset behind what was handed out. */
  private handedOut = -1n
  private logEnd = 0n
  private readonly order: BatchOrder
  private readonly sizes = new SendSizes()
  private offered: Offered | undefined
  /** What was handed out and is not known to be committed, with the offset behind it. */
  private uncommitted: { readonly batch: FetchedBatch; readonly position: bigint }[] = []
  /** Told with the next value: where it was begun to read again. */
  private restart: Restart<bigint> | undefined
  private isDraining = false
  private isClosed = false
  private wake: () => void = () => undefined

  constructor(partition: number, options: KafkaPartitionOptions) {
    this.partition = partition
    this.options = options
    this.order = new BatchOrder(options.allowsGaps)
    this.target = { topic: options.topic, partition }
    this.name = `${options.topic}, partition ${partition}`
    if (options.isExactlyOnce) this.begin = () => this.beginTransaction()
  }

  get condition(): PartitionCondition {
    if (this.stopped !== undefined) return 'stopped'
    if (!this.isAssigned) return 'unassigned'
    return this.expected === undefined ? 'taking over' : 'running'
  }

  /** Why the partition is stopped: a word for it, and a sentence. */
  get stop(): { readonly reason: StopReason; readonly message: string } | undefined {
    return this.stopped
  }

  get whyFull(): string | undefined {
    if (this.stopped === undefined) return undefined
    return `${this.name} is stopped (${this.stopped.reason}): ${this.stopped.message}`
  }

  /** The offset behind what is known to be delivered; less than 0 before anything is known. */
  get position(): bigint {
    return this.committed
  }

  /** How many offsets were there behind the position when last heard of, and 0 before anything was. */
  get lag(): bigint {
    const lag = this.logEnd - this.committed
    return this.isAssigned && this.committed >= 0n && lag > 0n ? lag : 0n
  }

  /** The member has the partition from now on, paused. A stop is looked at again. */
  assign(member: GroupMember): void {
    this.member = member
    this.isAssigned = true
    this.stopped = undefined
    this.order.begin()
    this.sizes.reset()
    this.loosen(false)
  }

  /** The member has it no more. */
  revoke(): void {
    if (!this.isAssigned) return
    this.isAssigned = false
    this.stopped = undefined
    this.loosen(false)
  }

  /** The group has been heard of. */
  heartbeat(): void {
    this.awaitsHeartbeat = false
    this.wake()
  }

  /** What comes next cannot be read. */
  fault(error: Error): void {
    if (!this.isAssigned) return
    this.stopHere(unreadableBy(error))
  }

  /** Looks whether the partition may go on, where it is stopped for what is mended elsewhere. */
  lookAgain(): void {
    if (this.stopped === undefined || !canBeLookedAt(this.stopped.reason)) return
    this.isLooking = true
    this.loosen(false)
  }

  /**
   * Takes a batch, if it is the one that comes next. Resolves when it is delivered, or given up: with whether it is done.
   * *Errors*: what the group said, where this process is no member any more.
   */
  async offer(batch: FetchedBatch, turn: BatchTurn): Promise<boolean> {
    if (turn.isStale || this.expected === undefined || this.offered !== undefined) return false
    if (!this.isNext(batch)) return false
    this.logEnd = batch.end
    let offered: Offered | undefined
    const isDone = await new Promise<boolean>((settle) => {
      this.offered = offered = { batch, turn, settle, stopTimer: () => undefined }
      this.keepAlive(offered)
      this.wake()
    })
    if (offered?.lost !== undefined) throw offered.lost
    return isDone
  }

  values(): AsyncIterable<SourceValue<bigint>> {
    let isEnded = false
    const values = this.read(() => isEnded)
    const end = () => {
      isEnded = true
      this.wake()
      return values.return(undefined)
    }
    return { [Symbol.asyncIterator]: () => ({ next: () => values.next(), return: end }) }
  }

  /** Where outputs do not join a transaction, the offset moves by one of its own. */
  async commit(position: bigint, version?: string): Promise<void> {
    const transaction = await this.beginTransaction()
    await transaction.commit(position, version)
  }

  /** What is under way is finished, and nothing more taken. */
  drain(): void {
    this.isDraining = true
    this.wake()
  }

  close(): Promise<void> {
    this.isClosed = true
    this.discard()
    this.wake()
    return Promise.resolve()
  }

  private async *read(isEnded: () => boolean): AsyncGenerator<SourceValue<bigint>, void, undefined> {
    const isOver = () => isEnded() || this.isDraining || this.isClosed
    let isInOrder = false
    this.handedOut = -1n
    try {
      while (!isOver()) {
        if (this.canBeTaken) await this.takePartition(isOver)
        else if (this.offered !== undefined) {
          yield this.handOut(this.offered.batch)
          // I3: whoever asks for more has committed it; without transactions, C follows later.
          this.settle(true)
        } else await this.woken()
      }
      isInOrder = !isEnded()
    } finally {
      // Ended in the middle, or by an error: C says where to go on (I5).
      this.loosen(!isInOrder)
      this.settle(false)
    }
  }

  private handOut(batch: FetchedBatch): MessagesValue<bigint> {
    const value = messagesOf(batch, this.options)
    const { restart } = this
    this.restart = undefined
    this.handedOut = value.position
    if (this.options.rereads !== true) this.uncommitted.push({ batch, position: value.position })
    return this.options.rereads === true && restart !== undefined ? { ...value, restart } : value
  }

  /** Without transactions, what was handed out is committed first, by the producer before. */
  private get canBeTaken(): boolean {
    const isStopped = this.stopped !== undefined && !this.isLooking
    const isWanted = this.isAssigned && !isStopped && this.expected === undefined
    const isFree = this.options.rereads === true || this.committed >= this.handedOut
    return isWanted && !this.awaitsHeartbeat && isFree
  }

  private woken(): Promise<void> {
    return new Promise((resolve) => (this.wake = resolve))
  }

  /** Steps 2 to 6 of a takeover. *Errors*: those of the cluster: the partition stays paused, and is taken over later. */
  private async takePartition(isOver: () => boolean): Promise<void> {
    const { cluster, group, outputs, checkTopics, beginAt, clock, events } = this.options
    const { generation } = this
    const startedMs = clock()
    this.discard()
    const isLive = () => generation === this.generation && !isOver()
    try {
      const taken = await takeOver({
        ...{ cluster, group, source: this.target, outputs, floor: this.committed, isLive },
        ...(checkTopics === undefined ? {} : { checkTopics }),
        ...(beginAt === undefined ? {} : { beginAt }),
      })
      if (taken === undefined) return
      this.stopped = undefined
      this.producer = taken.producer
      this.sizes.takenOver(taken.takenBytes)
      this.expected = this.committed = taken.offset
      this.restart = { position: taken.offset, note: taken.note }
      events.onTakeover({ partition: this.partition, offset: taken.offset, generation, ms: clock() - startedMs })
      this.member?.seek(this.partition, taken.offset)
      this.member?.resume([this.partition])
    } catch (error) {
      if (!isLive()) return
      const stop = stopIfRefused(error)
      if (!(stop instanceof PartitionStop)) throw error
      this.halt(stop)
    }
  }

  /** Returns whether the batch is what comes next; else has it fetched again, or stops the partition. */
  private isNext({ records }: FetchedBatch): boolean {
    const expected = this.expected!
    const judged = this.order.judge(records, expected)
    if (judged === 'next') return true
    this.options.events.onWrongBatch({ partition: this.partition, expected, first: records[0]!.offset })
    if (judged === 'again') this.member?.seek(this.partition, expected)
    else this.stopHere(judged)
    return false
  }

  /** Signs of life for as long as the batch is worked on. */
  private keepAlive(offered: Offered): void {
    offered.stopTimer = this.options.startTimer(heartbeatMs, () => {
      if (this.offered !== offered) return
      offered.turn.heartbeat().then(
        () => this.keepAlive(offered),
        // The batch is finished: that does no harm, and the group is joined again behind it.
        (error: Error) => (offered.lost = error),
      )
    })
  }

  private settle(isDone: boolean): void {
    const { offered } = this
    if (offered === undefined) return
    this.offered = undefined
    offered.stopTimer()
    // Nothing is expected of a partition that was assigned anew meanwhile: it is taken over first.
    if (isDone && this.expected !== undefined) this.expected = this.handedOut
    // Copied by now, by whoever keeps it.
    if (this.options.rereads === true) offered.batch.release?.()
    offered.settle(isDone)
  }

  private async beginTransaction(): Promise<PartitionTransaction> {
    const { cluster, group, clock } = this.options
    const { producer } = this
    if (producer === undefined) throw new Error(`${this.name} was taken away before it could be committed.`)
    const startedMs = clock()
    const from = this.committed
    const onEnd = (outcome: TransactionOutcome) => this.ended(outcome, { producer, from, ms: clock() - startedMs })
    try {
      const inner = await producer.begin()
      const { mostBytes } = this.sizes
      return new PartitionTransaction({ cluster, inner, group, source: this.target, mostBytes, clock, onEnd })
    } catch (error) {
      onEnd({ kind: 'failed', error })
      throw error
    }
  }

  private ended(
    outcome: TransactionOutcome,
    about: { readonly producer: TransactionalProducer; readonly from: bigint; readonly ms: number },
  ): void {
    const { events } = this.options
    const { partition } = this
    if (outcome.kind === 'committed') {
      this.committed = outcome.offset
      this.release()
      events.onCommit({ partition, offset: outcome.offset, ms: about.ms })
      return this.wake()
    }
    // I5: never asked again, whatever comes; the next takeover fences it.
    about.producer.discard()
    if (this.producer === about.producer) this.loosen(true)
    events.onDiscard({ partition, from: about.from, ...(outcome.kind === 'failed' ? { error: outcome.error } : {}) })
    if (outcome.kind !== 'failed') return
    const isSmallest = () => !this.sizes.refuse(about.from)
    const stop = unwritableBy(outcome.error, about.from, isSmallest) ?? stopIfRefused(outcome.error)
    if (stop instanceof PartitionStop) this.halt(stop)
  }

  /** Gives the memory back of what is committed: nobody reads in it any more. */
  private release(): void {
    const isDone = ({ position }: { readonly position: bigint }) => position <= this.committed
    while (this.uncommitted.some(isDone)) this.uncommitted.shift()!.batch.release?.()
  }

  /**
   * Has the partition taken over anew: nothing is fetched, and nothing known of it, until then. `awaitsHeartbeat`: something
   * failed, and the group is to be heard of first.
   */
  private loosen(awaitsHeartbeat: boolean): void {
    this.generation++
    this.expected = undefined
    // Who reads in it still, nobody can say: it is left to the collector of garbage.
    this.uncommitted = []
    this.awaitsHeartbeat = awaitsHeartbeat && this.isAssigned
    if (this.isAssigned) this.member?.pause([this.partition])
    this.wake()
  }

  /** Stops where nothing is under way. */
  private stopHere(stop: PartitionStop): void {
    this.loosen(false)
    this.halt(stop)
  }

  private halt(stop: PartitionStop): void {
    const { events, startTimer } = this.options
    const { reason, message } = stop
    this.stopped = stop
    this.isLooking = false
    events.onStop({ partition: this.partition, reason, message, error: stop.cause })
    if (canBeLookedAt(reason)) {
      startTimer(lookAgainMs, () => {
        if (this.stopped === stop) this.lookAgain()
      })
    }
    this.wake()
  }

  private discard(): void {
    this.producer?.discard()
    this.producer = undefined
  }
}
