// One measurement of one setting: an engine of its own, a pass that is not timed, then passes for a while. Through the
// engine as `weir filter` and a Kafka consumer use it, with nothing behind it: what is kept is gathered and let go. Called
// by ../commands/tune.ts.

import type { FileHandle } from 'node:fs/promises'

import { createEngine } from '@weir/engine'
import type { Engine, KernelChoice, PreparedRules } from '@weir/engine'

import { quantileOf } from './intervals.ts'
import type { Point } from './points.ts'
import type { Observation } from './race.ts'
import { kafkaCalls } from './sample.ts'

/** What is measured, as its purpose has it. */
export type Workload =
  | { readonly purpose: 'filter'; readonly file: FileHandle; readonly bytes: number }
  | { readonly purpose: 'kafka'; readonly bytes: Uint8Array }

/** How it is measured. */
export interface MeasureOptions {
  readonly rules: PreparedRules
  readonly kernel: KernelChoice
  /** How long passes are repeated; the last one is finished. */
  readonly sampleMs: number
  /** Aborting it ends the measurement without an answer. */
  readonly signal: AbortSignal
  /** Called when a worker hangs, which only the end of the process ends. */
  readonly onHung: () => void
}

/** Returns what the setting came to; undefined when it was aborted. *Errors*: those of the engine. */
export async function measurePoint(
  point: Point,
  workload: Workload,
  { rules, kernel, sampleMs, signal, onHung }: MeasureOptions,
): Promise<Observation | undefined> {
  if (signal.aborted) return undefined
  const engine = await createEngine({ rules, kernel, ...point })
  try {
    const pass = passOf(engine, point, workload, signal)
    await pass([])
    const latenciesMs: number[] = []
    const startedMs = performance.now()
    let bytes = 0
    let passedMs = 0
    do {
      bytes += await pass(latenciesMs)
      passedMs = performance.now() - startedMs
    } while (passedMs < sampleMs && !signal.aborted)
    // By aborts only: an engine's own errors are thrown.
    if (signal.aborted || latenciesMs.length === 0) return undefined
    return { bytesPerSecond: bytes / (passedMs / 1000), p99Ms: quantileOf(latenciesMs, 0.99) }
  } catch (error) {
    if (signal.aborted && error === signal.reason) return undefined
    throw error
  } finally {
    await engine.close()
    if (engine.stats().workersHung > 0) onHung()
  }
}

/** Evaluates the work once; adds latencies in milliseconds, and returns the bytes that were evaluated. */
type Pass = (latenciesMs: number[]) => Promise<number>

function passOf(engine: Engine, point: Point, workload: Workload, signal: AbortSignal): Pass {
  if (workload.purpose === 'filter') return (latenciesMs) => filterOnce(engine, workload.file, latenciesMs, signal)
  const calls = kafkaCalls(workload.bytes, point.batchBytes)
  return (latenciesMs) => consumeOnce(engine, calls, 2 * point.threads, latenciesMs, signal)
}

/** The latency of a file is how long its output waits: from one delivery to the next. */
async function filterOnce(
  engine: Engine,
  file: FileHandle,
  latenciesMs: number[],
  signal: AbortSignal,
): Promise<number> {
  let lastMs = performance.now()
  const { bytesIn } = await engine.filterFile(file, {
    signal,
    onBatch: () => {
      const nowMs = performance.now()
      latenciesMs.push(nowMs - lastMs)
      lastMs = nowMs
    },
  })
  return bytesIn
}

/** A closed loop: as many calls in flight as the engine takes, each latency from the call until its records are there. */
async function consumeOnce(
  engine: Engine,
  calls: readonly (readonly Uint8Array[])[],
  inFlight: number,
  latenciesMs: number[],
  signal: AbortSignal,
): Promise<number> {
  let next = 0
  let bytes = 0
  const consume = async (): Promise<void> => {
    for (let call = calls[next++]; call !== undefined && !signal.aborted; call = calls[next++]) {
      const startedMs = performance.now()
      const verdict = await engine.evaluateMany(call)
      verdict.gather('keep')
      latenciesMs.push(performance.now() - startedMs)
      bytes += call.reduce((sum, value) => sum + value.length, 0)
      verdict.release()
    }
  }
  await Promise.all(Array.from({ length: inFlight }, consume))
  return bytes
}
