// When a pipeline is careful: while it is, no batch is given to the workers of this process, and each is judged in one that may
// die of it (suspects.ts). It is after the process has died again and again, and while workers hang. A kill from outside looks
// like a death of one's own, so a single one says nothing. Called by commands.

import type { Clock } from '../time.ts'
import { readMarker, removeMarker, writeMarker } from './end-marker.ts'

/** Deaths that lie further apart than this have nothing to do with each other. Milliseconds. */
export const deathsWithinMs = 10 * 60_000
/** So many of them make a pipeline careful. */
export const carefulDeaths = 2
/** Deaths that are remembered, the latest: a process may die as often as it can be started. */
const mostDeaths = 100
/** How long it is careful at the start, and after each trial that died or hung. Longer than senders repeat. Milliseconds. */
export const carefulMs = 5 * 60_000
/** Workers of this process that hang: each keeps a processor, and one may do so without a record being guilty. */
export const mostHung = 2

/** Whether a pipeline is careful, for people and probes. */
export interface CautionState {
  readonly isCareful: boolean
  /** Why; absent while it is not. */
  readonly reason?: string
  /** When that ends if no trial dies until then, in milliseconds since 1970. Absent: with the process. */
  readonly untilMs?: number
  /** Ends of processes before this one that were not in order, within `deathsWithinMs`. */
  readonly deaths: number
}

/** What caution is made of. */
export interface CautionOptions {
  /** Where the marker lies. Absent: how the process before has ended is not known. */
  readonly folder?: string
  /** Milliseconds since 1970. */
  readonly clock: Clock
  /** Milliseconds, never going back. */
  readonly steady: Clock
  /** Called after `open()` and whenever the state changes. */
  readonly onState: (state: CautionState) => void
  /** Told that the marker cannot be read or written; the pipeline goes on without. */
  readonly onProblem: (error: unknown) => void
}

/** Why a pipeline is careful, and until when on the steady clock. */
interface Careful {
  readonly reason: string
  readonly untilMs: number
}

/** *Order of calls*: `open()` once the folder is this process's own, then all others, and `close()` at the end in order. */
export class Caution {
  private readonly options: CautionOptions
  private careful: Careful | undefined
  private deathsMs: readonly number[] = []
  private hung = 0
  private isOpen = false

  constructor(options: CautionOptions) {
    this.options = options
  }

  /** Finds out how the process before has ended, and leaves the marker for the next one. Never throws. */
  open(): void {
    const { folder, clock, onState } = this.options
    this.isOpen = true
    const before = folder === undefined ? undefined : this.attempt(() => readMarker(folder))
    if (before !== undefined) {
      const now = clock()
      // A clock that was put back makes no death older.
      const recent = before.deathsMs.filter((ms) => Math.abs(now - ms) <= deathsWithinMs)
      this.deathsMs = [...recent, now].slice(-mostDeaths)
      const minutes = deathsWithinMs / 60_000
      if (before.hasHung) this.beCareful('a worker hung until the process before this one ended')
      else if (this.deathsMs.length >= carefulDeaths) {
        this.beCareful(`the process has died ${this.deathsMs.length} times within ${minutes} minutes`)
      }
    }
    this.leaveMarker()
    onState(this.state)
  }

  /** Whether batches are to be judged apart. Asked of each; notices when the time is over. */
  get isCareful(): boolean {
    if (this.careful !== undefined && this.options.steady() >= this.careful.untilMs) {
      this.careful = undefined
      this.options.onState(this.state)
    }
    return this.careful !== undefined
  }

  get state(): CautionState {
    const { careful } = this
    const deaths = this.deathsMs.length
    if (careful === undefined) return { isCareful: false, deaths }
    const untilMs = this.options.clock() + careful.untilMs - this.options.steady()
    return { isCareful: true, reason: careful.reason, ...(Number.isFinite(untilMs) ? { untilMs } : {}), deaths }
  }

  /** Takes note that a trial died or hung: what would have ended the process may come again. */
  trialDied(): void {
    const { careful } = this
    if (careful === undefined) return
    this.careful = { ...careful, untilMs: Math.max(careful.untilMs, this.options.steady() + carefulMs) }
  }

  /** Takes note of how many workers of this process hang. The next process hears of it, however this one ends. */
  workersHang(count: number): void {
    if (count <= this.hung) return
    const isFirst = this.hung === 0
    this.hung = count
    if (isFirst && this.isOpen) this.leaveMarker()
    if (count < mostHung || this.careful?.untilMs === Infinity) return
    this.careful = { reason: `${count} workers hang, and end with the process only`, untilMs: Infinity }
    this.options.onState(this.state)
  }

  /** Ends in order: the next process need not be careful, unless a worker hangs in this one. Never throws. */
  close(): void {
    const { folder } = this.options
    if (folder === undefined || !this.isOpen || this.hung > 0) return
    this.isOpen = false
    this.attempt(() => removeMarker(folder))
  }

  private beCareful(reason: string): void {
    this.careful = { reason, untilMs: this.options.steady() + carefulMs }
  }

  private leaveMarker(): void {
    const { folder } = this.options
    if (folder === undefined) return
    this.attempt(() => writeMarker(folder, { deathsMs: this.deathsMs, hasHung: this.hung > 0 }))
  }

  private attempt<T>(run: () => T): T | undefined {
    try {
      return run()
    } catch (error) {
      this.options.onProblem(error)
      return undefined
    }
  }
}
