// What is made of a soak: figures of each process, how its memory grows, and the numbers that Weir wants to reach. Pure.
// Called by ../soak.ts and report.ts.

import type { Latency } from '../service/rated.ts'
import type { Statuses } from '../service/load-protocol.ts'
import { digits } from '../table.ts'
import type { TargetResult } from '../targets.ts'
import { roles } from './chain.ts'
import type { Role } from './chain.ts'
import type { BucketContent, ClosedObject } from './content.ts'
import type { SoakSample } from './sampler.ts'

/** Everything that was found. */
export interface SoakResults {
  /** When the first body was due, in milliseconds since 1970. */
  readonly startedMs: number
  /** How long bodies were due. */
  readonly seconds: number
  readonly posts: number
  /** Of all bodies. */
  readonly bytes: number
  readonly statuses: Statuses
  readonly latencyMs: Latency
  /** Processor time of who posts. */
  readonly loadCpuSeconds: number
  /** Resident memory at most, by process. */
  readonly peakBytes: Readonly<Record<Role, number>>
  readonly samples: readonly SoakSample[]
  readonly objects: readonly ClosedObject[]
  readonly content: BucketContent
  /** Of `weir archive verify`: its exit code, and its last line. */
  readonly verified: { readonly code: number; readonly said: string }
}

/** What a process came to. */
export interface RoleFigures {
  readonly role: Role
  /** Of processors, while bodies came. */
  readonly processors: number
  readonly residentBytes: number
  readonly peakBytes: number
  /** The worst sample after warming up, and the median of them. */
  readonly worstEventLoopMs: number
  readonly medianEventLoopMs: number
  readonly mostLag: number
  /** Per cent of its resident memory an hour, after warming up; undefined where that was too short to tell. */
  readonly growthPerHour: number | undefined
}

/** A process has warmed up after a third of the time, or ten minutes. */
const warmShare = 1 / 3
const mostWarmSeconds = 600
/** What grows in less time may be anything. */
const leastGrowthSeconds = 1200
const growthLimit = 0.5
const growthTarget = `memory grows ≤ ${growthLimit} % an hour`
const postLimitMs = 2000
const eventLoopLimitMs = 50
/** From the end of an object's minute until it is written. */
export const closeLimitMs = 30_000
const memoryLimitBytes = 512 * 2 ** 20

/** Returns the slope of a line through points, by least squares; 0 for fewer than two. */
export function slopeOf(points: readonly (readonly [x: number, y: number])[]): number {
  const count = points.length
  if (count < 2) return 0
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / count
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / count
  const across = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0)
  const along = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0)
  return along === 0 ? 0 : across / along
}

/** Returns the samples of the time in which bodies came and everything had warmed up. */
function warmSamples({ samples, seconds }: SoakResults): readonly SoakSample[] {
  const from = Math.min(mostWarmSeconds, warmShare * seconds)
  return samples.filter((sample) => sample.seconds >= from && sample.seconds <= seconds)
}

function spanOf(samples: readonly SoakSample[]): number {
  return (samples.at(-1)?.seconds ?? 0) - (samples[0]?.seconds ?? 0)
}

/** Returns the figures of each process. */
export function figuresOf(results: SoakResults): readonly RoleFigures[] {
  const warm = warmSamples(results)
  return roles.map((role) => {
    const of = warm.map((sample) => sample.roles[role])
    const resident = of.map(({ residentBytes }) => residentBytes)
    const mean = meanOf(resident)
    const slope = slopeOf(warm.map(({ seconds }, i) => [seconds / 3600, resident[i]!] as const))
    const delays = of.map(({ eventLoopMs }) => eventLoopMs).filter((ms) => Number.isFinite(ms))
    return {
      role,
      processors: meanOf(of.map(({ processors }) => processors)),
      residentBytes: mean,
      peakBytes: results.peakBytes[role],
      worstEventLoopMs: Math.max(0, ...delays),
      medianEventLoopMs: delays.toSorted((a, b) => a - b)[delays.length >> 1] ?? 0,
      mostLag: Math.max(0, ...of.map(({ lag }) => lag)),
      growthPerHour: spanOf(warm) < leastGrowthSeconds ? undefined : (100 * slope) / mean,
    }
  })
}

/** Returns every target. */
export function judgeSoakTargets(results: SoakResults): readonly TargetResult[] {
  const { latencyMs, objects } = results
  const figures = figuresOf(results)
  const worstDelayMs = Math.max(...objects.flatMap(({ delayMs }) => delayMs ?? []))
  const target = (name: string, text: string, measured: string, isReached: boolean | undefined): TargetResult => {
    return { case: name, target: text, measured, isReached }
  }
  return [
    target('ingest', 'POST p99 ≤ 2 s', `${digits(latencyMs.p99)} ms`, latencyMs.p99 <= postLimitMs),
    target('archive', 'an object closes ≤ 30 s after its minute', `${digits(worstDelayMs / 1000)} s`, worstDelayMs <= closeLimitMs), // prettier-ignore
    ...figures.flatMap(({ role, worstEventLoopMs, peakBytes, growthPerHour }) => [
      target(role, 'event loop p99 ≤ 50 ms in every sample', `${digits(worstEventLoopMs)} ms`, worstEventLoopMs <= eventLoopLimitMs), // prettier-ignore
      target(role, 'peak memory ≤ 512 MiB', `${digits(peakBytes / 2 ** 20)} MiB`, peakBytes <= memoryLimitBytes),
      growthPerHour === undefined
        ? target(role, growthTarget, 'not measured: too short', undefined)
        : target(role, growthTarget, `${growthPerHour.toFixed(2)} %`, growthPerHour <= growthLimit),
    ]),
  ]
}

/** Returns what must not be. */
export function faultsOfSoak({ statuses, content, verified }: SoakResults): string[] {
  const { lost, repeated, wrong } = content
  const refused = Object.keys(statuses).filter((status) => !['200', '429', '503'].includes(status))
  return [
    ...(lost + repeated + wrong === 0 ? [] : [`${lost} records lost, ${repeated} twice, ${wrong} wrong`]),
    ...(refused.length === 0 ? [] : [`bodies were answered ${refused.join(', ')}, and a sender would give up`]),
    ...(verified.code === 0 ? [] : [`weir archive verify ended with ${verified.code}: ${verified.said}`]),
  ]
}

function meanOf(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length
}
