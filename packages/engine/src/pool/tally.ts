// What the evaluators of one rule set counted, in shared memory for all threads, so that nothing has to be asked of a
// worker and nothing is lost when one ends. What the numbers mean is said in kernel/techniques.ts. Written by worker.ts and
// input-evaluator.ts, read by the engine.
//
// A tally begins with two 32-bit words: how many evaluators came, and how many numbers a report has. Behind them lie sums
// as 64-bit integers, and then places for reports as they are, in doubles.
//
// Invariant: a place belongs to one evaluator for ever, and it alone writes there. Those that come when all places are
// taken share the sums, which change by atomic operations alone, and only by what was counted since it was told last.

import type { Evaluator } from '../kernel/kernel.ts'
import { reportLayout, reportLength } from '../kernel/techniques.ts'

const headerBytes = 8

/** Returns a tally of nothing, for rule sets with so many fields, and places for so many evaluators: more are slower. */
export function createTally(fields: number, places: number): SharedArrayBuffer {
  const length = reportLength(fields)
  const tally = new SharedArrayBuffer(headerBytes + 8 * length * (1 + places))
  new Int32Array(tally)[1] = length
  return tally
}

/** Returns the sums so far, in the order of an evaluator's report; the bytes of caches are the most of any. */
export function readTally(tally: SharedArrayBuffer): Float64Array {
  const shared = sharedSums(tally)
  const sums = Float64Array.from(shared, (_, i) => Number(Atomics.load(shared, i)))
  const came = Atomics.load(new Int32Array(tally), 0)
  for (let number = 0; number < came; number++) {
    const place = placeOf(tally, number)
    if (place === undefined) break
    const cacheBytes = Math.max(sums[reportLayout.cacheBytesAt]!, place[reportLayout.cacheBytesAt]!)
    for (const [i, count] of place.entries()) sums[i]! += count
    sums[reportLayout.cacheBytesAt] = cacheBytes
  }
  return sums
}

/** An evaluator, and the tally that it tells what it counts. */
export class CountedEvaluator {
  readonly evaluator: Evaluator
  readonly #tally: SharedArrayBuffer
  readonly #place: Float64Array | undefined
  /** What was added to the shared sums, where there is no place. */
  #added: Float64Array = new Float64Array()

  constructor(evaluator: Evaluator, tally: SharedArrayBuffer) {
    this.evaluator = evaluator
    this.#tally = tally
    this.#place = placeOf(tally, Atomics.add(new Int32Array(tally), 0, 1))
  }

  /** Tells what was counted so far. Cost: a microsecond or two, that of asking the evaluator; for once per batch. */
  tell(): void {
    let counted: Float64Array
    try {
      counted = this.evaluator.report()
    } catch {
      // No memory for it. The batch is answered all the same, and the next call tells this one's counts too.
      return
    }
    if (this.#place === undefined) this.#add(counted)
    else this.#place.set(counted)
  }

  #add(counted: Float64Array): void {
    const sums = sharedSums(this.#tally)
    for (const [i, count] of counted.entries()) {
      const before = this.#added[i] ?? 0
      if (i === reportLayout.cacheBytesAt) raise(sums, i, BigInt(count))
      else if (count !== before) Atomics.add(sums, i, BigInt(count - before))
    }
    this.#added = counted
  }

  /** Frees the evaluator's memory; neither may be used afterwards. What it counted must have been told. */
  release(): void {
    this.evaluator.release()
  }
}

function sharedSums(tally: SharedArrayBuffer): BigInt64Array {
  return new BigInt64Array(tally, headerBytes, new Int32Array(tally)[1])
}

/** Returns the place of the evaluator that came as this number, from 0; none where all are taken. */
function placeOf(tally: SharedArrayBuffer, number: number): Float64Array | undefined {
  const length = new Int32Array(tally)[1]!
  const at = headerBytes + 8 * length * (1 + number)
  return at + 8 * length <= tally.byteLength ? new Float64Array(tally, at, length) : undefined
}

/** Makes a word at least `least`, whatever other threads do meanwhile. */
function raise(words: BigInt64Array, at: number, least: bigint): void {
  for (let now = Atomics.load(words, at); now < least;) {
    const found = Atomics.compareExchange(words, at, now, least)
    if (found === now) return
    now = found
  }
}
