// Which setting to take, of those that were measured, and what others would cost. The fastest that meets the target;
// of several between which the measurements see no difference, the one that takes the least memory. Pure. Called by
// ../commands/tune.ts.

import { intervalOf, ratioInterval } from './intervals.ts'
import type { Interval } from './intervals.ts'
import { expectedBytes } from './points.ts'
import type { Point } from './points.ts'
import { byMode, fastestOf, leaderOf, mayBeFaster, meetsTarget, worthwhile } from './race.ts'
import type { Runner } from './race.ts'

/** A setting with its figures. */
export interface Figures {
  readonly point: Point
  /** Bytes of input a second. */
  readonly speed: Interval
  /** Milliseconds of the 99th percentile. */
  readonly p99Ms: Interval
  readonly expectedBytes: number
}

/** Returns the speed of a setting ÷ that of another, over the rounds that both ran; undefined where there is none. */
export function speedRatioOf(runner: Runner, to: Point, runners: readonly Runner[]): Interval | undefined {
  const other = runners.find(({ point }) => point === to)
  return other === undefined ? undefined : ratioInterval(runner.speeds, other.speeds)
}

/** Another setting, and what it would cost or save. */
export interface Alternative extends Figures {
  /** What it is the best of. */
  readonly kind: 'next' | 'fewer-threads' | 'sooner' | 'other-mode'
  /** Its speed ÷ the recommended one's, over the rounds that both ran. */
  readonly speedRatio: Interval
}

/** The recommendation. */
export interface Choice extends Figures {
  /** Whether it meets the target; where nothing does, it is the nearest. True where there is no target. */
  readonly meetsTarget: boolean
  /** Settings that were as fast, as far as the measurements tell, and take as much memory or more. */
  readonly ties: readonly Point[]
  /** Other settings that ran to the end and may be faster than the fastest by what is worth it: then nothing is decided. */
  readonly rivals: readonly Point[]
  /** The fastest of all, where the recommended one is another. */
  readonly fastest?: Alternative
  readonly alternatives: readonly Alternative[]
}

/**
 * Returns the recommendation; undefined where nothing was measured. Of several validation modes it is about the first one,
 * and the others are told beside it.
 */
export function choose(runners: readonly Runner[], targetLatencyMs?: number): Choice | undefined {
  const [measured = [], ...others] = byMode(runners.filter(({ speeds }) => speeds.size > 0))
  const found = chooseAmong(measured, targetLatencyMs)
  const chosen = measured.find(({ point }) => point === found?.point)
  if (found === undefined || chosen === undefined) return undefined
  const modes = others.flatMap((mode) => {
    const point = chooseAmong(mode, targetLatencyMs)?.point
    return mode.filter((each) => each.point === point).map((each) => alternative('other-mode', each, chosen))
  })
  return { ...found, alternatives: [...found.alternatives, ...modes] }
}

function chooseAmong(measured: readonly Runner[], targetLatencyMs: number | undefined): Choice | undefined {
  // Who was dropped may look faster than those who went on, in the few rounds that it ran.
  const inRace = measured.filter(({ out }) => out === undefined)
  const leader = leaderOf(inRace, targetLatencyMs) ?? leaderOf(measured, targetLatencyMs)
  if (leader === undefined) {
    const nearest = measured.toSorted((a, b) => middleOf(a) - middleOf(b))[0]
    if (nearest === undefined) return undefined
    return {
      ...figuresOf(nearest),
      meetsTarget: false,
      ties: [],
      rivals: [],
      alternatives: alternativesTo(nearest, measured),
    }
  }
  const equals = measured.filter((runner) => runner === leader || isTie(runner, leader, targetLatencyMs))
  const [chosen = leader, ...ties] = equals.toSorted(
    (a, b) => expectedBytes(a.point) - expectedBytes(b.point) || middleOf(a) - middleOf(b),
  )
  return {
    ...figuresOf(chosen),
    meetsTarget: true,
    ties: ties.map(({ point }) => point),
    rivals: inRace
      .filter((runner) => runner !== leader && runner !== chosen && mayBeFaster(runner, leader))
      .map(({ point }) => point),
    ...(chosen === leader ? {} : { fastest: alternative('next', leader, chosen) }),
    alternatives: alternativesTo(chosen, measured),
  }
}

/** A tie is no worse than `worthwhile`, and not behind beyond doubt. */
function isTie(runner: Runner, leader: Runner, targetLatencyMs: number | undefined): boolean {
  if (runner.out !== undefined || !meetsTarget(runner, targetLatencyMs)) return false
  const ratio = ratioInterval(runner.speeds, leader.speeds)
  return ratio !== undefined && ratio.high >= 1 && ratio.middle >= 1 - worthwhile
}

/** Returns the figures of a setting that was measured. */
export function figuresOf({ point, speeds, latencies }: Runner): Figures {
  return {
    point,
    speed: intervalOf([...speeds.values()]),
    p99Ms: intervalOf([...latencies.values()]),
    expectedBytes: expectedBytes(point),
  }
}

function middleOf({ latencies }: Runner): number {
  return intervalOf([...latencies.values()]).middle
}

function alternativesTo(chosen: Runner, measured: readonly Runner[]): Alternative[] {
  const others = measured.filter((runner) => runner !== chosen)
  const lighter = others.filter(({ point }) => point.threads < chosen.point.threads)
  const sooner = others.filter((runner) => middleOf(runner) < 0.8 * middleOf(chosen))
  const found: readonly (readonly [Alternative['kind'], Runner | undefined])[] = [
    ['next', fastestOf(others)],
    ['fewer-threads', fastestOf(lighter)],
    ['sooner', sooner.toSorted((a, b) => middleOf(a) - middleOf(b))[0]],
  ]
  const told = new Set<Runner>()
  return found.flatMap(([kind, runner]) => {
    if (runner === undefined || told.has(runner)) return []
    told.add(runner)
    return [alternative(kind, runner, chosen)]
  })
}

function alternative(kind: Alternative['kind'], runner: Runner, chosen: Runner): Alternative {
  // Every runner was in the first round, so there is always one that both have.
  const speedRatio = ratioInterval(runner.speeds, chosen.speeds)!
  return { kind, ...figuresOf(runner), speedRatio }
}
