// The port of what records come from. A source yields bytes as they came, neither decoded nor parsed, each with a
// position that only the source understands; it hears back which positions are safe. Types only: implementations are
// in ../sources, the caller is ../pipeline.

import type { FileHandle } from 'node:fs/promises'

/** Bytes of a source, and where they end. */
export type SourceValue<P> = BytesValue<P> | FileValue<P>

/** Bytes in memory. */
export interface BytesValue<P> {
  readonly kind: 'bytes'
  /** Ownership: the reader's until it asks for the next value; then the source may use the memory again. */
  readonly bytes: Uint8Array
  /** What the source needs to resume behind these bytes. */
  readonly position: P
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
 * One stream of NDJSON bytes. The values together are one text: a record may begin in one and end in the next, and
 * line numbers count from the first.
 *
 * *Order of calls*: `values()` once; `commit()` any number of times, with positions in the order of the values;
 * `close()` once, at any time, also after an error.
 * *Errors*: `values()` throws `ConnectorError`; values that came before one are good.
 */
export interface Source<P = unknown> {
  /** What messages call it: a path, `standard input`, a topic. */
  readonly name: string
  values(): AsyncIterable<SourceValue<P>>
  /** Takes note that everything up to this position is acknowledged by every sink. */
  commit(position: P): void | Promise<void>
  /** Releases what the source holds. Never throws for a source that already failed. */
  close(): Promise<void>
}
