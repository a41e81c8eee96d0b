// Record batches as they are fetched: read with their checksum verified, and with a bound on what they inflate to. What
// cannot be read becomes a fault in the place of the records, so that it stops one partition and not the client. Put in
// the place of the library's own reader by mends.ts. Source: Kafka's "Message Format", record batch of magic 2.

import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'

import { KafkaError } from '../errors.ts'
import { crc32c } from './crc32c.ts'
import { fetchMemory } from './fetch-memory.ts'
import type { FetchedRecord, KafkaHeader } from './port.ts'
import type { Lease } from './reused-memory.ts'

/** Most bytes of one batch, inflated. Our own batches have at most 3 MiB. */
export const mostBatchBytes = 16 << 20

/** When a fetch has inflated to this much, the rest of it is left for the next. */
const enoughInflatedBytes = 32 << 20

/** A record as the library hands it on. */
export interface DecodedRecord extends FetchedRecord {
  readonly isControlRecord: boolean
  readonly batchContext: { readonly producerId: bigint; readonly inTransaction: boolean }
  /** Stands here instead of a record: why what comes next cannot be read. */
  readonly fault?: KafkaError
}

/** Bytes from the start of a batch to its records. */
const headBytes = 61
/** Where the checksum begins to count. */
const checkedFrom = 21
/** What is counted by a batch's length begins here. */
const lengthFrom = 12
const codecNames = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const
/** Behind all offsets, so that no reader takes a fault for a record it had already. */
const faultOffset = 2n ** 63n - 1n

const inflate = promisify(gunzip)

/**
 * Returns the records of a fetched partition, markers included, in order. A batch that is cut off at the end is left out.
 * The first batch that cannot be read ends the list; where it is the first of all, a fault stands for it.
 * *Ownership*: keys and values are views of `bytes` where the batch is not compressed.
 */
export async function decodeRecordSet(bytes: Buffer): Promise<DecodedRecord[]> {
  const records: DecodedRecord[] = []
  // At once, before the readers of what else came with it are done.
  const lease = fetchMemory.leaseOf(bytes)
  if (lease !== undefined) leases.set(records, lease)
  let inflatedBytes = 0
  for (let at = 0; at + lengthFrom <= bytes.length && inflatedBytes < enoughInflatedBytes;) {
    const length = bytes.readInt32BE(at + 8)
    const isCutOff = at + lengthFrom + length > bytes.length
    if (isCutOff && records.length > 0) break
    try {
      // Brokers never cut off the first one.
      if (isCutOff) throw malformed('its length is wrong')
      // A head that is too short has been damaged, and where the next batch begins is not known.
      if (length < headBytes - lengthFrom) throw malformed('its head is cut off')
      const batch = bytes.subarray(at, at + lengthFrom + length)
      inflatedBytes += await decodeBatch(batch, records)
    } catch (error) {
      if (records.length === 0) records.push(faultInPlace(error as KafkaError))
      break
    }
    at += lengthFrom + length
  }
  return records
}

const leases = new WeakMap<readonly DecodedRecord[], Lease>()

/** Returns the lease of what `decodeRecordSet` returned on the memory that it is in; nothing where that is nobody's. */
export function leaseOf(records: readonly DecodedRecord[]): Lease | undefined {
  return leases.get(records)
}

/** Appends the records of a batch, all or none, and returns their size in bytes. */
async function decodeBatch(batch: Buffer, into: DecodedRecord[]): Promise<number> {
  const magic = batch.readInt8(16)
  if (magic !== 2) throw malformed(`it is of version ${magic}, and only 2 is read`)
  const [found, computed] = [batch.readUInt32BE(17), crc32c(batch.subarray(checkedFrom))]
  if (found !== computed) {
    const details = { found, computed }
    throw new KafkaError('ERR_KAFKA_CRC', 'a batch is damaged: its checksum is wrong', { details, retryable: true })
  }
  const content = await contentOf(batch)
  const before = into.length
  try {
    decodeRecords(batch, content, into)
  } catch (error) {
    into.length = before
    throw error instanceof KafkaError ? error : malformed('a record reaches over its end')
  }
  return content.length
}

/** Returns the bytes of the records, inflated. */
async function contentOf(batch: Buffer): Promise<Buffer> {
  const codec = batch.readInt16BE(checkedFrom) & 7
  const raw = batch.subarray(headBytes)
  if (codec === 0) {
    if (raw.length > mostBatchBytes) throw tooLarge()
    return raw
  }
  if (codec !== 1) {
    const name = codecNames[codec] ?? `codec ${codec}`
    const message = `a batch is compressed with ${name}, and only gzip is read`
    throw new KafkaError('ERR_KAFKA_CODEC', message, { details: { codec: name } })
  }
  try {
    return await inflate(raw, { maxOutputLength: mostBatchBytes })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge()
    throw malformed(`gzip says “${(error as Error).message}”`)
  }
}

function decodeRecords(batch: Buffer, content: Buffer, into: DecodedRecord[]): void {
  const attributes = batch.readInt16BE(checkedFrom)
  const baseOffset = batch.readBigInt64BE(0)
  const baseTimestamp = Number(batch.readBigInt64BE(27))
  // With bit 3, the broker's time of arrival, which is that of the whole batch.
  const arrivedMs = attributes & 8 ? Number(batch.readBigInt64BE(35)) : undefined
  const batchContext = { producerId: batch.readBigInt64BE(43), inTransaction: (attributes & 16) !== 0 }
  const isControlRecord = (attributes & 32) !== 0
  const count = batch.readInt32BE(57)
  const reader = new RecordReader(content)
  let lastDelta = -1
  for (let i = 0; i < count; i++) {
    const end = reader.startRecord()
    const timestampMs = arrivedMs ?? baseTimestamp + reader.timestampDelta
    lastDelta = reader.varint()
    const offset = baseOffset + BigInt(lastDelta)
    const key = reader.bytes()
    const value = reader.bytes()
    // In one go: taking over fields of another object costs more than all else of a record.
    into.push({ offset, key, value, headers: reader.headers(), timestampMs, isControlRecord, batchContext })
    reader.endRecord(end)
  }
  // Compaction leaves offsets behind that no record has; a reader has to get past them.
  const lastOffsetDelta = batch.readInt32BE(23)
  if (lastDelta < lastOffsetDelta) into.push(emptied(baseOffset + BigInt(lastOffsetDelta)))
}

/** Reads what records are made of, one after another. Throws where one reaches over the end. */
class RecordReader {
  readonly #bytes: Buffer
  #at = 0
  /** Of the record that was started last. */
  timestampDelta = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  /** Returns where the record ends. */
  startRecord(): number {
    const length = this.varint()
    const end = this.#at + length
    if (length < 0 || end > this.#bytes.length) throw new RangeError('The record is longer than the batch.')
    // Its attributes, of which there are none.
    this.#at++
    this.timestampDelta = this.varint()
    return end
  }

  endRecord(end: number): void {
    if (this.#at !== end) throw new RangeError('The record ends elsewhere.')
  }

  /** Returns a number in zigzag coding; exact up to 2^53. */
  varint(): number {
    let sum = 0
    let scale = 1
    for (let i = 0; i < 10; i++) {
      const byte = this.#bytes[this.#at++]
      if (byte === undefined) throw new RangeError('A number reaches over the end.')
      sum += (byte & 127) * scale
      if (byte < 128) return sum % 2 === 0 ? sum / 2 : -(sum + 1) / 2
      scale *= 128
    }
    throw new RangeError('A number has more than ten bytes.')
  }

  /** Returns a view of the bytes that come with their length, or null. */
  bytes(): Buffer | null {
    const length = this.varint()
    if (length === -1) return null
    const from = this.#at
    this.#at += length
    if (length < 0 || this.#at > this.#bytes.length) throw new RangeError('Bytes reach over the end.')
    return this.#bytes.subarray(from, this.#at)
  }

  headers(): readonly KafkaHeader[] {
    const count = this.varint()
    if (count === 0) return none
    const headers: KafkaHeader[] = []
    for (let i = 0; i < count; i++) {
      const name = this.bytes()
      headers.push([name === null ? '' : name.toString(), this.bytes()])
    }
    return headers
  }
}

const none: readonly KafkaHeader[] = []

const nobody = { producerId: -1n, inTransaction: false }
const nothing = { key: null, value: null, headers: none, timestampMs: 0, isControlRecord: true, batchContext: nobody }

/** What holds the place of records that are gone; a marker of nobody, which is shown to nobody. */
function emptied(offset: bigint): DecodedRecord {
  return { ...nothing, offset }
}

function faultInPlace(fault: KafkaError): DecodedRecord {
  return { ...nothing, offset: faultOffset, isControlRecord: false, fault }
}

function tooLarge(): KafkaError {
  const details = { mostBatchBytes }
  return new KafkaError('ERR_KAFKA_SIZE', 'a batch is larger than 16 MiB when it is inflated', { details })
}

function malformed(why: string): KafkaError {
  return new KafkaError('ERR_KAFKA_CODEC', `a batch is malformed: ${why}`)
}
