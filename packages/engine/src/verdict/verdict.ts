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
}
