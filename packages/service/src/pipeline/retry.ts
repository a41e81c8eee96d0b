// How long to wait before something is tried again: longer and longer, and never at the same time as others who wait.
// Knows no clock and no timer. Called by served.ts, patience.ts and ../commands.

/** Least and most time between two attempts, in milliseconds. */
export const backoffMs = { least: 200, most: 30_000 } as const

/**
 * Times to wait: random between the least and a bound that doubles with each attempt ("full jitter").
 * *Source*: M. Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015.
 */
export class Backoff {
  private readonly random: () => number
  private attempts = 0

  /** `random`: returns numbers in [0, 1). */
  constructor(random: () => number = Math.random) {
    this.random = random
  }

  /** Returns the time in milliseconds to wait before the next attempt. */
  next(): number {
    const { least, most } = backoffMs
    const bound = Math.min(most, least * 2 ** Math.min(this.attempts + 1, 20))
    this.attempts++
    return least + Math.floor(this.random() * (bound - least))
  }

  /** An attempt succeeded: the next wait is short again. */
  reset(): void {
    this.attempts = 0
  }
}
