// The transaction of one partition of a source: sinks of the same cluster send in it, and the group's offset moves with
// what they sent. Told apart from other transactions by its class, since sinks and sources do not know each other.
// Made by ../sources, joined by ../sinks.

import type { Transaction } from '../ports/transaction.ts'
import type { Clock } from '../time.ts'
import type { KafkaCluster, OutgoingRecord, ProducerTransaction, Target } from './port.ts'
import { planSends } from './sends.ts'

/**
 * Age in milliseconds at which a transaction is given up. The broker ends one at 60 s: what is sent then would count, if at
 * all, with the next one.
 */
export const transactionAgeMs = 45_000

/** What a transaction is made of. */
export interface PartitionTransactionParts {
  readonly cluster: KafkaCluster
  readonly inner: ProducerTransaction
  readonly group: string
  /** The partition whose offset moves. */
  readonly source: Target
  /** Most bytes of a send: what the topics take, or less. */
  readonly mostBytes: number
  readonly clock: Clock
  /**
   * Told of the first error, and that it was given up without one. The producer may not be used any more then (I5), and
   * what counts has to be found out.
   */
  readonly onEnd: (outcome: TransactionOutcome) => void
}

/** How a transaction ended. `abandoned` with `isClean`: everything it sent was answered. */
export type TransactionOutcome =
  | { readonly kind: 'committed'; readonly offset: bigint }
  | { readonly kind: 'failed'; readonly error: unknown }
  | { readonly kind: 'abandoned' }

/** One batch, one transaction (I3). */
export class PartitionTransaction implements Transaction<bigint> {
  private readonly parts: PartitionTransactionParts
  private readonly begunMs: number
  /** The send before, for each target: one at a time. */
  private readonly lastSends = new Map<string, Promise<void>>()
  private hasSent = false
  private failure: { readonly error: unknown } | undefined
  private isOver = false

  constructor(parts: PartitionTransactionParts) {
    this.parts = parts
    this.begunMs = parts.clock()
  }

  /** Most bytes of a send, as far as records can be cut. */
  get mostBytes(): number {
    return this.parts.mostBytes
  }

  /** Whether sinks of this cluster can send in it. */
  isOf(cluster: KafkaCluster): boolean {
    return this.parts.cluster === cluster
  }

  /** Sends records behind those of earlier calls for the same target. Resolves when all are acknowledged. */
  send(to: Target, records: readonly OutgoingRecord[]): Promise<void> {
    const key = `${to.topic}/${to.partition}`
    const before = this.lastSends.get(key) ?? Promise.resolve()
    const sent = before.then(async () => {
      // Refused before anything is sent where a record can never be.
      for (const batch of await this.attempt(async () => planSends(records, this.mostBytes))) {
        await this.attempt(() => {
          this.hasSent = true
          return this.parts.inner.send(to, batch)
        })
      }
    })
    this.lastSends.set(key, sent)
    sent.catch(() => undefined)
    return sent
  }

  /** I4: the offset moves here and nowhere else, with the outputs of all records below it. */
  async commit(position: bigint, version = ''): Promise<void> {
    const { inner, group, source } = this.parts
    await this.attempt(() => inner.moveOffset(group, source, position, version))
    // Never tried again: whether it counts is not known after an error.
    await this.attempt(() => inner.commit())
    this.end({ kind: 'committed', offset: position })
  }

  /** What was sent is aborted if all of it is answered; else whoever initialises the id next has the broker do so. */
  async abandon(): Promise<void> {
    if (this.isOver) return
    await Promise.allSettled(this.lastSends.values())
    if (this.hasSent && this.failure === undefined) await this.parts.inner.abort().catch(() => undefined)
    this.end({ kind: 'abandoned' })
  }

  private async attempt<T>(call: () => Promise<T>): Promise<T> {
    if (this.failure !== undefined) throw this.failure.error
    if (this.isOver) throw new Error('The transaction is over.')
    try {
      const { clock } = this.parts
      if (clock() - this.begunMs > transactionAgeMs) throw new Error('The transaction has become too old.')
      return await call()
    } catch (error) {
      this.failure ??= { error }
      this.end({ kind: 'failed', error: this.failure.error })
      throw error
    }
  }

  private end(outcome: TransactionOutcome): void {
    if (this.isOver) return
    this.isOver = true
    this.parts.onEnd(outcome)
  }
}
