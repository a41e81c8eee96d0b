// Writes records with ids to the source's topic of a Kafka fault, by a client that is not the service's: single records and
// many in one value, to all partitions. Judges nothing. Called by kafka-rig.ts.

import type { Message, Producer } from 'kafkajs'

import { Feed } from './feed.js'
import type { FeedOptions } from './feed.js'
import type { Body } from './ledger.js'

/** Most records of one value, and most values of one send. */
const mostRecords = 30
const mostValues = 4

/** What a feed of the source needs besides. */
interface KafkaFeedOptions extends FeedOptions {
  /** Makes the records of one value; absent: usual ones. */
  readonly body?: ((records: number) => Body) | undefined
}

/** One sender. */
export class KafkaFeed extends Feed<KafkaFeedOptions> {
  constructor(options: KafkaFeedOptions) {
    super(options, { writers: 1, longestPauseMs: { reduced: 60, full: 30 }, endsWell: false })
  }

  protected async connect(): Promise<Producer> {
    const producer = this.options.kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
    await producer.connect()
    return producer
  }

  protected async send(producer: Producer): Promise<void> {
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
