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

/** Time in milliseconds that what was given up has to end. A sink that hangs does not, and is not waited for. */
export const abandonedMs = 1_000

/** How a shutdown goes. */
export interface ShutdownOptions {
  /** Time in milliseconds until what is under way is given up. */
  readonly deadlineMs: number
  readonly startTimer: StartTimer
}

/**
 * Ends all parts. `done`: settles when every part has ended by itself. Resolves when it has, or when what
 * was given up does not end, and whether everything ended in time.
 */
export async function shutDown(
  parts: readonly Endable[],
  done: Promise<unknown>,
  { deadlineMs, startTimer }: ShutdownOptions,
): Promise<boolean> {
  let isInTime = true
  let stopTimer = () => {}
  const isAbandoned = new Promise<void>((resolve) => {
    stopTimer = startTimer(deadlineMs, () => {
      isInTime = false
      const reason = new Error(`What was under way did not end within ${deadlineMs} ms.`)
      for (const part of parts) part.abort(reason)
      stopTimer = startTimer(abandonedMs, resolve)
    })
  })
  for (const part of parts) part.drain()
  await Promise.race([done, isAbandoned])
  stopTimer()
  return isInTime
}
