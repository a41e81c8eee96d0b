// The kernel on the calling thread, for what is too small to hand over: one program at a time, made ready when it is
// first asked for. Used by late-pool.ts and by input-evaluator.ts.

import type { Evaluator, Kernel } from '../kernel/kernel.ts'
import { readPlan } from '../rules/program.ts'
import type { ProgramHandle } from './program-handle.ts'
import { CountedEvaluator, createTally } from './tally.ts'

/** What evaluates on the calling thread. */
export class OwnThread {
  readonly #kernel: Kernel
  #ready: { readonly id: number; readonly counted: CountedEvaluator } | undefined

  constructor(kernel: Kernel) {
    this.#kernel = kernel
  }

  /**
   * Returns the evaluator of a program, and releases that of another one. *Cost*: compiles every pattern the first
   * time. *Errors*: `ERR_ENGINE_KERNEL_FAULT`.
   */
  evaluatorOf({ id, program: { bytes }, tally }: ProgramHandle): Evaluator {
    if (this.#ready?.id !== id) {
      this.release()
      const plan = readPlan(bytes)
      const evaluator = this.#kernel.load({ plan, bytes })
      this.#ready = { id, counted: new CountedEvaluator(evaluator, tally ?? createTally(plan.fields.length, 1)) }
    }
    return this.#ready.counted.evaluator
  }

  /** Adds what the evaluator counted to the rule set's tally. Not done per input: small ones take no longer. */
  tell(): void {
    this.#ready?.counted.tell()
  }

  /** Gives back what the evaluator holds outside of the JavaScript heap; a later call makes a new one. */
  release(): void {
    this.tell()
    this.#ready?.counted.release()
    this.#ready = undefined
  }
}
