// The settings that are tried: threads × batch size × validation mode, and the memory that each may take. Measures
// nothing. Called by ../commands/tune.ts.

import { availableParallelism } from 'node:os'

import { limits } from '@weir/engine'
import type { Validation } from '@weir/engine'

/** What the settings are for: whole files, or the values of Kafka batches. */
export type Purpose = 'filter' | 'kafka'

/** One setting. */
export interface Point {
  readonly threads: number
  readonly batchBytes: number
  readonly validation: Validation
}

const kib = 1 << 10
const mib = 1 << 20

/** Larger batches only take memory: the hand-over is a small part of the work from 2 MiB on. Smaller ones answer sooner. */
const standardBatches: Readonly<Record<Purpose, readonly number[]>> = {
  filter: [512 * kib, mib, 2 * mib, 4 * mib, 8 * mib],
  kafka: [128 * kib, 256 * kib, 512 * kib, mib, 2 * mib, 4 * mib],
}

/** Every number of threads up to here is tried; above it powers of two. */
const mostThreadsInRow = 4

/** Returns the numbers of threads that are worth a try where a process may use so many processors. */
export function standardThreads(processors: number = availableParallelism()): number[] {
  const most = Math.min(processors, limits.threads.most)
  const tried = new Set<number>()
  for (let threads = 1; threads <= Math.min(most, mostThreadsInRow); threads++) tried.add(threads)
  for (let threads = 2 * mostThreadsInRow; threads < most; threads *= 2) tried.add(threads)
  // A thread less leaves the main thread, and who is served by it, a processor of their own.
  if (most > mostThreadsInRow) tried.add(most - 1)
  tried.add(most)
  return [...tried].toSorted((a, b) => a - b)
}

/** What a grid is made of; what is absent has the standard. */
export interface GridOptions {
  readonly threads?: readonly number[]
  readonly batchBytes?: readonly number[]
  readonly validations: readonly Validation[]
}

/** Returns every combination, each once, in ascending order. */
export function gridOf(purpose: Purpose, { threads, batchBytes, validations }: GridOptions): Point[] {
  const ascending = (values: readonly number[]) => [...new Set(values)].toSorted((a, b) => a - b)
  const points: Point[] = []
  for (const validation of new Set(validations)) {
    for (const each of ascending(threads ?? standardThreads())) {
      for (const bytes of ascending(batchBytes ?? standardBatches[purpose])) {
        points.push({ threads: each, batchBytes: bytes, validation })
      }
    }
  }
  return points
}

/** Node itself and the code of the service, with nothing running. */
const processBytes = 64 * mib
/** A worker thread with the caches of the native kernel when they are full. */
const threadBytes = 40 * mib

/**
 * Returns the most memory that a process with this setting is to be expected to take, lists of the rules not counted:
 * slabs as docs/engine.md has them, 2 × `threads` in flight and one that fills. May be too much, hardly too little:
 * what a slab has not needed yet is not taken from the system.
 */
export function expectedBytes({ threads, batchBytes }: Point): number {
  const slabBytes = 2.2 * (2 * batchBytes + limits.maxRecordBytes.standard)
  return Math.round(processBytes + threads * threadBytes + (2 * threads + 1) * slabBytes)
}
