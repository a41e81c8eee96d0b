// Commits positions for a source that has transactions: everything that is written up to a position counts together with
// it, or not at all, and the next batch is written when that is known. Sinks that cannot join are flushed before. The
// counterpart of acker.ts. Called by pipeline.ts.
//
// Invariant: a batch that holds the end of a value holds nothing behind it. What stood there would count now, though the
// position behind it does not, and come again. So a source with transactions yields no `bytes` (../ports/source.ts).

import type { Transaction } from '../ports/transaction.ts'
import type { Commits, Written } from './acker.ts'

/** What transactions are made with. */
export interface TransactionsParts<P> {
  /** Begins one with the source. */
  begin(): Promise<Transaction<P>>
  /** Has the sinks that can join it. */
  join(transaction: Transaction<P>): void
  /** Makes safe what was written, as far as sinks can do so before the commit. */
  flush(): Promise<void>
  /** Told of every position that counts. */
  onCommit(position: P): void
}

/** Commits the positions of one run, each with the records before it. */
export class Transactions<P> implements Commits<P> {
  private readonly parts: TransactionsParts<P>
  private current: Transaction<P> | undefined
  /** What was written since the last position. */
  private written: Written<P>[] = []

  constructor(parts: TransactionsParts<P>) {
    this.parts = parts
  }

  async beforeWrite(): Promise<void> {
    if (this.current !== undefined) return
    this.current = await this.parts.begin()
    this.parts.join(this.current)
  }

  async add(written: Written<P>): Promise<void> {
    this.written.push(written)
    const { position } = written
    if (position === undefined) return
    const transaction = this.current as Transaction<P>
    await this.parts.flush()
    // Whatever comes of it, it is not used again.
    this.current = undefined
    await transaction.commit(position.value, written.version)
    this.parts.onCommit(position.value)
    for (const { onSafe } of this.written.splice(0)) onSafe()
  }

  /** What was written behind the last position comes again from there. */
  async drained(): Promise<void> {
    await this.abandon()
  }

  async abandon(): Promise<void> {
    const transaction = this.current
    this.current = undefined
    await transaction?.abandon()
  }
}
