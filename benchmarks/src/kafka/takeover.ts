// Cases *takeover* and *backlog*: what happens to a load with a rate when one of two filters is killed, and when the only one
// was away for a while. Judged by the offsets that the group commits, and afterwards by every record. Called by ../kafka.ts.

import { pause } from '../service/processes.ts'
import type { Client } from './client.ts'
import { NumberedFeed, countNumbered, numberedFilters, valueBytes } from './numbered-feed.ts'
import type { NumberedCounts } from './numbered-feed.ts'
import { openStand } from './stand.ts'
import type { Stand } from './stand.ts'
import type { KafkaTask } from './throughput.ts'
import { weirExactlyOnce } from './weir.ts'

/** What came of *takeover*. */
export interface TakeoverResult {
  readonly bytesPerSecond: number
  /** Partitions that the killed process had. */
  readonly orphans: number
  /** From the kill until the group had committed, in every partition, all that was written before it. */
  readonly seconds: number
  readonly content: NumberedCounts
}

/** What came of *backlog*. */
export interface BacklogResult {
  /** At which records arrive, all the time. */
  readonly bytesPerSecond: number
  /** How long the filter was away. */
  readonly awaySeconds: number
  /** What waited when it committed again for the first time. */
  readonly backlogBytes: number
  /** From its start until it committed for the first time, and from then until nothing waited but what had just come. */
  readonly startSeconds: number
  readonly seconds: number
  /** Bytes a second in the second of these times. */
  readonly drainedPerSecond: number
  readonly content: NumberedCounts
}

const partitions = 4
const lookMs = 20
const mostWaitMs = 120_000
/** What counts as nothing waiting: what came in so long. */
const freshSeconds = 0.5

/** Kills one of two processes with SIGKILL. *Errors*: where nothing moves for two minutes. */
export function measureTakeover(task: KafkaTask): Promise<TakeoverResult> {
  return withLoad(task, 'takeover', async (stand, feed, topic) => {
    const { client, options, tell } = task
    tell('takeover: two processes start')
    const killed = stand.start()
    await until(stand, 'the first process works', async () => sum(await stand.committed()) > 0)
    stand.start()
    let orphans = 0
    await until(stand, 'both processes have partitions', async () => {
      const members = await client.membersOf(stand.group)
      orphans = Math.min(...members)
      return members.length === 2 && orphans > 0 && 2 * orphans === partitions
    })
    const settled = await stand.committed()
    await until(stand, 'all partitions move', async () => isBeyond(await stand.committed(), settled))
    tell('takeover: one is killed')
    killed.child.kill('SIGKILL')
    const killedMs = performance.now()
    const ends = await client.endsOf(topic)
    await untilAnyway('its partitions move', async () => isBeyond(await stand.committed(), ends, true))
    const seconds = (performance.now() - killedMs) / 1000
    await feed.stop()
    await caughtUp(stand, client, topic)
    await stand.stop()
    const content = await countNumbered(client, stand.output, feed.records)
    return { bytesPerSecond: options.bytesPerSecond, orphans, seconds, content }
  })
}

/** Stops the only process, lets records wait, and starts it again. *Errors*: where nothing moves for two minutes. */
export function measureBacklog(task: KafkaTask): Promise<BacklogResult> {
  return withLoad(task, 'backlog', async (stand, feed, topic) => {
    const { client, options, tell } = task
    const { bytesPerSecond, seconds: awaySeconds } = options
    const waiting = async () => valueBytes * (sum(await client.endsOf(topic)) - sum(await stand.committed()))
    const isFresh = async () => (await waiting()) <= freshSeconds * bytesPerSecond
    const first = stand.start()
    await until(stand, 'it keeps up', async () => sum(await stand.committed()) > 0 && (await isFresh()))
    tell(`backlog: away for ${awaySeconds} s`)
    await first.stop()
    const left = sum(await stand.committed())
    await pause(1000 * awaySeconds)
    const startedMs = performance.now()
    const second = stand.start()
    const isAlive = () => {
      if (second.ending !== undefined) throw new Error(second.ending)
    }
    await untilAnyway('it works again', async () => (isAlive(), sum(await stand.committed()) > left))
    const [workingMs, before, backlogBytes] = [performance.now(), sum(await stand.committed()), await waiting()]
    await untilAnyway('the backlog is gone', async () => (isAlive(), await isFresh()))
    const [doneMs, after] = [performance.now(), sum(await stand.committed())]
    await feed.stop()
    await caughtUp(stand, client, topic)
    await stand.stop()
    const seconds = (doneMs - workingMs) / 1000
    return {
      ...{ bytesPerSecond, awaySeconds, backlogBytes, seconds },
      startSeconds: (workingMs - startedMs) / 1000,
      drainedPerSecond: (valueBytes * (after - before)) / seconds,
      content: await countNumbered(client, stand.output, feed.records),
    }
  })
}

/** Has records written to a topic, and a place for Weir to filter them. */
async function withLoad<T>(
  task: KafkaTask,
  name: string,
  run: (stand: Stand, feed: NumberedFeed, topic: string) => Promise<T>,
): Promise<T> {
  const { client, options } = task
  await client.createTopic(name, partitions)
  const at = { ...task, input: name, partitions, form: 'chunks' as const, filters: numberedFilters }
  const stand = await openStand(weirExactlyOnce, at)
  const feed = await NumberedFeed.start(client, name, partitions, options.bytesPerSecond)
  try {
    return await run(stand, feed, name)
  } finally {
    await feed.stop()
    await stand.close()
    await client.deleteTopics([name])
  }
}

async function caughtUp(stand: Stand, client: Client, topic: string): Promise<void> {
  const ends = await client.endsOf(topic)
  await untilAnyway('all is through', async () => isBeyond(await stand.committed(), ends, true))
}

/** Whether every offset is larger than before, or as large where that is enough. */
function isBeyond(offsets: readonly number[], before: readonly number[], isEnough = false): boolean {
  return offsets.every((offset, partition) => offset > before[partition]! || (isEnough && offset === before[partition]))
}

/** Waits; a process that ends in the meantime is an error. */
function until(stand: Stand, what: string, look: () => Promise<boolean>): Promise<void> {
  return untilAnyway(what, async () => (stand.checkRunning(), look()))
}

async function untilAnyway(what: string, look: () => Promise<boolean>): Promise<void> {
  const startedMs = performance.now()
  while (!(await look())) {
    if (performance.now() - startedMs > mostWaitMs) throw new Error(`not within ${mostWaitMs / 1000} s: ${what}`)
    await pause(lookMs)
  }
}

function sum(offsets: readonly number[]): number {
  return offsets.reduce((total, offset) => total + offset, 0)
}
