// Records of a route as objects in a bucket, for sources that are no topics: each object has a name that nobody else gives,
// and is written once it is full or old enough. Delivery is at least once: what a source sends again goes into another
// object. Archives of topics are made by ../pipeline/archive.ts. Called by ../commands.

import { randomBytes } from 'node:crypto'

import { S3Error } from '../errors.ts'
import { directMetadata, mostVersions } from '../objects/manifest.ts'
import { buildObject } from '../objects/object-builder.ts'
import type { BuiltObject, ObjectBuilder } from '../objects/object-builder.ts'
import type { ObjectFormat } from '../objects/object-format.ts'
import { directKey } from '../objects/object-key.ts'
import type { Spool } from '../objects/spool.ts'
import type { NewObject, ObjectStore } from '../ports/object-store.ts'
import type { Sink } from '../ports/sink.ts'
import type { Clock, StartTimer } from '../time.ts'
import { writeError } from './write-error.ts'

/** An object that is safe in the bucket. `adopted`: it was there, since the answer to an earlier attempt had been lost. */
export interface SafeObject {
  readonly result: 'written' | 'adopted'
  /** Lines, and bytes of them. */
  readonly records: number
  readonly rawBytes: number
  readonly storedBytes: number
}

/** Options of `openS3Sink`. */
export interface S3SinkOptions {
  /** *Ownership*: the caller's, as the spool's; both outlive the sink. */
  readonly store: ObjectStore
  readonly spool: Spool
  readonly format: ObjectFormat
  /** What the names of objects begin with, and the pipeline, which is part of them. */
  readonly prefix: string
  readonly pipeline: string
  /** An object ends before it would have more bytes of lines; only one that holds a single record may have. */
  readonly maxObjectBytes: number
  /** The same for bytes as they are stored, as if nothing of what comes next were saved by compressing it. */
  readonly mostStoredBytes: number
  /** An object ends when it has as many records; it may have more by those of one `write()`. */
  readonly maxObjectRecords: number
  /** How long, in milliseconds, the first record of an object waits for others. */
  readonly maxWaitMs: number
  /** The time of day, for names. */
  readonly clock: Clock
  readonly startTimer: StartTimer
  /** Whether the store can be asked to write nothing over. Where it cannot, names that nobody else gives have to be enough. */
  readonly isConditional: () => boolean
  /** Called for each object that is safe. */
  readonly onObject?: (object: SafeObject) => void
  /** Called when an object cannot be written. The sink writes no other. */
  readonly onRefused?: (error: S3Error) => void
}

/** A sink that tells how old is what is not safe yet. */
export interface S3Sink extends Sink {
  /** When its first record came, in milliseconds since 1970; undefined where everything is safe, or is given back. */
  readonly openSinceMs: number | undefined
}

/**
 * Opens the sink, and asks nothing of the store before there is something to write. *Errors* of its methods: also `S3Error`,
 * all of which may pass.
 */
export function openS3Sink(options: S3SinkOptions): S3Sink {
  return new ObjectSink(options)
}

/** Objects that may wait while one is written; then a write waits. */
const mostWaiting = 1
/** How often an object is written that is found there and then is gone. */
const mostAttempts = 3
const lineFeed = 0x0a

/** One object, from its first record until it is safe. */
interface OpenObject {
  readonly builder: ObjectBuilder
  readonly sequence: number
  readonly sinceMs: number
  readonly versions: Set<string>
  /** Resolves when it is safe, and so is every object before it. */
  readonly safe: Promise<void>
  readonly onSafe: () => void
  readonly onFailure: (error: Error) => void
  stopTimer: () => void
  /** Records are being added: it ends when they are. */
  isAdding: boolean
  isDue: boolean
  /** What it holds, once it has ended. */
  built?: Promise<BuiltObject>
}

class ObjectSink implements S3Sink {
  readonly name: string
  private readonly options: S3SinkOptions
  /** When this sink was opened, and a random number. The hyphen keeps it from being read as a partition. */
  private readonly instance: string
  private sequence = 0
  private current: OpenObject | undefined
  /** Objects that are full or old, in order. */
  private readonly ended: OpenObject[] = []
  /** The one that is being written. */
  private storing: OpenObject | undefined
  private failure: Error | undefined

  constructor(options: S3SinkOptions) {
    this.name = options.store.name
    this.options = options
    this.instance = `${options.clock().toString(36)}-${randomBytes(6).toString('hex')}`
  }

  get openSinceMs(): number | undefined {
    // What a sink that failed holds is with its source again.
    return this.failure === undefined ? this.objects[0]?.sinceMs : undefined
  }

  async write(chunks: readonly Uint8Array[], version?: string): Promise<void> {
    for (const chunk of chunks) {
      for (let at = 0; at < chunk.length;) {
        while (this.ended.length > mostWaiting) await this.ended[0]!.safe
        this.check()
        const length = this.lengthFor(chunk.subarray(at))
        if (length === 0) this.end(this.current)
        else await this.add(chunk.subarray(at, at + length), version)
        at += length
      }
    }
    this.check()
  }

  async flush(): Promise<void> {
    this.check()
    await this.objects.at(-1)?.safe
  }

  async finish(): Promise<void> {
    this.end(this.current)
    await this.flush()
    this.failure = new Error(`${this.name} is closed.`)
  }

  async discard(): Promise<void> {
    this.fail(new Error(`What was written to ${this.name} is given up.`))
    // What is on its way cannot be called back, and whoever opens the sink anew need not wait for it.
    const rest = this.objects.filter((object) => object !== this.storing)
    await Promise.all(rest.map(({ builder }) => builder.release()))
  }

  private get objects(): OpenObject[] {
    return this.current === undefined ? [...this.ended] : [...this.ended, this.current]
  }

  private check(): void {
    if (this.failure !== undefined) throw this.failure
  }

  /** Whatever fails first is the answer to everything that follows. */
  private fail(error: unknown): Error {
    this.failure ??= error instanceof S3Error ? error : writeError(this.name, error, true)
    for (const { stopTimer, onFailure } of this.objects) {
      stopTimer()
      onFailure(this.failure)
    }
    return this.failure
  }

  /** Returns how many bytes go into the object that is open, cut behind a line; 0 where it has to end before. */
  private lengthFor(rest: Uint8Array): number {
    const { current } = this
    const { maxObjectBytes, mostStoredBytes } = this.options
    const { rawBytes, storedBytes } = current?.builder ?? { rawBytes: 0, storedBytes: 0 }
    const room = Math.max(0, Math.min(maxObjectBytes - rawBytes, mostStoredBytes - storedBytes))
    if (rest.length <= room) return rest.length
    const last = rest.subarray(0, room).lastIndexOf(lineFeed)
    if (last >= 0 || current !== undefined) return last + 1
    const next = rest.indexOf(lineFeed, room)
    return next < 0 ? rest.length : next + 1
  }

  private async add(bytes: Uint8Array, version: string | undefined): Promise<void> {
    const { maxObjectBytes, maxObjectRecords } = this.options
    const object = (this.current ??= this.begin())
    const { builder } = object
    if (version !== undefined) object.versions.add(version)
    object.isAdding = true
    try {
      await builder.add([bytes])
    } catch (error) {
      throw this.fail(error)
    }
    object.isAdding = false
    const isFull = builder.rawBytes >= maxObjectBytes || builder.count >= maxObjectRecords
    if (isFull || object.isDue || builder.mustEnd) this.end(object)
  }

  private begin(): OpenObject {
    const { format, spool, clock, startTimer, maxWaitMs } = this.options
    const builder = buildObject({ format, spool, onMustEnd: () => this.end(object) })
    let [onSafe, onFailure]: [() => void, (error: Error) => void] = [() => undefined, () => undefined]
    const safe = new Promise<void>((resolve, reject) => ([onSafe, onFailure] = [resolve, reject]))
    // Whoever waits for it is told; there may be nobody.
    safe.catch(() => undefined)
    const object: OpenObject = {
      ...{ builder, safe, onSafe, onFailure, sequence: ++this.sequence, sinceMs: clock(), versions: new Set() },
      ...{ isAdding: false, isDue: false, stopTimer: () => undefined },
    }
    object.stopTimer = startTimer(maxWaitMs, () => this.end(object))
    return object
  }

  /** Ends the object that is open, as soon as nothing is being added to it. */
  private end(object: OpenObject | undefined): void {
    if (object === undefined || object !== this.current || this.failure !== undefined) return
    object.isDue = true
    if (object.isAdding) return
    object.stopTimer()
    this.current = undefined
    this.ended.push(object)
    object.built = object.builder.finish()
    object.built.catch(() => undefined)
    void this.storeAll()
  }

  /** Writes what has ended, one object after another. Never rejects. */
  private async storeAll(): Promise<void> {
    while (this.storing === undefined && this.ended.length > 0 && this.failure === undefined) {
      const object = (this.storing = this.ended[0]!)
      try {
        await this.store(object)
        this.ended.shift()
        object.onSafe()
      } catch (error) {
        // What a sink was given up with says nothing new of the store.
        if (error instanceof S3Error && this.failure === undefined) this.options.onRefused?.(error)
        this.fail(error)
      }
      await object.builder.release()
      this.storing = undefined
    }
  }

  private async store(object: OpenObject): Promise<void> {
    const built = await object.built!
    this.check()
    const result = await this.create(this.newObject(object, built), built.sha256)
    const { count: records, rawBytes, body } = built
    this.options.onObject?.({ result, records, rawBytes, storedBytes: body.bytes })
  }

  private newObject({ sequence, sinceMs, versions }: OpenObject, built: BuiltObject): NewObject {
    const { prefix, pipeline, format } = this.options
    const { extension, contentType } = format
    const { instance } = this
    const moreVersions = Math.max(0, versions.size - mostVersions)
    const metadata = { ...built, pipeline, versions: [...versions].slice(0, mostVersions), moreVersions }
    return {
      key: directKey(prefix, { pipeline, instance, sequence, timeMs: sinceMs, extension }),
      body: built.body,
      metadata: directMetadata(metadata),
      contentType,
    }
  }

  private async create(object: NewObject, sha256: string): Promise<SafeObject['result']> {
    const { store, isConditional } = this.options
    const { key } = object
    if (!isConditional()) {
      await store.overwrite(object)
      return 'written'
    }
    for (let attempt = 0; attempt < mostAttempts; attempt++) {
      if ((await store.create(object)) === 'written') return 'written'
      const there = await store.head(key)
      if (there?.metadata['weir-sha256'] === sha256) return 'adopted'
      if (there !== undefined) throw this.refusal('ERR_S3_FOREIGN', key, 'holds something else')
    }
    throw this.refusal('ERR_S3_CONFLICT', key, 'is there when it is written, and gone when it is looked at')
  }

  /** It may pass: a sink that is opened anew gives other names. */
  private refusal(code: 'ERR_S3_FOREIGN' | 'ERR_S3_CONFLICT', key: string, what: string): S3Error {
    return new S3Error(code, `The object ${key} in ${this.name} ${what}.`, { retryable: true, details: { key } })
  }
}
