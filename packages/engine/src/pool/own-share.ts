// How much of files the calling thread evaluates while no other thread runs, in how large turns, and when threads are worth
// their start. Decides by what earlier turns took; evaluates nothing. Used by late-pool.ts.
//
// Whoever evaluates hears neither signals nor deadlines. So a turn is some milliseconds long, by what the one before it
// took, and all turns together take no longer than `limits.ownThreadMs`.

import { limits } from '../limits.ts'

/** Time that one turn should take: nobody notices a signal that waits so long. */
const turnNs = 4e6
/** Time that one call of the kernel should take. */
const callNs = 0.5e6
/** The first turns tell little: pages are met for the first time, and so are values. */
const learningTurns = 4
/** Time of the turns behind these from which it is judged how long the rest takes. */
const learningNs = 12e6
/** Most of one call: as much as stays in a processor's own cache. */
const mostCallBytes = 256 << 10
/** How many times larger a turn may be than the one before it. */
const growth = 8

/** The calling thread's share in files. *Order of calls*: `took` after each turn. */
export class OwnShare {
  readonly #threads: number
  #comingBytes = 0
  #spentNs = 0
  #turns = 0
  /** Of all turns but the first ones. */
  #pace = { bytes: 0, ns: 0 }
  #turnBytes: number = 4 * limits.inlineBytes
  #nsPerByte = 0

  /** `threads`: how many there would be. */
  constructor(threads: number) {
    this.#threads = threads
  }

  /** Is told that so many bytes of a file are about to come; fewer than none where a range lies behind the file's end. */
  expect(bytes: number): void {
    this.#comingBytes += Math.max(0, bytes)
  }

  /** Most bytes of the next turn. */
  get turnBytes(): number {
    return this.#turnBytes
  }

  /** Most bytes of a kernel call in the next turn, but for the rest of a line. */
  get callBytes(): number {
    const bytes = this.#nsPerByte === 0 ? limits.inlineBytes : callNs / this.#nsPerByte
    return Math.round(Math.max(limits.inlineBytes, Math.min(bytes, mostCallBytes)))
  }

  /** Whether the calling thread has done what it may. */
  get isUsedUp(): boolean {
    return this.#spentNs >= limits.ownThreadMs * 1e6
  }

  /** Takes note of a turn, or of anything else that was done instead of a thread. */
  took(bytes: number, ns: number): void {
    this.#comingBytes -= bytes
    this.#spentNs += ns
    // The end of a span is too short to measure.
    if (bytes < limits.inlineBytes) return
    if (this.#turns++ >= learningTurns) this.#pace = { bytes: this.#pace.bytes + bytes, ns: this.#pace.ns + ns }
    this.#nsPerByte = ns / bytes
    const wanted = Math.min(turnNs / Math.max(this.#nsPerByte, 1e-3), growth * this.#turnBytes)
    this.#turnBytes = Math.round(Math.max(limits.inlineBytes, wanted))
  }

  /** Whether threads would spare more time than they take to start, or what is left takes longer than it may take here. */
  get isThreadsTurn(): boolean {
    if (this.isUsedUp) return true
    const { bytes, ns } = this.#pace
    if (ns < learningNs) return false
    const restNs = this.#comingBytes * (ns / bytes)
    return (
      this.#spentNs + restNs > limits.ownThreadMs * 1e6 || restNs * (1 - 1 / this.#threads) > limits.threadStartMs * 1e6
    )
  }
}
