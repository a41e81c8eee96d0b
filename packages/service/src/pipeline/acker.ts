// Says when a source may be told: the position of a batch is committed after every sink has made safe what was written
// for it and for all before it. While one flush is under way, batches go on being written; the next flush stands for all
// of them, so that a disk is synced as often as it can be and no more. Called by pipeline.ts.

/** What commits the positions of one run. *Order of calls*: for each batch `beforeWrite()`, then `add()`; one of the others at the end. */
export interface Commits<P> {
  /** Called before anything of a batch is written. */
  beforeWrite(): Promise<void> | void
  /** Takes note that everything up to `position` is written. When it resolves, the next batch may be written. */
  add(position: P): Promise<void> | void
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
  commit(position: P): void | Promise<void>
  /** Called once, with what made a flush or a commit fail. Nothing is committed afterwards. */
  onFailure(error: unknown): void
}

/**
 * Commits the positions of one run. *Order of calls*: `add()` as batches are written; `drained()` or
 * `abandon()` at the end.
 */
export class Acker<P> implements Commits<P> {
  private readonly parts: AckerParts<P>
  /** The last position that waits for a flush that began after its batch was written. */
  private waiting: { readonly position: P } | undefined
  private running: Promise<void> | undefined
  private isAbandoned = false
  private failure: { readonly error: unknown } | undefined

  constructor(parts: AckerParts<P>) {
    this.parts = parts
  }

  /** Nothing has to be begun. */
  beforeWrite(): void {}

  /** Takes note that everything up to `position` is written. */
  add(position: P): void {
    this.waiting = { position }
    this.running ??= this.run()
  }

  /** Resolves when every position is committed. Rejects with what `onFailure` was told. */
  async drained(): Promise<void> {
    await this.running
    if (this.failure !== undefined) throw this.failure.error
  }

  /** Begins no further flush, and resolves when none is under way: what waits is not committed. */
  async abandon(): Promise<void> {
    this.isAbandoned = true
    await this.running
  }

  /** Never rejects. */
  private async run(): Promise<void> {
    try {
      for (let next = this.waiting; next !== undefined && !this.isAbandoned; next = this.waiting) {
        this.waiting = undefined
        await this.parts.flush()
        await this.parts.commit(next.position)
      }
      this.running = undefined
    } catch (error) {
      // Stays in `running`: nothing runs after a failure.
      this.failure = { error }
      this.parts.onFailure(error)
    }
  }
}
