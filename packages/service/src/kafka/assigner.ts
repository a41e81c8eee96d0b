// Who of a group gets which partitions: each topic's go round robin to those who read it. The library's own gives the topics
// of the leader to all members, also to those who read others: they would stand still, and nobody would say so. Called by
// member.ts.

import type { Assigner, Cluster, GroupMember, GroupMemberAssignment, PartitionAssigner } from 'kafkajs'

import type { Library } from './library.ts'
import { isType } from './refusals.ts'

/** What the library says of a topic that is not there, or not for us. */
const notToBeHad = ['UNKNOWN_TOPIC_OR_PARTITION', 'TOPIC_AUTHORIZATION_FAILED', 'INVALID_TOPIC_EXCEPTION']

/** What of a cluster tells partitions; the types of the library leave one of them out. */
interface TopicCluster extends Pick<Cluster, 'findTopicPartitionMetadata'> {
  addMultipleTargetTopics(topics: readonly string[]): Promise<void>
}

interface Reader {
  readonly memberId: string
  readonly topics: readonly string[]
}

/** Returns the assigner of a member, which is asked when that member leads the group. Called as the library's own one. */
export function topicAssigner({ kafkajs }: Library): PartitionAssigner {
  const { AssignerProtocol, PartitionAssigners } = kafkajs
  const { MemberMetadata, MemberAssignment } = AssignerProtocol
  return (given) => {
    const own = PartitionAssigners.roundRobin(given)
    const cluster = given.cluster as unknown as TopicCluster
    const assign: Assigner['assign'] = async ({ members }) => {
      const readers = members.map(({ memberId, memberMetadata }) => {
        return { memberId, topics: MemberMetadata.decode(memberMetadata)?.topics ?? [] }
      })
      const shares = await share(readers, cluster)
      return members.map(({ memberId }: GroupMember): GroupMemberAssignment => {
        const assignment = Object.fromEntries(shares.get(memberId) ?? [])
        const memberAssignment = MemberAssignment.encode({ version: own.version, assignment, userData: Buffer.of() })
        return { memberId, memberAssignment }
      })
    }
    // Under its name, so that members of other versions are in one group with this one.
    return { name: own.name, version: own.version, protocol: (topics) => own.protocol(topics), assign }
  }
}

/** Returns the partitions of each member, by topic. */
async function share(readers: readonly Reader[], cluster: TopicCluster): Promise<Map<string, Map<string, number[]>>> {
  const shares = new Map(readers.map(({ memberId }) => [memberId, new Map<string, number[]>()]))
  for (const topic of new Set(readers.flatMap(({ topics }) => topics))) {
    const ofTopic = readers.filter(({ topics }) => topics.includes(topic)).map(({ memberId }) => memberId).toSorted() // prettier-ignore
    const partitions = await partitionsOf(topic, cluster)
    for (const [i, partition] of partitions.entries()) {
      const mine = shares.get(ofTopic[i % ofTopic.length]!)!
      mine.set(topic, [...(mine.get(topic) ?? []), partition])
    }
  }
  return shares
}

/** Returns none of a topic that is not to be had: that is told to whoever reads it, and is nothing to others. */
async function partitionsOf(topic: string, cluster: TopicCluster): Promise<number[]> {
  try {
    await cluster.addMultipleTargetTopics([topic])
  } catch (error) {
    // Anything else has the member join again: partitions that nobody is given would wait, and nobody would say so.
    if (!notToBeHad.some((type) => isType(error, type))) throw error
    return []
  }
  return cluster
    .findTopicPartitionMetadata(topic)
    .map(({ partitionId }) => partitionId)
    .toSorted((a, b) => a - b)
}
