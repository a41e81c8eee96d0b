// The objects of an archive, added up by partition, and by cluster and topic where those have changed: offsets of a topic that
// was made anew mean other records. Called by verify.ts and end-checks.ts; what a log is, also by
// newest.ts and ../commands.

import type { ArchivedObject } from './catalog.ts'
import { Chain } from './chain.ts'
import type { Link } from './chain.ts'

/** Which log records are from. Empty texts: not known. */
export interface LogIdentity {
  readonly clusterId: string
  readonly topicId: string
}

/** Objects of one partition of one log. */
export class PartitionLedger implements LogIdentity {
  readonly topic: string
  readonly partition: number
  readonly clusterId: string
  readonly chain = new Chain()
  /** May be heard of later than the first object: old brokers do not tell it. */
  topicId: string
  objects = 0
  records = 0
  rawBytes = 0
  storedBytes = 0
  /** Objects that were compared with the topic. */
  compared = 0

  constructor({ manifest: { topic, partition, clusterId, topicId } }: ArchivedObject) {
    this.topic = topic
    this.partition = partition
    this.clusterId = clusterId
    this.topicId = topicId
  }

  /** Adds an object. Returns one that reaches over the same offsets, if there is any. */
  add(object: ArchivedObject): Link | undefined {
    const { manifest, storedBytes } = object
    this.objects++
    this.records += manifest.count
    this.rawBytes += manifest.rawBytes
    this.storedBytes += storedBytes
    if (this.topicId === '') this.topicId = manifest.topicId
    return this.chain.add(linkOf(object))
  }
}

/** All partitions that there are objects of. */
export class Ledger {
  readonly #partitions = new Map<string, PartitionLedger[]>()
  /** Of each topic, the log of the object that was added last. */
  readonly #newest = new Map<string, LogIdentity>()

  /** By topic and partition. */
  get partitions(): PartitionLedger[] {
    const all = [...this.#partitions.values()].flat()
    return all.toSorted((a, b) => (a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1))
  }

  /** Returns the part of the ledger that an object belongs to. */
  partitionOf(object: ArchivedObject): PartitionLedger {
    const { topic, partition } = object.manifest
    const name = `${topic} ${partition}`
    const known = this.#partitions.get(name) ?? []
    const found = known.findLast((each) => isSameLog(each, object.manifest))
    const ledger = found ?? new PartitionLedger(object)
    if (found === undefined) this.#partitions.set(name, [...known, ledger])
    this.#newest.set(topic, ledger)
    return ledger
  }

  /** Returns the log that the newest object of a topic is from. */
  newestOf(topic: string): LogIdentity | undefined {
    return this.#newest.get(topic)
  }
}

/** Returns whether two ids mean one log, as far as they are known. */
export function isSameLog(a: LogIdentity, b: LogIdentity): boolean {
  const isSame = (one: string, other: string) => one === '' || other === '' || one === other
  return isSame(a.clusterId, b.clusterId) && isSame(a.topicId, b.topicId)
}

function linkOf({ key, hour, manifest: { from, first, last } }: ArchivedObject): Link {
  return { key, hour, from, first, last }
}
