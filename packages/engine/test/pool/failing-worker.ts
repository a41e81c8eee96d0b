// A worker that fails on purpose, as a word of shared memory says. Only tests start pools with it.

import { openSync } from 'node:fs'
import { workerData } from 'node:worker_threads'
import { slabWord } from '#src/batch/batch.js'
import { Slab } from '#src/batch/slab.js'
import type { Answer, Task, WorkerSettings } from '#src/pool/protocol.js'
import { createTaskRunner } from '#src/pool/worker.js'

/** What the next evaluations do, by the number in `controlWord.action`. */
export const action = {
  ...{ none: 0, exit: 1, throw: 2, block: 3, failWarm: 4, exitWarm: 5, stick: 6, spoil: 7, blockWhole: 8 },
} as const

/** Words of the control memory. */
export const controlWord = { action: 0, times: 1, gate: 2, blocked: 3, evaluations: 4 } as const
export const controlWords = 5

/** What a test starts such a worker with. */
export interface FailingWorkerData {
  readonly control: SharedArrayBuffer
  /** A named pipe that nobody writes to: opening it is a call that no thread can be ended in. */
  readonly pipe?: string
  /** Loading the worker file fails from the moment that this word is not zero. */
  readonly failLoad?: SharedArrayBuffer
}

// Outside a worker there are no data: the test imports only the names.
const data = workerData as (WorkerSettings & FailingWorkerData) | null
if (data?.failLoad !== undefined && Atomics.load(new Int32Array(data.failLoad), 0) !== 0) {
  throw new Error('this worker cannot be loaded')
}
const run = data === null ? undefined : createTaskRunner(data)

export async function runTask(task: Task): Promise<Answer> {
  const control = new Int32Array(data!.control)
  const wanted = Atomics.load(control, controlWord.action)
  const isWarm = task.kind === 'warm' && task.program !== undefined
  if (isWarm && (wanted === action.failWarm || wanted === action.exitWarm) && takeTurn(control)) {
    if (wanted === action.exitWarm) process.exit(3)
    const broken = { ...task, program: { ...task.program, bytes: new Uint8Array(new SharedArrayBuffer(64)) } }
    return run!(broken)
  }
  if (task.kind === 'evaluate') {
    Atomics.add(control, controlWord.evaluations, 1)
    // Only a task that brings its slab can be spoiled; others are answered with a request for it.
    const isOfWhole = wanted === action.spoil || wanted === action.blockWhole
    const applies = wanted !== action.none && (!isOfWhole || task.slabBuffer !== undefined)
    if (applies && takeTurn(control)) {
      if (wanted === action.spoil) spoilRequest(task.slabBuffer!)
      await misbehave(wanted, control)
    }
  }
  return run!(task)
}

/** Moves the request on, as a worker has that is lost in the middle of a batch. */
function spoilRequest(buffer: SharedArrayBuffer): void {
  const { words, counts } = new Slab(0, buffer)
  words[slabWord.start]! += 100
  words[slabWord.gatherAt]! += 50
  words[slabWord.gatherCapacity]! -= 50
  counts[0]! += 1000
}

function takeTurn(control: Int32Array): boolean {
  return Atomics.sub(control, controlWord.times, 1) > 0
}

async function misbehave(wanted: number, control: Int32Array): Promise<void> {
  if (wanted === action.exit || wanted === action.spoil) process.exit(3)
  if (wanted === action.throw) {
    queueMicrotask(() => {
      throw new Error('a bug in a worker')
    })
    await new Promise(() => undefined)
  }
  if (wanted === action.stick || wanted === action.block || wanted === action.blockWhole) {
    Atomics.add(control, controlWord.blocked, 1)
    Atomics.notify(control, controlWord.blocked)
    if (wanted === action.stick) openSync(data!.pipe!, 'r')
    else Atomics.wait(control, controlWord.gate, 0)
  }
}
