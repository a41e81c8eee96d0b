// How records are cut into sends: each is one record batch within our limits, since the broker sees only what is left of it
// after compression. Pure. Called by the sinks, and by producer.ts, which refuses what is larger.

import { KafkaError } from '../errors.ts'
import { batchHeadBytes, recordBytes } from './batch-encoder.ts'
import type { OutgoingRecord, TopicFound } from './port.ts'

/** Most bytes of a send: encoded, before compression, keys and headers counted. Topics take a MiB more. */
export const mostSendBytes = 3 << 20

/** Most bytes of small records in a send: each costs the event loop more than its bytes do. */
const mostLineBytes = 1 << 20

/** Most records of a send. */
export const mostSendRecords = 20_000

/** What is smaller counts as a line. */
const lineBytes = 16 << 10

/** Returns how many bytes the record takes in a send, wherever in it: never too few, and at most four too many. */
export function sentBytes(record: OutgoingRecord): number {
  return recordBytes(record, mostSendRecords)
}

/**
 * Returns why the record can never be sent, or nothing: it is too large (`ERR_KAFKA_SIZE`), or has a key that passes for
 * the end of a transaction (`ERR_KAFKA_KEY`).
 */
export function refusalOf(record: OutgoingRecord): KafkaError | undefined {
  return refusalBy(record, sentBytes(record))
}

/** As `refusalOf`, of a record whose size is known: finding it out costs more than all else here. */
function refusalBy({ key }: OutgoingRecord, sent: number): KafkaError | undefined {
  const bytes = batchHeadBytes + sent
  if (bytes > mostSendBytes) {
    const message = `A record takes ${bytes} bytes with its key and headers, and a send takes ${mostSendBytes}.`
    return new KafkaError('ERR_KAFKA_SIZE', message, { details: { bytes, mostSendBytes } })
  }
  if (key?.length === 4 && key.every((byte) => byte === 0)) {
    return new KafkaError('ERR_KAFKA_KEY', 'A record has a key of four zero bytes, which readers take for a marker.')
  }
  return undefined
}

/**
 * Returns the records as sends, in order, none empty. `mostBytes`: of a send, where a topic takes less than we do; a record
 * that is larger goes alone, and the broker decides. *Ownership*: the records are not copied. *Errors*: those of
 * `refusalOf`, before anything is sent; `details.index` says which record.
 */
export function planSends(records: readonly OutgoingRecord[], mostBytes = mostSendBytes): OutgoingRecord[][] {
  const sends: OutgoingRecord[][] = []
  let send: OutgoingRecord[] = []
  let [bytes, bytesOfLines] = [batchHeadBytes, 0]
  for (const [index, record] of records.entries()) {
    const more = sentBytes(record)
    refuseAt(index, record, more)
    const moreOfLines = more < lineBytes ? more : 0
    const isFull =
      send.length === mostSendRecords || bytes + more > mostBytes || bytesOfLines + moreOfLines > mostLineBytes
    if (isFull && send.length > 0) {
      sends.push(send)
      send = []
      ;[bytes, bytesOfLines] = [batchHeadBytes, 0]
    }
    send.push(record)
    bytes += more
    bytesOfLines += moreOfLines
  }
  if (send.length > 0) sends.push(send)
  return sends
}

/** The setting of a topic that bounds what it takes of a send. */
const sizeSetting = 'max.message.bytes'

/** Returns the most bytes of a send that every one of the topics takes, as far as their settings are known. */
export function takenBytes(topics: readonly (Pick<TopicFound, 'config'> | undefined)[]): number {
  const sizes = topics.map((topic) => Number(topic?.config[sizeSetting] ?? Number.NaN))
  return Math.min(mostSendBytes, ...sizes.filter((size) => size > 0))
}

/** Throws where the records are not one send. *Errors*: `ERR_KAFKA_SIZE`, `ERR_KAFKA_KEY`. */
export function checkSend(records: readonly OutgoingRecord[]): void {
  let bytes = batchHeadBytes
  for (const [index, record] of records.entries()) {
    const more = sentBytes(record)
    refuseAt(index, record, more)
    bytes += more
  }
  if (records.length > 0 && records.length <= mostSendRecords && bytes <= mostSendBytes) return
  const message = `A send takes 1 to ${mostSendRecords} records of ${mostSendBytes} bytes in all, and not ${records.length} of ${bytes}.`
  throw new KafkaError('ERR_KAFKA_SIZE', message, { details: { records: records.length, bytes } })
}

function refuseAt(index: number, record: OutgoingRecord, sent: number): void {
  const refusal = refusalBy(record, sent)
  if (refusal === undefined) return
  const { code, message, details } = refusal
  throw new KafkaError(code, message, { details: { ...details, index } })
}
