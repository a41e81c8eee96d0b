// What a second thread is worth on this machine at this moment: the native kernel over the same batch, alone and twice
// at once, each loop in a process of its own that is pinned to a processor where taskset is installed. Stands beside
// every two-thread result. `weir tune` has one of its own, in threads of one process, as its users run: the command exports
// nothing, and here processes are pinned. The loop is in calibration-loop.ts; called by main.ts.

import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { CalibrationSample } from './result.ts'

/** Loops that wait to be told to run. */
export interface Calibration {
  /** How the loops are held apart, or why there is no calibration. */
  readonly how: string
  /** Compares one loop with two; undefined where there is no calibration. */
  take(round: number): Promise<CalibrationSample | undefined>
  close(): void
}

const loopMs = 400

/** Returns the processors that this process may use. */
export function allowedProcessors(status: string = readFileSync('/proc/self/status', 'utf8')): number[] {
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1] ?? ''
  return Array.from(list.matchAll(/(\d+)(?:-(\d+))?/g), ([, first, last]) => {
    const from = Number(first)
    return Array.from({ length: Number(last ?? first) - from + 1 }, (_, i) => from + i)
  }).flat()
}

function noCalibration(how: string): Calibration {
  return { how, take: async () => undefined, close: () => {} }
}

/** Starts the loops over a case's rules and some generated input. */
export async function startCalibration(casePath: string, inputPath: string): Promise<Calibration> {
  const processors = process.platform === 'linux' ? allowedProcessors() : []
  if (processors.length === 1) return noCalibration('not measured: this process may use one processor only')
  const isPinned = processors.length > 1 && spawnSync('taskset', ['--version']).status === 0
  const loops = [0, 1].map((i) => startLoop(casePath, inputPath, isPinned ? processors[i] : undefined))
  try {
    await Promise.all(loops.map((loop) => answerOf(loop)))
  } catch (error) {
    for (const loop of loops) loop.kill()
    return noCalibration(`not measured: ${error instanceof Error ? error.message : String(error)}`)
  }
  return {
    how: isPinned
      ? `the native kernel in two processes pinned with taskset to processors ${processors.slice(0, 2).join(' and ')}`
      : 'the native kernel in two processes, not pinned: taskset is not installed',
    take: async (round) => {
      // The single loop runs on each processor in turn, so that a slow one does not pass for good scaling.
      const one = await runLoops([loops[round % 2]!])
      const two = await runLoops(loops)
      return { round, one, two }
    },
    close: () => loops.forEach((loop) => loop.kill()),
  }
}

function startLoop(casePath: string, inputPath: string, processor: number | undefined): ChildProcess {
  const script = fileURLToPath(new URL('./calibration-loop.js', import.meta.url))
  const command = [process.execPath, script, casePath, inputPath]
  if (processor !== undefined) command.unshift('taskset', '-c', String(processor))
  return spawn(command[0]!, command.slice(1), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
}

async function runLoops(loops: readonly ChildProcess[]): Promise<number> {
  const answers = loops.map((loop) => answerOf(loop))
  for (const loop of loops) loop.send({ runMs: loopMs })
  const speeds = await Promise.all(answers)
  return speeds.reduce((sum, speed) => sum + speed, 0)
}

function answerOf(loop: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    const onMessage = (message: unknown): void => {
      stop()
      resolve((message as { bytesPerSecond: number }).bytesPerSecond)
    }
    const onEnd = (reason: unknown): void => {
      stop()
      reject(reason instanceof Error ? reason : new Error(`the calibration loop ended with ${String(reason)}`))
    }
    const stop = (): void => {
      loop.off('message', onMessage).off('exit', onEnd).off('error', onEnd)
    }
    loop.on('message', onMessage).on('exit', onEnd).on('error', onEnd)
  })
}
