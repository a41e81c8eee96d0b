// Takes a partition over: fences whoever had it, and finds out where to go on. What follows is in kafka-partition.ts, its
// only caller.
//
// I1  Only the partition's transactional id writes C, the group's offset, and the partition's outputs.
// I2  C is read only after that id was initialised: before, a transaction of somebody else may still move it.

import { counted } from '../counted.ts'
import { transactionalId } from '../kafka/identity.ts'
import type { KafkaCluster, Target, TopicFound, TransactionalProducer } from '../kafka/port.ts'
import { takenBytes } from '../kafka/sends.ts'
import { PartitionStop } from './kafka-stops.ts'

/** What a takeover needs. */
export interface TakeoverParts {
  readonly cluster: KafkaCluster
  readonly group: string
  readonly source: Target
  /** Topics that the pipeline writes to on this cluster, dead letters included. */
  readonly outputs: readonly string[]
  /** Looks whether the topics are as they should be; resolves with what is wrong. Absent: nobody looks. */
  readonly checkTopics?: () => Promise<string | undefined>
  /**
   * Asked where a group begins that has no offset, given the start of the log. Absent: there, if the outputs are empty.
   * *Errors*: `PartitionStop`; those of the output.
   */
  readonly beginAt?: (source: Target, first: bigint) => Promise<bigint>
  /** The offset that this process has committed or read last, or less than any. */
  readonly floor: bigint
  /** Whether the partition is still this process's to take. */
  readonly isLive: () => boolean
}

/** What came of a takeover. */
export interface Takeover {
  readonly producer: TransactionalProducer
  /** C: where the group stands. */
  readonly offset: bigint
  /** What was committed with it. */
  readonly note: string
  /** Most bytes of a send that every output takes. */
  readonly takenBytes: number
}

/**
 * Takes the partition over. Resolves with nothing where somebody else is to have it by now.
 * *Errors*: `PartitionStop`; those of the cluster, which may pass. Then no producer is left.
 */
export async function takeOver(parts: TakeoverParts): Promise<Takeover | undefined> {
  const { cluster, group, source, isLive } = parts
  const producer = await cluster.transactional(transactionalId(group, source))
  try {
    await producer.initialise()
    if (!isLive()) return abandon(producer)
    // I2: from here on nobody but this producer moves C, or is refused.
    const found = await findOffset(parts, producer)
    if (!isLive()) return abandon(producer)
    return { producer, ...found }
  } catch (error) {
    producer.discard()
    throw error
  }
}

function abandon(producer: TransactionalProducer): undefined {
  producer.discard()
}

async function findOffset(parts: TakeoverParts, producer: TransactionalProducer): Promise<Omit<Takeover, 'producer'>> {
  const { cluster, group, source, floor, checkTopics } = parts
  const { admin } = cluster
  const wrong = await checkTopics?.()
  if (wrong !== undefined) throw new PartitionStop('outputs', wrong)
  const outputs = await checkOutputs(parts)
  const committed = await admin.committed(group, source)
  const range = await admin.range(source)
  const offset = committed?.offset ?? (await firstOffset(parts, producer, range.first))
  if (offset < range.first || offset > range.end) {
    throw new PartitionStop(
      'offset_out_of_range',
      `The group ${group} stands at ${offset}, and the log has offsets from ${range.first} to ${range.end}.`,
    )
  }
  // A coordinator that is cut off from the others may answer with what held long ago.
  if (offset < floor) throw new Error(`The group ${group} stood at ${floor}, and is told to stand at ${offset}.`)
  return { offset, note: committed?.metadata ?? '', takenBytes: takenBytes(outputs) }
}

/** Input partition p writes to output partition p and no other, so that order and the lock hold for both. */
async function checkOutputs({ cluster, outputs, source }: TakeoverParts): Promise<readonly (TopicFound | undefined)[]> {
  const topics = [...new Set(outputs)]
  if (topics.length === 0) return []
  const all = await cluster.admin.describe(topics)
  for (const [i, found] of all.entries()) {
    const partitions = found?.leaders.length ?? 0
    if (source.partition < partitions) continue
    const words = found === undefined ? 'is not there' : `has ${counted(partitions, 'partition')}`
    throw new PartitionStop('outputs', `The topic ${topics[i]} ${words}; it needs partition ${source.partition}.`)
  }
  return all
}

/** A group that has never committed begins at the start of the log, but only where it cannot have written anything. */
async function firstOffset(parts: TakeoverParts, producer: TransactionalProducer, logStart: bigint): Promise<bigint> {
  const { cluster, group, source, outputs } = parts
  const first = (await parts.beginAt?.(source, logStart)) ?? logStart
  for (const topic of new Set(outputs)) {
    const { end } = await cluster.admin.range({ topic, partition: source.partition })
    if (end === 0n) continue
    throw new PartitionStop(
      'no_offset',
      `The group ${group} has no offset, and ${topic}, partition ${source.partition}, has ${end} already: where it ended is not known.`,
    )
  }
  const transaction = await producer.begin()
  await transaction.moveOffset(group, source, first, '')
  await transaction.commit()
  return first
}
