// One turn of a contender. What runs inside this process has a turn of many runs, by tinybench: as many as fill a given
// time, so that a sample of a few milliseconds does not stand beside one of a second. A command has one run. Who has
// the turn is decided by measure.ts: tinybench would run all of one task before the next.

import { build } from 'hdr-histogram-js'
import type { Histogram } from 'hdr-histogram-js'
import { Bench } from 'tinybench'
import type { Contender, Prepared, Run } from './contender.ts'
import type { Latency } from './result.ts'

/** What a turn came to. */
export interface Turn {
  /** The last run; only its answer is still there. */
  readonly run: Run
  /** Of one run: the median of the turn. */
  readonly seconds: number
  readonly runs: number
  /** Of the batches of all runs, where they are handed in one by one. */
  readonly latencyMs?: Latency
}

/** Takes one turn. Errors: what the contender throws. */
export type TakeTurn = () => Promise<Turn>

/** Returns what takes turns of a contender; those inside this process fill at least `turnMs` of their own time. */
export function turnsOf({ model }: Contender, prepared: Prepared, turnMs: number): TakeTurn {
  const isCommand = model === 'command' || model === 'start'
  return isCommand ? () => singleRun(prepared) : loopTurns(prepared, turnMs)
}

async function singleRun(prepared: Prepared): Promise<Turn> {
  const run = await prepared.run()
  return { run, seconds: run.seconds, runs: 1 }
}

function loopTurns(prepared: Prepared, turnMs: number): TakeTurn {
  let last: Run | undefined
  const batches = build({ highestTrackableValue: 3_600_000_000, numberOfSignificantValueDigits: 3 })
  const bench = new Bench({ time: turnMs, iterations: 1, warmup: false })
  const once = async (): Promise<{ overriddenDuration: number }> => {
    last = await prepared.run()
    for (const ms of last.batchMs ?? []) batches.recordValue(Math.max(1, Math.round(ms * 1000)))
    // The contender's own clock: setting up and handing over an answer are not part of the work.
    return { overriddenDuration: last.seconds * 1000 }
  }
  // Without `async`, tinybench calls the function once more to see whether it returns a promise.
  const task = bench.add('turn', once, { async: true }).getTask('turn')!
  return async () => {
    task.reset()
    batches.reset()
    await task.run()
    const { result } = task
    // A run that throws does not reject `run()`.
    if (result.state === 'errored') throw result.error
    if (result.state !== 'completed' || last === undefined) throw new Error(`the turn ended as ${result.state}`)
    const latency = batches.totalCount === 0 ? {} : { latencyMs: latencyOf(batches) }
    return { run: last, seconds: result.latency.p50 / 1000, runs: result.latency.samplesCount, ...latency }
  }
}

/** Returns milliseconds of a histogram of microseconds. */
function latencyOf(microseconds: Histogram): Latency {
  const at = (percent: number): number => microseconds.getValueAtPercentile(percent) / 1000
  return { p50: at(50), p99: at(99), max: at(100) }
}
