// The end of a service in order: every pipeline is told to take nothing new, and has so long to deliver what it took;
// what is not done by then is given up, and stays with its sender. Knows no signals. Called by commands.

import type { StartTimer } from '../time.ts'

/** What can be ended in order. */
export interface Endable {
  /** Takes nothing new. */
  drain(): void
  /** Gives up what is under way. */
  abort(reason: Error): void
}

/** When the steps of an end are due, in milliseconds since the signal. */
export interface ShutdownTimes {
  /** What is still under way is given up. */
  readonly giveUpMs: number
  /** What was given up and does not end, as a sink that hangs, is not waited for any more. */
  readonly abandonMs: number
  /** The process is gone, by force if need be: ports, workers and sources are closed by then, or hang. */
  readonly endMs: number
}

/** Most time in milliseconds for everything but delivery: answers of ports and the end of workers take seconds. */
const mostClosingMs = 4_000

/** Returns the times of a service that has `shutdownMs` from the signal until its process is gone, whatever hangs. */
export function shutdownTimes(shutdownMs: number): ShutdownTimes {
  const closingMs = Math.min(mostClosingMs, shutdownMs / 4)
  const giveUpMs = shutdownMs - closingMs
  return { giveUpMs, abandonMs: giveUpMs + closingMs / 4, endMs: shutdownMs - closingMs / 10 }
}

/** How a shutdown goes. */
export interface ShutdownOptions {
  readonly times: Pick<ShutdownTimes, 'giveUpMs' | 'abandonMs'>
  readonly startTimer: StartTimer
}

/**
 * Ends all parts. `done`: settles when every part has ended by itself. Resolves when it has, or when what
 * was given up does not end, and whether everything ended in time.
 */
export async function shutDown(
  parts: readonly Endable[],
  done: Promise<unknown>,
  { times, startTimer }: ShutdownOptions,
): Promise<boolean> {
  let isInTime = true
  let stopTimer = () => {}
  const isAbandoned = new Promise<void>((resolve) => {
    stopTimer = startTimer(times.giveUpMs, () => {
      isInTime = false
      const reason = new Error(`What was under way did not end within ${times.giveUpMs} ms.`)
      for (const part of parts) part.abort(reason)
      stopTimer = startTimer(times.abandonMs - times.giveUpMs, resolve)
    })
  })
  for (const part of parts) part.drain()
  await Promise.race([done, isAbandoned])
  stopTimer()
  return isInTime
}
