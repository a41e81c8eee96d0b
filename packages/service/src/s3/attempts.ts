// How a call to a store is made: within a time limit, not too many at once, and again where that can help at once. What goes
// on for longer is for those who call the store. Knows nothing of the SDK. Called by store.ts.

import type { S3ErrorCode, S3Error } from '../errors.ts'
import { steadyClock } from '../time.ts'
import type { StartTimer } from '../time.ts'
import { closedStore, isClockMended, lateCall, s3Error, statusOf } from './refusals.ts'
import type { S3Call } from './refusals.ts'

/** What a store can be asked. */
export type S3Operation = 'put' | 'head' | 'list' | 'get'

/** A request to a store that is over; each attempt is one. */
export interface ObservedCall {
  readonly operation: S3Operation
  /** From its beginning until its answer is there; of `get` the head of it. */
  readonly seconds: number
  /** Absent: it was answered as asked, also that there is no such object, or that there is one already. */
  readonly error?: S3ErrorCode
}

/** What surrounds calls; tests replace clocks and chance. */
export interface CallSettings {
  readonly requestMs: number
  readonly observe?: (call: ObservedCall) => void
  readonly startTimer?: StartTimer
  /** Between 0 and 1. */
  readonly random?: () => number
}

/** What failed while a call was made, and is no fault of the store: passed on as it is. */
export class OwnFault extends Error {
  constructor(cause: unknown) {
    super('A body cannot be read.', { cause })
  }
}

const mostAttempts = 3
/** How a call is made. */
export interface CallOptions<T> {
  /** Default: three. */
  readonly attempts?: number
  /**
   * Asked after an attempt that ended without an answer. Resolves with what the call comes to, where that can be known, or
   * rejects with why it cannot succeed.
   */
  readonly afterSilence?: () => Promise<T | undefined>
}

/** Before the second attempt; before the third twice that. The half of it is left to chance. */
const pauseMs = 200
/** A store that wants to be left alone for longer is left to those who call. */
const mostPauseMs = 2000
/** Calls at once, each with a connection of its own; more wait. */
const mostCalls = 32

const worthAnother = new Set<S3ErrorCode>(['ERR_S3_CONNECT', 'ERR_S3_BUSY', 'ERR_S3_SERVER'])

/** Unlike the system's of time.ts it keeps the process alive: a command may have nothing else to wait for. */
const startTimer: StartTimer = (ms, run) => {
  const timer = setTimeout(run, ms)
  return () => clearTimeout(timer)
}

/** Makes calls, until it is closed. */
export class Caller {
  readonly #settings: CallSettings
  readonly #startTimer: StartTimer
  readonly #running = new Set<AbortController>()
  readonly #waiting: (() => void)[] = []
  #calls = 0
  #hasAnswered = false
  #isClosed = false

  constructor(settings: CallSettings) {
    this.#settings = settings
    this.#startTimer = settings.startTimer ?? startTimer
  }

  /** Ends what is under way, and refuses what comes. */
  close(): void {
    this.#isClosed = true
    for (const controller of this.#running) controller.abort(closedStore)
    for (const go of this.#waiting.splice(0)) go()
  }

  /**
   * Makes a call, `work`, whose signal ends it. *Errors*: `S3Error`; what `work` throws as an `OwnFault`, at once.
   */
  async run<T>(
    operation: S3Operation,
    call: S3Call,
    work: (signal: AbortSignal) => Promise<T>,
    { attempts = mostAttempts, afterSilence }: CallOptions<T> = {},
  ): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      const outcome = await this.#attempt(operation, call, work)
      if ('value' in outcome) return outcome.value
      const { error, mayHelp } = outcome
      const { retryAfterMs = 0 } = error
      if (error.code === 'ERR_S3_CONNECT' && !this.#isClosed) {
        const known = await afterSilence?.()
        if (known !== undefined) return known
      }
      if (attempt >= attempts || !mayHelp || retryAfterMs > mostPauseMs || this.#isClosed) throw error
      const chance = (this.#settings.random ?? Math.random)()
      await this.#pause(Math.max(retryAfterMs, pauseMs * attempt * (0.5 + chance / 2)))
    }
  }

  async #attempt<T>(
    operation: S3Operation,
    call: S3Call,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<{ readonly value: T } | { readonly error: S3Error; readonly mayHelp: boolean }> {
    await this.#enter()
    const began = steadyClock()
    const tell = (error?: S3ErrorCode) => {
      const seconds = (steadyClock() - began) / 1000
      this.#settings.observe?.({ operation, seconds, ...(error === undefined ? {} : { error }) })
    }
    try {
      const value = await this.#limited(work, call.requestMs)
      this.#hasAnswered = true
      tell()
      return { value }
    } catch (thrown) {
      if (thrown instanceof OwnFault) throw thrown.cause
      const error = s3Error(thrown, { ...call, hasAnswered: this.#hasAnswered })
      this.#hasAnswered ||= statusOf(thrown) !== undefined
      tell(error.code)
      // Who writes has waited long enough by then, and is told; who reads has nobody else to try again.
      const isWorthWaiting = error.code === 'ERR_S3_TIMEOUT' && operation !== 'put'
      return { error, mayHelp: worthAnother.has(error.code) || isWorthWaiting || isClockMended(thrown) }
    } finally {
      this.#leave()
    }
  }

  /** Rejects with the signal's reason when it comes to that, whatever the work does then. */
  async #limited<T>(work: (signal: AbortSignal) => Promise<T>, mostMs: number): Promise<T> {
    if (this.#isClosed) throw closedStore
    const controller = new AbortController()
    const { signal } = controller
    const stopTimer = this.#startTimer(mostMs, () => controller.abort(lateCall))
    const ended = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
    })
    this.#running.add(controller)
    try {
      return await Promise.race([work(signal), ended])
    } catch (error) {
      // What is under way still, for no answer will be looked at.
      controller.abort(error)
      throw error
    } finally {
      stopTimer()
      this.#running.delete(controller)
    }
  }

  async #enter(): Promise<void> {
    if (this.#calls < mostCalls) this.#calls++
    // Whoever leaves hands its place on.
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  #leave(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#calls--
    else next()
  }

  async #pause(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const controller = new AbortController()
      const over = () => {
        stop()
        this.#running.delete(controller)
        resolve()
      }
      const stop = this.#startTimer(ms, over)
      controller.signal.addEventListener('abort', over, { once: true })
      this.#running.add(controller)
    })
  }
}
