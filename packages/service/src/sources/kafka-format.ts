// What messages of a topic hold, as a pipeline takes them: NDJSON as it came, or the lines of FluentD's envelopes. Called
// by kafka-partition.ts.

import type { FetchedBatch } from '../kafka/port.ts'
import type { MessageReject } from '../ports/message.ts'
import type { MessagesValue } from '../ports/source.ts'
import { openEnvelope } from '../shapes/open-envelope.ts'

/** What messages may hold. It is never guessed: the same bytes would mean one thing today and another tomorrow. */
export const kafkaFormats = ['ndjson', 'fluentd'] as const
export type KafkaFormat = (typeof kafkaFormats)[number]

/** What all messages of a source have in common. */
export interface MessagesOfTopic {
  readonly topic: string
  readonly format: KafkaFormat
  /** Whether offsets may be missing. */
  readonly allowsGaps: boolean
}

/**
 * Returns the records of a batch as one value, whose position is the offset behind the last of them. Where gaps are no
 * fault it is behind the markers that follow, too: a group that stood at a marker would be outside of the log when
 * retention has deleted it, though it lacks nothing.
 */
export function messagesOf(
  { partition, records, next, end }: FetchedBatch,
  { topic, format, allowsGaps }: MessagesOfTopic,
): MessagesValue<bigint> {
  const origins = records.map(({ offset, key, headers, timestampMs }) => {
    return { topic, partition, offset, key, headers, timestampMs }
  })
  const inputBytes = records.reduce((sum, { value }) => sum + (value?.length ?? 0), 0)
  const position = allowsGaps ? next : records.at(-1)!.offset + 1n
  const about = { kind: 'messages', origins, position, inputBytes, isAtEnd: next >= end } as const
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
