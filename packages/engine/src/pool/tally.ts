// What the evaluators of one rule set counted, added up over all threads in shared memory, so that nothing has to be
// asked of a worker and nothing is lost when one ends. What the numbers mean is said in kernel/techniques.ts. Written by
// worker.ts and input-evaluator.ts, read by the engine.
//
// Invariant: the words change by atomic operations alone, and only by what an evaluator counted since it told last.

import type { Evaluator } from '../kernel/kernel.ts'
import { reportLayout, reportLength } from '../kernel/techniques.ts'

/** Returns a tally of nothing, for rule sets with so many fields. */
export function createTally(fields: number): SharedArrayBuffer {
  return new SharedArrayBuffer(8 * reportLength(fields))
}

/** Returns the sums so far, in the order of an evaluator's report; the bytes of caches are the most of any. */
export function readTally(tally: SharedArrayBuffer): Float64Array {
  const sums = new BigInt64Array(tally)
  return Float64Array.from(sums, (_, i) => Number(Atomics.load(sums, i)))
}

/** An evaluator, and the tally that it tells what it counts. */
export class CountedEvaluator {
  readonly evaluator: Evaluator
  readonly #sums: BigInt64Array
  #told: Float64Array = new Float64Array()

  constructor(evaluator: Evaluator, tally: SharedArrayBuffer) {
    this.evaluator = evaluator
    this.#sums = new BigInt64Array(tally)
  }

  /** Adds what was counted since the last call. Cost: a microsecond or two, and more with many fields: once per batch. */
  tell(): void {
    let counted: Float64Array
    try {
      counted = this.evaluator.report()
    } catch {
      // No memory for it. The batch is answered all the same, and the next call tells this one's counts too.
      return
    }
    counted.forEach((count, i) => {
      if (i === reportLayout.cacheBytesAt) raise(this.#sums, i, BigInt(count))
      else if (count !== this.#told[i]) Atomics.add(this.#sums, i, BigInt(count - (this.#told[i] ?? 0)))
    })
    this.#told = counted
  }

  /** Frees the evaluator's memory; neither may be used afterwards. What it counted must have been told. */
  release(): void {
    this.evaluator.release()
  }
}

/** Makes a word at least `least`, whatever other threads do meanwhile. */
function raise(words: BigInt64Array, at: number, least: bigint): void {
  for (let now = Atomics.load(words, at); now < least;) {
    const found = Atomics.compareExchange(words, at, now, least)
    if (found === now) return
    now = found
  }
}
