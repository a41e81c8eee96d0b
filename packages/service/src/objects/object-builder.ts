// An object while it is built: lines in, counted and hashed, and what is to be stored kept until it is written. Called by
// ../pipeline and ../sinks.

import { createHash } from 'node:crypto'

import type { ObjectBody } from '../ports/object-store.ts'
import type { FormatWriter, ObjectFormat } from './object-format.ts'
import { chunkBytes } from './spool.ts'
import type { Spool, SpoolShare } from './spool.ts'

/** What became of the lines of an object. */
export interface BuiltObject {
  readonly body: ObjectBody
  /** Lines. */
  readonly count: number
  /** Bytes of the lines, and their SHA-256 in hexadecimal. */
  readonly rawBytes: number
  readonly sha256: string
}

/**
 * Builds one object. *Order of calls*: `add()` any number of times, each after the one before has settled; `finish()` once;
 * `release()` at the end, at any time, also instead of `finish()`.
 */
export interface ObjectBuilder {
  /** Lines, and bytes of them, that were added. */
  readonly count: number
  readonly rawBytes: number
  /** Bytes to be stored, as far as they are compressed. */
  readonly storedBytes: number
  /** Whether the object has to be finished early: there is no more room, and it is the largest. */
  readonly mustEnd: boolean
  /**
   * Adds values, a line feed behind each that does not end with one; empty ones and null add nothing. Copies what it needs
   * before it returns; resolves when more may be added, which waits for room while other objects are in the way.
   */
  add(values: readonly (Uint8Array | null)[]): Promise<void>
  finish(): Promise<BuiltObject>
  /** Gives back memory and disk; the body cannot be read any more. Never throws. */
  release(): Promise<void>
}

/** Options of `buildObject`. */
export interface BuildOptions {
  readonly format: ObjectFormat
  readonly spool: Spool
  /**
   * Called when `mustEnd` becomes true, which may also be while nothing is added: whoever waits for the next record of a
   * partition then ends the object, and others get its room.
   */
  readonly onMustEnd?: () => void
}

/** Begins an object. */
export function buildObject({ format, spool, onMustEnd }: BuildOptions): ObjectBuilder {
  return new Builder(format, spool.begin(onMustEnd))
}

const lineFeed = 0x0a

/** Chunks that are empty again. Fresh memory has to be cleared by the system, which costs as much as filling it. */
const spareChunks: Buffer[] = []
const mostSpareChunks = 16

function takeChunk(): Buffer {
  return spareChunks.pop() ?? Buffer.allocUnsafeSlow(chunkBytes)
}

function giveChunk(chunk: Buffer): void {
  if (spareChunks.length < mostSpareChunks) spareChunks.push(chunk)
}

/** Bytes of lines, up to `length`, in a chunk. */
interface Filled {
  readonly chunk: Buffer
  readonly length: number
}

class Builder implements ObjectBuilder {
  count = 0
  rawBytes = 0
  private readonly share: SpoolShare
  private readonly writer: FormatWriter
  private readonly hash = createHash('sha256')
  private filling: Buffer | undefined
  private filledBytes = 0
  /** Bytes of it whose lines are counted. */
  private countedBytes = 0
  /** Full chunks that are not compressed yet, in order. */
  private full: Filled[] = []
  /** What compresses them, while it does. Never rejects. */
  private running: Promise<void> | undefined
  private finishing: Promise<unknown> | undefined
  private failure: { readonly error: unknown } | undefined
  private isReleased = false

  constructor(format: ObjectFormat, share: SpoolShare) {
    this.share = share
    this.writer = format.open((bytes) => {
      if (!this.isReleased) share.object.append(bytes)
    })
  }

  get storedBytes(): number {
    return this.share.object.storedBytes
  }

  get mustEnd(): boolean {
    return this.share.mustEnd
  }

  async add(values: readonly (Uint8Array | null)[]): Promise<void> {
    this.check()
    const before = this.rawBytes
    for (const value of values) if (value !== null && value.length > 0) this.append(value)
    this.countLines()
    this.share.object.chargeRaw(this.rawBytes - before)
    this.run()
    await this.share.room()
    if (this.failure !== undefined) throw this.failure.error
  }

  finish(): Promise<BuiltObject> {
    const finishing = this.end()
    this.finishing = finishing.catch(() => undefined)
    return finishing
  }

  async release(): Promise<void> {
    this.isReleased = true
    this.writer.discard()
    await Promise.all([this.running, this.finishing])
    if (this.filling !== undefined) giveChunk(this.filling)
    this.filling = undefined
    this.full = []
    await this.share.release()
  }

  private check(): void {
    if (this.isReleased) throw new Error('The object was given up.')
    if (this.failure !== undefined) throw this.failure.error
  }

  private async end(): Promise<BuiltObject> {
    this.check()
    this.seal()
    this.share.finished()
    this.run()
    await this.running
    this.check()
    await this.writer.end()
    this.check()
    await this.share.object.settle()
    this.check()
    const { count, rawBytes } = this
    return { body: this.share.object.body(), count, rawBytes, sha256: this.hash.digest('hex') }
  }

  private append(value: Uint8Array): void {
    for (let at = 0; at < value.length;) {
      this.filling ??= takeChunk()
      const length = Math.min(chunkBytes - this.filledBytes, value.length - at)
      this.filling.set(length === value.length ? value : value.subarray(at, at + length), this.filledBytes)
      this.fill(length)
      at += length
    }
    if (value[value.length - 1] === lineFeed) return
    this.filling ??= takeChunk()
    this.filling[this.filledBytes] = lineFeed
    this.fill(1)
  }

  private fill(length: number): void {
    this.filledBytes += length
    this.rawBytes += length
    if (this.filledBytes === chunkBytes) this.seal()
  }

  /** Ends the chunk that is being filled. */
  private seal(): void {
    const { filling, filledBytes } = this
    if (filling === undefined) return
    this.countLines()
    this.full.push({ chunk: filling, length: filledBytes })
    this.filling = undefined
    this.filledBytes = 0
    this.countedBytes = 0
  }

  /** Counts the line feeds that have come into the chunk: one call for each, and not one more for each value. */
  private countLines(): void {
    const { filling, filledBytes } = this
    if (filling === undefined) return
    const added = filling.subarray(this.countedBytes, filledBytes)
    for (let at = added.indexOf(lineFeed); at >= 0; at = added.indexOf(lineFeed, at + 1)) this.count++
    this.countedBytes = filledBytes
  }

  private run(): void {
    if (this.full.length > 0) this.running ??= this.compress()
  }

  private async compress(): Promise<void> {
    try {
      for (let next = this.full.shift(); next !== undefined; next = this.full.shift()) {
        const bytes = next.chunk.subarray(0, next.length)
        this.hash.update(bytes)
        await this.writer.write(bytes)
        if (this.isReleased) break
        giveChunk(next.chunk)
        this.share.object.chargeRaw(-next.length)
        await this.share.object.settle()
        this.share.changed()
      }
    } catch (error) {
      this.failure = { error }
      // Nobody may wait for it any more.
      this.share.finished()
    }
    this.running = undefined
  }
}
