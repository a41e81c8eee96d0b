// Inflates one gzip body while it arrives, in zlib's threads, and stops where it becomes too much. Only what is whole
// counts: nothing is handed on before the last checksum was right. Called by http-body.ts.

import { createGunzip } from 'node:zlib'
import type { Gunzip } from 'node:zlib'

import type { HttpLimits } from '../http-limits.ts'
import type { ByteCharge } from './byte-budget.ts'
import { ChunkStore } from './http-chunks.ts'
import type { HttpCode } from './http-responses.ts'
import { compressionOf } from './inflate.ts'

/** Inflated bytes that leave zlib at a time: with fewer, the way from thread to thread takes longer than the work. */
const mostOutputBytes = 256 << 10
const leastOutputBytes = 16 << 10
/** zlib's window and state. */
const stateBytes = 48 << 10

/** How inflating ended. `corrupt`: these bytes are no gzip, or damaged. */
export type InflateOutcome =
  | { readonly kind: 'inflated' }
  | { readonly kind: 'corrupt'; readonly problem: string }
  | { readonly kind: 'refused'; readonly code: HttpCode }

/** What `BodyInflater` is made with. */
export interface InflaterOptions {
  /** Where the compressed bytes come in; only what is sealed is read, and none is taken away. */
  readonly source: ChunkStore
  readonly charge: ByteCharge
  readonly limits: HttpLimits
  /** Called once. */
  readonly onEnd: (outcome: InflateOutcome) => void
}

/** Bytes of gzip that a short body needs no more output for at a time. */
function outputBytesFor(compressedBytes: number, isAll: boolean): number {
  return isAll ? Math.min(mostOutputBytes, Math.max(leastOutputBytes, 8 * compressedBytes)) : mostOutputBytes
}

/**
 * One body on its way through zlib.
 *
 * *Order of calls*: `pump()` whenever the source has more, then `finish()`; `destroy()` at any time, after which
 * nothing is called back.
 */
export class BodyInflater {
  /** What came out; sealed when `onEnd` tells of `inflated`. */
  readonly output: ChunkStore
  private readonly options: InflaterOptions
  private readonly stream: Gunzip
  private readonly ownBytes: number
  private next = 0
  private isWriting = false
  private isFinished = false
  private isOver = false

  /** Returns an inflater, or nothing where the budget has no room for one. `isAll`: the source is complete. */
  static open(options: InflaterOptions, isAll: boolean): BodyInflater | undefined {
    const outputBytes = outputBytesFor(options.source.length, isAll)
    const ownBytes = stateBytes + outputBytes
    return options.charge.grow(ownBytes) ? new BodyInflater(options, outputBytes, ownBytes) : undefined
  }

  private constructor(options: InflaterOptions, outputBytes: number, ownBytes: number) {
    this.options = options
    this.ownBytes = ownBytes
    this.output = new ChunkStore({ charge: options.charge })
    this.stream = createGunzip({ chunkSize: outputBytes })
    this.stream.on('data', (bytes: Buffer) => this.take(bytes))
    this.stream.on('error', (error: NodeJS.ErrnoException) => this.fail(error))
    this.stream.on('end', () => this.endOfStream())
  }

  /** Writes what has come. */
  pump(): void {
    if (this.isWriting || this.isOver) return
    const chunk = this.options.source.chunks[this.next]
    if (chunk === undefined) {
      if (this.isFinished && !this.stream.writableEnded) this.stream.end()
      return
    }
    this.next++
    this.isWriting = true
    this.stream.write(chunk, () => {
      this.isWriting = false
      this.pump()
    })
  }

  /** The source is complete and sealed. */
  finish(): void {
    this.isFinished = true
    this.pump()
  }

  /** Stops, and gives back what the inflater took for itself; the output stays charged. */
  destroy(): void {
    if (!this.isOver) this.options.charge.shrink(this.ownBytes)
    this.isOver = true
    this.stream.destroy()
  }

  private take(bytes: Uint8Array): void {
    if (this.isOver) return
    const { limits } = this.options
    const inflated = this.output.length + bytes.length
    if (inflated > limits.inflatedBytes) return this.end({ kind: 'refused', code: 'inflated-too-large' })
    const isTooMuch = inflated > limits.inflationRatio * this.stream.bytesWritten
    if (inflated >= limits.ratioFromBytes && isTooMuch) return this.end({ kind: 'refused', code: 'ratio-too-high' })
    if (!this.output.append(bytes)) return this.end({ kind: 'refused', code: 'budget-spent' })
    if (compressionOf(this.output.head(3)) === 'gzip') this.end({ kind: 'refused', code: 'double-encoding' })
  }

  private fail(error: NodeJS.ErrnoException): void {
    if (error.code === 'Z_DATA_ERROR') this.end({ kind: 'corrupt', problem: error.message })
    else if (error.code === 'Z_BUF_ERROR') this.end({ kind: 'corrupt', problem: 'it ends too early' })
    else this.end({ kind: 'refused', code: 'internal' })
  }

  /** zlib stops by itself at a zero byte behind a member, and says nothing of what follows. */
  private endOfStream(): void {
    const isWhole = this.isFinished && this.stream.bytesWritten === this.options.source.length
    if (isWhole) this.end({ kind: 'inflated' })
    else this.end({ kind: 'corrupt', problem: 'it goes on behind its last member' })
  }

  private end(outcome: InflateOutcome): void {
    if (this.isOver) return
    this.destroy()
    if (outcome.kind === 'inflated') this.output.seal()
    this.options.onEnd(outcome)
  }
}
