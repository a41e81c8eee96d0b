// Two ways of writing records to a topic: in the transaction of the partition that they come from, and by an idempotent
// producer. What records hold is for kafka.ts and kafka-dead-letter.ts, the callers.

import type { KafkaCluster, OutgoingRecord, Producer } from '../kafka/port.ts'
import { mostSendBytes, planSends } from '../kafka/sends.ts'
import { PartitionTransaction } from '../kafka/transaction.ts'
import type { Transaction } from '../ports/transaction.ts'

/** Writes records. After an error only `discard()` may be called. */
export interface RecordWriter {
  /** What messages call it. */
  readonly name: string
  /** Most bytes of a send at present: values that can be cut are to be smaller than it. */
  readonly mostBytes: number
  /**
   * Sends one after another, all to one partition. Resolves when they are acknowledged. *Ownership*: the records' bytes are
   * the writer's until then, and for good where it rejects. *Errors*: the client's.
   */
  send(records: readonly OutgoingRecord[]): Promise<void>
  join?(transaction: Transaction): void
  /** Never throws. */
  discard(): void
}

/** Writes to one partition, in whatever transaction was joined last. */
export function transactionWriter(cluster: KafkaCluster, topic: string, partition: number): RecordWriter {
  let joined: PartitionTransaction | undefined
  return {
    name: `topic ${topic}, partition ${partition}`,
    get mostBytes() {
      return joined?.mostBytes ?? mostSendBytes
    },
    async send(records) {
      if (joined === undefined) throw new Error(`The topic ${topic} is written in a transaction, and there is none.`)
      await joined.send({ topic, partition }, records)
    },
    join(transaction) {
      if (transaction instanceof PartitionTransaction && transaction.isOf(cluster)) joined = transaction
    },
    discard: () => undefined,
  }
}

/**
 * Writes by a producer of its own: to the partitions in turn, one send at a time for each, so that as many may be under
 * way as there are partitions. After a failed send nothing is sent any more: the same sequence numbers would be used
 * again, and a batch be acknowledged that is not stored.
 */
export class ProducerWriter implements RecordWriter {
  readonly name: string
  readonly mostBytes: number
  private readonly producer: Producer
  private readonly topic: string
  private readonly partitions: readonly number[]
  private readonly lastSends: Promise<void>[]
  private turn = 0
  private failure: { readonly error: unknown } | undefined

  /** `partitions`: at least one. `mostBytes`: what the topic takes of a send. */
  constructor(producer: Producer, topic: string, partitions: readonly number[], mostBytes = mostSendBytes) {
    this.name = `topic ${topic}`
    this.mostBytes = mostBytes
    this.producer = producer
    this.topic = topic
    this.partitions = partitions
    this.lastSends = partitions.map(() => Promise.resolve())
  }

  send(records: readonly OutgoingRecord[]): Promise<void> {
    const index = this.turn
    this.turn = (index + 1) % this.partitions.length
    const to = { topic: this.topic, partition: this.partitions[index]! }
    const sent = this.lastSends[index]!.then(async () => {
      for (const batch of planSends(records, this.mostBytes)) {
        if (this.failure !== undefined) throw this.failure.error
        await this.producer.send(to, batch)
      }
    })
    sent.catch((error: unknown) => (this.failure ??= { error }))
    this.lastSends[index] = sent
    return sent
  }

  discard(): void {
    this.producer.discard()
  }
}
