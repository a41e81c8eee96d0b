// Says when a source may be told: the position of a batch is committed after every sink has made safe what was written
// for it and for all before it. While one flush is under way, batches go on being written; the next flush stands for all
// of them, so that a disk is synced as often as it can be and no more. Called by pipeline.ts.

/** A batch that is written. */
export interface Written<P> {
  /** The last position in it; absent where none ends there. */
  readonly position?: { readonly value: P }
  /** Of the rule set that judged it; absent where nothing was judged. */
  readonly version?: string
  /** Called when its records are safe, and a position at or behind its end is committed. */
  readonly onSafe: () => void
}

/**
 * What commits the positions of one run. *Order of calls*: for each batch `beforeWrite()`, then `add()`; at the end
 * `drained()` or `abandon()`.
 */
export interface Commits<P> {
  /** Called before anything of a batch is written. */
  beforeWrite(): Promise<void> | void
  /** Takes note that a batch is written. When it resolves, the next one may be. */
  add(written: Written<P>): Promise<void> | void
  /** Resolves when every position is committed. Rejects with what went wrong. */
  drained(): Promise<void>
  /** Commits nothing further, and resolves when nothing is under way. */
  abandon(): Promise<void>
}

/** What an acker does its work with. */
export interface AckerParts<P> {
  /** Makes everything safe that was written before the call. */
  flush(): Promise<void>
  /** Tells the source. */
  commit(position: P, version?: string): void | Promise<void>
  /** Called once, with what made a flush or a commit fail. Nothing is committed afterwards. */
  onFailure(error: unknown): void
}

/**
 * Commits the positions of one run. *Order of calls*: `add()` as batches are written; `drained()` or
 * `abandon()` at the end.
 */
export class Acker<P> implements Commits<P> {
  private readonly parts: AckerParts<P>
  /** What waits for a flush that begins after it was written, in order. */
  private readonly waiting: Written<P>[] = []
  private running: Promise<void> | undefined
  private isAbandoned = false
  private failure: { readonly error: unknown } | undefined

  constructor(parts: AckerParts<P>) {
    this.parts = parts
  }

  /** Nothing has to be begun. */
  beforeWrite(): void {}

  add(written: Written<P>): void {
    this.waiting.push(written)
    if (written.position !== undefined) this.running ??= this.run()
  }

  /** Resolves when every position is committed, and what is behind the last one is safe. Rejects with what `onFailure` was told. */
  async drained(): Promise<void> {
    await this.running
    if (this.failure !== undefined) throw this.failure.error
    if (this.waiting.length === 0) return
    await this.parts.flush()
    for (const { onSafe } of this.waiting.splice(0)) onSafe()
  }

  /** Begins no further flush, and resolves when none is under way: what waits is not committed. */
  async abandon(): Promise<void> {
    this.isAbandoned = true
    await this.running
  }

  /** Never rejects. */
  private async run(): Promise<void> {
    try {
      for (let due = this.takeDue(); due.length > 0; due = this.takeDue()) {
        await this.parts.flush()
        const last = due.at(-1)!
        await this.parts.commit(last.position!.value, last.version)
        for (const { onSafe } of due) onSafe()
      }
      this.running = undefined
    } catch (error) {
      // Stays in `running`: nothing runs after a failure.
      this.failure = { error }
      this.parts.onFailure(error)
    }
  }

  /** What waits, up to the last position. */
  private takeDue(): Written<P>[] {
    const last = this.isAbandoned ? -1 : this.waiting.findLastIndex(({ position }) => position !== undefined)
    return this.waiting.splice(0, last + 1)
  }
}
