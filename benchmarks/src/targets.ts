// The numbers that the project wants to reach, beside what was measured. They are shown and never asserted: no exit code
// depends on them. They also say which cases and contenders a quick run needs. Called by main.ts, plan.ts and report.ts.

import type { Model } from './contender.ts'
import type { Result } from './result.ts'
import { summarize } from './statistics.ts'
import type { Summary } from './statistics.ts'
import { cacheOf, digits, markdownTable, peakOf, ratioTo, speedRatio, withSpread } from './table.ts'

/** A target of one case, and what was measured. */
export interface TargetResult {
  readonly case: string
  readonly target: string
  readonly measured: string
  /** Undefined where it was not measured. */
  readonly isReached: boolean | undefined
}

/** A contender, by the model in which it takes part. */
export interface Needed {
  readonly model: Model
  readonly id: string
}

interface Target {
  readonly name: string
  /** The cases that it is about; undefined for all of them. */
  readonly cases?: readonly string[]
  /** A run that has little time leaves it out. */
  readonly isLeftOut?: true
  /** Another case that its own ones are compared with. */
  readonly besideCase?: string
  /** Whose row in the results brings the target with it, */
  readonly of: Needed
  /** and what else it takes. */
  readonly needs: readonly Needed[]
  /** The measured value as text and whether it reaches the target; undefined where it was not measured. */
  readonly judge: (result: Result, results: readonly Result[]) => Judged | undefined
}

type Judged = readonly [measured: string, isReached: boolean]

const kernel = (id: string): Needed => ({ model: 'kernel', id })
const command = (id: string): Needed => ({ model: 'command', id })

/** Where a run that has little time asks what a target is about that holds for all cases. */
const ordinaryCases = ['one-rule', 'ten-rules']
/** The case of the model *start*, whose rules all of its contenders are given. */
export const startCase = 'ten-rules'
const peakTargetBytes = 150e6
const cacheTargetBytes = 32 * 2 ** 20
const startTargetMs = 60

const judgeRatio = (ratio: Summary | undefined, reaches: (median: number) => boolean): Judged | undefined =>
  ratio === undefined ? undefined : [withSpread(ratio), reaches(ratio.median)]

/** Speed ÷ speed of another contender of the same model. */
const ratioTarget = (name: string, of: Needed, least: number, id: string, cases?: readonly string[]): Target => ({
  name: `${name} ≥ ${least} ×`,
  ...(cases === undefined ? {} : { cases }),
  of,
  needs: [{ ...of, id }],
  judge: (result, results) => judgeRatio(ratioTo(result, id, results), (median) => median >= least),
})

/** Time ÷ time of the same contender in another case, measured in the same rounds. */
const growthTarget = (name: string, beside: string, caseName: string, most: number): Target => ({
  name: `${name} ≤ ${most} × the time`,
  cases: [caseName],
  besideCase: beside,
  of: kernel('native'),
  needs: [],
  judge: (result, results) => {
    const other = results.find((each) => each.case === beside && each.model === 'kernel' && each.id === 'native')
    // Speed of the smaller ÷ speed of the larger: the time of the larger ÷ the time of the smaller, byte for byte.
    return other && judgeRatio(speedRatio(other, result), (median) => median <= most)
  },
})

const wholeFile: Target = {
  name: 'weir filter, 1 thread, file to file: time ÷ the native kernel alone ≤ 1.15 ×',
  of: command('weir-1'),
  needs: [kernel('native')],
  judge: (result, results) => {
    const alone = find(results, result.case, kernel('native'))
    return alone && judgeRatio(speedRatio(alone, result), (median) => median <= 1.15)
  },
}

const wholeFileRunning: Target = {
  name: 'the same, Weir’s start on one record taken off ≤ 1.15 ×',
  of: command('weir-1'),
  needs: [kernel('native')],
  judge: (result, results) => {
    const alone = find(results, result.case, kernel('native'))
    const start = results.find((each) => each.model === 'start' && each.id === 'weir-start')
    if (alone === undefined || start === undefined || start.samples.length === 0) return undefined
    const offset = summarize(start.samples.map(({ seconds }) => seconds)).median
    const samples = result.samples.map((sample) => ({ ...sample, seconds: sample.seconds - offset }))
    // Of an input that takes less time than starting varies by, nothing can be said.
    if (samples.some(({ seconds }) => seconds <= 0)) return undefined
    return judgeRatio(speedRatio(alone, { ...result, samples }), (median) => median <= 1.15)
  },
}

const startTarget: Target = {
  name: `weir filter on one record − Node’s own start ≤ ${startTargetMs} ms`,
  cases: [startCase],
  of: { model: 'start', id: 'weir-start' },
  needs: [{ model: 'start', id: 'node-start' }],
  judge: (result, results) => {
    const node = find(results, result.case, { model: 'start', id: 'node-start' })
    const byRound = new Map(node?.samples.map(({ round, seconds }) => [round, seconds]))
    const differences = result.samples.flatMap(({ round, seconds }) => {
      const base = byRound.get(round)
      return base === undefined ? [] : [(seconds - base) * 1000]
    })
    if (differences.length === 0) return undefined
    const summary = summarize(differences)
    return [`${withSpread(summary)} ms`, summary.median <= startTargetMs]
  },
}

const memoryTarget = (name: string, id: string): Target => ({
  name: `${name}: peak memory ≤ ${peakTargetBytes / 1e6} MB`,
  of: command(id),
  needs: [],
  judge: (result) => {
    const peak = peakOf(result)
    return peak === undefined ? undefined : [`${digits(peak / 1e6)} MB`, peak <= peakTargetBytes]
  },
})

const cacheTarget: Target = {
  name: `value caches of a worker ≤ ${cacheTargetBytes / 2 ** 20} MiB`,
  of: kernel('native'),
  needs: [],
  judge: (result) => {
    const bytes = cacheOf(result)
    return bytes === undefined ? undefined : [`${digits(bytes / 2 ** 20)} MiB`, bytes <= cacheTargetBytes]
  },
}

const leftOut = (target: Target): Target => ({ ...target, isLeftOut: true })

const targets: readonly Target[] = [
  ratioTarget('native kernel ÷ plain C++', kernel('native'), 1.5, 'plain-cpp', ['ten-rules']),
  ratioTarget('native kernel ÷ finding newlines', kernel('native'), 0.6, 'newlines', ['one-rule']),
  ratioTarget('weir filter, 1 thread ÷ rg', command('weir-1'), 1, 'rg'),
  ratioTarget('weir filter, 2 threads ÷ rg on 2', command('weir-2'), 1, 'rg-2'),
  growthTarget('100 rules ÷ 10 rules, same fields', 'six-fields-10', 'six-fields-100', 1.3),
  growthTarget('1,000 rules ÷ 10 rules, same fields', 'six-fields-10', 'six-fields-1000', 2),
  growthTarget('100 rules ÷ 10 rules', 'generated-10', 'generated-100', 1.3),
  growthTarget('1,000 rules ÷ 10 rules', 'generated-10', 'generated-1000', 2),
  ratioTarget('native kernel ÷ JSON.parse + RegExp', kernel('native'), 25, 'json-parse', ['one-rule']),
  ratioTarget('native kernel ÷ JSON.parse + RegExp', kernel('native'), 100, 'json-parse', [
    'hundred-rules',
    'generated-100',
  ]),
  ratioTarget('native kernel ÷ plain C++', kernel('native'), 0.9, 'plain-cpp', ['unique', 'escapes']),
  ratioTarget('native kernel ÷ plain C++', kernel('native'), 0.8, 'plain-cpp'),
  ratioTarget('weir filter, 1 thread ÷ jq', command('weir-1'), 60, 'jq'),
  ratioTarget('weir filter, 1 thread ÷ chDB on 1', command('weir-1'), 1, 'chdb'),
  ratioTarget('weir filter, 2 threads ÷ chDB on 2', command('weir-2'), 1, 'chdb-2'),
  ratioTarget('weir filter, 1 thread ÷ DuckDB on 1', command('weir-1'), 1, 'duckdb'),
  ratioTarget('weir filter, 2 threads ÷ DuckDB on 2', command('weir-2'), 1, 'duckdb-2'),
  wholeFile,
  wholeFileRunning,
  startTarget,
  cacheTarget,
  memoryTarget('weir filter, 2 threads, file', 'weir-2'),
  memoryTarget('weir filter, 2 threads, pipe', 'weir-2-pipe'),
  // 1.3 times the time is 0.77 times the speed.
  leftOut(ratioTarget('filters of the original ÷ the same rules', kernel('native-original'), 0.77, 'native')),
  leftOut(ratioTarget('weir filter, 2 threads: array ÷ NDJSON, file', command('weir-2-array'), 0.5, 'weir-2')),
  leftOut(
    ratioTarget('weir filter, 2 threads: array ÷ NDJSON, pipe', command('weir-2-array-pipe'), 0.5, 'weir-2-pipe'),
  ),
  leftOut(ratioTarget('weir filter, 2 threads: gzip ÷ inflating alone', command('weir-2-gzip'), 0.8, 'inflate')),
]

function find(results: readonly Result[], caseName: string, { model, id }: Needed): Result | undefined {
  return results.find((each) => each.case === caseName && each.model === model && each.id === id)
}

/** Cases whose times are compared with each other, and which therefore share rounds. */
export function comparedCases(): ReadonlyMap<string, string> {
  return new Map(
    targets.flatMap(({ cases = [], besideCase }) => (besideCase ? cases.map((name) => [name, besideCase]) : [])),
  )
}

/**
 * Whether a run that has little time needs this contender in this case, for some target. Of targets for all cases, two
 * ordinary ones are enough; other formats than NDJSON wait for a run that has more.
 */
export function isTargeted(caseName: string, { model, id }: Needed): boolean {
  return targets.some(({ cases, besideCase, isLeftOut, of, needs }) => {
    const isHere = (cases ?? ordinaryCases).includes(caseName) || besideCase === caseName
    return isHere && isLeftOut !== true && [of, ...needs].some((each) => each.model === model && each.id === id)
  })
}

/** Returns every target for every case that took part; leaves out those whose contender was not chosen. */
export function judgeTargets(results: readonly Result[]): TargetResult[] {
  return targets.flatMap(({ name, cases, of, judge }) =>
    results
      .filter(
        ({ case: caseName, model, id }) => model === of.model && id === of.id && (cases?.includes(caseName) ?? true),
      )
      .map((result) => {
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
