// What is made of samples: median, spread, and the ratio to a baseline round by round. Pure functions; knows no
// contenders. Called by measure.ts and table.ts.

/** Median and spread of some numbers. */
export interface Summary {
  readonly median: number
  readonly least: number
  readonly most: number
  readonly count: number
}

/** Returns median, smallest, largest and number of the values. Errors: RangeError when there are none. */
export function summarize(values: readonly number[]): Summary {
  if (values.length === 0) throw new RangeError('there is nothing to summarize')
  const ascending = values.toSorted((a, b) => a - b)
  const half = ascending.length >> 1
  const upper = ascending[half]!
  const median = ascending.length % 2 === 1 ? upper : (ascending[half - 1]! + upper) / 2
  return { median, least: ascending[0]!, most: ascending.at(-1)!, count: ascending.length }
}

/** A value that was measured in a round. */
export interface Rounded {
  readonly round: number
  readonly value: number
}

/**
 * Returns value ÷ baseline of every round that has both. The machine's speed wanders from round to round; within one
 * it is about the same for both, so these ratios repeat better than the ratio of the medians.
 */
export function ratiosByRound(values: readonly Rounded[], baseline: readonly Rounded[]): number[] {
  const byRound = new Map(baseline.map(({ round, value }) => [round, value]))
  return values.flatMap(({ round, value }) => {
    const base = byRound.get(round)
    return base === undefined ? [] : [value / base]
  })
}
