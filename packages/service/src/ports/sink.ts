// The port of where records go. A sink takes the bytes of one route and acknowledges them. Types only:
// implementations are in ../sinks, the caller is ../pipeline.

import type { MessageOrigin } from './message.ts'
import type { Transaction } from './transaction.ts'

/**
 * Takes the records of one route, in order.
 *
 * *Order of calls*: `write()` any number of times, one at a time, and `flush()` at any time between, also while a write
 * is under way; then either `finish()` or `discard()`, once, when neither is.
 * *Errors*: `ConnectorError`, or those of what is behind it, as `S3Error`. After an error only `discard()` may be called. An error that is `retryable` may pass: a
 * sink that is opened anew takes up where the last successful `flush()` ended, or where one would have that failed when it
 * could not be taken back any more.
 */
export interface Sink {
  /** What messages call it: a path, `standard output`, a topic. */
  readonly name: string
  /** Whether `write()` makes use of `origins`. Absent: no, and they need not be found out. */
  readonly wantsOrigins?: boolean
  /**
   * Writes whole records, one chunk after the other. Resolves when the sink has taken them, in their order; who may be
   * told that they are safe is a matter of `flush()`.
   * *Ownership*: the chunks are the sink's until the promise settles, and are not kept afterwards. `version`: of the rule
   * set that judged them, for sinks that keep a manifest. `origins`: of each chunk, the message that its records came in;
   * given where the sink wants them and the source has messages.
   */
  write(chunks: readonly Uint8Array[], version?: string, origins?: readonly MessageOrigin[]): Promise<void>
  /**
   * Resolves when everything whose `write()` had resolved before this call is as safe as this sink ever makes it: synced
   * to the disk, acknowledged by a server, taken by the reader of a pipe. Only then may a source be told. For a sink
   * that shows nothing before `finish()`, as a file that is written aside, at once.
   */
  flush(): Promise<void>
  /**
   * Has what is written from now on count with this transaction, where it is one of the sink's own cluster; else does
   * nothing. `flush()` then resolves when all of it is acknowledged, though it does not count yet. Absent where a sink
   * knows no transactions.
   */
  join?(transaction: Transaction): void
  /** Makes what was written final: `flush()`, and nothing may follow. */
  finish(): Promise<void>
  /** Takes back what was written, as far as that is possible. Never throws. */
  discard(): Promise<void>
}
