// What a fault is: its name, what it proves, and a run that harms a real `weir serve` and says what became of every
// record. Called by the faults of this folder, their tests, and the command `npm run faults`.

import type { Random } from '#src/generators/random.js'
import type { ProxiedBroker } from '../servers/kafka/proxied.js'
import type { StoreName } from '../servers/s3/stores.js'

/** How much a run does: enough to see the fault once, or as much as a release should stand. */
export type Scale = 'reduced' | 'full'

/** What a run gets. */
export interface FaultContext {
  readonly seed: number
  /** Everything that is drawn is drawn from it. */
  readonly random: Random
  readonly scale: Scale
  /** An empty folder for settings and outputs. */
  readonly folder: string
  /** A file of records, NDJSON, with .gz compressed: what is posted, by those faults that can. */
  readonly records?: string
  /** Tells somebody who watches. */
  readonly log: (line: string) => void
  /** Calls back after the run, however it ended, the last one first. */
  readonly after: (clean: () => Promise<void> | void) => void
  /** A broker that runs use one after another; absent: each starts its own. */
  readonly kafka?: ProxiedBroker
  /** Which real store is started, where one is; absent: the usual one. */
  readonly store?: StoreName
}

/** What became of the records of a run. */
export interface Figures {
  /** Records that were sent, each counted once. */
  readonly posted: number
  /** Of these, records of bodies that were answered 200. */
  readonly answered: number
  /** Of these, records that are nowhere. */
  readonly lost: number
  /** Records that are there more than once, for their body was sent more than once. */
  readonly twice: number
  /** Records behind later ones of their partition, where the order is promised over bodies. */
  readonly disordered?: number
  /** Everything that is not as promised, as sentences. */
  readonly faults: readonly string[]
  /** Figures that are reported and not judged. */
  readonly notes?: string
}

/** What a machine may lack for a fault. `s3` is a real store, whichever is chosen, and Python, in which its judge is written. */
export type Need = 'tmpfs' | 'linux' | 'kafka' | 's3' | 'python3' | 'faketime'

/** One fault. */
export interface Fault {
  /** Lower-case words joined by hyphens. */
  readonly name: string
  /** One sentence: what is done, and what has to come of it. */
  readonly what: string
  readonly needs?: Need | readonly Need[]
  /** Whether it can post the records of a file. */
  readonly takesRecords?: true
  /** Rejects with what went wrong; what became of records is in the figures. */
  readonly run: (context: FaultContext) => Promise<Figures>
}

/** What a fault needs, as a list. */
export function needsOf({ needs = [] }: Fault): readonly Need[] {
  return typeof needs === 'string' ? [needs] : needs
}

/** Time in milliseconds within which a service has to make progress again, whatever was done to it. */
export const progressWithinMs = 60_000

/** Resolves when the condition holds. Rejects after `progressWithinMs`, saying what was waited for. */
export async function eventually(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const until = performance.now() + progressWithinMs
  while (!(await holds())) {
    if (performance.now() > until) throw new Error(`Not within ${progressWithinMs / 1000} s: ${what}.`)
    await pause(20)
  }
}

/** Resolves after `ms`: the interval between two looks, or between two attempts of a sender. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
