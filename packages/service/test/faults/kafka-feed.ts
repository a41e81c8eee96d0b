// Writes records with ids to the source's topic of a Kafka fault, by a client that is not the service's: single records and
// many in one value, to all partitions. Judges nothing. Called by kafka-rig.ts.

import type { Kafka, Message, Producer } from 'kafkajs'

import type { Random } from '#src/generators/random.js'
import { pause } from './fault.js'
import type { Scale } from './fault.js'
import type { Body, Ledger } from './ledger.js'

/** Most records of one value, and most values of one send. */
const mostRecords = 30
const mostValues = 4
/** Longest time in milliseconds between two sends. Tests share the machine with others. */
const longestPauseMs = { reduced: 60, full: 30 }

/** What a feed needs. */
export interface FeedOptions {
  readonly kafka: Kafka
  readonly topic: string
  readonly partitions: number
  readonly ledger: Ledger
  readonly random: Random
  readonly scale: Scale
  /** Makes the records of one value; absent: usual ones. */
  readonly body?: ((records: number) => Body) | undefined
}

/** A sender that goes on until it is stopped, whatever happens to the broker. */
export class Feed {
  private readonly options: FeedOptions
  private isStopped = false
  private done: Promise<void> = Promise.resolve()

  constructor(options: FeedOptions) {
    this.options = options
  }

  start(): this {
    this.done = this.feed()
    // Told by stop().
    this.done.catch(() => undefined)
    return this
  }

  /** Resolves when everything that was begun is acknowledged or given up. */
  async stop(): Promise<void> {
    this.isStopped = true
    await this.done
  }

  private async feed(): Promise<void> {
    let producer: Producer | undefined
    while (!this.isStopped) {
      try {
        producer ??= await this.connect()
        await this.send(producer)
        await pause(this.options.random.below(longestPauseMs[this.options.scale]))
      } catch {
        // After a failure a producer's next sends could be acknowledged and not stored. What failed is not sent again:
        // whether it is there is read from the topic.
        await producer?.disconnect().catch(() => undefined)
        producer = undefined
        await pause(longestPauseMs[this.options.scale])
      }
    }
    await producer?.disconnect().catch(() => undefined)
  }

  private async connect(): Promise<Producer> {
    const producer = this.options.kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
    await producer.connect()
    return producer
  }

  private async send(producer: Producer): Promise<void> {
    const { topic, partitions, ledger, random } = this.options
    const makeBody = this.options.body ?? ((records: number) => ledger.body(records))
    const partition = random.below(partitions)
    const bodies: Body[] = []
    const messages = Array.from({ length: 1 + random.below(mostValues) }, (): Message => {
      const isLine = random.chance(500)
      const body = makeBody(isLine ? 1 : 1 + random.below(mostRecords))
      body.sent++
      bodies.push(body)
      // A single record has no line feed behind it, as with most senders.
      const value = isLine ? body.bytes.subarray(0, -1) : body.bytes
      return { partition, key: random.chance(500) ? body.name : null, value }
    })
    await producer.send({ topic, acks: -1, messages })
    for (const body of bodies) body.isAnswered = true
  }
}
