// What is kept of a measurement: samples, and what came of each contender. Types only. Made by measure.ts, written down
// by journal.ts and result-file.ts, read by everything that shows numbers.

import type { Model } from './contender.ts'

/** Milliseconds that batches took: half of them at most so many, all but one in a hundred, the longest. */
export interface Latency {
  readonly p50: number
  readonly p99: number
  readonly max: number
}

/** One timed turn. */
export interface Sample {
  readonly round: number
  /** Of one run; of a turn with several runs, their median. */
  readonly seconds: number
  /** Of the input, where it is not the result's: who chooses a slice for itself may choose another after a stop. */
  readonly bytes?: number
  /** Runs of the turn, where there were several. */
  readonly runs?: number
  readonly cpuSeconds?: number
  readonly peakBytes?: number
  /** Of single batches. */
  readonly latencyMs?: Latency
  /** Memory of the value caches of one worker. */
  readonly cacheBytes?: number
}

/** What came of one contender in one case. */
export interface Result {
  readonly case: string
  readonly id: string
  readonly label: string
  readonly model: Model
  readonly threads: number
  /** Rules of the case; absent in files of format 1. */
  readonly rules?: number
  readonly how?: string
  /** Bytes and records of the input that it worked on; in the model *compile*, that its rules were tried on. */
  readonly bytes: number
  readonly records: number
  /** `skipped`: it does not take part. `wrong`: its answer is. `failed`: it gives none. Only `measured` is timed. */
  readonly status: 'measured' | 'skipped' | 'wrong' | 'failed'
  /** Why it is skipped, or what is wrong. */
  readonly reason?: string
  readonly samples: readonly Sample[]
}

/** One comparison of one loop of the native kernel with two at once. */
export interface CalibrationSample {
  readonly round: number
  /** Bytes a second of the one loop, and of both together. */
  readonly one: number
  readonly two: number
}

/** The calibration beside the rounds of a unit. */
export interface CalibrationResult {
  /** The cases that were measured beside it, joined by a comma. */
  readonly case: string
  readonly how: string
  readonly samples: readonly CalibrationSample[]
}
