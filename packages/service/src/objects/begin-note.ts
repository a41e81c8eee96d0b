// What an archive notes in the bucket when it begins with a partition: from which offset on. A group that has lost its offset
// finds it there, and whoever verifies knows whether the first object is missing. Called by ../pipeline and ../archive.

import { folderOf } from './object-key.ts'

/** Where the archive of a partition began. */
export interface BeginNote {
  readonly clusterId: string
  /** Empty where brokers are too old to tell. */
  readonly topicId: string
  readonly first: bigint
}

/** Returns the name of the object that has the note. */
export function beginKey(prefix: string, topic: string, partition: number): string {
  return `${folderOf(prefix)}_weir/begin/${topic}+${partition}`
}

/** Returns the metadata that are the note. */
export function beginMetadata({ clusterId, topicId, first }: BeginNote): Record<string, string> {
  const id: Record<string, string> = topicId === '' ? {} : { 'weir-topic-id': topicId }
  return { 'weir-cluster': clusterId, ...id, 'weir-first': String(first) }
}

/** Returns the note in metadata; its offset is absent where they hold none. */
export function readBegin(metadata: Readonly<Record<string, string>>): Omit<BeginNote, 'first'> & { first?: bigint } {
  const [clusterId, topicId, first] = ['cluster', 'topic-id', 'first'].map((name) => metadata[`weir-${name}`] ?? '')
  const known = /^\d{1,19}$/.test(first!) ? { first: BigInt(first!) } : {}
  return { clusterId: clusterId!, topicId: topicId!, ...known }
}
