// Writes records with ids to the topic that is archived, as filters do and worse: in transactions that overlap and of which some
// are aborted, single records and many in one value, some without a value. Judges nothing. Called by archive-rig.ts.

import { randomBytes } from 'node:crypto'

import type { IHeaders, Message, Producer } from 'kafkajs'

import { Feed } from './feed.js'
import type { FeedOptions } from './feed.js'
import type { Body } from './ledger.js'

/** Most records of one value, and most values of one send. */
const mostRecords = 30
const mostValues = 6

/** What a feed of an archive needs besides. */
interface ArchiveFeedOptions extends FeedOptions {
  /** Bytes that are added to each record. */
  readonly padBytes?: number | undefined
}

/** Writers whose transactions overlap, and are all ended when it is stopped. */
export class ArchiveFeed extends Feed<ArchiveFeedOptions> {
  constructor(options: ArchiveFeedOptions) {
    super(options, { writers: 2, longestPauseMs: { reduced: 80, full: 40 }, endsWell: true })
  }

  protected async connect(writer: number): Promise<Producer> {
    const { kafka, topic } = this.options
    const settings = { transactionalId: `${topic}-feed-${writer}`, idempotent: true, maxInFlightRequests: 1 }
    const producer = kafka.producer({ ...settings, transactionTimeout: 30_000 })
    await producer.connect()
    return producer
  }

  protected async send(producer: Producer): Promise<void> {
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
