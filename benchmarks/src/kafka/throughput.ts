// Cases *throughput* and *processes*: contenders over the same topic, each pass to an output of its own. They take turns in a
// random order within each round; every output is judged. Called by ../kafka.ts.

import { join } from 'node:path'
import { startCalibration } from '../calibration.ts'
import { casePath } from '../cases.ts'
import type { Input } from '../inputs.ts'
import type { CalibrationSample } from '../result.ts'
import { roundRandom, shuffled } from '../schedule.ts'
import type { Client } from './client.ts'
import type { Delivery, Form, KafkaContender } from './contender.ts'
import { faultOf } from './contenders.ts'
import type { KafkaOptions, ThroughputCase } from './options.ts'
import { runPass } from './passes.ts'
import type { Pass } from './passes.ts'
import { fillTopic, wantedOf } from './raw-topics.ts'
import type { RawTopic, Wanted } from './raw-topics.ts'
import { filtersKeeping } from './selections.ts'
import { weirExactlyOnce } from './weir.ts'

/** What the cases share. */
export interface KafkaTask {
  readonly client: Client
  readonly bootstrap: string
  readonly input: Input
  readonly options: KafkaOptions
  readonly contenders: readonly KafkaContender[]
  readonly cache: string
  readonly tell: (text: string) => void
}

/** One timed pass. */
export interface ThroughputSample extends Omit<Pass, 'difference'> {
  readonly round: number
}

/** What came of one contender in one case. */
export interface ThroughputResult {
  readonly case: string
  readonly form: Form
  readonly kept: number
  readonly partitions: number
  readonly id: string
  readonly label: string
  readonly delivery: Delivery
  /** How many at once, in one group. */
  readonly processes: number
  /** Bytes of records of a pass, and records. */
  readonly bytes: number
  readonly records: number
  readonly keptRecords: number
  readonly status: 'measured' | 'skipped' | 'wrong' | 'failed'
  readonly reason?: string
  readonly samples: readonly ThroughputSample[]
}

/** Two processes beside one, and what a second thread was worth to anybody. */
export interface ProcessesResult {
  readonly results: readonly ThroughputResult[]
  readonly calibration: { readonly how: string; readonly samples: readonly CalibrationSample[] }
}

/** One that takes longer for its first pass has no other in the case. */
const longPassSeconds = 60

/** The topics that are read, filled when they are first needed. */
export class RawTopics {
  private readonly task: KafkaTask
  private readonly made = new Map<string, Promise<RawTopic>>()

  constructor(task: KafkaTask) {
    this.task = task
  }

  get(form: Form, partitions: number): Promise<RawTopic> {
    const name = `raw-${form}-${partitions}`
    const { client, input, tell } = this.task
    const before = this.made.get(name)
    if (before !== undefined) return before
    tell(`filling ${name}`)
    const made = fillTopic(client, name, { input, form, partitions })
    this.made.set(name, made)
    return made
  }
}

interface Entry {
  readonly contender: KafkaContender
  readonly processes: number
  readonly samples: ThroughputSample[]
  status?: 'wrong' | 'failed'
  reason?: string
}

/** Measures the cases that were asked for. */
export async function measureThroughput(task: KafkaTask, topics: RawTopics): Promise<readonly ThroughputResult[]> {
  const results: ThroughputResult[] = []
  for (const each of task.options.cases) {
    const taking = task.contenders.filter(({ forms }) => forms.includes(each.form))
    results.push(
      ...(await measureCase(
        task,
        topics,
        each,
        taking.map((contender) => [contender, 1] as const),
      )),
    )
  }
  return results
}

/** Measures one and two processes of Weir, chunks, four partitions. `root`: folder of the benchmarks. */
export async function measureProcesses(task: KafkaTask, topics: RawTopics, root: string): Promise<ProcessesResult> {
  const { input } = task
  const each: ThroughputCase = { name: 'chunks-10-4', form: 'chunks', kept: 10, partitions: 4 }
  const calibration = await startCalibration(casePath(join(root, 'cases'), 'one-rule'), input.path)
  const samples: CalibrationSample[] = []
  try {
    const beside = async (round: number) => {
      const sample = await calibration.take(round)
      if (sample !== undefined) samples.push(sample)
    }
    const results = await measureCase(
      task,
      topics,
      each,
      [1, 2].map((processes) => [weirExactlyOnce, processes] as const),
      beside,
    )
    return { results, calibration: { how: calibration.how, samples } }
  } finally {
    calibration.close()
  }
}

async function measureCase(
  task: KafkaTask,
  topics: RawTopics,
  each: ThroughputCase,
  taking: readonly (readonly [KafkaContender, number])[],
  beside: (round: number) => Promise<void> = async () => {},
): Promise<readonly ThroughputResult[]> {
  const { options, cache, tell } = task
  const { name, form, kept, partitions } = each
  const raw = await topics.get(form, partitions)
  const wanted = await wantedOf(raw, filtersKeeping[kept], cache)
  const entries = taking.map(([contender, processes]): Entry => ({ contender, processes, samples: [] }))
  for (let round = 0; round < options.samples; round++) {
    for (const entry of shuffled(entries, roundRandom(options.seed, name, round))) {
      const { contender, processes, samples } = entry
      const [first] = samples
      const isLong = first !== undefined && first.start.seconds + first.seconds > longPassSeconds
      if (entry.status !== undefined || isLong || faultOf(contender) !== undefined) continue
      tell(
        `${name}: round ${round + 1} of ${options.samples}, ${contender.id}${processes > 1 ? ` × ${processes}` : ''}`,
      )
      await takePass(entry, round, { ...task, filters: filtersKeeping[kept], raw, wanted, processes })
    }
    await beside(round)
  }
  return entries.map((entry) => resultOf(entry, each, raw, wanted))
}

async function takePass(entry: Entry, round: number, task: Parameters<typeof runPass>[1]): Promise<void> {
  try {
    const { difference, ...pass } = await runPass(entry.contender, task)
    if (difference === undefined) entry.samples.push({ round, ...pass })
    else Object.assign(entry, { status: 'wrong', reason: difference })
  } catch (error) {
    // The others can still be measured.
    Object.assign(entry, { status: 'failed', reason: error instanceof Error ? error.message : String(error) })
  }
}

function resultOf(
  { contender, processes, samples, status, reason }: Entry,
  { name, form, kept, partitions }: ThroughputCase,
  { bytes, input }: RawTopic,
  wanted: Wanted,
): ThroughputResult {
  const { id, label, delivery } = contender
  const about = { case: name, form, kept, partitions, id, label, delivery, processes, bytes }
  const counts = { records: input.records, keptRecords: wanted.lines }
  const missing = faultOf(contender)
  if (missing !== undefined) return { ...about, ...counts, status: 'skipped', reason: missing, samples: [] }
  if (status === undefined) return { ...about, ...counts, status: 'measured', samples }
  return { ...about, ...counts, status, reason: reason ?? '', samples: [] }
}
