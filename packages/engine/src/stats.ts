// Counts: those of one answer, sums of them, and what an engine has done so far. All from the numbers that kernels
// count per batch; nothing here looks at records. Used by the engine and its parts.

import { delayBoundsMs, malformedReason, slabWord } from './batch/batch.ts'
import type { MalformedReason } from './batch/batch.ts'
import type { Slab } from './batch/slab.ts'
import type { PoolCounts } from './pool/pool.ts'
import { route } from './rules/program.ts'
import type { PlanOutline } from './rules/program.ts'
import type { Counts, DelayCounts } from './verdict/verdict.ts'

const reasons = Object.keys(malformedReason) as MalformedReason[]

/** Returns the counts of the answer that stands in a slab. */
export function readCounts(slab: Slab, plan: PlanOutline): Counts {
  const words = slab.words
  const byReason = {} as Record<MalformedReason, number>
  reasons.forEach((reason, i) => (byReason[reason] = words[slabWord.malformedBy + i]!))
  const byRoute: Record<string, number> = {}
  plan.routes.forEach((name, i) => {
    if (i !== route.drop && i !== route.malformed) byRoute[name] = words[slabWord.byRoute + i]!
  })
  return {
    records: words[slabWord.records]!,
    kept: words[slabWord.kept]!,
    dropped: words[slabWord.dropped]!,
    malformed: words[slabWord.malformed]!,
    malformedByReason: byReason,
    byRule: Array.from(slab.counts.subarray(0, plan.rules.length)),
    byDefault: slab.counts[plan.rules.length]!,
    byRoute,
    ...(plan.timeField === undefined ? {} : { delays: readDelays(words) }),
  }
}

const bucketCount = delayBoundsMs.length + 1

function readDelays(words: Uint32Array): DelayCounts {
  const buckets = Array.from(words.subarray(slabWord.delay, slabWord.delay + bucketCount))
  return {
    buckets,
    sumMs: words[slabWord.delaySum + 1]! * 2 ** 32 + words[slabWord.delaySum]!,
    measured: buckets.reduce((sum, count) => sum + count, 0),
    ahead: words[slabWord.timeAhead]!,
    missing: words[slabWord.timeMissing]!,
    unreadable: words[slabWord.timeUnreadable]!,
  }
}

function noDelays(): DelayCounts {
  const buckets = new Array<number>(bucketCount).fill(0)
  return { buckets, sumMs: 0, measured: 0, ahead: 0, missing: 0, unreadable: 0 }
}

/** Returns the counts of no records. */
export function noCounts(plan: PlanOutline): Counts {
  const byRoute = Object.fromEntries(
    plan.routes.filter((_, i) => i !== route.drop && i !== route.malformed).map((name) => [name, 0]),
  )
  const malformedByReason = Object.fromEntries(reasons.map((reason) => [reason, 0])) as Record<MalformedReason, number>
  const byRule = plan.rules.map(() => 0)
  const delays = plan.timeField === undefined ? {} : { delays: noDelays() }
  return { records: 0, kept: 0, dropped: 0, malformed: 0, malformedByReason, byRule, byDefault: 0, byRoute, ...delays }
}

/**
 * Returns the sum of two counts. `byRule` is added rule by rule, so it means something only when both were counted
 * under the same version.
 */
export function addCounts(a: Counts, b: Counts): Counts {
  const addNamed = <T extends Readonly<Record<string, number>>>(x: T, y: T): T => {
    const sum: Record<string, number> = { ...x }
    for (const [name, count] of Object.entries(y)) sum[name] = (sum[name] ?? 0) + count
    return sum as T
  }
  const [long, short] = a.byRule.length >= b.byRule.length ? [a.byRule, b.byRule] : [b.byRule, a.byRule]
  return {
    records: a.records + b.records,
    kept: a.kept + b.kept,
    dropped: a.dropped + b.dropped,
    malformed: a.malformed + b.malformed,
    malformedByReason: addNamed(a.malformedByReason, b.malformedByReason),
    byRule: long.map((count, i) => count + (short[i] ?? 0)),
    byDefault: a.byDefault + b.byDefault,
    byRoute: addNamed(a.byRoute, b.byRoute),
    ...(a.delays === undefined && b.delays === undefined ? {} : { delays: addDelays(a.delays, b.delays) }),
  }
}

function addDelays(a = noDelays(), b = noDelays()): DelayCounts {
  return {
    buckets: a.buckets.map((count, i) => count + b.buckets[i]!),
    sumMs: a.sumMs + b.sumMs,
    measured: a.measured + b.measured,
    ahead: a.ahead + b.ahead,
    missing: a.missing + b.missing,
    unreadable: a.unreadable + b.unreadable,
  }
}

/**
 * Returns the delay in milliseconds that `share` of the measured records do not exceed, `share` being from 0 to 1: 0.99
 * for the 99th percentile. Undefined where none was measured. Within a bucket, delays are taken to be spread evenly, as
 * Prometheus does, so it may be wrong by the width of that bucket, either way; beyond the last bound it is that bound.
 */
export function delayPercentileMs({ buckets, measured }: DelayCounts, share: number): number | undefined {
  if (measured === 0) return undefined
  const rank = Math.min(Math.max(share, 0), 1) * measured
  let below = 0
  for (const [i, boundMs] of delayBoundsMs.entries()) {
    const count = buckets[i]!
    if (count > 0 && below + count >= rank) {
      const fromMs = delayBoundsMs[i - 1] ?? 0
      return fromMs + ((boundMs - fromMs) * (rank - below)) / count
    }
    below += count
  }
  return delayBoundsMs.at(-1)
}

/** What an engine has done since it was created. */
export interface EngineStats {
  readonly threads: number
  /** Answers of kernels, of whole batches or parts of them. */
  readonly batches: number
  /** Bytes of input that were evaluated. */
  readonly bytesIn: number
  readonly records: number
  readonly kept: number
  readonly dropped: number
  readonly malformed: number
  /** Time in kernels, summed over all threads. */
  readonly evaluateNs: number
  /** Time workers spent reading files, or waiting for what is read ahead, summed over all threads. */
  readonly readNs: number
  /** Slabs in use: being filled, evaluated, waiting to be delivered, or held by a verdict. */
  readonly slabsInUse: number
  /** Rule sets that were loaded, the first included. */
  readonly loads: number
  /** Batches that were tried a second time. */
  readonly retries: number
  /** Tasks whose worker thread died. */
  readonly workersLost: number
  /**
   * Tasks that exceeded their deadline, and threads of this process that compiled rules and could not be ended. A thread that hangs in native code cannot be ended: when this is not zero,
   * the process may need a signal (SIGKILL) to exit.
   */
  readonly workersHung: number
}

/** Adds up what an engine does. */
export class StatsRecorder {
  #batches = 0
  #bytesIn = 0
  #records = 0
  #kept = 0
  #dropped = 0
  #malformed = 0
  #evaluateNs = 0
  #readNs = 0
  #loads = 0

  /** Adds the answer that stands in a slab, and the time it took. */
  add(slab: Slab, evaluateNs: number, readNs: number): void {
    const words = slab.words
    this.#batches++
    this.#bytesIn += words[slabWord.consumed]! - words[slabWord.start]!
    this.#records += words[slabWord.records]!
    this.#kept += words[slabWord.kept]!
    this.#dropped += words[slabWord.dropped]!
    this.#malformed += words[slabWord.malformed]!
    this.#evaluateNs += evaluateNs
    this.#readNs += readNs
  }

  /** Counts a rule set that became the current one. */
  addLoad(): void {
    this.#loads++
  }

  /** Returns the sums so far. */
  snapshot(threads: number, slabsInUse: number, pool: PoolCounts): EngineStats {
    return {
      threads,
      batches: this.#batches,
      bytesIn: this.#bytesIn,
      records: this.#records,
      kept: this.#kept,
      dropped: this.#dropped,
      malformed: this.#malformed,
      evaluateNs: this.#evaluateNs,
      readNs: this.#readNs,
      slabsInUse,
      loads: this.#loads,
      ...pool,
    }
  }
}
