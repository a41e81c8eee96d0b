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

/** How a shutdown goes. */
export interface ShutdownOptions {
  /** Time in milliseconds until what is under way is given up. */
  readonly deadlineMs: number
  readonly startTimer: StartTimer
}

/**
 * Ends all parts. `done`: settles when every part has ended by itself. Resolves when it has, and whether that was in
 * time.
 */
export async function shutDown(
  parts: readonly Endable[],
  done: Promise<unknown>,
  { deadlineMs, startTimer }: ShutdownOptions,
): Promise<boolean> {
  let isInTime = true
  const stopTimer = startTimer(deadlineMs, () => {
    isInTime = false
    const reason = new Error(`What was under way did not end within ${deadlineMs} ms.`)
    for (const part of parts) part.abort(reason)
  })
  for (const part of parts) part.drain()
  await done
  stopTimer()
  return isInTime
}
