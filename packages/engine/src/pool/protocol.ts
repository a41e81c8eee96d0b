// The messages between the main thread and a worker: plain data, a few words each. The batch itself, its request
// and its answer lie in the slab. Used by pool.ts and worker.ts only.

import type { FileSpan } from '../batch/file-range.ts'
import type { EncodedError } from '../errors.ts'
import type { KernelName } from '../kernel/kernel.ts'
import type { TechniqueSettings } from '../kernel/techniques.ts'

/** What a worker is told when it starts. */
export interface WorkerSettings {
  readonly kernel: KernelName
  /** Slabs that a worker remembers; the least recently used one is forgotten first. */
  readonly slabs: number
  /** How evaluators use techniques: only tests change it. */
  readonly techniques: TechniqueSettings
  /** Whether the next batch of a file is read while one is evaluated; otherwise the worker reads them all itself. */
  readonly readsAhead: boolean
}

/** Evaluates the request that stands in a slab. */
export interface EvaluateTask {
  readonly kind: 'evaluate'
  readonly slab: number
  /** The slab itself; only sent after a worker answered that it does not have it. */
  readonly slabBuffer?: SharedArrayBuffer
  readonly program: number
  /** The program's block; only sent after a worker answered that it does not have it. */
  readonly programBytes?: Uint8Array
  /** With it: what to add the evaluator's counts to. */
  readonly tally?: SharedArrayBuffer | undefined
  /** What to fill the slab from, batch by batch; the slab's request then holds all but `start`, `end` and two flags. */
  readonly file?: FileSpan
}

/** Makes a program ready on every worker at once: each waits at the gate until all have come. */
export interface WarmTask {
  readonly kind: 'warm'
  /** One word: workers that have come, or `gateBroken` and above it when one of them failed. */
  readonly gate: SharedArrayBuffer
  readonly workers: number
  /** Without it the task only shows that the worker runs. */
  readonly program?: {
    readonly id: number
    readonly bytes: Uint8Array
    readonly tally?: SharedArrayBuffer | undefined
  }
}

export type Task = EvaluateTask | WarmTask

/** A gate word below zero: nobody waits any longer. Low enough that late arrivals do not lift it above zero. */
export const gateBroken = -1_000_000

/** What a worker answers. Workers never reject: an error travels as data, for posting one loses its code. */
export type Answer =
  | {
      readonly status: 'done'
      /** Time in the kernel, and time reading the file. */
      readonly evaluateNs: number
      readonly readNs: number
      /** Where the next batch of the file begins: `to` of the span, or before it when results were due earlier. */
      readonly fileAt?: number
    }
  /** The worker lacks the slab, the program or both: the task is to be sent again with them. */
  | { readonly status: 'needs'; readonly program: boolean }
  | { readonly status: 'failed'; readonly error: EncodedError }
