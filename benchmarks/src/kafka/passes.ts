// One pass of a contender over a topic: it is started, watched by the offsets that its group commits, ended, and its output is
// judged. What is timed is the part behind the first quarter, so that starting and warming up are told apart for every one.
// Called by the cases.

import { pause } from '../service/processes.ts'
import type { KafkaContender } from './contender.ts'
import { cpuSecondsOfTrees, peakBytesOfTrees } from './process-tree.ts'
import { bytesUpTo, differenceOfTopic } from './raw-topics.ts'
import type { RawTopic, TopicLines } from './raw-topics.ts'
import { openStand } from './stand.ts'
import type { Stand, StandTask } from './stand.ts'

/** What a pass is given. */
export interface PassTask extends Omit<StandTask, 'input' | 'partitions' | 'form'> {
  readonly raw: RawTopic
  readonly wanted: TopicLines
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
  /** From the start of the processes to the timed part. */
  readonly start: Effort
  /** Largest resident memory of each process, added up. */
  readonly peakBytes: number
  /** How the output differs from what must be there. */
  readonly difference?: string
}

/** So much of the input has been committed when the timed part begins. */
const warmShare = 0.25
const lookMs = 20
/** A contender that commits nothing for so long is given up. */
const mostQuietMs = 60_000

/** Runs a contender once. *Errors*: where it ends by itself, or does nothing for a minute, with its last words. */
export async function runPass(contender: KafkaContender, task: PassTask): Promise<Pass> {
  const { raw, wanted, processes = 1, client } = task
  const stand = await openStand(contender, { ...task, input: raw.name, partitions: raw.partitions, form: raw.form })
  try {
    for (let i = 0; i < processes; i++) stand.start()
    const figures = await watch(stand, raw)
    await stand.stop()
    const difference = await differenceOfTopic(client, stand.output, wanted, contender.delivery === 'exactly-once')
    return { ...figures, ...(difference === undefined ? {} : { difference }) }
  } finally {
    await stand.close()
  }
}

/** Waits until all is committed. */
async function watch(stand: Stand, raw: RawTopic): Promise<Pass> {
  const startedMs = performance.now()
  const pids = stand.running.map(({ pid }) => pid)
  let start: Effort | undefined
  let [bytes, movedMs] = [0, startedMs]
  for (; ; await pause(lookMs)) {
    const committed = await stand.committed()
    const nowMs = performance.now()
    const before = bytes
    bytes = bytesUpTo(raw, committed)
    if (bytes > before) movedMs = nowMs
    const isThrough = committed.every((offset, partition) => offset >= raw.ends[partition]!)
    if (start === undefined && bytes >= warmShare * raw.bytes) {
      start = { seconds: (nowMs - startedMs) / 1000, cpuSeconds: cpuSecondsOfTrees(pids), bytes }
    }
    if (isThrough && start !== undefined) {
      return {
        seconds: (nowMs - startedMs) / 1000 - start.seconds,
        cpuSeconds: cpuSecondsOfTrees(pids) - start.cpuSeconds,
        bytes: bytes - start.bytes,
        start,
        peakBytes: peakBytesOfTrees(pids),
      }
    }
    stand.checkRunning()
    if (nowMs - movedMs > mostQuietMs) {
      throw new Error(`commits nothing for ${mostQuietMs / 1000} s, at ${committed.join()}: ${stand.lastWords()}`)
    }
  }
}
