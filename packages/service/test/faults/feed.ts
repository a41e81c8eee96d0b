// What feeds of faults have in common: writers that go on until they are stopped, whatever happens to the broker. What they
// write is in kafka-feed.ts and archive-feed.ts. Judges nothing.

import type { Kafka, Producer } from 'kafkajs'

import type { Random } from '#src/generators/random.js'
import { pause } from './fault.js'
import type { Scale } from './fault.js'
import type { Ledger } from './ledger.js'

/** What any feed needs. */
export interface FeedOptions {
  readonly kafka: Kafka
  readonly topic: string
  readonly partitions: number
  readonly ledger: Ledger
  readonly random: Random
  readonly scale: Scale
}

/** How a feed writes. */
export interface FeedManner {
  readonly writers: number
  /** Most time in milliseconds between two sends. Tests share the machine with others. */
  readonly longestPauseMs: Readonly<Record<Scale, number>>
  /** Whether a writer ends only after a send that has not failed: one that has may have left something open. */
  readonly endsWell: boolean
}

/** *Order of calls*: `start()`, `stop()`. */
export abstract class Feed<O extends FeedOptions> {
  protected readonly options: O
  private readonly manner: FeedManner
  private isStopped = false
  private done: Promise<unknown> = Promise.resolve()

  constructor(options: O, manner: FeedManner) {
    this.options = options
    this.manner = manner
  }

  start(): this {
    this.done = Promise.all(Array.from({ length: this.manner.writers }, (_, writer) => this.write(writer)))
    // Told by stop().
    this.done.catch(() => undefined)
    return this
  }

  /** Resolves when everything that was begun is acknowledged or given up. */
  async stop(): Promise<void> {
    this.isStopped = true
    await this.done
  }

  /** Connects a writer, by its number. */
  protected abstract connect(writer: number): Promise<Producer>

  /** Sends something. *Errors*: it is not sent again: whether it is there is read from the topic. */
  protected abstract send(producer: Producer): Promise<void>

  private async write(writer: number): Promise<void> {
    const { random, scale } = this.options
    const longestPauseMs = this.manner.longestPauseMs[scale]
    let producer: Producer | undefined
    let hasFailed = false
    while (!this.isStopped || (hasFailed && this.manner.endsWell)) {
      try {
        producer ??= await this.connect(writer)
        await this.send(producer)
        hasFailed = false
        await pause(random.below(longestPauseMs))
      } catch {
        hasFailed = true
        // After a failure a producer's next sends could be acknowledged and not stored.
        await producer?.disconnect().catch(() => undefined)
        producer = undefined
        await pause(longestPauseMs)
      }
    }
    await producer?.disconnect().catch(() => undefined)
  }
}
