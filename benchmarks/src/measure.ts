// Measures contenders on one task: opens them, checks each answer before anything is timed, then times them in rounds,
// each round in an order of its own, and checks every answer again. Prints nothing; called by main.ts.

import type { Contender, Model, Prepared, Run, Task } from './contender.ts'
import { differenceOf } from './expected.ts'
import { shuffled } from './schedule.ts'

/** One timed run. */
export interface Sample {
  readonly round: number
  readonly seconds: number
  readonly cpuSeconds?: number
  readonly peakBytes?: number
}

/** What came of one contender in one case. */
export interface Result {
  readonly case: string
  readonly id: string
  readonly label: string
  readonly model: Model
  readonly threads: number
  readonly how?: string
  /** Bytes and records of the input that it worked on. */
  readonly bytes: number
  readonly records: number
  /** `skipped`: it does not take part. `wrong`: its answer is. `failed`: it gives none. Only `measured` is timed. */
  readonly status: 'measured' | 'skipped' | 'wrong' | 'failed'
  /** Why it is skipped, or what is wrong. */
  readonly reason?: string
  readonly samples: readonly Sample[]
}

/** How to measure. */
export interface MeasureOptions {
  readonly samples: number
  /** Samples of a contender whose first run, which is not timed, took longer than `slowSeconds`. */
  readonly slowSamples: number
  readonly slowSeconds: number
  readonly random: (end: number) => number
  /** Runs beside every round: the calibration. */
  readonly eachRound?: (round: number) => Promise<void>
  /** Told what happens, for people who wait. */
  readonly tell: (text: string) => void
  /** Collects garbage, so that no contender pays for another's. */
  readonly collect: () => void
}

interface Entry {
  readonly contender: Contender
  readonly task: Task
  readonly samples: Sample[]
  prepared?: Prepared
  status: Result['status']
  reason?: string
  wanted: number
}

/** Returns what came of the contenders, in their order. A contender that fails does not stop the others. */
export async function measure(
  contenders: readonly Contender[],
  task: Task,
  options: MeasureOptions,
): Promise<readonly Result[]> {
  const entries: Entry[] = []
  try {
    for (const contender of contenders) entries.push(await check(contender, task, options))
    for (let round = 0; round < options.samples; round++) {
      await options.eachRound?.(round)
      const due = entries.filter((each) => each.status === 'measured' && round < each.wanted)
      if (due.length === 0) break
      options.tell(`${task.case.name}: round ${round + 1} of ${options.samples}`)
      for (const entry of shuffled(due, options.random)) await sample(entry, round, options)
    }
  } finally {
    for (const { prepared } of entries) await prepared?.close()
  }
  return entries.map(resultOf)
}

/** Makes a contender ready and checks its answer; its first run also warms it up. */
async function check(contender: Contender, task: Task, options: MeasureOptions): Promise<Entry> {
  const entry: Entry = { contender, task, samples: [], status: 'measured', wanted: options.samples }
  options.tell(`${task.case.name}: checking ${contender.label}`)
  try {
    const opened = await contender.open(task)
    if ('skipped' in opened) return { ...entry, status: 'skipped', reason: opened.skipped }
    const ready: Entry = { ...entry, prepared: opened, task: opened.task ?? task }
    const run = await opened.run()
    await judge(ready, run)
    if (run.seconds > options.slowSeconds) ready.wanted = Math.min(options.slowSamples, options.samples)
    return ready
  } catch (error) {
    return { ...entry, status: 'failed', reason: error instanceof Error ? error.message : String(error) }
  }
}

async function sample(entry: Entry, round: number, options: MeasureOptions): Promise<void> {
  options.collect()
  try {
    const run = await entry.prepared!.run()
    await judge(entry, run)
    const { seconds, cpuSeconds, peakBytes } = run
    if (entry.status !== 'measured') return
    entry.samples.push({
      round,
      seconds,
      ...(cpuSeconds === undefined ? {} : { cpuSeconds }),
      ...(peakBytes === undefined ? {} : { peakBytes }),
    })
  } catch (error) {
    entry.status = 'failed'
    entry.reason = error instanceof Error ? error.message : String(error)
  }
}

async function judge(entry: Entry, run: Run): Promise<void> {
  const difference = differenceOf(await run.answer(), entry.task.expected)
  if (difference === undefined) return
  entry.status = 'wrong'
  entry.reason = difference
}

function resultOf({ contender, task, prepared, samples, status, reason }: Entry): Result {
  const { id, label, model, threads } = contender
  return {
    case: task.case.name,
    id,
    label,
    model,
    threads,
    ...(prepared === undefined ? {} : { how: prepared.how }),
    bytes: task.input.bytes,
    records: task.input.records,
    status,
    ...(reason === undefined ? {} : { reason }),
    // Times of a contender that turned out wrong later are no results either.
    samples: status === 'measured' ? samples : [],
  }
}
