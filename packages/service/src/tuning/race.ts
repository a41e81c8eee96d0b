// The race: every setting is measured once a round, in an order of its own, and what is clearly behind the leader is
// measured no more. Ends when nothing that is left can be much faster than the leader. Knows neither engines nor clocks:
// both are handed in. docs/decisions/tuning-is-a-race.md says why it is done so. Called by ../commands/tune.ts.

import { intervalOf, ratioInterval } from './intervals.ts'
import type { ByRound } from './intervals.ts'
import type { Point } from './points.ts'

/** What one measurement of one setting came to. */
export interface Observation {
  readonly bytesPerSecond: number
  /** The time in milliseconds that 99 of 100 batches did not exceed. */
  readonly p99Ms: number
}

/** Why a setting was measured no more: slower than the leader, or later than the target allows. */
export type Reason = 'slower' | 'late'

/** A setting, and what was measured of it, by round. */
export interface Runner {
  readonly point: Point
  readonly speeds: ByRound
  readonly latencies: ByRound
  /** Absent for those that ran to the end. */
  readonly out?: { readonly reason: Reason; readonly round: number }
}

/** How a race is run. */
export interface RaceOptions {
  readonly points: readonly Point[]
  /** Measures a setting; undefined when it was interrupted, which ends the race. */
  readonly measure: (point: Point, round: number) => Promise<Observation | undefined>
  /** Returns an integer from 0 to `end` − 1. */
  readonly random: (end: number) => number
  /** Whether there is time for another round. Asked from the second round on. */
  readonly hasTime: () => boolean
  /** Most milliseconds that the 99th percentile may take. */
  readonly targetLatencyMs?: number | undefined
  /** Measures everything in every round, as often as `mostRounds`. */
  readonly isExhaustive?: boolean
  /** Called before each measurement. */
  readonly onProgress?: (progress: Progress) => void
}

/** How far a race is. */
export interface Progress {
  readonly round: number
  readonly measured: number
  readonly left: number
  readonly point: Point
}

/** What ended a race. */
export type Ending = 'clear' | 'rounds' | 'time' | 'interrupted'

/** The outcome of a race. */
export interface Race {
  readonly runners: readonly Runner[]
  /** Rounds that were completed. */
  readonly rounds: number
  readonly ending: Ending
}

/** A round is one measurement of everything that is left. */
export const raceRounds = { least: 3, most: 10, exhaustive: 6 } as const
/** A setting that is faster by less than this is not worth looking for. */
export const worthwhile = 0.03
/** What has less than this share of the leader's speed in two rounds out of two is out before there are three. */
const hopeless = 0.6

interface MutableRunner {
  readonly point: Point
  readonly speeds: Map<number, number>
  readonly latencies: Map<number, number>
  out?: { readonly reason: Reason; readonly round: number }
}

/** Runs a race. *Errors*: those of `measure`. */
export async function race(options: RaceOptions): Promise<Race> {
  const { hasTime, isExhaustive = false, targetLatencyMs } = options
  const runners = options.points.map((point): MutableRunner => ({ point, speeds: new Map(), latencies: new Map() }))
  const most = isExhaustive ? raceRounds.exhaustive : raceRounds.most
  for (let round = 1; ; round++) {
    const running = runners.filter(({ out }) => out === undefined)
    if (!(await runRound(options, running, round))) return { runners, rounds: round - 1, ending: 'interrupted' }
    if (!isExhaustive) {
      const modes = byMode(running)
      for (const each of modes) drop(each, round, targetLatencyMs)
      if (round >= raceRounds.least && modes.every((each) => isClear(each, targetLatencyMs)))
        return { runners, rounds: round, ending: 'clear' }
    }
    if (round >= most) return { runners, rounds: round, ending: 'rounds' }
    if (!hasTime()) return { runners, rounds: round, ending: 'time' }
  }
}

/** Measures each once; false when it was interrupted. */
async function runRound(options: RaceOptions, running: readonly MutableRunner[], round: number): Promise<boolean> {
  const order = shuffled(running, options.random)
  for (const [measured, runner] of order.entries()) {
    options.onProgress?.({ round, measured, left: running.length, point: runner.point })
    const seen = await options.measure(runner.point, round)
    if (seen === undefined) return false
    runner.speeds.set(round, seen.bytesPerSecond)
    runner.latencies.set(round, seen.p99Ms)
  }
  return true
}

/** Returns the settings of each validation mode: what checks less is always faster, which is no reason to check less. */
export function byMode<R extends Runner>(runners: readonly R[]): R[][] {
  const modes = new Map<string, R[]>()
  for (const runner of runners) {
    const { validation } = runner.point
    modes.set(validation, [...(modes.get(validation) ?? []), runner])
  }
  return [...modes.values()]
}

/** Takes out what is late or slow beyond doubt. Of those that meet the target the fastest always stays. */
function drop(running: readonly MutableRunner[], round: number, targetLatencyMs: number | undefined): void {
  const leader = leaderOf(running, targetLatencyMs)
  if (leader === undefined) return
  for (const runner of running) {
    if (runner === leader) continue
    const isLate =
      targetLatencyMs !== undefined && intervalOf([...runner.latencies.values()], 0.99).low > targetLatencyMs
    if (isLate) runner.out = { reason: 'late', round }
    else if (isBehind(runner, leader, round)) runner.out = { reason: 'slower', round }
  }
}

function isBehind(runner: Runner, leader: Runner, round: number): boolean {
  const ratio = ratioInterval(runner.speeds, leader.speeds, 0.99)
  if (ratio === undefined) return false
  if (round === 2) return [...runner.speeds].every(([at, speed]) => speed < hopeless * (leader.speeds.get(at) ?? 0))
  return round >= raceRounds.least && ratio.high < 1
}

/** Whether more rounds could hardly bring anything that is worth it. */
function isClear(running: readonly MutableRunner[], targetLatencyMs: number | undefined): boolean {
  const left = running.filter(({ out }) => out === undefined)
  const leader = leaderOf(left, targetLatencyMs)
  if (leader === undefined)
    return left.every(({ latencies }) => intervalOf([...latencies.values()]).low > targetLatencyMs!)
  // What is a little late today may be in time tomorrow, so only its speed counts here.
  return left.every((runner) => runner === leader || !mayBeFaster(runner, leader))
}

/** Returns whether a setting may be faster than the leader by what is worth it, as far as the measurements tell. */
export function mayBeFaster(runner: Runner, leader: Runner): boolean {
  const ratio = ratioInterval(runner.speeds, leader.speeds)
  return ratio === undefined || ratio.high > 1 + worthwhile
}

/**
 * Returns the fastest of those that meet the target, or undefined where none does. Runners that ended in different rounds
 * are compared in the rounds that they share.
 */
export function leaderOf<R extends Runner>(runners: readonly R[], targetLatencyMs: number | undefined): R | undefined {
  return fastestOf(runners.filter((runner) => meetsTarget(runner, targetLatencyMs)))
}

/** Returns whether the latency of a setting is, by its middle, within the target. */
export function meetsTarget({ latencies }: Runner, targetLatencyMs: number | undefined): boolean {
  if (latencies.size === 0) return false
  return targetLatencyMs === undefined || intervalOf([...latencies.values()]).middle <= targetLatencyMs
}

/** Returns the fastest of runners that were measured; undefined where there is none. */
export function fastestOf<R extends Runner>(runners: readonly R[]): R | undefined {
  // Longest first: who ran to the end has rounds in common with everybody else.
  const byLength = runners.filter(({ speeds }) => speeds.size > 0).toSorted((a, b) => b.speeds.size - a.speeds.size)
  return byLength.reduce<R | undefined>((best, each) => {
    if (best === undefined) return each
    const ratio = ratioInterval(each.speeds, best.speeds)
    return ratio !== undefined && ratio.middle > 1 ? each : best
  }, undefined)
}

/** Returns the items in a random order, each order as likely as the others. */
function shuffled<T>(items: readonly T[], random: (end: number) => number): T[] {
  const mixed = [...items]
  for (let i = mixed.length - 1; i > 0; i--) {
    const j = random(i + 1)
    ;[mixed[i], mixed[j]] = [mixed[j]!, mixed[i]!]
  }
  return mixed
}
