// One pass of a contender over a topic: it is started, watched by the offsets that its group commits, ended, and its output is
// judged. What is timed is the second half of the records, so that starting and warming up are told apart for every one.
// Called by throughput.ts.

import { pause } from '../service/processes.ts'
import type { KafkaContender } from './contender.ts'
import { cpuSecondsOfTrees, peakBytesOfTrees } from './process-tree.ts'
import { bytesUpTo, differenceOfTopic } from './raw-topics.ts'
import type { RawTopic, Wanted } from './raw-topics.ts'
import { openStand } from './stand.ts'
import type { Stand, StandTask } from './stand.ts'

/** What a pass is given. */
export interface PassTask extends Omit<StandTask, 'input' | 'partitions' | 'form'> {
  readonly raw: RawTopic
  readonly wanted: Wanted
  /** Processes of the contender, in one group; one by default. */
  readonly processes?: number
}

/** Time by the clock, processor time of all processes of a contender, and bytes of records. */
export interface Effort {
  readonly seconds: number
  readonly cpuSeconds: number
  readonly bytes: number
}

/** What a pass came to. */
export interface Pass extends Effort {
  /** From the start of the processes to the timed part; nothing where all was through at once, and all of it is timed. */
  readonly start: Effort
  /** Largest resident memory of each process, added up. */
  readonly peakBytes: number
  /** How the output differs from what must be there. */
  readonly difference?: string
}

/** So much of the input is through when the timed part begins. */
const warmShare = 0.5
const nothing: Effort = { seconds: 0, cpuSeconds: 0, bytes: 0 }
const lookMs = 20
/** A contender that does not move for so long is given up. */
const mostQuietMs = 60_000

/** Runs a contender once. *Errors*: where it ends by itself, or does nothing for a minute, with its last words. */
export async function runPass(contender: KafkaContender, task: PassTask): Promise<Pass> {
  const { raw, wanted, processes = 1, client } = task
  const stand = await openStand(contender, { ...task, input: raw.name, partitions: raw.partitions, form: raw.form })
  try {
    for (let i = 0; i < processes; i++) stand.start()
    const progress = contender.delivery === 'at-most-once' ? writtenOf(stand, task) : committedOf(stand, raw)
    const isDivided = async () =>
      processes === 1 ||
      (await client.membersOf(stand.group)).filter((partitions) => partitions > 0).length === processes
    const figures = await watch(stand, raw, progress, isDivided)
    await stand.stop()
    const difference = await differenceOfTopic(client, stand.output, wanted, contender.delivery === 'exactly-once')
    return { ...figures, ...(difference === undefined ? {} : { difference }) }
  } finally {
    await stand.close()
  }
}

/** How far a contender is. */
interface Progress {
  readonly bytes: number
  readonly isThrough: boolean
}

/** By what is committed: outputs are written before. */
function committedOf(stand: Stand, raw: RawTopic): () => Promise<Progress> {
  return async () => {
    const committed = await stand.committed()
    const isThrough = committed.every((offset, partition) => offset >= raw.ends[partition]!)
    return { bytes: bytesUpTo(raw, committed), isThrough }
  }
}

/** By what is written: it may be committed before. Lines that are kept are spread evenly over the input. */
function writtenOf(stand: Stand, { client, raw, wanted }: PassTask): () => Promise<Progress> {
  const isRead = committedOf(stand, raw)
  return async () => {
    const written = (await client.endsOf(stand.output)).reduce((sum, end) => sum + end, 0)
    const share = wanted.values === 0 ? 1 : Math.min(1, written / wanted.values)
    return { bytes: raw.bytes * share, isThrough: share === 1 && (await isRead()).isThrough }
  }
}

/** Waits until all is through. `isDivided`: whether every process has its part, without which nothing is timed. */
async function watch(
  stand: Stand,
  raw: RawTopic,
  progress: () => Promise<Progress>,
  isDivided: () => Promise<boolean>,
): Promise<Pass> {
  const startedMs = performance.now()
  const pids = stand.running.map(({ pid }) => pid)
  const processes = pids.length
  const effort = (bytes: number): Effort => ({
    seconds: (performance.now() - startedMs) / 1000,
    cpuSeconds: cpuSecondsOfTrees(pids),
    bytes,
  })
  let start: Effort | undefined
  let [bytes, movedMs] = [0, startedMs]
  for (; ; await pause(lookMs)) {
    const { bytes: now, isThrough } = await progress()
    if (now > bytes) movedMs = performance.now()
    bytes = now
    if (start === undefined && bytes >= warmShare * raw.bytes && (await isDivided())) start = effort(bytes)
    else if (isThrough) {
      if (start === undefined && processes > 1) throw new Error('it was through before each process had its part')
      const begun = start === undefined || start.bytes === bytes ? nothing : start
      return { ...difference(effort(bytes), begun), start: begun, peakBytes: peakBytesOfTrees(pids) }
    }
    stand.checkRunning()
    if (performance.now() - movedMs > mostQuietMs) {
      throw new Error(`nothing moves for ${mostQuietMs / 1000} s at ${Math.round(bytes)} bytes: ${stand.lastWords()}`)
    }
  }
}

function difference(end: Effort, start: Effort): Effort {
  return {
    seconds: end.seconds - start.seconds,
    cpuSeconds: end.cpuSeconds - start.cpuSeconds,
    bytes: end.bytes - start.bytes,
  }
}
