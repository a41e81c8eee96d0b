// The fault `offset-gone`: where a group stands in some of its partitions is deleted, set behind the end of the log, or falls
// out of the log while filters are away and while they work; others are as they were. Called by list.ts and a test.

import assert from 'node:assert/strict'

import { counted } from '#src/counted.js'
import { openCluster } from '#src/kafka/cluster.js'
import { weir } from '../running.js'
import { runTool } from '../servers/kafka/reading.js'
import { whileStopped } from '../stopped-process.js'
import { eventually } from './fault.js'
import type { Fault, FaultContext } from './fault.js'
import { openRig, partitionCount } from './kafka-rig.js'
import type { Rig } from './kafka-rig.js'
import type { Served } from './served.js'

const rounds = { reduced: 1, full: 8 }
/** Long enough that a filter that stands still for a moment stays a member of its group. */
const sessionMs = 15_000
/** Offsets by which the source's topic grows before it is harmed: more than what filters have fetched already. */
const growth = 15

/** What is done to one partition, and what mends it. */
interface Harm {
  readonly partition: number
  /** As the partition has to name it. */
  readonly reason: 'no_offset' | 'offset_out_of_range'
  /** Where the group stood before, and is told to go on; or where the log begins now. */
  readonly goOnAt: string
}

async function run(context: FaultContext) {
  const { random, scale } = context
  const rig = await openRig(context, 2, { sessionMs })
  let stops = 0
  for (let round = 0; round < rounds[scale]; round++) {
    const [first, ...others] = shuffled(random)
    for (const cause of [() => whileAway(rig, others), () => whileAtWork(rig, first!)]) {
      const harms = await cause()
      for (const harm of harms) await isStopped(rig, harm)
      for (let p = 0; p < partitionCount; p++) {
        if (!harms.some(({ partition }) => partition === p)) await rig.more(2, p)
      }
      await mend(rig, harms)
      stops += harms.length
    }
  }
  return rig.finish(`${counted(stops, 'partition')} stopped`)
}

function shuffled(random: Rig['random']): number[] {
  const drawn = Array.from({ length: partitionCount }, (_, partition) => ({ partition, order: random.bits() }))
  return drawn.sort((a, b) => a.order - b.order).map(({ partition }) => partition)
}

/** Harms three partitions, each in another way, while nobody reads; then the filters are back. */
async function whileAway(rig: Rig, partitions: readonly number[]): Promise<readonly Harm[]> {
  const [missing, above, below] = partitions as [number, number, number]
  await endAll(rig)
  const before = await stood(rig)
  await grown(rig, before)
  await deleteOffset(rig, missing)
  await setBehindEnd(rig, above)
  await deleteRecords(rig, below, before[below])
  await startAll(rig)
  return [
    { partition: missing, reason: 'no_offset', goOnAt: String(before[missing]) },
    { partition: above, reason: 'offset_out_of_range', goOnAt: String(before[above]) },
    { partition: below, reason: 'offset_out_of_range', goOnAt: 'first' },
  ]
}

/** What comes next is deleted in the moment before it is fetched. */
async function whileAtWork(rig: Rig, partition: number): Promise<readonly Harm[]> {
  const pids = rig.filters.map(({ pid }) => pid)
  await whileStopped(pids, async () => {
    await grown(rig, await ends(rig))
    await deleteRecords(rig, partition)
  })
  return [{ partition, reason: 'offset_out_of_range', goOnAt: 'first' }]
}

async function endAll(rig: Rig): Promise<void> {
  for (const filter of rig.filters) {
    assert.deepEqual(await filter.end('SIGTERM'), { code: 0, signal: null }, filter.noise.join(' '))
  }
}

async function startAll(rig: Rig): Promise<void> {
  await Promise.all(rig.filters.map((filter) => rig.run(filter)))
}

async function stood(rig: Rig): Promise<readonly number[]> {
  const committed = await rig.committed()
  assert.ok(committed, 'The broker does not tell where the group stands.')
  return committed
}

async function ends(rig: Rig): Promise<readonly number[]> {
  const found = await rig.admin.fetchTopicOffsets(rig.raw)
  return found.toSorted((a, b) => a.partition - b.partition).map(({ high }) => Number(high))
}

async function grown(rig: Rig, from: readonly number[]): Promise<void> {
  await eventually('the source has grown', async () => (await ends(rig)).every((end, p) => end >= from[p]! + growth))
}

async function deleteOffset(rig: Rig, partition: number): Promise<void> {
  const which = ['--delete-offsets', '--group', rig.name, '--topic', `${rig.raw}:${partition}`]
  const brokers = ['--bootstrap-server', rig.broker.innerAddresses.join(',')]
  await runTool('org.apache.kafka.tools.consumer.group.ConsumerGroupCommand', [...brokers, ...which])
}

async function setBehindEnd(rig: Rig, partition: number): Promise<void> {
  const cluster = await openCluster({ brokers: rig.broker.innerAddresses })
  const offset = BigInt((await ends(rig))[partition]! + 1_000_000)
  await cluster.admin.setCommitted(rig.name, { topic: rig.raw, partition }, offset, '')
  await cluster.close()
}

/** Deletes the log up to somewhere behind `from`, or to its end. */
async function deleteRecords(rig: Rig, partition: number, from?: number): Promise<void> {
  await rig.keepSource()
  const kept = rig.keptEnd(partition)
  const offset = from === undefined ? kept : from + 1 + rig.random.below(kept - from)
  await rig.admin.deleteTopicRecords({ topic: rig.raw, partitions: [{ partition, offset: String(offset) }] })
}

/** Resolves when the partition is stopped, and that is told wherever one looks; it stays where it stood. */
async function isStopped(rig: Rig, { partition, reason }: Harm): Promise<void> {
  const words = `partition ${partition} is stopped (${reason})`
  const isTold = async (filter: Served) => (await filter.ask('/readyz')).text.includes(words)
  let owner: Served | undefined
  await eventually(words, async () => {
    for (const filter of rig.filters) if (await isTold(filter)) owner = filter
    return owner !== undefined
  })
  assert.equal((await owner!.ask('/readyz')).status, 503)
  const line = `weir_kafka_partition_stopped{pipeline="faults",partition="${partition}",reason="${reason}"} 1`
  assert.ok((await owner!.ask('/metrics')).text.includes(line), `The metrics do not have ${line}`)
  const told = owner!.log.findLast(({ msg }) => msg === 'A partition is stopped, until somebody mends it.')
  assert.ok(told !== undefined && told['level'] === 'error', `The log does not tell it: ${JSON.stringify(told)}`)
}

/** Sets where the group goes on, as somebody would who was called for it. */
async function mend(rig: Rig, harms: readonly Harm[]): Promise<void> {
  const before = await stood(rig)
  await endAll(rig)
  for (const { partition, goOnAt } of harms) {
    const which = ['--partition', String(partition), '--offset', goOnAt, '--reason', 'a fault was mended', '--json']
    const { folder } = rig.filters[0]!
    const { code, stderr, stdout } = await weir(['offsets', 'set', '--config', 'weir.yaml', ...which], { cwd: folder })
    assert.equal(code, 0, stderr)
    if (goOnAt !== 'first') continue
    const { after } = JSON.parse(stdout.toString()) as { after: { offset: string } }
    rig.passBy({ partition, from: BigInt(before[partition]!), to: BigInt(after.offset) })
  }
  await startAll(rig)
  await rig.more(1)
}

/** See `what`. */
export const offsetGone: Fault = {
  name: 'offset-gone',
  what: 'deletes where a group stands, sets it behind the end, and deletes records that come next: the partition stops and says so, others go on, and no record is skipped or repeated but by whoever mends it',
  needs: 'kafka',
  run,
}
