// Clocks and timers, as what depends on them is handed them, so that tests hold both; and those of the system, which
// everybody has who is handed none. Called by every layer above.

/**
 * Returns a time in milliseconds: since 1970 in UTC where it is told or written down (`Date.now`), since some moment where
 * only spans count (`steadyClock`).
 */
export type Clock = () => number

/** Calls `run` once after `ms` milliseconds. Returns what calls it off. */
export type StartTimer = (ms: number, run: () => void) => () => void

/** The system's clock that only goes forward, whoever sets the time of day. */
export const steadyClock: Clock = () => performance.now()

/** The system's timers. They keep no process alive. */
export const startSystemTimer: StartTimer = (ms, run) => {
  const timer = setTimeout(run, ms).unref()
  return () => clearTimeout(timer)
}
