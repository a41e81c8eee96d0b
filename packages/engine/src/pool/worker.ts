// What runs in a worker thread: takes a task, fills the slab from a file when asked to, and calls the kernel.
// Keeps the slabs and programs it was sent. Loaded by Piscina under the name `runTask`; its imports are few,
// because every worker holds them in memory.
//
// Invariant: between a task's arrival and its answer this thread owns the slab; it never touches one at other times.

import { isMainThread, workerData } from 'node:worker_threads'
import { Slab } from '../batch/slab.ts'
import { encodeError } from '../errors.ts'
import type { Kernel } from '../kernel/kernel.ts'
import { selectKernel } from '../kernel/select.ts'
import { readPlan } from '../rules/program.ts'
import { evaluateSlab, evaluateSpan, evaluateSpanAhead } from './evaluate.ts'
import { gateBroken } from './protocol.ts'
import type { Answer, EvaluateTask, Task, WarmTask, WorkerSettings } from './protocol.ts'
import { CountedEvaluator, createTally } from './tally.ts'

/** Programs a worker keeps ready: the current one, and the one before it while batches of both are in flight. */
const programsKept = 2

/** Returns a function that runs tasks as one worker would, with a memory of its own. */
export function createTaskRunner(settings: WorkerSettings): (task: Task) => Promise<Answer> {
  const slabs = new Map<number, Slab>()
  const evaluators = new Map<number, CountedEvaluator>()
  let kernel: Kernel | undefined

  const load = async (id: number, bytes: Uint8Array, tally?: SharedArrayBuffer): Promise<CountedEvaluator> => {
    kernel ??= (await selectKernel(settings.kernel)).kernel
    const plan = readPlan(bytes)
    const evaluator = kernel.load({ plan, bytes }, settings.techniques)
    const counted = new CountedEvaluator(evaluator, tally ?? createTally(plan.fields.length, 1))
    remember(evaluators, id, counted, programsKept)?.release()
    return counted
  }

  const warm = async (task: WarmTask): Promise<Answer> => {
    const gate = new Int32Array(task.gate)
    try {
      if (task.program !== undefined && !evaluators.has(task.program.id)) {
        await load(task.program.id, task.program.bytes, task.program.tally)
      }
    } catch (error) {
      Atomics.store(gate, 0, gateBroken)
      Atomics.notify(gate, 0)
      throw error
    }
    Atomics.add(gate, 0, 1)
    Atomics.notify(gate, 0)
    for (let come = Atomics.load(gate, 0); come >= 0 && come < task.workers; come = Atomics.load(gate, 0)) {
      Atomics.wait(gate, 0, come)
    }
    return { status: 'done', evaluateNs: 0, readNs: 0 }
  }

  const evaluate = async (task: EvaluateTask): Promise<Answer> => {
    let slab = recall(slabs, task.slab)
    let counted = recall(evaluators, task.program)
    if (slab === undefined && task.slabBuffer !== undefined) {
      slab = new Slab(task.slab, task.slabBuffer)
      remember(slabs, task.slab, slab, settings.slabs)
    }
    if (counted === undefined && task.programBytes !== undefined) {
      counted = await load(task.program, task.programBytes, task.tally)
    }
    if (slab === undefined || counted === undefined) return { status: 'needs', program: counted === undefined }
    return answer(settings, counted, slab, task)
  }

  return async (task) => {
    try {
      return task.kind === 'warm' ? await warm(task) : await evaluate(task)
    } catch (error) {
      return { status: 'failed', error: encodeError(error) }
    }
  }
}

/** Evaluates a task with what it needs, and tells what was counted before the answer: whoever has that finds it told. */
async function answer(
  settings: WorkerSettings,
  counted: CountedEvaluator,
  slab: Slab,
  task: EvaluateTask,
): Promise<Answer> {
  try {
    if (task.file !== undefined) {
      const evaluateFile = settings.readsAhead ? evaluateSpanAhead : evaluateSpan
      return { status: 'done', ...(await evaluateFile(counted.evaluator, slab, task.file)) }
    }
    const startedNs = process.hrtime.bigint()
    evaluateSlab(counted.evaluator, slab)
    return { status: 'done', evaluateNs: Number(process.hrtime.bigint() - startedNs), readNs: 0 }
  } finally {
    counted.tell()
  }
}

/** Returns an entry and makes it the most recently used. */
function recall<T>(entries: Map<number, T>, id: number): T | undefined {
  const entry = entries.get(id)
  if (entry === undefined) return undefined
  entries.delete(id)
  entries.set(id, entry)
  return entry
}

/** Adds an entry; forgets the least recently used one beyond `most`, and returns it. */
function remember<T>(entries: Map<number, T>, id: number, entry: T, most: number): T | undefined {
  entries.set(id, entry)
  if (entries.size <= most) return undefined
  const [oldest, forgotten] = entries.entries().next().value!
  entries.delete(oldest)
  return forgotten
}

// Made ready before the first task: until that comes the main thread compiles the rule set. A failure shows with it.
if (!isMainThread) selectKernel((workerData as WorkerSettings).kernel).catch(() => undefined)

/** Runs one task, with the settings that this thread was started with. */
export const runTask: (task: Task) => Promise<Answer> = createTaskRunner(workerData as WorkerSettings)
