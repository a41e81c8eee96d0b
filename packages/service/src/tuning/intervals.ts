// Intervals of what was measured: of speeds, and of ratios of two speeds that were measured in the same round. Pure
// functions of numbers. Called by race.ts, choice.ts and whoever measures rules.

/** What a number is, as far as its samples tell: `low` and `high` are infinitely far off where there is one sample. */
export interface Interval {
  /** The geometric mean. */
  readonly middle: number
  readonly low: number
  readonly high: number
  /** How many samples there are. */
  readonly samples: number
}

/** How sure an interval is of holding the true value: the share of such intervals that do. */
export type Confidence = 0.95 | 0.99

/** Student's t, two-sided, by degrees of freedom from 1 on; more have the last. */
const quantiles: Readonly<Record<Confidence, readonly number[]>> = {
  0.95: [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131],
  0.99: [63.657, 9.925, 5.841, 4.604, 4.032, 3.707, 3.499, 3.355, 3.25, 3.169, 3.106, 3.055, 3.012, 2.977, 2.947],
}

/**
 * Returns the interval of positive numbers. Their logarithms are averaged, because what disturbs a measurement makes it
 * so many times slower, and not so many bytes a second. *Errors*: RangeError when there are none.
 */
export function intervalOf(values: readonly number[], confidence: Confidence = 0.95): Interval {
  const samples = values.length
  if (samples === 0) throw new RangeError('there is nothing to take an interval of')
  const logs = values.map((value) => Math.log(value))
  const mean = logs.reduce((sum, log) => sum + log, 0) / samples
  const middle = Math.exp(mean)
  if (samples === 1) return { middle, low: 0, high: Number.POSITIVE_INFINITY, samples }
  const variance = logs.reduce((sum, log) => sum + (log - mean) ** 2, 0) / (samples - 1)
  const table = quantiles[confidence]
  const quantile = table[Math.min(samples - 1, table.length) - 1] ?? Number.POSITIVE_INFINITY
  const half = quantile * Math.sqrt(variance / samples)
  return { middle, low: Math.exp(mean - half), high: Math.exp(mean + half), samples }
}

/**
 * Returns the interval of the median of many numbers, whatever their distribution, with a confidence of 0.95 from six
 * numbers on: for short measurements, of which a few are interrupted and take many times as long. *Errors*: RangeError when
 * there are none. *Source*: order statistics, the binomial distribution taken as normal.
 */
export function medianInterval(values: readonly number[]): Interval {
  const samples = values.length
  const middle = quantileOf(values, 0.5)
  const ascending = values.toSorted((a, b) => a - b)
  const below = Math.max(0, Math.floor((samples - 1.96 * Math.sqrt(samples)) / 2))
  const [low = 0, high = Number.POSITIVE_INFINITY] = [ascending[below], ascending[samples - 1 - below]]
  return { middle, low, high, samples }
}

/** Numbers by the round that they were measured in; a round that has none is a hole. */
export type ByRound = ReadonlyMap<number, number>

/**
 * Returns the interval of `values` ÷ `base`, round by round, over the rounds that both have; undefined where there is no
 * such round. The speed of a machine wanders from minute to minute, and in one round it is about the same for both.
 */
export function ratioInterval(values: ByRound, base: ByRound, confidence: Confidence = 0.95): Interval | undefined {
  const ratios = [...values].flatMap(([round, value]) => {
    const other = base.get(round)
    return other === undefined ? [] : [value / other]
  })
  return ratios.length === 0 ? undefined : intervalOf(ratios, confidence)
}

/** Returns the value that `share` of the values do not exceed, by the nearest rank. *Errors*: RangeError for no values. */
export function quantileOf(values: ArrayLike<number>, share: number): number {
  if (values.length === 0) throw new RangeError('there is nothing to take a quantile of')
  const ascending = Float64Array.from(values).sort()
  return ascending[Math.max(0, Math.ceil(share * ascending.length) - 1)] ?? Number.NaN
}
