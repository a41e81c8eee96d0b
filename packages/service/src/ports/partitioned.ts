// The port of sources that come in partitions: each is a source of its own, with its own position and transaction, and
// they are told as they come. Types only: implementations are in ../sources, the caller is ../pipeline.

import type { Source } from './source.ts'

/** One partition. Its iteration waits while the partition belongs to somebody else, and goes on when it is back. */
export interface SourcePartition<P> extends Source<P> {
  readonly partition: number
  /** What it is doing, in a word or two. */
  readonly condition: string
  /** Behind what is known to be delivered, whoever has delivered it; before anything is, what its source has for that. */
  readonly position: P
}

/**
 * A source in partitions.
 *
 * *Order of calls*: `join()`, once; `leave()` when every iteration of its partitions has ended; `close()` at any time.
 */
export interface PartitionedSource<P> {
  /** What messages call it: a topic. */
  readonly name: string
  /** Why it takes nothing at the moment: it is in no group, or partitions are stopped. Absent while it does. */
  readonly whyFull?: string | undefined
  /** Those that were told, by number. */
  readonly partitions: ReadonlyMap<number, SourcePartition<P>>
  /** Begins to take part. `onPartition`: told of each partition when it comes for the first time. Never throws. */
  join(onPartition: (partition: SourcePartition<P>) => void): void
  /** Hands the partitions to others. Never throws. */
  leave(): Promise<void>
  /** Releases what the source holds. Never throws. */
  close(): Promise<void>
}
