// The fault `leader-moves`: on three brokers, others lead partitions of records, groups and transactions again and again, by
// election and because a leader is killed. Called by list.ts and a test.

import { counted } from '#src/counted.js'
import { runTool } from '../servers/kafka/reading.js'
import { eventually } from './fault.js'
import type { Fault, FaultContext } from './fault.js'
import { anyMoment, openRig } from './kafka-rig.js'
import type { Rig } from './kafka-rig.js'

const moves = { reduced: 3, full: 24 }
/** Every so many moves a broker is killed. */
const killEvery = 3
/** Topics of groups and transactions: their leaders are the coordinators. */
const innerTopics = ['__consumer_offsets', '__transaction_state']

async function run(context: FaultContext) {
  const { random, scale, log } = context
  const rig = await openRig(context, 2, { brokers: { nodes: 3 } })
  let moved = 0
  for (let move = 0; move < moves[scale]; move++) {
    await rig.more(1)
    await anyMoment(random, 500)
    if (move % killEvery === killEvery - 1) await killOne(rig)
    else moved += await elect(rig)
    log(`move ${move + 1} is done`)
  }
  return rig.finish(
    `${counted(moved, 'leader')} moved, ${counted(Math.floor(moves[scale] / killEvery), 'broker')} killed`,
  )
}

/** Has another replica of every partition be the one that should lead, and elects it. Resolves with how many moved. */
async function elect(rig: Rig): Promise<number> {
  const before = await leaders(rig)
  const topics = [...before].map(([topic, partitions]) => ({
    topic,
    partitionAssignment: partitions.map(({ replicas }, partition) => ({ partition, replicas: turned(replicas) })),
  }))
  await rig.admin.alterPartitionReassignments({ topics })
  const brokers = ['--bootstrap-server', rig.broker.innerAddresses.join(',')]
  await runTool('org.apache.kafka.tools.LeaderElectionCommand', [...brokers, '--election-type', 'preferred', '--all-topic-partitions']) // prettier-ignore
  const after = await leaders(rig)
  return [...before].flatMap(([topic, partitions]) =>
    partitions.filter(({ leader }, partition) => after.get(topic)?.[partition]?.leader !== leader),
  ).length
}

async function killOne(rig: Rig): Promise<void> {
  const { node } = rig.random.pick(rig.broker.brokers)
  await node.kill()
  await rig.more(1)
  await node.start()
  await eventually('all replicas are in sync', async () => {
    const partitions = [...(await leaders(rig)).values()].flat()
    return partitions.every(({ isr, replicas }) => isr === replicas.length)
  })
}

interface Led {
  readonly leader: number
  readonly replicas: readonly number[]
  readonly isr: number
}

async function leaders(rig: Rig): Promise<Map<string, Led[]>> {
  const names = [rig.raw, ...rig.outputs.values(), ...innerTopics]
  const { topics } = await rig.admin.fetchTopicMetadata({ topics: names })
  return new Map(
    topics.map(({ name, partitions }) => {
      const inOrder = partitions.toSorted((a, b) => a.partitionId - b.partitionId)
      return [name, inOrder.map(({ leader, replicas, isr }) => ({ leader, replicas, isr: isr.length }))]
    }),
  )
}

/** The next one is to lead. */
function turned([first, ...others]: readonly number[]): number[] {
  return [...others, first!]
}

/** See `what`. */
export const leaderMoves: Fault = {
  name: 'leader-moves',
  what: 'has other brokers of three lead partitions, groups and transactions while records pass, and kills some: each record is there once, in order',
  needs: 'kafka',
  run,
}
