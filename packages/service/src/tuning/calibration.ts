// What a second thread is worth on this machine at this moment: one kernel loop alone, and two at once, in threads that
// share nothing. Stands beside every recommendation, because processors of one host may share a core, and neighbours
// come and go. Called by ../commands/tune.ts.

import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'

import type { RuleSource } from '@weir/engine'

import { intervalOf } from './intervals.ts'
import type { Interval } from './intervals.ts'

/** What is compared, and what came of it. */
export interface Calibration {
  /** Bytes a second of one loop. */
  readonly one: Interval
  /** Bytes a second of two loops together. */
  readonly two: Interval
  /** Two ÷ one, round by round: 2 where the second thread is worth as much as the first. */
  readonly ratio: Interval
}

/** Why there is no calibration. */
export interface NoCalibration {
  readonly reason: string
}

const rounds = 4
const loopMs = 200

/** What the loops are handed. */
export interface CalibrationInput {
  /** A path, or what can be posted to a thread. */
  readonly rules: RuleSource
  readonly kernel: 'native' | 'portable'
  /** Whole lines. */
  readonly bytes: Uint8Array
}

/** Runs the loops for about two and a half seconds. Never throws for what the loops do: then it says why. */
export async function calibrate(
  input: CalibrationInput,
  signal: AbortSignal,
  processors = availableParallelism(),
): Promise<Calibration | NoCalibration> {
  if (processors < 2) return { reason: 'this process may use one processor only' }
  const loops: Loop[] = []
  try {
    loops.push(new Loop(input), new Loop(input))
    await Promise.all(loops.map((loop) => loop.answer()))
    return await compare(loops, signal)
  } catch (error) {
    return { reason: error instanceof Error ? error.message : String(error) }
  } finally {
    await Promise.all(loops.map((loop) => loop.end()))
  }
}

async function compare(loops: readonly Loop[], signal: AbortSignal): Promise<Calibration | NoCalibration> {
  const ones: number[] = []
  const twos: number[] = []
  for (let round = 0; round < rounds; round++) {
    if (signal.aborted) return { reason: 'it was interrupted' }
    // The single loop runs in each thread in turn, so that a slow one does not pass for good scaling.
    ones.push(await loops[round % loops.length]!.run(loopMs))
    const both = await Promise.all(loops.map((loop) => loop.run(loopMs)))
    twos.push(both.reduce((sum, speed) => sum + speed, 0))
  }
  const ratios = twos.map((two, round) => two / ones[round]!)
  return { one: intervalOf(ones), two: intervalOf(twos), ratio: intervalOf(ratios) }
}

/** A thread that waits to be told to run. */
class Loop {
  private readonly worker: Worker

  constructor(input: CalibrationInput) {
    const file = new URL('./calibration-thread.js', import.meta.url).href
    // Not by its URL: with `node --input-type=module`, which threads inherit, Node takes no file for its first module.
    this.worker = new Worker(`import(${JSON.stringify(file)})`, {
      eval: true,
      name: 'weir calibration',
      workerData: input,
    })
  }

  run(runMs: number): Promise<number> {
    const answer = this.answer()
    // oxlint-disable-next-line require-post-message-target-origin -- a thread, and no window
    this.worker.postMessage(runMs)
    return answer
  }

  answer(): Promise<number> {
    return new Promise((resolve, reject) => {
      const settle = (): void => void this.worker.off('message', onMessage).off('error', onEnd).off('exit', onEnd)
      const onMessage = (speed: number): void => {
        settle()
        resolve(speed)
      }
      const onEnd = (reason: unknown): void => {
        settle()
        reject(reason instanceof Error ? reason : new Error(`a loop ended with ${String(reason)}`))
      }
      this.worker.on('message', onMessage).on('error', onEnd).on('exit', onEnd)
    })
  }

  async end(): Promise<void> {
    // What it says from here on is of no interest, and without a listener it would end the process.
    this.worker.on('error', () => undefined)
    await this.worker.terminate()
  }
}
