// The system's timers, as parts take them that tests move by hand. Called by commands that run for long.

/** Calls `callback` once after `ms`, unless the process has nothing else to do. Returns what calls it off. */
export function startTimer(ms: number, callback: () => void): () => void {
  const timer = setTimeout(callback, ms).unref()
  return () => clearTimeout(timer)
}
