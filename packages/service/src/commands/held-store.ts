// What is known of a bucket that takes nothing: for which reason, since when, and when that is over. Whoever writes only what
// somebody sends would not find out that it is back while nobody sends: so it is asked. So is that of an archive until it has
// answered once; partitions that have something to write wait by themselves (../pipeline/patience.ts). Called by serve-s3.ts.

import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'

import { S3Error } from '../errors.ts'
import { Backoff } from '../pipeline/retry.ts'
import type { StructuredLog } from '../structured-log.ts'
import { steadyClock } from '../time.ts'
import type { Clock } from '../time.ts'

/** What is needed to find out. */
export interface HeldStoreParts {
  /** What the bucket is called. */
  readonly name: string
  /** Resolves where the store would take something. *Errors*: `S3Error`. */
  readonly ask: () => Promise<unknown>
  readonly log: StructuredLog
  /** Milliseconds of a steady clock; absent: the system's. */
  readonly clock?: Clock
  /** Resolves after `ms`, or settles when the signal is aborted; absent: the system's timers. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>
}

/** What is waited for. */
interface Hold {
  error: S3Error
  readonly sinceMs: number
  hasAlarmed: boolean
  /** Whether it goes on after the store had answered for a moment. */
  readonly isRepeated: boolean
  /** Aborted when it is over. */
  readonly over: AbortController
}

/** That a store has answered which took nothing before. */
interface Answered {
  readonly held: Hold
  readonly atMs: number
}

/** What waits for longer is told as an error. */
export const alarmMs = 5 * 60_000

/** The longest time that a store may ask to be left alone for. */
const mostWaitMs = 30_000

/**
 * A store that refuses an object so soon after it has answered was not back: what it is asked with is small and there already, so
 * that neither a full disk nor a limit of size keeps it from answering. Longer than outputs wait between two attempts.
 */
const doubtMs = 60_000

/** Whether a store takes what is written. *Order of calls*: `hold()`, `answered()` and `free()` at any time; `close()` at last. */
export class HeldStore {
  private readonly parts: Required<HeldStoreParts>
  private held: Hold | undefined
  private last: Answered | undefined
  private isClosed = false

  constructor(parts: HeldStoreParts) {
    const wait = (ms: number, signal: AbortSignal) => delay(ms, undefined, { signal })
    this.parts = { clock: steadyClock, wait, ...parts }
  }

  /**
   * Why it takes nothing, of one kind of errors the first; undefined where nothing is known against it. Stays for a while where its
   * answer has deceived before.
   */
  get error(): S3Error | undefined {
    const { held, doubted } = this
    return held === undefined && doubted?.isRepeated === true ? doubted.error : held?.error
  }

  /** It does not take something. From now on it is asked until it does. */
  hold(error: S3Error): void {
    if (this.isClosed) return
    if (this.held !== undefined) {
      if (this.held.error.code !== error.code) this.held.error = error
      return
    }
    const before = this.doubted?.error.code === error.code ? this.doubted : undefined
    const { sinceMs, hasAlarmed } = before ?? { sinceMs: this.parts.clock(), hasAlarmed: false }
    this.held = { error, sinceMs, hasAlarmed, isRepeated: before !== undefined, over: new AbortController() }
    this.alarm(this.held)
    void this.askAgain(this.held)
  }

  /** It answered, so that outputs may try again. */
  answered(): void {
    const { held } = this
    if (held === undefined) return
    this.end()
    this.last = { held, atMs: this.parts.clock() }
    if (!held.isRepeated) this.tellFree(held)
  }

  /** It took an object. */
  free(): void {
    const { held, last } = this
    this.end()
    this.last = undefined
    const repeated = last?.held.isRepeated === true ? last.held : undefined
    const over = held ?? repeated
    if (over !== undefined) this.tellFree(over)
  }

  /** Resolves when it takes what is written, as far as that is known, or when the signal is aborted. */
  async freed(signal: AbortSignal): Promise<void> {
    if (this.held === undefined) return
    const either = AbortSignal.any([signal, this.held.over.signal])
    if (!either.aborted) await once(either, 'abort')
  }

  /** It is not asked any more. */
  close(): void {
    this.isClosed = true
    this.end()
  }

  /** What may be held still, though the store has answered. */
  private get doubted(): Hold | undefined {
    const { last } = this
    return last !== undefined && this.parts.clock() - last.atMs < doubtMs ? last.held : undefined
  }

  private tellFree(held: Hold): void {
    this.parts.log.info('The store works again.', { heldMs: this.heldMs(held) })
  }

  private heldMs({ sinceMs }: Hold): number {
    return Math.round(this.parts.clock() - sinceMs)
  }

  private end(): void {
    this.held?.over.abort()
    this.held = undefined
  }

  /** Never rejects. */
  private async askAgain(held: Hold): Promise<void> {
    const { ask, wait } = this.parts
    const backoff = new Backoff()
    const { signal } = held.over
    while (!signal.aborted) {
      const ms = Math.max(backoff.next(), Math.min(held.error.retryAfterMs ?? 0, mostWaitMs))
      await wait(ms, signal).catch(() => undefined)
      if (signal.aborted) return
      try {
        await ask()
        if (!signal.aborted) this.answered()
      } catch (error) {
        if (!signal.aborted) this.tell(held, error)
      }
    }
  }

  /** It is held still. */
  private tell(held: Hold, error: unknown): void {
    const { name: bucket, log } = this.parts
    if (error instanceof S3Error && error.code !== held.error.code) {
      held.error = error
      log.warn('The bucket cannot be used yet; it is tried again.', { bucket, error })
    }
    this.alarm(held)
  }

  private alarm(held: Hold): void {
    const { name: bucket, log } = this.parts
    const heldMs = this.heldMs(held)
    if (held.hasAlarmed || heldMs < alarmMs) return
    held.hasAlarmed = true
    log.error('The store has been waited for for minutes; somebody has to look.', { bucket, error: held.error, heldMs })
  }
}
