// Ending a run from outside: the first signal lets it end where it is, so that it can be resumed; a later one ends the
// process at once. Called by main.ts; measure.ts waits through `unlessAborted`.

import os from 'node:os'

/** The run was ended by a signal. */
export class Interruption extends Error {
  override readonly name = 'Interruption'
  readonly signal: NodeJS.Signals

  /** Takes the signal that ended the run. */
  constructor(signal: NodeJS.Signals) {
    super(`stopped by ${signal}`)
    this.signal = signal
  }

  /** What a shell says of a process that the signal ended. */
  get exitCode(): number {
    return 128 + os.constants.signals[this.signal]
  }
}

/** A terminal sends its signal to the whole group, and whoever started this process sends it again: that is one. */
const repeatMs = 1000

/** Returns a signal that is aborted, with an Interruption, when this process is asked to end. */
export function abortOnSignals(): AbortSignal {
  const controller = new AbortController()
  let asked: number | undefined
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      const interruption = new Interruption(name)
      if (asked === undefined) {
        asked = performance.now()
        controller.abort(interruption)
      } else if (performance.now() - asked > repeatMs) process.exit(interruption.exitCode)
    })
  }
  return controller.signal
}

/** Waits for the work or for the signal, whichever is first. Errors: those of the work, and the signal's reason. */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work
  signal.throwIfAborted()
  // Work that is left behind may fail later, and nobody waits for that.
  work.catch(() => {})
  let stop: (() => void) | undefined
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason as Error)
    signal.addEventListener('abort', stop)
  })
  try {
    return await Promise.race([work, aborted])
  } catch (error) {
    // What a terminal's signal does to a child arrives at about the same time as the signal itself.
    await new Promise((resolve) => setImmediate(resolve))
    signal.throwIfAborted()
    throw error
  } finally {
    signal.removeEventListener('abort', stop!)
  }
}
