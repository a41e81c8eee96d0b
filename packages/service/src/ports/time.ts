// The time of day and timers, as what depends on them is handed them, so that tests hold both. Types only: main.ts and
// the commands pass the system's.

/** Returns the time of day, in milliseconds since 1970 in UTC. */
export type Clock = () => number

/** Calls `run` once after `ms` milliseconds. Returns what calls it off. A timer does not keep the process alive. */
export type StartTimer = (ms: number, run: () => void) => () => void
