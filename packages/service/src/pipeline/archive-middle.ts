// Whether a group stands in the middle of an object, as no archive leaves it: somebody has set its offset. An object that
// began there would hold again what the other holds. Called by archive.ts.

import { S3Error } from '../errors.ts'
import { readManifest } from '../objects/manifest.ts'
import { objectKey, parseObjectKey } from '../objects/object-key.ts'
import type { ObjectStore } from '../ports/object-store.ts'
import type { ArchivedRecord, LogIdentity } from './archive-object.ts'

/** Where the record is from. */
interface Place {
  readonly topic: string
  readonly partition: number
}

interface MiddleParts {
  readonly store: ObjectStore
  readonly prefix: string
  readonly identity: LogIdentity
}

/**
 * Looks at the object before, as names have it, in the hour of the record: no object reaches over hours, unless the broker's
 * clock was set back. *Errors*: `ERR_S3_CONFLICT` where it holds the record; those of the store.
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

async function keyBefore(record: ArchivedRecord, place: Place, { store, prefix }: MiddleParts) {
  const { offset, timeMs } = record
  const own = objectKey(prefix, { ...place, first: offset, timeMs, extension: '' })
  let before: string | undefined
  for await (const { key } of store.list(own.slice(0, own.lastIndexOf('+') + 1))) {
    if (key >= own) break
    if (parseObjectKey(prefix, key) !== undefined) before = key
  }
  return before
}
