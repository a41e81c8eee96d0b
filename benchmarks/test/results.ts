// Results as measure() returns them, made up for tests of tables and targets.

import type { Result, Sample } from '#src/measure.js'

/** Returns a result of a case `c` with the parts given; 1 MB and 1,000 records unless said. */
export function makeResult(parts: Partial<Result> & Pick<Result, 'id' | 'model'>): Result {
  return {
    case: 'c',
    label: parts.id,
    threads: 1,
    bytes: 1_000_000,
    records: 1000,
    status: 'measured',
    samples: [],
    ...parts,
  }
}

/** Returns samples, one a round, that took so many seconds. */
export function took(...seconds: number[]): Sample[] {
  return seconds.map((each, round) => ({ round, seconds: each }))
}
