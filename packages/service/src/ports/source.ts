// The port of what records come from. A source yields bytes as they came, neither decoded nor parsed, each with a
// position that only the source understands; it hears back which positions are safe. Types only: implementations are
// in ../sources, the caller is ../pipeline.

import type { FileHandle } from 'node:fs/promises'

import type { MalformedReason } from '@weir/engine'

import type { MessageOrigin, MessageReject } from './message.ts'
import type { Transaction } from './transaction.ts'

/** Bytes of a source, and where they end. */
export type SourceValue<P> = BytesValue<P> | FileValue<P> | MessagesValue<P>

/** Bytes in memory. */
export interface BytesValue<P> {
  readonly kind: 'bytes'
  /** Ownership: the reader's until it asks for the next value; then the source may use the memory again. */
  readonly bytes: Uint8Array
  /** What the source needs to resume behind these bytes. */
  readonly position: P
  /** Bytes of input, inflated, that the source has taken since the value before. Absent: as many as there are bytes. */
  readonly inputBytes?: number
  /** When the source had them whole, by `steadyClock`. Absent: when they are handed out. */
  readonly cameMs?: number
  /** Where the records lie in the input that begin in these bytes. Absent: at the same place as in the values. */
  readonly places?: Places
  /** Malformed records that stand before the end of these bytes in the input, and are not among them. */
  readonly rejects?: readonly Reject[]
}

/** Where something lies in an input. */
export interface Place {
  /** From 1. */
  readonly line: number
  /** From 0. */
  readonly byte: number
  /** Number of the line within a message, from 1, where a line of the input holds several records. */
  readonly messageLine?: number
}

/** Places of records. */
export interface Places {
  /** Returns where the record lies in the input that begins at this byte, counted from the start of the value. */
  locate(byte: number): Place
}

/** A malformed record that a source sets aside: as a whole it cannot be handed on as a line of NDJSON. */
export interface Reject extends Place {
  /** As it stands in the input, with a line feed at its end unless more of it follows. *Ownership*: the pipeline's. */
  readonly bytes: Uint8Array
  readonly reason: MalformedReason
  /** The bytes go on where those of the reject before end: one record, which was counted. */
  readonly isRest?: true
}

/** A regular file, open for reading, that workers read themselves, so that its bytes never pass the main thread. */
export interface FileValue<P> {
  readonly kind: 'file'
  /** Ownership: stays the source's, which closes it in `close()`. */
  readonly handle: FileHandle
  /** Returns the position behind byte `end` of the file. */
  positionAt(end: number): P
}

/**
 * Messages that are judged and delivered together: their records, the position behind them, and nothing else. No record
 * goes on in the next value.
 */
export interface MessagesValue<P> {
  readonly kind: 'messages'
  /**
   * NDJSON each, the last line end optional; null has no records. *Ownership*: the reader's until it asks for the next
   * value.
   */
  readonly values: readonly (Uint8Array | null)[]
  /** Where each of the values comes from, and what it came with. */
  readonly origins: readonly MessageOrigin[]
  /** What the source needs to resume behind them. */
  readonly position: P
  /** Bytes of input that they stand for. */
  readonly inputBytes: number
  /** When the source had them whole, by `steadyClock`. Absent: when they are handed out. */
  readonly cameMs?: number
  /** Messages that as a whole are malformed, whose values are null; ascending. */
  readonly rejects?: readonly MessageReject[]
  /** The source had nothing behind them when they came. */
  readonly isAtEnd?: boolean
  /**
   * Given by a source that reads again what is not committed, with the first value after it began to: who has taken
   * something before and not committed it drops it, since it comes again.
   */
  readonly restart?: Restart<P>
}

/** Where a source has begun to read again. */
export interface Restart<P> {
  /** The last position that was committed. */
  readonly position: P
  /** What was committed with it; empty where there is nothing. */
  readonly note: string
}

/**
 * One stream of NDJSON bytes. The values together are one text: a record may begin in one and end in the next, and
 * line numbers count from the first.
 *
 * *Order of calls*: `values()`; `commit()` any number of times, with positions in the order of the values; `close()`
 * once, at any time, also after an error. Where delivery failed and is tried again, `values()` is called again, after
 * the iteration before has come to its end: it begins behind the last position that was committed. An iteration that is
 * ended, by `return()`, while it waits for input comes to its end at once. What a source was handed and
 * cannot hand out again, as the body of a request, it gives back to its sender when the iteration is ended.
 * *Errors*: `values()` throws `ConnectorError`; values that came before one are good.
 */
export interface Source<P = unknown> {
  /** What messages call it: a path, `standard input`, an address, a topic. */
  readonly name: string
  values(): AsyncIterable<SourceValue<P>>
  /**
   * Takes note that everything up to this position is acknowledged by every sink. `version`: of the rule set that judged
   * the last of it, or what else is to be known with the position, for sources that note it.
   */
  commit(position: P, version?: string): void | Promise<void>
  /**
   * Begins a transaction, which takes the place of `commit()`: one at a time, each ended before the next one. Absent where
   * a source has none. Who has transactions yields `messages` or a file: batches of other bytes are cut without regard to
   * where values end, so a transaction could hold a part of a value whose position counts in the next one.
   */
  begin?(): Promise<Transaction<P>>
  /**
   * Takes nothing new: the iteration ends when what was taken before is handed out. Absent where a source ends by
   * itself; then a shutdown ends its iteration.
   */
  drain?(): void
  /** Why it takes nothing at the moment, though somebody iterates over it; absent while it does. */
  readonly whyFull?: string | undefined
  /** Releases what the source holds. Never throws for a source that already failed. */
  close(): Promise<void>
}
