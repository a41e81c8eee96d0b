// The answer for some input: typed arrays beside the bytes, never an object per record. Types only.

import type { MalformedReason } from '../batch/batch.ts'

/** Counts of one verdict, or of many added up. `records = kept + dropped + malformed`. */
export interface Counts {
  readonly records: number
  /** Records of `keep` and of all named routes. */
  readonly kept: number
  readonly dropped: number
  readonly malformed: number
  readonly malformedByReason: Readonly<Record<MalformedReason, number>>
  /** Records decided by each rule, in the rule set's order. */
  readonly byRule: readonly number[]
  /** Records that no rule decided. */
  readonly byDefault: number
  /** Records of `keep` and of each named route. */
  readonly byRoute: Readonly<Record<string, number>>
  /** How old the records of `keep` and of named routes were; only where the engine has a `timeField`. */
  readonly delays?: DelayCounts
}

/**
 * Records that were kept or routed, by their delay: the time from the one that stands in the record to the hand-over of
 * its batch. `kept = measured + ahead + missing + unreadable`.
 */
export interface DelayCounts {
  /**
   * Records by delay, an entry for each of `delayBoundsMs` and one more: entry *i* counts delays of at most
   * `delayBoundsMs[i]` that exceed the bound before it, the last entry those above all bounds. Not cumulative.
   */
  readonly buckets: readonly number[]
  /** Sum of the delays in the buckets, in milliseconds. Above 2^53 to the next number. */
  readonly sumMs: number
  /** Sum of the buckets. */
  readonly measured: number
  /** Records whose time lies in the future: two clocks differ. */
  readonly ahead: number
  /** Records without the field, or with a text that the rule set lists as `missing`. */
  readonly missing: number
  /** Records whose field is no time: see docs/engine.md. */
  readonly unreadable: number
}
