// What messages of a topic hold, as a pipeline takes them: NDJSON as it came, or the lines of FluentD's envelopes. Called
// by kafka-partition.ts.

import type { FetchedBatch } from '../kafka/port.ts'
import type { MessageReject } from '../ports/message.ts'
import type { MessagesValue } from '../ports/source.ts'
import { openEnvelope } from '../shapes/open-envelope.ts'

/** What messages may hold. It is never guessed: the same bytes would mean one thing today and another tomorrow. */
export const kafkaFormats = ['ndjson', 'fluentd'] as const
export type KafkaFormat = (typeof kafkaFormats)[number]

/** Returns the records of a batch as one value, whose position is the offset behind the last of them. */
export function messagesOf(
  { partition, records }: FetchedBatch,
  topic: string,
  format: KafkaFormat,
): MessagesValue<bigint> {
  const origins = records.map(({ offset, key, headers }) => ({ topic, partition, offset, key, headers }))
  const inputBytes = records.reduce((sum, { value }) => sum + (value?.length ?? 0), 0)
  const about = { kind: 'messages', origins, position: records.at(-1)!.offset + 1n, inputBytes } as const
  if (format === 'ndjson') return { ...about, values: records.map(({ value }) => value) }
  const rejects: MessageReject[] = []
  const values = records.map(({ value }, message) => {
    if (value === null) return null
    const opened = openEnvelope(Buffer.from(value.buffer, value.byteOffset, value.length))
    if (opened === undefined || 'message' in opened) return opened?.message ?? null
    rejects.push({ message, bytes: value, reason: opened.reason })
    return null
  })
  return { ...about, values, rejects }
}
