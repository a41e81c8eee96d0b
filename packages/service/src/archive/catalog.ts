// What lies below an archive's prefix: objects with their manifests, and what is none of them, in the order of their keys,
// which is by hour, topic, partition and offset. A bucket may hold millions: nothing but a few objects that are looked at
// is kept. Called by direct.ts, newest.ts, verify.ts and ../commands.

import type { ListedObject, ObjectStore, StoredObject } from '../ports/object-store.ts'
import { readDirectManifest, readManifest } from '../objects/manifest.ts'
import type { DirectManifest, Manifest } from '../objects/manifest.ts'
import { folderOf, nearestTime, parseDirectKey, parseObjectKey } from '../objects/object-key.ts'
import type { DirectPlace, ObjectPlace } from '../objects/object-key.ts'

/** Which objects are looked at. Hours are as `hourOf` returns them. */
export interface CatalogScope {
  readonly prefix: string
  /** Default: all. */
  readonly partition?: number
  /** The first hour, and the last. */
  readonly since?: string
  readonly until?: string
  /** Only objects whose first record, as their names have it, lies in [from, to). */
  readonly offsets?: { readonly from: bigint; readonly to: bigint }
}

/** An object of the archive, as its name and its metadata have it. */
export interface ArchivedObject {
  readonly kind: 'archived'
  readonly key: string
  readonly hour: string
  readonly place: ObjectPlace
  readonly manifest: Manifest
  readonly storedBytes: number
  /** Milliseconds since 1970, by the store's clock. */
  readonly modifiedMs: number
}

/** An object that a pipeline wrote whose source is no topic: it has no offsets. */
export interface DirectObject {
  readonly kind: 'direct'
  readonly key: string
  readonly hour: string
  readonly place: DirectPlace
  readonly manifest: DirectManifest
  readonly storedBytes: number
  readonly modifiedMs: number
}

/** What stands below the prefix and is no object of the archive. */
export interface ForeignObject {
  readonly kind: 'foreign'
  readonly key: string
  /** Absent: it stands in the folder of no hour. */
  readonly hour?: string
  readonly storedBytes: number
  readonly modifiedMs: number
  /** Why it is none, as the end of a sentence about it. */
  readonly why: string
}

/** What `catalog` finds. */
export type CatalogEntry = ArchivedObject | DirectObject | ForeignObject

/** Calls to the store at a time. */
const mostHeads = 16

/** What the service itself keeps there, as the object that it tries the store with. */
const ownFolder = '_weir/'

/** Returns the hour of an object as people read it and hours sort: `2026-11-22T10`. */
export function hourOf({ date, hour }: Pick<ObjectPlace, 'date' | 'hour'>): string {
  return `${date}T${hour}`
}

/** Returns the hour of a time, in milliseconds since 1970. */
export function hourOfTime(ms: number): string {
  return nearestTime(ms).slice(0, 13)
}

/**
 * Yields what lies below the prefix. Objects outside of the folders of hours are named where the whole prefix is looked at and
 * is not empty: a bucket as a whole may hold anything. What is deleted meanwhile is left out. *Errors*: `S3Error`.
 */
export async function* catalog(store: ObjectStore, scope: CatalogScope): AsyncGenerator<CatalogEntry, void, undefined> {
  const listed = listScope(store, scope)
  for await (const entry of inOrder(listed, mostHeads, (object) => entryOf(store, scope, object))) {
    if (entry !== undefined) yield entry
  }
}

/**
 * Yields what `work` returns for each of `items`, in their order, with at most `most` under way. An error of one comes in its
 * turn; those behind it are awaited, and forgotten.
 */
export async function* inOrder<T, R>(
  items: AsyncIterable<T>,
  most: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R, void, undefined> {
  const underWay: Promise<R>[] = []
  try {
    for await (const item of items) {
      const result = work(item)
      // It is awaited in its turn; until then nobody has to hear of it.
      result.catch(() => undefined)
      underWay.push(result)
      if (underWay.length >= most) yield await underWay.shift()!
    }
    while (underWay.length > 0) yield await underWay.shift()!
  } finally {
    await Promise.allSettled(underWay)
  }
}

/** Yields what `catalog` asks for its manifest, in the same order: only listed, so that a call has a thousand of them. *Errors*: `S3Error`. */
export async function* listScope(
  store: ObjectStore,
  scope: CatalogScope,
): AsyncGenerator<ListedObject, void, undefined> {
  const { prefix, partition, since, until } = scope
  const folder = folderOf(prefix)
  const isWhole = partition === undefined && since === undefined && until === undefined
  const after = since === undefined ? undefined : folder + folderOfHour(since)
  for await (const object of store.list(isWhole ? folder : `${folder}dt=`, after)) {
    const name = object.key.slice(folder.length)
    if (name.startsWith(ownFolder)) continue
    if (prefix === '' && !name.startsWith('dt=')) continue
    const hour = hourOfKey(name)
    // Keys come in the order of their hours.
    if (until !== undefined && hour !== undefined && hour > until) return
    if (isWanted(scope, parseObjectKey(prefix, object.key))) yield object
  }
}

function isWanted({ partition, offsets }: CatalogScope, place: ObjectPlace | undefined): boolean {
  if (partition !== undefined && place?.partition !== partition) return false
  return offsets === undefined || (place !== undefined && place.first >= offsets.from && place.first < offsets.to)
}

function folderOfHour(hour: string): string {
  const [date, rest] = hour.split('T')
  return `dt=${date}/hr=${rest}`
}

function hourOfKey(name: string): string | undefined {
  const match = /^dt=(\d{4}-\d{2}-\d{2})\/hr=(\d{2})\//.exec(name)
  return match === null ? undefined : `${match[1]}T${match[2]}`
}

/** Returns what an object is, or undefined where it is gone. One call. *Errors*: `S3Error`. */
export async function entryOf(
  store: ObjectStore,
  scope: Pick<CatalogScope, 'prefix'>,
  listed: ListedObject,
): Promise<CatalogEntry | undefined> {
  const { key } = listed
  const place = parseObjectKey(scope.prefix, key)
  const direct = place === undefined ? parseDirectKey(scope.prefix, key) : undefined
  if (place === undefined && direct === undefined)
    return foreign(scope, listed, 'its name is none that an archive gives')
  const stored = await store.head(key)
  if (stored === undefined) return undefined
  const { bytes: storedBytes, modifiedMs, metadata } = stored
  if (direct !== undefined) {
    const manifest = readDirectManifest(metadata)
    if (manifest === undefined) return foreign(scope, stored, 'it carries no manifest')
    return { kind: 'direct', key, hour: hourOf(direct), place: direct, manifest, storedBytes, modifiedMs }
  }
  const manifest = readManifest(metadata)
  if (place === undefined || manifest === undefined) return foreign(scope, stored, 'it carries no manifest')
  return { kind: 'archived', key, hour: hourOf(place), place, manifest, storedBytes, modifiedMs }
}

function foreign(
  { prefix }: Pick<CatalogScope, 'prefix'>,
  { key, bytes: storedBytes, modifiedMs }: ListedObject | StoredObject,
  why: string,
): ForeignObject {
  const hour = hourOfKey(key.slice(folderOf(prefix).length))
  return { kind: 'foreign', key, ...(hour === undefined ? {} : { hour }), storedBytes, modifiedMs, why }
}
