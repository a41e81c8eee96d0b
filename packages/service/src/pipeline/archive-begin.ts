// Where the archive of a partition began: noted in the bucket when a group has no offset yet. A group that has lost its
// offset finds it there, and begins again at the same record, from where on every object is adopted; it never begins
// in the middle of one. Called by archive.ts and ../commands.

import { Readable } from 'node:stream'

import { S3Error } from '../errors.ts'
import { beginKey, beginMetadata, readBegin } from '../objects/begin-note.ts'
import type { NewObject, ObjectStore } from '../ports/object-store.ts'
import { PartitionStop } from '../sources/kafka-stops.ts'
import type { LogIdentity } from './archive-object.ts'

/** What is needed to find out. */
export interface BeginParts {
  readonly store: ObjectStore
  readonly prefix: string
  readonly topic: string
  readonly partition: number
  readonly identity: LogIdentity
  /** Whether the store obeys create-only writes. */
  readonly isConditional: boolean
}

/**
 * Returns where a group without an offset begins: at `first`, the start of the log, where nothing was archived yet.
 * *Errors*: `PartitionStop`, where what was archived first is not in the log any more; `S3Error`.
 */
export async function beginArchive(parts: BeginParts, first: bigint): Promise<bigint> {
  const { store, prefix, topic, partition, identity, isConditional } = parts
  const key = beginKey(prefix, topic, partition)
  const note = noteOf(key, first, identity)
  const there = isConditional ? undefined : await store.head(key)
  if (there === undefined) {
    if (!isConditional) await store.overwrite(note)
    if (!isConditional || (await store.create(note)) === 'written') return first
  }
  const { metadata } = there ?? (await store.head(key)) ?? {}
  // Taken away since.
  if (metadata === undefined) throw new S3Error('ERR_S3_SERVER', `${key} was there, and is gone.`, { retryable: true })
  const { clusterId, topicId: id, first: begun } = readBegin(metadata)
  const isOurs = clusterId === identity.clusterId && (id === '' || identity.topicId === '' || id === identity.topicId)
  if (isOurs && begun !== undefined && begun >= first) return begun
  const what = isOurs
    ? `was archived from offset ${begun} on, and its log begins at ${first} by now (${key})`
    : `was archived from another cluster, or before it was made anew (${key}): what is archived from now on needs a \`prefix\` of its own`
  throw new PartitionStop('no_offset', `The group has no offset, and ${topic}, partition ${partition}, ${what}.`)
}

/**
 * Notes that the archive begins at `first`, unless it has begun there before: a group that has an offset may go on in another
 * bucket, or under another prefix, where nothing is noted. *Errors*: `S3Error`.
 */
export async function noteBegin(parts: BeginParts, first: bigint): Promise<void> {
  const { store, prefix, topic, partition, identity, isConditional } = parts
  const key = beginKey(prefix, topic, partition)
  if ((await store.head(key)) !== undefined) return
  const note = noteOf(key, first, identity)
  if (isConditional) await store.create(note)
  else await store.overwrite(note)
}

function noteOf(key: string, first: bigint, identity: LogIdentity): NewObject {
  const text = Buffer.from('Where the archive of this partition began: see the metadata. It is needed when the group loses its offset.\n') // prettier-ignore
  return {
    key,
    body: { bytes: text.length, read: () => Readable.from([text], { objectMode: false }) },
    metadata: beginMetadata({ ...identity, first }),
    contentType: 'text/plain',
  }
}
