// The numbers that the project wants to reach, beside what was measured. They are shown and never asserted: no exit code
// depends on them. Called by main.ts.

import type { Result } from './measure.ts'
import { digits, markdownTable, peakOf, ratioTo, rgBeside, withSpread } from './table.ts'

/** A target of one case, and what was measured. */
export interface TargetResult {
  readonly case: string
  readonly target: string
  readonly measured: string
  /** Undefined where it was not measured. */
  readonly isReached: boolean | undefined
}

interface Target {
  readonly name: string
  readonly id: string
  /** The measured value as text and whether it reaches the target. */
  readonly judge: (
    result: Result,
    results: readonly Result[],
  ) => readonly [measured: string, isReached: boolean] | undefined
}

const peakTargetBytes = 150e6

const ratioTarget = (name: string, id: string, least: number, other: (result: Result) => string): Target => ({
  name: `${name} ≥ ${least} ×`,
  id,
  judge: (result, results) => {
    const ratio = ratioTo(result, other(result), results)
    return ratio === undefined ? undefined : [withSpread(ratio), ratio.median >= least]
  },
})

const memoryTarget = (name: string, id: string): Target => ({
  name: `${name}: peak memory ≤ ${peakTargetBytes / 1e6} MB`,
  id,
  judge: (result) => {
    const peak = peakOf(result)
    return peak === undefined ? undefined : [`${digits(peak / 1e6)} MB`, peak <= peakTargetBytes]
  },
})

const targets: readonly Target[] = [
  ratioTarget('native kernel ÷ JSON.parse + RegExp', 'native', 12, () => 'json-parse'),
  ratioTarget('weir filter, 1 thread ÷ jq', 'weir-1', 25, () => 'jq'),
  ratioTarget('weir filter, 1 thread ÷ rg', 'weir-1', 0.6, rgBeside),
  ratioTarget('weir filter, 2 threads ÷ rg on 2', 'weir-2', 0.6, rgBeside),
  // 1.3 times the time is 0.77 times the speed.
  ratioTarget('filters of the original ÷ the same rules', 'native-original', 0.77, () => 'native'),
  ratioTarget('weir filter, 2 threads: array ÷ NDJSON, file', 'weir-2-array', 0.5, () => 'weir-2'),
  ratioTarget('weir filter, 2 threads: array ÷ NDJSON, pipe', 'weir-2-array-pipe', 0.5, () => 'weir-2-pipe'),
  ratioTarget('weir filter, 2 threads: gzip ÷ inflating alone', 'weir-2-gzip', 0.8, () => 'inflate'),
  memoryTarget('weir filter, 2 threads, file', 'weir-2'),
  memoryTarget('weir filter, 2 threads, pipe', 'weir-2-pipe'),
]

/** Returns every target for every case that took part; leaves out those whose contender was not chosen. */
export function judgeTargets(results: readonly Result[]): TargetResult[] {
  return results.flatMap((result) =>
    targets
      .filter(({ id }) => id === result.id)
      .map(({ name, judge }) => {
        const judged = judge(result, results)
        return {
          case: result.case,
          target: name,
          measured: judged?.[0] ?? 'not measured',
          isReached: judged?.[1],
        }
      }),
  )
}

function word(isReached: boolean | undefined): string {
  if (isReached === undefined) return '–'
  return isReached ? 'yes' : 'no'
}

/** Returns the targets as a Markdown table. */
export function renderTargets(judged: readonly TargetResult[]): string {
  return markdownTable(
    ['case', 'target', 'measured', 'reached'],
    judged.map((each) => [each.case, each.target, each.measured, word(each.isReached)]),
    [],
  )
}
