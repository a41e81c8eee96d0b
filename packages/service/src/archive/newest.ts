// Where the objects of one partition end, for whoever goes on behind them. Names say where objects begin, and only manifests
// where they end; a bucket may hold millions, so that all are listed, and few are asked. Called by ../commands.

import type { ListedObject, ObjectStore } from '../ports/object-store.ts'
import { parseObjectKey } from '../objects/object-key.ts'
import type { ObjectPlace } from '../objects/object-key.ts'
import { catalog, entryOf, hourOf, hourOfTime, listScope } from './catalog.ts'
import type { ArchivedObject, CatalogScope } from './catalog.ts'
import { isSameLog } from './ledger.ts'
import type { LogIdentity } from './ledger.ts'
import { isInPlace } from './object-checks.ts'

/** The partition that is looked at. */
export interface PartitionScope {
  readonly prefix: string
  readonly topic: string
  readonly partition: number
}

/** An object, as its name has it. */
interface Named {
  readonly listed: ListedObject
  readonly place: ObjectPlace
}

/** Objects that are asked one by one for the newest. Where it is none of them, they are of a topic that was there before. */
const mostNewest = 16

const hourMs = 3_600_000

/**
 * Returns the offset behind the last record that is in any object of the partition; undefined where there are no objects. What
 * is from a topic of that name that was there before says nothing of this one.
 *
 * An object may reach over the one that begins last, where two processes have written at the same moment without meeting. It
 * holds the first record of that one then, and no object holds records of two hours but of its own and the one before
 * (`closesBefore`): it lies in the same hour or in the next. So those of the hours around it are asked, and no others.
 * *Errors*: `S3Error`.
 */
export async function newestEnd(
  store: ObjectStore,
  where: PartitionScope,
  log: LogIdentity,
): Promise<bigint | undefined> {
  const { prefix, partition } = where
  const isOwn = ({ manifest }: ArchivedObject) =>
    manifest.topic === where.topic && manifest.partition === partition && isSameLog(manifest, log)
  const newest = await newestOf(store, where, isOwn)
  const scope: CatalogScope = { prefix, partition, ...(newest === undefined ? {} : hoursAround(newest)) }
  let end: bigint | undefined
  for await (const entry of catalog(store, scope)) {
    if (entry.kind !== 'archived' || !isOwn(entry)) continue
    const { last } = entry.manifest
    if (end === undefined || last >= end) end = last + 1n
  }
  return end
}

/** Returns the object that begins last; undefined where it is not among those of the last names. */
async function newestOf(
  store: ObjectStore,
  where: PartitionScope,
  isOwn: (object: ArchivedObject) => boolean,
): Promise<ArchivedObject | undefined> {
  for (const { listed } of await lastNames(store, where)) {
    const entry = await entryOf(store, where, listed)
    // What says that it begins elsewhere than its name has it tells nothing of where the newest is.
    if (entry?.kind === 'archived' && isOwn(entry) && isInPlace(entry)) return entry
  }
  return undefined
}

/** Returns the names with the highest offsets, the highest one first. */
async function lastNames(store: ObjectStore, { prefix, topic, partition }: PartitionScope): Promise<Named[]> {
  const last: Named[] = []
  for await (const listed of listScope(store, { prefix, partition })) {
    const place = parseObjectKey(prefix, listed.key)
    if (place?.topic !== topic) continue
    const isFull = last.length >= mostNewest
    if (isFull && place.first <= last.at(-1)!.place.first) continue
    if (isFull) last.pop()
    const at = last.findIndex((other) => other.place.first < place.first)
    last.splice(at < 0 ? last.length : at, 0, { listed, place })
  }
  return last
}

function hoursAround({ place }: ArchivedObject): Pick<CatalogScope, 'since' | 'until'> {
  const atMs = Date.parse(`${hourOf(place)}:00:00Z`)
  return { since: hourOfTime(atMs - hourMs), until: hourOfTime(atMs + hourMs) }
}
