// Record batches as they are sent: their exact size, and their bytes in one buffer. Put in the place of the library's own
// encoder by mends.ts, which makes three buffers for each record, and cannot write a header without a value. Source:
// Kafka's "Message Format", record batch of magic 2.

import { promisify } from 'node:util'
import { gzip } from 'node:zlib'

import { crc32c } from './crc32c.ts'
import type { KafkaHeader, OutgoingRecord } from './port.ts'
import type { Lease } from './reused-memory.ts'
import { sendMemory } from './send-memory.ts'

/** Bytes of a batch that are no records. */
export const batchHeadBytes = 61

/** Where the length of a batch begins to count, and where its checksum does. */
const [lengthFrom, checkedFrom] = [12, 21]

const compress = promisify(gzip)

/** What a batch says of all its records. */
export interface BatchHead {
  /** 0: none, 1: gzip. */
  readonly compression: number
  /** The time of all records, in milliseconds since 1970. */
  readonly timestampMs: number
  readonly producerId: bigint
  readonly producerEpoch: number
  readonly firstSequence: number
  readonly transactional: boolean
}

/** Returns the bytes of a number in zigzag coding. */
function varintBytes(value: number): number {
  let bytes = 1
  for (let rest = value < 0 ? -2 * value - 1 : 2 * value; rest >= 128; rest = Math.floor(rest / 128)) bytes++
  return bytes
}

function fieldBytes(field: Uint8Array | null): number {
  return field === null ? 1 : varintBytes(field.length) + field.length
}

function bodyBytes({ key, value, headers = [] }: OutgoingRecord, offsetDelta: number): number {
  // Attributes and the time's difference are a byte each.
  let bytes = 2 + varintBytes(offsetDelta) + fieldBytes(key) + fieldBytes(value) + varintBytes(headers.length)
  for (const [name, content] of headers) {
    const nameBytes = Buffer.byteLength(name)
    bytes += varintBytes(nameBytes) + nameBytes + fieldBytes(content)
  }
  return bytes
}

/** Returns how many bytes the record takes as the one at `offsetDelta` of a batch, before compression. */
export function recordBytes(record: OutgoingRecord, offsetDelta: number): number {
  const bytes = bodyBytes(record, offsetDelta)
  return varintBytes(bytes) + bytes
}

/**
 * Returns a record batch as a produce request holds it, its base offset 0. `room`: so many bytes of the buffer that it is in
 * are left free in front of it.
 */
export async function encodeBatch(records: readonly OutgoingRecord[], head: BatchHead, room = 0): Promise<Buffer> {
  const isPlain = head.compression === 0
  const front = room + batchHeadBytes
  const writer = new Writer(records, isPlain ? front : 0)
  for (const [index, record] of records.entries()) writer.record(record, index)
  const written = writer.bytes
  const whole = isPlain ? written : await compressed(written, front)
  const batch = whole.subarray(room)
  batch.writeBigInt64BE(0n, 0)
  batch.writeInt32BE(batch.length - lengthFrom, 8)
  // The leader's epoch, which no producer knows.
  batch.writeInt32BE(0, 12)
  batch.writeInt8(2, 16)
  batch.writeInt16BE(head.compression | (head.transactional ? 16 : 0), checkedFrom)
  batch.writeInt32BE(records.length - 1, 23)
  batch.writeBigInt64BE(BigInt(head.timestampMs), 27)
  batch.writeBigInt64BE(BigInt(head.timestampMs), 35)
  batch.writeBigInt64BE(head.producerId, 43)
  batch.writeInt16BE(head.producerEpoch, 51)
  batch.writeInt32BE(head.firstSequence, 53)
  batch.writeInt32BE(records.length, 57)
  batch.writeUInt32BE(crc32c(batch.subarray(checkedFrom)), 17)
  return batch
}

/** Returns the bytes compressed, with room in front of them. *Ownership*: their memory may be used again afterwards. */
async function compressed(bytes: Buffer, front: number): Promise<Buffer> {
  const lease = sendMemory.leaseOf(bytes)
  try {
    return Buffer.concat([Buffer.alloc(front), await compress(bytes)])
  } finally {
    lease?.release()
  }
}

/** What a produce request asks, as the library has it. */
export interface ProduceRequest {
  readonly acks: number
  readonly timeout: number
  readonly transactionalId?: string | null
  readonly producerId: string | number
  readonly producerEpoch: number
  readonly compression?: number
  readonly topicData: readonly {
    readonly topic: string
    readonly partitions: readonly {
      readonly partition: number
      readonly firstSequence: number
      readonly messages: readonly OutgoingRecord[]
    }[]
  }[]
}

/** Bytes that are free in front of a produce request, for what every request begins with. */
const requestRoom = 512

/**
 * Returns the body of a produce request, of the versions 3 to 7, with room in front of it for `frameRequest`. *Errors*: where
 * it is for more than one partition, which is against the rule of producers.
 */
export async function encodeProduce(request: ProduceRequest, now: () => number): Promise<Buffer> {
  const { acks, timeout, topicData, producerId, producerEpoch, transactionalId = null, compression = 0 } = request
  const [{ topic, partitions } = {}, ...otherTopics] = topicData
  const [{ partition, firstSequence, messages } = {}, ...otherPartitions] = partitions ?? []
  if (topic === undefined || messages === undefined || otherTopics.length + otherPartitions.length > 0) {
    throw new Error('A request produces to one partition.')
  }
  const parts = [textBytes(transactionalId), int16(acks), int32(timeout), int32(1), textBytes(topic), int32(1)]
  const front = Buffer.concat([...parts, int32(partition!)])
  const batchHead = { compression, timestampMs: now(), producerId: BigInt(producerId), producerEpoch }
  const room = requestRoom + front.length + lengthBytes
  const transactional = transactionalId !== null
  const batch = await encodeBatch(messages, { ...batchHead, firstSequence: firstSequence!, transactional }, room)
  const body = inFrontOf(batch, front.length + lengthBytes)
  front.copy(body)
  body.writeInt32BE(batch.length, front.length)
  rooms.set(body, requestRoom)
  const [first] = messages
  if (first !== undefined) requests.set(first, requests.has(first) ? undefined : sendMemory.leaseOf(batch))
  return body
}

/** By the first record of a send, the lease of its request; undefined where there was more than one. */
const requests = new WeakMap<OutgoingRecord, Lease | undefined>()

/**
 * Says that the request for these records was answered, and so was read to its end. Where they were encoded once only, its
 * memory may be used again: of several, one may still wait in a connection.
 */
export function releaseRequest([first]: readonly OutgoingRecord[]): void {
  if (first !== undefined) requests.get(first)?.release()
}

/** Bytes of a length. */
const lengthBytes = 4
/** Of a body, the free bytes in front of it. */
const rooms = new WeakMap<Buffer, number>()

/** Returns the same bytes, with so many more in front of them. */
function inFrontOf(bytes: Buffer, more: number): Buffer {
  return Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset - more, more + bytes.length)
}

/** What every request begins with. */
export interface RequestHead {
  readonly apiKey: number
  readonly apiVersion: number
  readonly correlationId: number
  readonly clientId: string | null
}

/** Returns a request as a connection takes it, around its body; a body with room in front of it is not copied. */
export function frameRequest({ apiKey, apiVersion, correlationId, clientId }: RequestHead, body: Buffer): Buffer {
  const client = textBytes(clientId)
  const headBytes = lengthBytes + 8 + client.length
  const hasRoom = (rooms.get(body) ?? 0) >= headBytes
  const frame = hasRoom ? inFrontOf(body, headBytes) : Buffer.concat([Buffer.alloc(headBytes), body])
  frame.writeInt32BE(frame.length - lengthBytes, 0)
  frame.writeInt16BE(apiKey, 4)
  frame.writeInt16BE(apiVersion, 6)
  frame.writeInt32BE(correlationId, 8)
  client.copy(frame, 12)
  return frame
}

function int16(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(2)
  bytes.writeInt16BE(value)
  return bytes
}

function int32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeInt32BE(value)
  return bytes
}

function textBytes(text: string | null): Buffer {
  if (text === null) return int16(-1)
  const bytes = Buffer.from(text)
  return Buffer.concat([int16(bytes.length), bytes])
}

/** Writes records behind one another into a buffer of their exact size. */
class Writer {
  readonly bytes: Buffer
  #at: number

  constructor(records: readonly OutgoingRecord[], from: number) {
    let size = from
    for (const [index, record] of records.entries()) size += recordBytes(record, index)
    this.bytes = sendMemory.take(size)
    this.#at = from
  }

  record(record: OutgoingRecord, offsetDelta: number): void {
    const { key, value, headers = [] } = record
    this.#varint(bodyBytes(record, offsetDelta))
    // Its attributes, of which there are none, and how much later it is than the first.
    this.bytes[this.#at++] = 0
    this.bytes[this.#at++] = 0
    this.#varint(offsetDelta)
    this.#field(key)
    this.#field(value)
    this.#varint(headers.length)
    for (const header of headers) this.#header(header)
  }

  #header([name, content]: KafkaHeader): void {
    const nameBytes = Buffer.byteLength(name)
    this.#varint(nameBytes)
    this.#at += this.bytes.write(name, this.#at, nameBytes)
    this.#field(content)
  }

  #field(field: Uint8Array | null): void {
    if (field === null) {
      this.#varint(-1)
      return
    }
    this.#varint(field.length)
    this.bytes.set(field, this.#at)
    this.#at += field.length
  }

  #varint(value: number): void {
    let rest = value < 0 ? -2 * value - 1 : 2 * value
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.bytes[this.#at++] = (rest % 128) | 128
    this.bytes[this.#at++] = rest
  }
}
