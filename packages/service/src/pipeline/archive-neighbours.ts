// What lies in the bucket beside a record, by names. Before it: whether a group stands in the middle of an object, as no archive
// leaves it; an object that began there would hold again what the other holds. Behind it: where the next object begins, that one
// which fills a gap must not reach into. Somebody has set the offset of the group then, or it was lost. Called by archive.ts and
// archive-object.ts.

import { S3Error } from '../errors.ts'
import { readManifest } from '../objects/manifest.ts'
import { folderOf, hourFolder, objectKey, parseObjectKey } from '../objects/object-key.ts'
import type { ObjectStore } from '../ports/object-store.ts'
import type { ArchivedRecord, ArchiveParts, LogIdentity } from './archive-object.ts'

/** Where the record is from. */
interface Place {
  readonly topic: string
  readonly partition: number
}

interface Bucket {
  readonly store: ObjectStore
  readonly prefix: string
}

interface MiddleParts extends Bucket {
  readonly identity: LogIdentity
}

interface BehindParts extends Bucket {
  readonly limits: Pick<ArchiveParts['limits'], 'periodMs'>
}

/** The longest period that settings may have. */
const mostPeriodMs = 3_600_000

/**
 * Looks at the object before, as names have it: in the hour of the record, or of the period behind it, however long that was when
 * the object was written, since one holds records of its own period and of the one before (`closesBefore`). *Errors*: `ERR_S3_CONFLICT` where it holds the record; those
 * of the store.
 */
export async function refuseMiddle(record: ArchivedRecord, place: Place, parts: MiddleParts): Promise<void> {
  const { offset } = record
  const { store, identity } = parts
  const key = await keyBefore(record, place, parts)
  const found = key === undefined ? undefined : await store.head(key)
  const manifest = found === undefined ? undefined : readManifest(found.metadata)
  if (manifest === undefined || manifest.last < offset || manifest.clusterId !== identity.clusterId) return
  const { topicId, first, last } = manifest
  if (topicId !== '' && identity.topicId !== '' && topicId !== identity.topicId) return
  const where = `${place.topic}, partition ${place.partition}`
  const message = `The group stands at ${offset} of ${where}, in the middle of ${key}, which holds offsets ${first} to ${last}: \`weir archive resume\` has it go on behind what is there.`
  throw new S3Error('ERR_S3_CONFLICT', message, { details: { key } })
}

async function keyBefore({ offset, timeMs }: ArchivedRecord, place: Place, { store, prefix }: Bucket) {
  let before: { readonly key: string; readonly first: bigint } | undefined
  for (const hourMs of hoursOf(prefix, timeMs, timeMs + mostPeriodMs)) {
    const own = objectKey(prefix, { ...place, first: offset, timeMs: hourMs, extension: '' })
    for await (const { key } of store.list(ofPartition(own))) {
      if (key >= own) break
      const first = parseObjectKey(prefix, key)?.first
      if (first !== undefined && (before === undefined || first > before.first)) before = { key, first }
    }
  }
  return before?.key
}

/** Returns a time in each of the hours of two times. */
function hoursOf(prefix: string, ...times: readonly [number, number]): Iterable<number> {
  return new Map(times.map((timeMs) => [hourFolder(prefix, timeMs), timeMs])).values()
}

/** Returns what all names of the partition begin with in the hour of this one. */
function ofPartition(key: string): string {
  return key.slice(0, key.lastIndexOf('+') + 1)
}

/** What lies behind a record, as names have it. */
export interface Behind {
  /** Offset of the first record of the next object that one from here on could reach into; absent where there is none. */
  readonly first?: bigint
  /** Whether there may be more objects of the partition behind the record, in this hour or a later one. */
  readonly hasMore: boolean
}

/** Names that are looked at behind the hour: where there are more, others of the partition are taken to be among them. */
const mostNames = 1000

/**
 * Looks for the next object: in the hour of the record, and of the period before it, of which an object may hold records. May say
 * that there are more where there are none; the other way round only of earlier hours, where times go back further. *Errors*: the
 * store's.
 */
export async function findBehind(
  { offset, timeMs }: ArchivedRecord,
  place: Place,
  { store, prefix, limits }: BehindParts,
): Promise<Behind> {
  let next: bigint | undefined
  for (const hourMs of hoursOf(prefix, timeMs, timeMs - limits.periodMs)) {
    const own = objectKey(prefix, { ...place, first: offset, timeMs: hourMs, extension: '' })
    for await (const { key } of store.list(ofPartition(own), own)) {
      const first = parseObjectKey(prefix, key)?.first
      if (first === undefined || first <= offset) continue
      if (next === undefined || first < next) next = first
      break
    }
  }
  if (next !== undefined) return { first: next, hasMore: true }
  let names = 0
  // Behind all names in the folder of the hour: no topic has a tilde.
  for await (const { key } of store.list(`${folderOf(prefix)}dt=`, `${hourFolder(prefix, timeMs)}~`)) {
    const found = parseObjectKey(prefix, key)
    const isOwn = found?.topic === place.topic && found.partition === place.partition
    if (isOwn || ++names >= mostNames) return { hasMore: true }
  }
  return { hasMore: false }
}
