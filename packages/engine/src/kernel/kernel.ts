// The contract of a kernel: what evaluates a program over one batch in one call. Two exist: native.ts and
// portable.ts. A kernel never prints, never calls back, and never throws for data.

import type { Program } from '../rules/program.ts'
import type { TechniqueSettings } from './techniques.ts'

/** Which kernel; `auto` is for callers that do not mind. */
export type KernelName = 'native' | 'portable'

/** One program, made ready on one thread. Keeps caches from batch to batch. */
export interface Evaluator {
  /**
   * Evaluates the request that stands in the slab's header (batch/batch.ts) and writes the answer there.
   * Calls are not reentrant. The slab is read and written only during the call.
   *
   * Errors: `ERR_ENGINE_KERNEL_FAULT` when a matcher runs out of memory or the request does not fit the slab;
   * what the answer holds then means nothing.
   */
  evaluate(slab: Uint8Array): void

  /**
   * Returns what it counted since it was loaded, as `reportLayout` in techniques.ts says; none where a kernel has no
   * techniques. Not to be asked for within a call, and not after `release()`.
   */
  report(): Float64Array

  /**
   * Frees the memory behind the evaluator at once, instead of when it is collected. The evaluator must not be used
   * afterwards. May be called again.
   */
  release(): void
}

export interface Kernel {
  readonly name: KernelName
  /**
   * Returns an evaluator of the program. `techniques`: how it uses them; only tests and measurements say so. Default:
   * `standardTechniques()`. Cost: compiles every pattern.
   *
   * Errors: `ERR_ENGINE_KERNEL_FAULT`; `ERR_CONFIG_INVALID` for a technique that there is not.
   */
  load(program: Program, techniques?: TechniqueSettings): Evaluator
}
