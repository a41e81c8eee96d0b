// Dead letters as records of a topic: the bytes as they came, and all else that is known in headers. The bounds are those
// of dead-letter.ts, which writes lines. Called by ../commands.

import type { KafkaHeader, OutgoingRecord } from '../kafka/port.ts'
import type { DeadLetter, DeadLetters } from '../ports/dead-letters.ts'
import type { Transaction } from '../ports/transaction.ts'
import { LetterAllowance, malformedOf, partBytes, partsOf } from './dead-letter.ts'
import type { DeadLetterOptions, LetterPart, Suppressed } from './dead-letter.ts'
import { kafkaHeaders } from './kafka.ts'
import type { RecordWriter } from './kafka-writer.ts'

/** What a record takes beside its bytes, about. */
const frameBytes = 300

/** What headers take in a send beside the bytes, with all that a detail may say; and what a part has at least. */
const [mostFrameBytes, leastPartBytes] = [4096, 1024]

/** Returns dead letters that end in a topic. *Errors*: the writer's. */
export function deadLettersToKafka(writer: RecordWriter, options: DeadLetterOptions): DeadLetters {
  const allowance = new LetterAllowance(options)
  const room = () => Math.max(leastPartBytes, Math.min(partBytes, writer.mostBytes - mostFrameBytes))
  const isJoining = writer.join !== undefined
  const write = async (letters: readonly DeadLetter[]) => {
    const records = letters.flatMap((letter) =>
      recordsOf(partsOf(letter, options.maxRecordBytes, room()), letter, allowance),
    )
    if (records.length > 0) await writer.send(records)
  }
  const tellSuppressed = async () => {
    const suppressed = allowance.takeSuppressed()
    if (suppressed === undefined) return
    const headers = headersOf({ reason: 'suppressed', records: 0, suppressed: textOf(suppressed) })
    await writer.send([{ key: null, value: Buffer.alloc(0), headers }])
  }
  return {
    name: writer.name,
    get hasRoom() {
      return allowance.hasRoom
    },
    write,
    // What was left out is told before anybody is told that everything is safe.
    flush: tellSuppressed,
    ...(isJoining ? { join: (transaction: Transaction) => writer.join?.(transaction) } : {}),
    finish: async () => {
      await tellSuppressed()
      writer.discard()
    },
    discard: () => Promise.resolve(writer.discard()),
  }
}

function recordsOf(parts: readonly LetterPart[], letter: DeadLetter, allowance: LetterAllowance): OutgoingRecord[] {
  return parts.flatMap((part, index) => {
    const records = index === 0 ? letter.records : 0
    // Who sets a whole body aside has asked for room before, and tells its sender that it is kept.
    if (letter.reason !== 'quarantine' && !allowance.hasRoom) {
      allowance.suppress({ entries: 1, records, bytes: part.bytes })
      return []
    }
    allowance.spend(part.data.length + frameBytes)
    const place = { part: index, of: parts.length, records }
    return [{ key: null, value: part.data, headers: headersOf(about(letter, part, place, allowance.takeSuppressed())) }]
  })
}

/** Names and values of headers; those that are undefined are left out. */
type Headers = Readonly<Record<string, string | number | bigint | undefined>>

function about(
  letter: DeadLetter,
  { bytes, sha256 }: LetterPart,
  { part, of, records }: { readonly part: number; readonly of: number; readonly records: number },
  suppressed: Suppressed | undefined,
): Headers {
  const { reason, source, place, version, batch, detail } = letter
  const { malformedByReason } = part === 0 ? malformedOf(letter) : {}
  return {
    reason,
    ...place,
    records,
    bytes,
    source,
    batch,
    detail,
    malformed: malformedByReason === undefined ? undefined : textOf(malformedByReason),
    ...(of === 1 ? {} : { part: part + 1, parts: of }),
    sha256,
    suppressed: suppressed === undefined ? undefined : textOf(suppressed),
    [kafkaHeaders.version.slice(prefix.length)]: version,
  }
}

const prefix = 'weir-'

function headersOf(values: Headers): KafkaHeader[] {
  return Object.entries(values).flatMap(([name, value]) =>
    value === undefined ? [] : [[`${prefix}${name}`, Buffer.from(String(value))] as const],
  )
}

/** `syntax=2 utf8=1`. */
function textOf(counts: object): string {
  return Object.entries(counts)
    .map(([name, count]) => `${name}=${count}`)
    .join(' ')
}
