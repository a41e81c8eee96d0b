// Writes records with ids to the topic that is archived, as filters do and worse: in transactions that overlap and of which some
// are aborted, single records and many in one value, some without a value. Judges nothing. Called by archive-rig.ts.

import { randomBytes } from 'node:crypto'

import type { IHeaders, Kafka, Message, Producer } from 'kafkajs'

import type { Random } from '#src/generators/random.js'
import { pause } from './fault.js'
import type { Scale } from './fault.js'
import type { Body, Ledger } from './ledger.js'

/** Writers whose transactions overlap. */
const writers = 2
/** Most records of one value, and most values of one send. */
const mostRecords = 30
const mostValues = 6
const longestPauseMs = { reduced: 80, full: 40 }

/** What a feed needs. */
export interface ArchiveFeedOptions {
  readonly kafka: Kafka
  readonly topic: string
  readonly partitions: number
  readonly ledger: Ledger
  readonly random: Random
  readonly scale: Scale
  /** Bytes that are added to each record. */
  readonly padBytes?: number | undefined
}

/** Writers that go on until they are stopped, whatever happens to the broker. */
export class ArchiveFeed {
  private readonly options: ArchiveFeedOptions
  private isStopped = false
  private done: Promise<unknown> = Promise.resolve()

  constructor(options: ArchiveFeedOptions) {
    this.options = options
  }

  start(): this {
    this.done = Promise.all(Array.from({ length: writers }, (_, writer) => this.write(writer)))
    // Told by stop().
    this.done.catch(() => undefined)
    return this
  }

  /** Resolves when no transaction is open any more. */
  async stop(): Promise<void> {
    this.isStopped = true
    await this.done
  }

  private async write(writer: number): Promise<void> {
    const { random, scale } = this.options
    let producer: Producer | undefined
    let isOpen = false
    // What a failure has left open is ended before the feed is.
    while (!this.isStopped || isOpen) {
      try {
        producer ??= await this.connect(writer)
        isOpen = true
        await this.transaction(producer)
        isOpen = false
        await pause(random.below(longestPauseMs[scale]))
      } catch {
        await producer?.disconnect().catch(() => undefined)
        producer = undefined
        await pause(longestPauseMs[scale])
      }
    }
    await producer?.disconnect().catch(() => undefined)
  }

  private async connect(writer: number): Promise<Producer> {
    const { kafka, topic } = this.options
    const settings = { transactionalId: `${topic}-feed-${writer}`, idempotent: true, maxInFlightRequests: 1 }
    const producer = kafka.producer({ ...settings, transactionTimeout: 30_000 })
    await producer.connect()
    return producer
  }

  private async transaction(producer: Producer): Promise<void> {
    const { topic, partitions, random } = this.options
    const transaction = await producer.transaction()
    const bodies: Body[] = []
    for (let send = random.below(3); send >= 0; send--) {
      const messages = this.messages(random.below(partitions), bodies)
      await transaction.send({ topic, acks: -1, messages })
    }
    if (random.chance(150)) await transaction.abort()
    else {
      await transaction.commit()
      for (const body of bodies) body.isAnswered = true
    }
  }

  private messages(partition: number, bodies: Body[]): Message[] {
    const { ledger, random, padBytes } = this.options
    const headers: IHeaders = random.chance(800) ? { 'weir-rules': `v${random.below(3)}` } : {}
    return Array.from({ length: 1 + random.below(mostValues) }, (): Message => {
      if (random.chance(20)) return { partition, key: 'k', value: random.chance(500) ? null : '', headers }
      // Of what cannot be compressed: nobody judges it, but byte for byte.
      const pad = padBytes === undefined ? undefined : randomBytes(padBytes >> 1).toString('hex')
      const members = pad === undefined ? {} : { members: `"more":"${pad}"` }
      const isLine = random.chance(700)
      const count = isLine ? 1 : 1 + random.below(mostRecords)
      const body = ledger.bodyOf(Array.from({ length: count }, () => ({ ...members, places: ['keep'] as const })))
      body.sent++
      bodies.push(body)
      // A line has no line feed behind it, as filters write it, and a chunk has.
      const value = isLine ? body.bytes.subarray(0, -1) : body.bytes
      return { partition, key: random.chance(500) ? body.name : null, value, headers }
    })
  }
}
