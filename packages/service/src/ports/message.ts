// What is known of records that came in messages of a topic, beside their bytes. Types only: sources tell it, sinks and
// dead letters carry it on, ../pipeline hands it through.

import type { MalformedReason } from '@weir/engine'

/** What one message came with. */
export interface MessageOrigin {
  readonly topic: string
  readonly partition: number
  readonly offset: bigint
  readonly key: Uint8Array | null
  readonly headers: readonly (readonly [name: string, value: Uint8Array | null])[]
  /** Milliseconds since 1970; the broker's or the producer's, as the topic has it. */
  readonly timestampMs: number
}

/** Where a record lies in a topic. */
export interface MessagePlace extends Pick<MessageOrigin, 'topic' | 'partition' | 'offset'> {
  /** Index of the record in its message, from 0; blank lines are none. */
  readonly record: number
}

/** A message that is malformed as a whole: nobody can say what its records are. It counts as one record. */
export interface MessageReject {
  /** Its index among the values. */
  readonly message: number
  /** As it came. *Ownership*: the reader's, as the values are. */
  readonly bytes: Uint8Array
  readonly reason: MalformedReason
}
