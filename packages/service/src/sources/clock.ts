// Time as long-running sources see it: passed in, so that tests move it by hand. Called by the http source and what
// stands beside it.

/** A clock that only goes forward, and its timers. */
export interface Clock {
  /** Milliseconds since some moment. */
  now(): number
  /** Calls back once, after so many milliseconds. Returns what prevents it. */
  after(ms: number, callback: () => void): () => void
}

/** The clock of the process. Its timers keep no process alive. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after: (ms, callback) => {
    const timer = setTimeout(callback, ms).unref()
    return () => clearTimeout(timer)
  },
}
