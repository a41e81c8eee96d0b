// The port of where records go that cannot go where their rules would send them: with their bytes as they came, and
// why. The implementation is in ../sinks, the callers are ../pipeline and sources that set whole bodies aside.

import type { MalformedReason } from '@weir/engine'

import type { MessagePlace } from './message.ts'
import type { Transaction } from './transaction.ts'

/**
 * Why records are set aside. `malformed`: the engine cannot read them, or they are too long; `worker_crash`: a worker died
 * or hung on them, again and again; `matcher_fault`: a matcher ran out of memory on them; `quarantine`: a whole input
 * that cannot be taken apart, as a damaged gzip body.
 */
export type DeadLetterReason = 'malformed' | 'worker_crash' | 'matcher_fault' | 'quarantine'

/** What is kept of a record that is too long, from its start; its length and SHA-256 stand beside it. */
export const headBytes = 4 << 10

/** A record that is too long, as far as its bytes do not tell. */
export interface CutRecord {
  /** Length of the whole, with its line end. */
  readonly bytes: number
  /** Of the whole; hexadecimal. */
  readonly sha256: string
}

/** Neighbouring records that share one fate. */
export interface DeadLetter {
  readonly reason: DeadLetterReason
  /** Numbers of malformed records by what is wrong with each. Only of `malformed`. */
  readonly malformedByReason?: Readonly<Partial<Record<MalformedReason, number>>>
  /** How many records; 0 where that is not known, as of a damaged body. */
  readonly records: number
  /** As they came, one after another. *Ownership*: the writer's until `write()` settles. */
  readonly bytes: readonly Uint8Array[]
  /** The letter is one record that is too long, and `bytes` only its start, `headBytes` of it. Absent: they are all. */
  readonly cut?: CutRecord
  /** What handed them over, as messages call it. */
  readonly source: string
  /** Where the first of them lies, of a source that has messages. */
  readonly place?: MessagePlace
  /** Version of the rule set in force; absent where none was asked. */
  readonly version?: string
  /** What the log calls the batch that they were in; absent where they were in none. */
  readonly batch?: string
  /** What else is known, in a few words: the error's message. */
  readonly detail?: string
}

/**
 * Takes dead letters, in order.
 *
 * Order of calls, flushing and errors are those of a `Sink`.
 */
export interface DeadLetters {
  readonly name: string
  write(letters: readonly DeadLetter[]): Promise<void>
  /** Whether a letter would be written now, and not be left out because there are too many. Absent: always. */
  readonly hasRoom?: boolean
  join?(transaction: Transaction): void
  flush(): Promise<void>
  finish(): Promise<void>
  discard(): Promise<void>
}
