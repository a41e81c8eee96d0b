// One object of an archive, from its first record until it is written or found written. When it ends is told by the log
// (../objects/boundary.ts), or by time where nothing more comes. Called by archive.ts.

import { counted } from '../counted.ts'
import { S3Error } from '../errors.ts'
import { closesBefore } from '../objects/boundary.ts'
import type { Boundary, ObjectLimits, OpenObject } from '../objects/boundary.ts'
import { manifestMetadata, mostVersions, readManifest } from '../objects/manifest.ts'
import type { Manifest } from '../objects/manifest.ts'
import type { BuiltObject, ObjectBuilder } from '../objects/object-builder.ts'
import { objectKey } from '../objects/object-key.ts'
import type { NewObject, ObjectStore, StoredObject } from '../ports/object-store.ts'
import { kafkaHeaders } from '../sinks/kafka.ts'
import type { Clock, StartTimer } from '../time.ts'
import { findBehind } from './archive-neighbours.ts'
import type { Behind } from './archive-neighbours.ts'
import type { Patience, PatienceParts } from './patience.ts'

/** Ids of what is archived. */
export interface LogIdentity {
  readonly clusterId: string
  /** Empty where brokers are too old to tell. */
  readonly topicId: string
}

/** What an archive is made with. */
export interface ArchiveParts extends PatienceParts {
  readonly store: ObjectStore
  readonly prefix: string
  readonly extension: string
  /** Those of all formats there are. */
  readonly extensions: readonly string[]
  readonly contentType: string
  readonly limits: Omit<ObjectLimits, 'rangeOffsets'>
  /** Where a store ignores conditions, objects end at multiples of this too, so that two writers cut alike. */
  readonly rangeOffsets: number
  /** How long after the end of its period an object may wait for records. */
  readonly idleMs: number
  /** Begins an object; `isCopy`: only its count and hash are wanted. `onMustEnd`: as for `buildObject`. */
  readonly build: (isCopy: boolean, onMustEnd: () => void) => ObjectBuilder
  readonly identify: () => Promise<LogIdentity>
  /** Whether the store obeys create-only writes. *Errors*: `S3Error`. */
  readonly isConditional: () => Promise<boolean>
  readonly startTimer: StartTimer
  /** Whether it is known that the bucket says where the archive of the partition began. Kept over its sessions. */
  readonly begun: { isNoted: boolean }
  /** Milliseconds since 1970; only for what people are told. */
  readonly now: Clock
  /** Whether what the session before failed for may be so still: then an object does not wait for more records at the end of the log. */
  readonly isHeld: () => boolean
  /** Told when an object is begun, before anything is written. `isNew`: none of its name was found. */
  readonly onBegun: (isNew: boolean) => void
  /** Told of each object when the offset behind it is committed. */
  readonly onObject: (object: ArchivedObject) => void
}

/** An object that is safe. */
export interface ArchivedObject extends Pick<Manifest, 'first' | 'last' | 'count' | 'rawBytes'> {
  readonly key: string
  readonly storedBytes: number
  /** `adopted`: it was there. */
  readonly result: 'written' | 'adopted'
  readonly why: ObjectEnd
}

/**
 * Why an object ends. `idle`: its period is over, and nothing comes; `room`: the spool is full; `adopted`: it was there;
 * `next`: one is there that begins with the next record.
 */
export type ObjectEnd = Boundary | 'idle' | 'room' | 'adopted' | 'next'

/** Most versions of rule sets that are counted: whoever writes to the topic chooses them. */
const mostCounted = 1000

/** A record, as far as it matters where it lies. */
export interface ArchivedRecord {
  readonly offset: bigint
  readonly timeMs: number
  readonly bytes: number
  readonly headers: readonly (readonly [name: string, value: Uint8Array | null])[]
}

interface Beginning {
  readonly topic: string
  readonly partition: number
  readonly from: bigint
}

/** Of an object that grows. */
interface Extent extends OpenObject {
  count: number
  rawBytes: number
}

interface Found {
  readonly key: string
  readonly there: Manifest | undefined
  readonly behind: Behind
  readonly isConditional: boolean
}

interface ObjectParts extends ArchiveParts {
  readonly patience: Patience
  /** Whether objects may be there, of this name and behind it. */
  readonly looksFirst: boolean
  /** Told when there is no more room, and the object has to end. */
  readonly onMustEnd: () => void
  readonly identity: LogIdentity
}

/** *Order of calls*: `begin`; for each record `endBefore()` and `count()`, and `add()` now and then; `write()`; `release()`. */
export class ArchiveObject {
  readonly key: string
  /** When it was begun, in milliseconds since 1970 by our clock. */
  readonly begunMs: number
  private readonly parts: ObjectParts
  private readonly beginning: Beginning
  /** What it holds so far, as where it ends is asked of each record. */
  private readonly extent: Extent
  private readonly limits: ObjectLimits
  private readonly builder: ObjectBuilder
  /** What is there already, and only has to be compared. */
  private readonly there: Manifest | undefined
  private readonly behind: Behind
  private readonly versions = new Set<string>()
  private lastVersion: Uint8Array | undefined
  private last: bigint
  private lastMs: number
  private idleAtMs: number | undefined
  private timedRecords = 0
  private archived: ArchivedObject | undefined

  private constructor(record: ArchivedRecord, beginning: Beginning, parts: ObjectParts, found: Found) {
    const { there, behind, isConditional } = found
    this.parts = parts
    this.limits = isConditional ? parts.limits : { ...parts.limits, rangeOffsets: parts.rangeOffsets }
    this.key = found.key
    this.begunMs = parts.now()
    this.beginning = beginning
    this.last = record.offset
    this.lastMs = record.timeMs
    this.there = there
    this.behind = behind
    const builder = parts.build(there !== undefined, parts.onMustEnd)
    this.builder = builder
    this.extent = {
      ...{ first: record.offset, firstMs: record.timeMs, count: 0, rawBytes: 0 },
      get storedBytes() {
        return builder.storedBytes
      },
    }
  }

  /** Begins with a record. *Errors*: `ERR_S3_FOREIGN` where something stands in the way; those of the store. */
  static async begin(record: ArchivedRecord, beginning: Beginning, parts: ObjectParts): Promise<ArchiveObject> {
    const { patience, store, looksFirst, extension, extensions } = parts
    const isConditional = await patience.ask(parts.isConditional)
    const key = keyOf(record, beginning, parts, extension)
    // Before the settings were changed it may have been written in another format.
    const names = extensions.map((each) => keyOf(record, beginning, parts, each))
    const looks = looksFirst ? [key, ...names.filter((each) => each !== key)] : isConditional ? [] : [key]
    for (const name of looks) {
      const found = await patience.ask(() => store.head(name))
      if (found === undefined) continue
      const there = ownManifest(found, { ...beginning, first: record.offset }, parts)
      return new ArchiveObject(record, beginning, parts, { key: name, there, behind: { hasMore: true }, isConditional })
    }
    const behind = looksFirst ? await patience.ask(() => findBehind(record, beginning, parts)) : { hasMore: false }
    return new ArchiveObject(record, beginning, parts, { key, there: undefined, behind, isConditional })
  }

  /** Whether it was not there when it was begun. */
  get isNew(): boolean {
    return this.there === undefined
  }

  /** Whether objects may be there behind this one. */
  get mayMeetMore(): boolean {
    return this.behind.hasMore
  }

  /** What it holds so far, for people. */
  get status() {
    const { key, last } = this
    const { count: records } = this.extent
    const { rawBytes, storedBytes } = this.builder
    return { key, records, last: String(last), rawBytes, storedBytes, since: new Date(this.begunMs).toISOString() }
  }

  /** Returns why the object ends before this record; undefined where it belongs to it. */
  endBefore(record: ArchivedRecord): ObjectEnd | undefined {
    if (this.there !== undefined) return record.offset > this.there.last ? 'adopted' : undefined
    if (this.extent.count === 0) return undefined
    if (this.behind.first !== undefined && record.offset >= this.behind.first) return 'next'
    if (this.builder.mustEnd) return 'room'
    return closesBefore(this.extent, record, this.limits)
  }

  /** Takes note of a record; its value is added with others. */
  count({ offset, timeMs, bytes, headers }: ArchivedRecord): void {
    this.last = offset
    this.lastMs = timeMs
    this.extent.count++
    this.extent.rawBytes += bytes + 1
    for (const [name, value] of headers) if (name === kafkaHeaders.version && value !== null) this.note(value)
  }

  add(values: readonly Uint8Array[]): Promise<void> {
    return this.builder.add(values)
  }

  /** All up to `position` was read; `isAtEnd`: there is nothing behind it yet. */
  read(position: bigint, isAtEnd: boolean, nowMs: number): void {
    // What only moves the position says nothing of the time.
    const { limits, parts, extent } = this
    if (extent.count === this.timedRecords) return
    this.timedRecords = extent.count
    const isWaiting = this.there === undefined ? isAtEnd || limits.rangeOffsets === undefined : isAtEnd && position <= this.there.last // prettier-ignore
    // By the broker's clock the period is over that long after its last record came, at the latest.
    const leftMs = limits.periodMs - (extent.firstMs % limits.periodMs) - (this.lastMs - extent.firstMs)
    const waitMs = Math.min(Math.max(leftMs, 0), limits.periodMs) + parts.idleMs
    // Any cut is safe, and only the attempt tells whether what was refused is taken by now.
    this.idleAtMs = isWaiting ? nowMs + (parts.isHeld() ? 0 : waitMs) : undefined
  }

  /** Returns why the object ends with what was read up to `position`; undefined where more may come. */
  endAfter(position: bigint): ObjectEnd | undefined {
    if (this.there !== undefined) return position > this.there.last ? 'adopted' : undefined
    return this.builder.mustEnd ? 'room' : undefined
  }

  /** Milliseconds from now until nothing more is waited for; undefined where that is not known. */
  idleMs(nowMs: number): number | undefined {
    return this.idleAtMs === undefined ? undefined : Math.max(0, this.idleAtMs - nowMs)
  }

  /**
   * Writes the object, or finds that it is written. Resolves with the offset behind its last record.
   * *Errors*: `ERR_S3_FOREIGN`, `ERR_S3_CUT`; those of the store, where waiting does not help.
   */
  async write(why: ObjectEnd): Promise<bigint> {
    const built = await this.builder.finish()
    const manifest = this.manifest(built)
    const { there } = this
    if (there !== undefined) this.compare(there, manifest)
    const result = there === undefined ? await this.put(built, manifest) : 'adopted'
    const { first, last, count, rawBytes } = manifest
    this.archived = { key: this.key, first, last, count, rawBytes, storedBytes: built.body.bytes, result, why }
    return last + 1n
  }

  /** Tells that the object is safe, and the offset behind it committed. */
  tell(): void {
    if (this.archived !== undefined) this.parts.onObject(this.archived)
  }

  release(): Promise<void> {
    return this.builder.release()
  }

  private async put({ body }: BuiltObject, manifest: Manifest): Promise<'written' | 'adopted'> {
    const { patience, contentType, isConditional } = this.parts
    const object = { key: this.key, body, contentType, metadata: manifestMetadata(manifest) }
    const isObeyed = await patience.ask(isConditional)
    const found = await patience.ask(() => (isObeyed ? this.create(object) : this.createUnasked(object)))
    if (found === undefined) return 'written'
    this.compare(ownManifest(found, manifest, this.parts), manifest)
    return 'adopted'
  }

  /** Resolves with what is there already; undefined where the object is written. */
  private async create(object: NewObject): Promise<StoredObject | undefined> {
    const { store } = this.parts
    if ((await store.create(object)) === 'written') return undefined
    const found = await store.head(this.key)
    if (found !== undefined) return found
    // Somebody has deleted it since: then it is written again, and not at once where that goes on.
    const message = `${this.key} is there when it is written, and gone when it is looked at.`
    throw new S3Error('ERR_S3_CONFLICT', message, { retryable: true, details: { key: this.key } })
  }

  /** The same where conditions are ignored: somebody may have written it since it was begun here. */
  private async createUnasked(object: NewObject): Promise<StoredObject | undefined> {
    const { store } = this.parts
    const found = await store.head(this.key)
    if (found === undefined) await store.overwrite(object)
    return found
  }

  private compare(there: Manifest, ours: Manifest): void {
    const { key } = this
    if (there.last !== ours.last && this.there === undefined) {
      const message = `${key} is there, and ends with offset ${there.last}; what was to be written ends with ${ours.last}.`
      throw new S3Error('ERR_S3_CUT', message, { retryable: true, details: { key } })
    }
    if (there.last === ours.last && there.count === ours.count && there.sha256 === ours.sha256) return
    const held = `offsets ${there.first} to ${there.last}, ${counted(there.count, 'record')}, SHA-256 ${there.sha256}`
    const has = `${counted(ours.count, 'record')} up to ${ours.last}, SHA-256 ${ours.sha256}`
    throw foreign(key, `it says that it holds ${held}; the topic has ${has}`)
  }

  private manifest({ count, rawBytes, sha256 }: BuiltObject): Manifest {
    const { last, lastMs, versions, extent } = this
    const listed = [...versions].slice(0, mostVersions)
    return {
      ...this.beginning,
      ...this.parts.identity,
      ...{
        first: extent.first,
        firstMs: extent.firstMs,
        last,
        lastMs,
        count,
        rawBytes,
        sha256,
        versions: listed,
        moreVersions: versions.size - listed.length,
      },
    }
  }

  private note(version: Uint8Array): void {
    if (this.lastVersion !== undefined && areEqual(this.lastVersion, version)) return
    this.lastVersion = Buffer.from(version)
    // Whoever writes to the topic chooses it: only what can be a version is listed.
    const text = Buffer.from(version).toString('latin1')
    if (this.versions.size < mostCounted && /^[\x21-\x7e]{1,64}$/.test(text)) this.versions.add(text)
  }
}

function keyOf({ offset, timeMs }: ArchivedRecord, of: Beginning, { prefix }: ArchiveParts, extension: string): string {
  const { topic, partition } = of
  return objectKey(prefix, { topic, partition, first: offset, timeMs, extension })
}

/** Returns the manifest of an object that is in the way. *Errors*: `ERR_S3_FOREIGN` where it is none of this log's. */
function ownManifest(
  { key, metadata }: { readonly key: string; readonly metadata: Readonly<Record<string, string>> },
  { topic, partition, first }: { readonly topic: string; readonly partition: number; readonly first: bigint },
  { identity }: ObjectParts,
): Manifest {
  const manifest = readManifest(metadata)
  if (manifest === undefined) throw foreign(key, 'it does not say what it holds')
  if (manifest.clusterId !== identity.clusterId) {
    throw foreign(key, `it is from the cluster ${manifest.clusterId}, and this one is ${identity.clusterId}`)
  }
  if (manifest.topicId !== '' && identity.topicId !== '' && manifest.topicId !== identity.topicId) {
    throw foreign(
      key,
      `it is from a topic with the id ${manifest.topicId}, and ${topic} has the id ${identity.topicId}`,
    )
  }
  if (manifest.topic !== topic || manifest.partition !== partition || manifest.first !== first) {
    throw foreign(key, `it says that it is of ${manifest.topic}, partition ${manifest.partition}, from offset ${manifest.first}`) // prettier-ignore
  }
  return manifest
}

/** For a few bytes, for each record: quicker than a call of the system's. */
function areEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}

function foreign(key: string, why: string): S3Error {
  const message = `The object ${key} is in the way, and is left as it is: ${why}.`
  return new S3Error('ERR_S3_FOREIGN', message, { details: { key } })
}
