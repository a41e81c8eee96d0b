// One pass of a contender from a topic to a bucket: it is started, watched by the offsets that its group commits behind
// objects, ended, and the bucket is judged and emptied. What is timed begins when it commits for the first time, which is
// behind an object of one record. Called by throughput.ts.

import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Client } from '../kafka/client.ts'
import type { Effort } from '../kafka/passes.ts'
import { cpuSecondsOfTrees, peakBytesOfTrees } from '../kafka/process-tree.ts'
import { bytesUpTo } from '../kafka/raw-topics.ts'
import { pause, startOwned } from '../service/processes.ts'
import type { Running } from '../service/processes.ts'
import { judgeFiles, judgeManifests } from './bucket.ts'
import type { Held } from './bucket.ts'
import type { ArchiveContender, ObjectShape } from './contender.ts'
import type { ProcessedTopic } from './processed.ts'
import { emptyPrefix, storedFiles } from './store.ts'
import type { BenchmarkStore } from './store.ts'

/** What a pass is given. */
export interface ArchivePassTask {
  readonly client: Client
  readonly bootstrap: string
  readonly store: BenchmarkStore
  readonly topic: ProcessedTopic
  readonly shape: ObjectShape
  /** Folders of processes lie below it. */
  readonly cache: string
}

/** What a pass came to. */
export interface ArchivePass extends Effort, Held {
  /** From the start of the process to its first commit. */
  readonly start: Effort
  readonly peakBytes: number
}

const lookMs = 20
/** A contender whose group does not move for so long is given up. With 64 partitions, all objects are written at the end. */
const mostQuietMs = 180_000

let passes = 0

/** Runs a contender once. *Errors*: where it ends by itself, or does not move, with its last words. */
export async function runArchivePass(contender: ArchiveContender, task: ArchivePassTask): Promise<ArchivePass> {
  const { bootstrap, store, topic, shape, cache } = task
  const group = `${contender.id}-${process.pid}-${++passes}`
  const folder = mkdtempSync(join(cache, `archive-${contender.id}-`))
  const { maxObjectBytes, level, hasSpool } = shape
  const { command, environment } = contender.start({
    ...{ bootstrap, group, store, folder, level, maxObjectBytes, hasSpool },
    ...{ topic: topic.name, partitions: topic.partitions, prefix: group },
  })
  const [program, ...args] = command
  const running = startOwned(program, args, { cwd: folder, env: { ...process.env, ...environment } })
  try {
    const figures = await watch(running, task, group)
    await running.stop()
    const held = judgeFiles(storedFiles(store, group), topic)
    const listed = contender.list?.(folder)
    const difference = held.difference ?? (listed && judgeManifests(listed, topic))
    return { ...figures, ...held, ...(difference === undefined ? {} : { difference }) }
  } finally {
    await running.stop()
    rmSync(folder, { recursive: true })
    emptyPrefix(store, group)
  }
}

/** Waits until the group has committed the offset of the closing record in each partition. */
async function watch(running: Running, { client, topic }: ArchivePassTask, group: string) {
  const startedMs = performance.now()
  const pids = [running.pid]
  const effort = (bytes: number): Effort => ({
    seconds: (performance.now() - startedMs) / 1000,
    cpuSeconds: cpuSecondsOfTrees(pids),
    bytes,
  })
  let start: Effort | undefined
  let [sum, movedMs] = [0, startedMs]
  for (; ; await pause(lookMs)) {
    const committed = await client.committedBy(group, topic.name, topic.partitions)
    const now = committed.reduce((all, offset) => all + offset, 0)
    if (now > sum) movedMs = performance.now()
    sum = now
    if (sum > 0) start ??= effort(bytesUpTo(topic, committed))
    if (start !== undefined && committed.every((offset, partition) => offset >= topic.ends[partition]! - 1)) {
      const { seconds, cpuSeconds, bytes } = effort(topic.bytes)
      const timed = { seconds: seconds - start.seconds, cpuSeconds: cpuSeconds - start.cpuSeconds }
      return { ...timed, bytes: bytes - start.bytes, start, peakBytes: peakBytesOfTrees(pids) }
    }
    if (running.ending !== undefined) throw new Error(running.ending)
    if (performance.now() - movedMs > mostQuietMs) {
      throw new Error(`nothing moves for ${mostQuietMs / 1000} s at offsets ${committed.join()}: ${running.words}`)
    }
  }
}
