// One turn of a contender. What runs inside this process has a turn of many runs, by tinybench: as many as fill a given
// time, so that a sample of a few milliseconds does not stand beside one of a second. A command has one run. Who has
// the turn is decided by measure.ts: tinybench would run all of one task before the next.

import { Bench } from 'tinybench'
import type { Contender, Prepared, Run } from './contender.ts'

/** What a turn came to. */
export interface Turn {
  /** The last run; only its answer is still there. */
  readonly run: Run
  /** Of one run: the median of the turn. */
  readonly seconds: number
  readonly runs: number
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
  const bench = new Bench({ time: turnMs, iterations: 1, warmup: false })
  const once = async (): Promise<{ overriddenDuration: number }> => {
    last = await prepared.run()
    // The contender's own clock: setting up and handing over an answer are not part of the work.
    return { overriddenDuration: last.seconds * 1000 }
  }
  // Without `async`, tinybench calls the function once more to see whether it returns a promise.
  const task = bench.add('turn', once, { async: true }).getTask('turn')!
  return async () => {
    task.reset()
    await task.run()
    const { result } = task
    // A run that throws does not reject `run()`.
    if (result.state === 'errored') throw result.error
    if (result.state !== 'completed' || last === undefined) throw new Error(`the turn ended as ${result.state}`)
    return { run: last, seconds: result.latency.p50 / 1000, runs: result.latency.samplesCount }
  }
}
