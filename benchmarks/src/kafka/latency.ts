// Case *latency*: values written at a fixed rate, each when it is due, and read from the output by somebody who sees committed
// records alone. Times count from when a value was due, also while it waits to be written, so a stall counts for all that
// came during it. Called by ../kafka.ts.

import { latencyOf } from '../service/rated.ts'
import type { Latency } from '../service/rated.ts'
import { pause } from '../service/processes.ts'
import type { KafkaContender } from './contender.ts'
import { faultOf } from './contenders.ts'
import { NumberedFeed, countNumbered, numberedFilters, numbersIn, recordsPerValue } from './numbered-feed.ts'
import type { NumberedCounts } from './numbered-feed.ts'
import { cpuSecondsOfTrees } from './process-tree.ts'
import { openStand } from './stand.ts'
import type { KafkaTask } from './throughput.ts'

/** What came of one contender, or of nobody: then the input itself is read. */
export interface LatencyResult {
  readonly id: string
  readonly label: string
  readonly status: 'measured' | 'skipped' | 'failed'
  readonly reason?: string
  readonly bytesPerSecond: number
  readonly seconds: number
  /** Of each value that was written, by its first record. */
  readonly latencyMs?: Latency
  readonly cpuSeconds?: number
  readonly content?: NumberedCounts
}

const partitions = 4
/** From when a contender keeps up, so long nothing counts yet; less where the load itself is shorter. */
const mostWarmSeconds = 5
/** It keeps up when what has not come out is no older. */
const freshMs = 1000
/** How long is waited until it keeps up, and for what was written last. */
const mostWaitMs = 60_000

/** Measures nobody, then each contender that can do chunks, one after another. */
export async function measureLatency(task: KafkaTask): Promise<readonly LatencyResult[]> {
  const results = [await measureOne(task, undefined)]
  for (const contender of task.contenders) {
    if (contender.forms.includes('chunks')) results.push(await measureOne(task, contender))
  }
  return results
}

async function measureOne(task: KafkaTask, contender: KafkaContender | undefined): Promise<LatencyResult> {
  const { bytesPerSecond, seconds } = task.options
  const { id, label } = contender ?? { id: 'nobody', label: 'nobody: the input itself is read' }
  const about = { id, label, bytesPerSecond, seconds }
  const missing = contender === undefined ? undefined : faultOf(contender)
  if (missing !== undefined) return { ...about, status: 'skipped', reason: missing }
  task.tell(`latency: ${id}, ${seconds} s`)
  const topic = `latency-${id}`
  await task.client.createTopic(topic, partitions)
  try {
    return { ...about, status: 'measured', ...(await load(task, topic, contender)) }
  } catch (error) {
    return { ...about, status: 'failed', reason: error instanceof Error ? error.message : String(error) }
  } finally {
    await task.client.deleteTopics([topic])
  }
}

async function load(task: KafkaTask, topic: string, contender: KafkaContender | undefined) {
  const { client, options } = task
  const warmSeconds = Math.min(mostWarmSeconds, options.seconds)
  const stand =
    contender &&
    (await openStand(contender, { ...task, input: topic, partitions, form: 'chunks', filters: numberedFilters }))
  const arrivedMs = new Map<number, number>()
  const output = stand?.output ?? topic
  const endReading = await client.readNew(output, ({ value }) => {
    const nowMs = performance.now()
    numbersIn(value ?? Buffer.alloc(0), (id) => {
      if (id % recordsPerValue === 0 && !arrivedMs.has(id)) arrivedMs.set(id, nowMs)
    })
  })
  const feed = await NumberedFeed.start(client, topic, partitions, options.bytesPerSecond)
  try {
    stand?.start()
    const pids = stand?.running.map(({ pid }) => pid) ?? []
    const missing = () => (stand?.checkRunning(), feed.values - arrivedMs.size)
    await until('it does not keep up', () => arrivedMs.size > 0 && missing() * feed.everyMs < freshMs)
    await pause(1000 * warmSeconds)
    const countedMs = performance.now()
    const before = cpuSecondsOfTrees(pids)
    await pause(1000 * options.seconds)
    await feed.stop()
    const cpuSeconds = cpuSecondsOfTrees(pids) - before
    await until('not everything that was written came out', () => missing() === 0)
    const latencyMs = latencyOf(timesOf(arrivedMs, feed, countedMs))
    await stand?.stop()
    return stand === undefined
      ? { latencyMs }
      : { latencyMs, cpuSeconds, content: await countNumbered(client, output, feed.records) }
  } finally {
    await feed.stop()
    await endReading()
    await stand?.close()
  }
}

/** Returns how long values took that were due later than `sinceMs`. */
function timesOf(arrivedMs: ReadonlyMap<number, number>, feed: NumberedFeed, sinceMs: number): number[] {
  return [...arrivedMs].flatMap(([id, atMs]) => (feed.dueMs(id) >= sinceMs ? [atMs - feed.dueMs(id)] : []))
}

async function until(what: string, look: () => boolean): Promise<void> {
  const startedMs = performance.now()
  while (!look()) {
    if (performance.now() - startedMs > mostWaitMs) throw new Error(`${what} in ${mostWaitMs / 1000} s`)
    await pause(20)
  }
}
