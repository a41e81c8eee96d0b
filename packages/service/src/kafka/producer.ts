// Producers on the client library, under rules that it does not keep by itself: a send is one batch for one partition, one
// at a time for each partition, with exactly one acknowledgement; and after anything that failed a producer is never asked
// again. (It plans a send anew when leaders move, and uses sequence numbers again after a failure: what comes next could be
// acknowledged and not stored.) Called by cluster.ts.

import { setTimeout as pause } from 'node:timers/promises'

import type { Message, Producer as LibraryProducer, RecordMetadata, Transaction } from 'kafkajs'
import { KafkaError } from '../errors.ts'
import { releaseRequest } from './batch-encoder.ts'
import { Client } from './client.ts'
import type { ClientSettings } from './client.ts'
import type { OutgoingRecord, Producer, ProducerTransaction, Target, TransactionalProducer } from './port.ts'
import { isType, kafkaError } from './refusals.ts'
import { checkSend } from './sends.ts'

/** What producers of one cluster share. */
export interface ProducerSettings extends ClientSettings {
  readonly transactionMs: number
  readonly compression: 'none' | 'gzip'
  /** Told of each producer before it connects, so that it can be given up then too. */
  readonly onOpen: (producer: OpenProducer) => void
}

/** A producer, as whoever ends all of them sees it. */
export interface OpenProducer {
  readonly isDiscarded: boolean
  discard(): void
}

/** The library's names. */
const compressions = { none: 'None', gzip: 'GZIP' } as const

/**
 * What brokers refuse for now, and nothing is done: they are still ending the transaction before, or another of them is to
 * be asked. The library does not know the latter by the names that it gives them itself.
 */
const busy = [
  'CONCURRENT_TRANSACTIONS',
  'NOT_COORDINATOR_FOR_GROUP',
  'GROUP_COORDINATOR_NOT_AVAILABLE',
  'GROUP_LOAD_IN_PROGRESS',
]

/** How long to wait before asking again: that takes milliseconds. */
const busyMs = 5

/** Acknowledged by all replicas that are in sync. */
const allReplicas = -1

/** What both kinds of producers are made of: a client that is spent after its first failure. */
class GuardedProducer {
  readonly client: Client
  readonly library: LibraryProducer
  readonly #settings: ProducerSettings
  /** For each partition that something is being sent to, when that ends. */
  readonly #sending = new Map<string, Promise<unknown>>()
  /** Whoever waits for an answer. */
  readonly #waiting = new Set<(error: Error) => void>()
  #failure: KafkaError | undefined

  constructor(settings: ProducerSettings, transactionalId?: string) {
    this.#settings = settings
    this.client = new Client(settings)
    const forTransactions = { transactionalId: transactionalId!, transactionTimeout: settings.transactionMs }
    this.library = this.client.kafka.producer({
      ...(transactionalId === undefined ? { idempotent: true } : forTransactions),
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner: () => whereItSays,
    })
    settings.onOpen(this)
  }

  get isDiscarded(): boolean {
    return this.client.isDiscarded
  }

  /** Does what is asked, in time; after a failure never anything again. *Errors*: `KafkaError`. */
  async ask<T>(doing: string, call: () => Promise<T>, withinMs = this.#settings.requestMs * 2): Promise<T> {
    this.check()
    let refuse!: (error: Error) => void
    const refused = new Promise<never>((_, reject) => (refuse = reject))
    const timer = setTimeout(() => {
      const message = `${doing} took longer than ${withinMs} ms${this.client.lastSaid}.`
      refuse(new KafkaError('ERR_KAFKA_TIMEOUT', message, { retryable: true }))
    }, withinMs)
    this.#waiting.add(refuse)
    try {
      return await Promise.race([call(), refused])
    } catch (error) {
      const failure = kafkaError(error, doing)
      this.#failure ??= failure
      this.discard()
      throw failure
    } finally {
      clearTimeout(timer)
      this.#waiting.delete(refuse)
    }
  }

  /** *Errors*: `ERR_KAFKA_DISCARDED`. */
  check(): void {
    if (this.#failure === undefined && !this.client.isDiscarded) return
    const cause = this.#failure
    const message = cause === undefined ? 'The producer was given up.' : 'The producer has failed before.'
    throw new KafkaError('ERR_KAFKA_DISCARDED', message, { cause })
  }

  /** Nobody waits for the library's own time-outs. */
  discard(): void {
    this.client.discard()
    const error = new KafkaError('ERR_KAFKA_DISCARDED', 'The producer was given up while it was at work.')
    for (const refuse of this.#waiting) refuse(error)
  }

  /** Sends, through the producer or a transaction of it, when what is being sent there is through. */
  async send(by: Pick<LibraryProducer, 'send'>, to: Target, records: readonly OutgoingRecord[]): Promise<bigint> {
    checkSend(records)
    const place = placeOf(to)
    const before = this.#sending.get(place)
    const sending = (async () => {
      // Its failure is told to whoever asked for it, and to us by the check.
      await before?.catch(() => undefined)
      return this.ask(`Writing to ${place}`, () => this.#sendNow(by, to, records))
    })()
    this.#sending.set(place, sending)
    try {
      return await sending
    } finally {
      if (this.#sending.get(place) === sending) this.#sending.delete(place)
    }
  }

  async #sendNow(by: Pick<LibraryProducer, 'send'>, to: Target, records: readonly OutgoingRecord[]): Promise<bigint> {
    const messages = records.map((record) => messageOf(record, to.partition))
    const answers = await by.send({
      topic: to.topic,
      messages,
      acks: allReplicas,
      timeout: this.#settings.requestMs,
      compression: this.client.library.kafkajs.CompressionTypes[compressions[this.#settings.compression]],
    })
    const offset = acknowledgedOffset(answers, to)
    releaseRequest(messages as unknown as OutgoingRecord[])
    return offset
  }
}

/** The library asks for each record where it goes. */
function whereItSays({ message }: { message: Message }): number {
  return message.partition!
}

function placeOf({ topic, partition }: Target): string {
  return `${topic}/${partition}`
}

/** Returns the record as our encoder takes it from the library, which hands it on as it is. */
function messageOf({ key, value, headers = [] }: OutgoingRecord, partition: number): Message {
  return { key, value, partition, headers } as unknown as Message
}

/** Returns the offset of the first record. *Errors*: `ERR_KAFKA_ANSWER`, where the answers are not one, for this partition. */
export function acknowledgedOffset(answers: readonly RecordMetadata[], to: Target): bigint {
  const [answer] = answers
  if (answer === undefined) {
    const message = `Writing to ${placeOf(to)} failed: there is no such partition, as far as is known.`
    throw new KafkaError('ERR_KAFKA_TOPIC', message, { retryable: true, details: { ...to } })
  }
  const isOne = answers.length === 1 && answer.topicName === to.topic && answer.partition === to.partition
  if (isOne && answer.errorCode === 0 && answer.baseOffset !== undefined) return BigInt(answer.baseOffset)
  const message = `Writing to ${placeOf(to)} was acknowledged as ${JSON.stringify(answers)}.`
  throw new KafkaError('ERR_KAFKA_ANSWER', message, { details: { answers } })
}

/** Opens an idempotent producer. *Errors*: `KafkaError`. */
export async function openProducer(settings: ProducerSettings): Promise<Producer> {
  const producer = new GuardedProducer(settings)
  await producer.ask('Connecting a producer', () => producer.library.connect())
  return {
    send: (to, records) => producer.send(producer.library, to, records),
    discard: () => producer.discard(),
  }
}

/** Opens a producer with a transactional id, which fences nobody before it is initialised. *Errors*: `KafkaError`. */
export async function openTransactional(settings: ProducerSettings, id: string): Promise<TransactionalProducer> {
  const producer = new GuardedProducer(settings, id)
  await producer.ask(`Connecting the producer ${id}`, () => producer.library.connect())
  return new Transactions(producer, id, settings)
}

class Transactions implements TransactionalProducer {
  readonly #producer: GuardedProducer
  readonly #id: string
  readonly #settings: ProducerSettings
  #isInitialised = false
  #isOpen = false

  constructor(producer: GuardedProducer, id: string, settings: ProducerSettings) {
    this.#producer = producer
    this.#id = id
    this.#settings = settings
  }

  /** Beginning and ending with nothing in between initialises the id, and sends nothing else. */
  async initialise(): Promise<void> {
    this.#producer.check()
    // The library initialises once, and would let it pass that somebody else owns the id by now.
    if (this.#isInitialised) {
      throw new KafkaError('ERR_KAFKA_TRANSACTION', `The producer ${this.#id} is initialised already.`)
    }
    const { transactionMs } = this.#settings
    const initialise = async () => {
      // What the owner before has pending may take as long as it may be open.
      const transaction = await whileBusy(() => this.#producer.library.transaction(), transactionMs)
      await transaction.abort()
    }
    await this.#producer.ask(`Initialising ${this.#id}`, initialise, transactionMs)
    this.#isInitialised = true
  }

  async begin(): Promise<ProducerTransaction> {
    this.#producer.check()
    if (!this.#isInitialised || this.#isOpen) {
      const why = this.#isOpen ? 'has a transaction already' : 'is not initialised'
      throw new KafkaError('ERR_KAFKA_TRANSACTION', `The producer ${this.#id} ${why}.`)
    }
    this.#isOpen = true
    const begun = await this.#producer.ask(`Beginning a transaction of ${this.#id}`, () =>
      this.#producer.library.transaction(),
    )
    return this.#opened(begun)
  }

  #opened(transaction: Transaction): ProducerTransaction {
    const [producer, id] = [this.#producer, this.#id]
    let isEnded = false
    const checkOpen = () => {
      producer.check()
      if (isEnded) throw new KafkaError('ERR_KAFKA_TRANSACTION', `The transaction of ${id} has ended.`)
    }
    // Asked once, whatever comes of it: a second EndTxn could end the next transaction.
    const end = async (doing: string, call: () => Promise<void>) => {
      checkOpen()
      isEnded = true
      await producer.ask(doing, call)
      this.#isOpen = false
    }
    return {
      send: async (to, records) => {
        checkOpen()
        return producer.send(transaction, to, records)
      },
      moveOffset: async (group, of, offset, metadata) => {
        checkOpen()
        const partition = { partition: of.partition, offset: String(offset), metadata }
        const offsets = { consumerGroupId: group, topics: [{ topic: of.topic, partitions: [partition] }] }
        const move = () => whileBusy(() => transaction.sendOffsets(offsets), this.#settings.requestMs)
        await producer.ask(`Moving the offset of ${group} in ${placeOf(of)}`, move)
      },
      commit: () => end(`Committing a transaction of ${id}`, () => transaction.commit()),
      abort: () => end(`Aborting a transaction of ${id}`, () => transaction.abort()),
    }
  }

  discard(): void {
    this.#producer.discard()
  }
}

/** Asks again while the brokers refuse it for now. */
async function whileBusy<T>(call: () => Promise<T>, withinMs: number): Promise<T> {
  const until = performance.now() + withinMs
  for (;;) {
    try {
      return await call()
    } catch (error) {
      const isBusy = busy.some((type) => isType(error, type))
      if (!isBusy || performance.now() > until) throw error
    }
    await pause(busyMs)
  }
}
