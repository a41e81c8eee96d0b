// The port of transactions: records and the position behind them, which begin to count in one step. A source offers them;
// sinks that write to the same cluster join. Types only: implementations belong to the connectors of a cluster, the caller
// is ../pipeline.

/**
 * A transaction of a source.
 *
 * *Order of calls*: sinks `join()` it, are written to and flushed; then either `commit()` or `abandon()`, once.
 */
export interface Transaction<P = unknown> {
  /**
   * Makes everything count that was written in it, and `position` with it. *Errors*: `ConnectorError`. After one it is not
   * known whether it counts: the source finds out before it is iterated again, and goes on behind what does. `version`: of
   * the rule set that judged what was written last, for sources that note it.
   */
  commit(position: P, version?: string): Promise<void>
  /** Gives it up: nothing of it ever counts. Never throws. */
  abandon(): Promise<void>
}
