// The port of where records go. A sink takes the bytes of one route and acknowledges them. Types only:
// implementations are in ../sinks, the caller is ../pipeline.

/**
 * Takes the records of one route, in order.
 *
 * *Order of calls*: `write()` any number of times, one at a time; then either `finish()` or `discard()`, once.
 * *Errors*: `ConnectorError`. After an error only `discard()` may be called.
 */
export interface Sink {
  /** What messages call it: a path, `standard output`, a topic. */
  readonly name: string
  /**
   * Writes whole records, one chunk after the other. Resolves when the sink answers for them: when they are where
   * `finish()` needs them, or, for a sink that cannot take anything back, at their destination.
   * *Ownership*: the chunks are the sink's until the promise settles, and are not kept afterwards.
   */
  write(chunks: readonly Uint8Array[]): Promise<void>
  /** Makes what was written final. */
  finish(): Promise<void>
  /** Takes back what was written, as far as that is possible. Never throws. */
  discard(): Promise<void>
}
