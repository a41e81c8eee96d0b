// How long the pool waits: for a batch before its worker counts as hung, and for anything at all. What follows when the
// time is over is decided in pool.ts, and by the engine when it closes.

import type { KernelName } from '../kernel/kernel.ts'
import { limits } from '../limits.ts'

/**
 * Returns the time in milliseconds after which a worker that was given `bytes` of input counts as hung: the deadline
 * once for each `limits.deadlineBytes` or part of them, and longer for the portable kernel.
 */
export function deadlineFor(bytes: number, batchDeadlineMs: number, kernel: KernelName): number {
  const parts = Math.max(1, Math.ceil(bytes / limits.deadlineBytes))
  const factor = kernel === 'portable' ? limits.portableDeadlineFactor : 1
  return Math.min(longestTimerMs, batchDeadlineMs * parts * factor)
}

/** Timers that are set for longer go off at once. */
const longestTimerMs = 0x7fff_ffff

/** Resolves with `work`, or after `ms`, whichever comes first. Never rejects, and leaves no timer behind. */
export function within(ms: number, work: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    const done = (): void => {
      clearTimeout(timer)
      resolve()
    }
    work.then(done, done)
  })
}
