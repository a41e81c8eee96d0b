// What the process itself uses and how late its event loop runs, as numbers in base units. Knows no metric by name;
// read by process-metrics.ts when somebody asks.

import { readdirSync, readFileSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { IntervalHistogram } from 'node:perf_hooks'

/** What the process uses. Absent: the system does not tell. */
export interface ProcessFigures {
  /** User and system time of all threads. */
  readonly cpuSeconds: number
  readonly residentBytes: number
  readonly heapUsedBytes: number
  /** Memory outside the JavaScript heap that objects of it hold, array buffers included. */
  readonly externalBytes: number
  readonly openDescriptors: number | undefined
  readonly mostDescriptors: number | undefined
}

/** Returns what the process uses now. */
export function readProcessFigures(): ProcessFigures {
  const { user, system } = process.cpuUsage()
  const memory = process.memoryUsage()
  return {
    cpuSeconds: (user + system) / 1e6,
    residentBytes: memory.rss,
    heapUsedBytes: memory.heapUsed,
    externalBytes: memory.external,
    openDescriptors: countDescriptors(),
    mostDescriptors: descriptorLimit(),
  }
}

function countDescriptors(): number | undefined {
  try {
    // One of them is the folder that is being read.
    return readdirSync('/proc/self/fd').length - 1
  } catch {
    return undefined
  }
}

function descriptorLimit(): number | undefined {
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]
    return soft === undefined ? undefined : Number(soft)
  } catch {
    return undefined
  }
}

/** Quantiles of the event loop's delay that are told, 1 being the longest delay. */
export const delayQuantiles = [0.5, 0.9, 0.99, 1] as const

/** How often the delay is measured. The histogram holds this time plus the delay. */
const resolutionMs = 10

/** How long a window is at least: two readers that come shortly after one another see the same one. */
const leastWindowMs = 10_000

/** Measures how late the event loop runs, in windows from one reading to the next. Close it when done. */
export class EventLoopDelay {
  readonly #histogram: IntervalHistogram
  readonly #now: () => number
  #begunAt: number
  #last: readonly number[] | undefined

  /** `now`: a clock in milliseconds that never goes back. */
  constructor(now: () => number = () => performance.now()) {
    this.#histogram = monitorEventLoopDelay({ resolution: resolutionMs })
    this.#histogram.enable()
    this.#now = now
    this.#begunAt = now()
  }

  /**
   * Returns the delay in seconds at each of `delayQuantiles`, since the reading before that lies at least ten seconds
   * back; what is read sooner is the window before once more.
   */
  read(): readonly number[] {
    const isLongEnough = this.#now() - this.#begunAt >= leastWindowMs
    if (!isLongEnough && this.#last !== undefined) return this.#last
    const figures = delayQuantiles.map((quantile) => secondsLate(this.#histogram, quantile))
    if (isLongEnough) {
      this.#last = figures
      this.#histogram.reset()
      this.#begunAt = this.#now()
    }
    return figures
  }

  close(): void {
    this.#histogram.disable()
  }
}

function secondsLate(histogram: IntervalHistogram, quantile: number): number {
  if (histogram.count === 0) return 0
  const ns = quantile === 1 ? histogram.max : histogram.percentile(quantile * 100)
  return Math.max(0, ns / 1e9 - resolutionMs / 1e3)
}
