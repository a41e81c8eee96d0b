// Which tally counts for which rule set of an engine: those of one meaning share one, so that a rule set that is loaded
// again goes on counting where it was. Used by engine.ts.

import type { LoadedRuleSet } from './engine-parts.ts'
import type { KernelName } from './kernel/kernel.ts'
import { readReport } from './kernel/techniques.ts'
import type { KernelReport } from './kernel/techniques.ts'
import { createTally, readTally } from './pool/tally.ts'
import type { PlanOutline } from './rules/program.ts'

/** What the kernel did for the rule set in force. */
export interface EngineReport extends KernelReport {
  /** The rule set's. */
  readonly version: string
}

/** The tallies of one engine. */
export class Tallies {
  /** By the program's memory. Workers may still have a program that is loaded again, with the tally it came with. */
  readonly #known = new WeakMap<Uint8Array, SharedArrayBuffer>()
  readonly #places: number
  #last: { readonly plan: PlanOutline; readonly tally: SharedArrayBuffer } | undefined

  constructor(threads: number) {
    this.#places = 4 * threads + 4
  }

  /** Returns the rule set with the tally that its batches count in. Prepared rules may be in several engines at once. */
  of(loaded: LoadedRuleSet): LoadedRuleSet {
    const { handle, plan } = loaded
    const { bytes } = handle.program
    const again = this.#last !== undefined && areAlike(this.#last.plan, plan) ? this.#last.tally : undefined
    const tally = this.#known.get(bytes) ?? again ?? createTally(plan.fields.length, this.#places)
    this.#known.set(bytes, tally)
    this.#last = { plan, tally }
    return { ...loaded, handle: { ...handle, tally } }
  }

  /** Returns what was counted so far of a rule set that `of` returned. */
  static report({ handle, plan }: LoadedRuleSet, kernel: KernelName): EngineReport {
    const isCounted = kernel === 'native' && handle.tally !== undefined
    const numbers = isCounted ? readTally(handle.tally) : new Float64Array()
    return { version: plan.version, ...readReport(numbers, plan.fields) }
  }
}

/** Whether the two mean the same and number their fields alike: the version does not tell the order of fields. */
function areAlike(a: PlanOutline, b: PlanOutline): boolean {
  return a.version === b.version && JSON.stringify(a.fields) === JSON.stringify(b.fields)
}
