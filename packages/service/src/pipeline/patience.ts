// Asks an object store again and again until it answers: an archive has nowhere else to go, and loses nothing by waiting.
// Called by archive.ts and archive-object.ts.

import { S3Error } from '../errors.ts'
import type { Clock } from '../time.ts'
import type { Backoff } from './retry.ts'
import type { SessionHooks } from './session.ts'
import { unlessAborted } from './unless-aborted.ts'

/** What patience needs. */
export interface PatienceParts {
  readonly backoff: Backoff
  readonly clock: Clock
  /** Resolves after `ms`, or when the signal is aborted. */
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>
  /** Whether the partition is still this process's: else somebody else writes what waits here. */
  readonly isOurs: () => boolean
  /** Told of each failed attempt, and for how long nothing has succeeded. */
  readonly onHeld: (error: S3Error, heldMs: number) => void
  /** Told when an attempt succeeds after one that did not. */
  readonly onFreed: (heldMs: number) => void
}

/** The longest time between two looks at whether to wait on. */
const mostWaitMs = 30_000

/** Waits for one store. */
export class Patience {
  /** Whether it was given up because the service ends. */
  hasGivenUp = false
  private readonly parts: PatienceParts
  private readonly hooks: SessionHooks<bigint>
  private readonly ending: AbortSignal
  private heldSinceMs: number | undefined

  constructor(parts: PatienceParts, hooks: SessionHooks<bigint>) {
    this.parts = parts
    this.hooks = hooks
    this.ending = AbortSignal.any([hooks.signal, hooks.stopping])
  }

  /**
   * Calls until the call succeeds. *Errors*: what is no use to try again; the signal's reason; an error where the partition
   * was taken away, or the service ends.
   */
  async ask<T>(call: () => Promise<T>): Promise<T> {
    const { signal } = this.hooks
    for (;;) {
      try {
        signal.throwIfAborted()
        const answer = await unlessAborted(signal, call())
        this.free()
        return answer
      } catch (error) {
        if (!(error instanceof S3Error) || !error.retryable) throw error
        await this.hold(error)
      }
    }
  }

  private async hold(error: S3Error): Promise<void> {
    const { backoff, clock, wait, isOurs, onHeld } = this.parts
    this.heldSinceMs ??= clock()
    this.hooks.onWait(error)
    onHeld(error, clock() - this.heldSinceMs)
    // A store may ask for an hour; a partition that is taken away is let go sooner.
    for (let leftMs = Math.max(backoff.next(), error.retryAfterMs ?? 0); leftMs > 0; leftMs -= mostWaitMs) {
      await wait(Math.min(leftMs, mostWaitMs), this.ending)
      this.hooks.signal.throwIfAborted()
      this.hasGivenUp = this.hooks.stopping.aborted
      if (this.hasGivenUp) throw new Error('The service ends; what waits stays in the topic.', { cause: error })
      if (!isOurs()) throw new Error('The partition was taken away; what waits stays in the topic.', { cause: error })
    }
  }

  private free(): void {
    if (this.heldSinceMs === undefined) return
    this.parts.onFreed(this.parts.clock() - this.heldSinceMs)
    this.heldSinceMs = undefined
    this.parts.backoff.reset()
    this.hooks.onWait(undefined)
  }
}
