// Inflates a gzip or zstd stream as it comes, of any number of members or frames, in the threads that Node keeps for it.
// What was inflated before damage is handed on before the error is thrown, which is why Node's own piping is not used:
// it forgets what it has buffered. A step that fails gives up what it had made so far; so the input is then inflated
// again from its start, and finely where the damage is. Called by file.ts.

import zlib from 'node:zlib'
import type { Transform } from 'node:stream'

/** Compressions that are known by their first bytes. */
export const compressions = ['gzip', 'zstd'] as const
export type Compression = (typeof compressions)[number]

/** First bytes that tell a compression. */
export const signatureBytes = 4

/** Compressed bytes given to the inflater at a time. */
const sliceBytes = 256 << 10
/** Bytes that are kept back until it is known whether more follow. */
const heldBytes = 1024
/** Inflated bytes that leave at a time: with fewer, the way from thread to thread takes longer than the work. */
const chunkBytes = 512 << 10
/** Inflated bytes that may wait for their reader; zstd makes hundreds of megabytes of one slice where it is told to. */
const waitingBytes = 1 << 20

/** Returns the compression whose signature the bytes begin with: RFC 1952 with method 8, RFC 8878 or a skippable frame. */
export function compressionOf(bytes: Uint8Array): Compression | undefined {
  if (bytes.length >= 3 && bytes[0] === 0x1f && bytes[1] === 0x8b && bytes[2] === 8) return 'gzip'
  if (bytes.length < signatureBytes) return undefined
  const magic = Buffer.from(bytes.buffer, bytes.byteOffset, signatureBytes).readUInt32LE(0)
  return magic === 0xfd2fb528 || (magic & 0xfffffff0) >>> 0 === 0x184d2a50 ? 'zstd' : undefined
}

/** Returns whether this Node can inflate it; zstd it can from 22.15 and 23.8 on. */
export function canInflate(compression: Compression): boolean {
  return compression === 'gzip' || zstdOf(zlib) !== undefined
}

/** Inflated bytes, and how many compressed ones were taken from the stream so far. */
export interface Inflated {
  readonly bytes: Uint8Array
  readonly compressedBytes: number
}

/** How much of a stream that cannot be read again is kept for that, while it is no longer than this. */
export const keptBytes = 8 << 20

/**
 * Yields the inflated bytes. `again` reads the compressed bytes once more from their start. *Errors*: zlib's, untranslated,
 * after what came before was yielded. Where the stream ends too early that is everything; where it is damaged, everything
 * that the bytes before the damage hold, as long as they can be had again: by `again`, or because they are no more than
 * `keptBytes`. Otherwise up to `chunkBytes` inflated bytes right before the damage are lost. *Cost*: damage makes all
 * before it be inflated two times more.
 */
export async function* inflate(
  compressed: AsyncIterable<Uint8Array>,
  compression: Compression,
  again?: () => AsyncIterable<Uint8Array>,
): AsyncGenerator<Inflated, void, undefined> {
  const head = again === undefined ? new Head(compressed) : undefined
  const progress: Progress = { safeBytes: 0, isDamaged: false }
  let yielded = 0
  try {
    for await (const inflated of inflateOnce(head?.read() ?? compressed, compression, progress)) {
      yielded += inflated.bytes.length
      yield inflated
    }
  } catch (error) {
    const readAgain = again ?? head?.again()
    if (!progress.isDamaged || readAgain === undefined) throw error
    for (const fineBytes of fineSteps) {
      for await (const inflated of inflateAgain(readAgain(), compression, progress, yielded, fineBytes)) {
        yielded += inflated.bytes.length
        yield inflated
      }
    }
    throw error
  }
}

/** Steps in which damaged input is inflated again, and again: a step takes some 50 µs, so many KiB of single bytes would take seconds. */
const fineSteps = [256, 1]

/** `safeBytes`: compressed bytes in steps that succeeded. `isDamaged`: a step has failed. */
interface Progress {
  safeBytes: number
  isDamaged: boolean
}

async function* inflateOnce(
  compressed: AsyncIterable<Uint8Array>,
  compression: Compression,
  progress: Progress,
): AsyncGenerator<Inflated, void, undefined> {
  const inflater = new Inflater(compression)
  const step = async function* (slice: Uint8Array): AsyncGenerator<Inflated, void, undefined> {
    progress.isDamaged = true
    yield* inflater.step(slice)
    progress.isDamaged = false
    progress.safeBytes += slice.length
  }
  let held: Uint8Array = new Uint8Array(0)
  try {
    for await (const chunk of compressed) {
      for (let at = 0; at < chunk.length; at += sliceBytes) {
        const slice = Buffer.concat([held, chunk.subarray(at, at + sliceBytes)])
        const end = Math.max(0, slice.length - heldBytes)
        yield* step(slice.subarray(0, end))
        held = slice.subarray(end)
      }
    }
    for (const slice of finelySliced(held)) yield* step(slice)
    yield* inflater.end()
  } finally {
    inflater.destroy()
  }
}

/**
 * Yields what follows the first `skipped` inflated bytes, up to the damage behind `progress.safeBytes`, in steps of
 * `fineBytes` there, and moves `safeBytes` on to the step that fails. Its errors are those that are known already, or of a
 * file that has become another: either way there is nothing more to be had.
 */
async function* inflateAgain(
  compressed: AsyncIterable<Uint8Array>,
  compression: Compression,
  progress: Progress,
  skipped: number,
  fineBytes: number,
): AsyncGenerator<Inflated, void, undefined> {
  const inflater = new Inflater(compression)
  const fineFrom = progress.safeBytes
  let toSkip = skipped
  let done = 0
  try {
    for await (const slice of slicesOf(compressed, fineFrom, fineBytes)) {
      if (done >= fineFrom + sliceBytes + heldBytes) return
      for await (const { bytes, compressedBytes } of inflater.step(slice)) {
        const rest = bytes.subarray(Math.min(toSkip, bytes.length))
        toSkip -= bytes.length - rest.length
        if (rest.length > 0) yield { bytes: rest, compressedBytes }
      }
      done += slice.length
      progress.safeBytes = Math.max(progress.safeBytes, done)
    }
  } catch {
    return
  } finally {
    inflater.destroy()
  }
}

/** Cuts what comes into slices as long as usual up to `fineFrom`, and of `fineBytes` from there. */
async function* slicesOf(
  compressed: AsyncIterable<Uint8Array>,
  fineFrom: number,
  fineBytes: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  let done = 0
  for await (const chunk of compressed) {
    for (let at = 0; at < chunk.length;) {
      const most = done < fineFrom ? Math.min(sliceBytes, fineFrom - done) : fineBytes
      const slice = chunk.subarray(at, at + most)
      yield slice
      at += slice.length
      done += slice.length
    }
  }
}

/** Keeps what is read, for as long as it is no more than `keptBytes`. */
class Head {
  private readonly chunks: AsyncIterable<Uint8Array>
  private kept: Uint8Array[] | undefined = []
  private bytes = 0

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.chunks = chunks
  }

  async *read(): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of this.chunks) {
      this.bytes += chunk.length
      if (this.bytes > keptBytes) this.kept = undefined
      // The chunk's memory is used again for the next one, and a Buffer's slice would be no copy.
      this.kept?.push(new Uint8Array(chunk))
      yield chunk
    }
  }

  /** Returns what reads it again, or undefined when it was too much. */
  again(): (() => AsyncIterable<Uint8Array>) | undefined {
    const { kept } = this
    if (kept === undefined) return undefined
    return async function* () {
      yield* kept
    }
  }
}

/**
 * A wrong checksum or something behind the last member is found at the very end: sliced finely there, so that hardly
 * anything good shares a slice with it.
 */
function* finelySliced(bytes: Uint8Array): Generator<Uint8Array, void, undefined> {
  const coarse = Math.max(0, bytes.length - 64)
  for (let at = 0; at < coarse; at += 256) yield bytes.subarray(at, Math.min(coarse, at + 256))
  for (let at = coarse; at < bytes.length; at++) yield bytes.subarray(at, at + 1)
}

/** An inflating stream of Node. */
type Stream = Transform & { readonly bytesWritten: number }
interface StreamOptions {
  readonly chunkSize: number
  readonly readableHighWaterMark: number
}

/** Node 20, and the types that go with it, have no zstd. */
function zstdOf(library: object): ((options: StreamOptions) => Stream) | undefined {
  return (library as { createZstdDecompress?: (options: StreamOptions) => Stream }).createZstdDecompress
}

/** A stream that is given one slice at a time and is asked for all that comes of it. */
class Inflater {
  private readonly compression: Compression
  private stream: Stream
  /** Compressed bytes that streams before this one have taken. */
  private takenBefore = 0
  private readonly chunks: Uint8Array[] = []
  private waiting = 0
  private failure: Error | undefined
  private isEnded = false
  private onChange: (() => void) | undefined

  constructor(compression: Compression) {
    this.compression = compression
    this.stream = this.open()
  }

  async *step(slice: Uint8Array): AsyncGenerator<Inflated, void, undefined> {
    for (let rest = slice; rest.length > 0;) {
      // Behind the last member of gzip and its padding zlib has closed its output; what else comes is padding as well.
      if (this.isEnded && this.compression === 'gzip') return
      if (this.isEnded) this.reopen()
      const before = this.stream.bytesWritten
      let isTaken = false
      this.stream.write(rest, () => {
        isTaken = true
        this.wake()
      })
      yield* this.chunksUntil(() => isTaken)
      const taken = this.stream.bytesWritten - before
      if (taken === rest.length) return
      // Node's zstd ends with a frame, when another one may follow in the same slice, and says nothing of it.
      yield* this.chunksUntil(() => this.isEnded)
      if (taken === 0 && this.compression === 'zstd') throw new Error('unknown data behind a frame')
      rest = rest.subarray(taken)
    }
  }

  async *end(): AsyncGenerator<Inflated, void, undefined> {
    this.stream.end()
    yield* this.chunksUntil(() => this.isEnded || this.stream.destroyed)
  }

  destroy(): void {
    this.stream.destroy()
  }

  private open(): Stream {
    // Whatever waits in the stream itself is lost with an error: so nothing may.
    const options: StreamOptions = { chunkSize: chunkBytes, readableHighWaterMark: 1 }
    const create =
      this.compression === 'zstd' ? zstdOf(zlib) : (zlib.createGunzip as (options: StreamOptions) => Stream)
    if (create === undefined) throw new Error('This Node has no zstd.')
    const stream = create(options)
    stream.on('data', (bytes: Buffer) => {
      this.chunks.push(bytes)
      this.waiting += bytes.length
      if (this.waiting >= waitingBytes) stream.pause()
      this.wake()
    })
    stream.on('error', (error) => {
      this.failure ??= error
      this.wake()
    })
    stream.on('end', () => {
      this.isEnded = true
      this.wake()
    })
    stream.on('close', () => this.wake())
    return stream
  }

  private reopen(): void {
    this.takenBefore += this.stream.bytesWritten
    this.stream.destroy()
    this.stream.removeAllListeners('close')
    this.isEnded = false
    this.stream = this.open()
  }

  /** Yields what comes, until `isDone` and all of it is yielded. */
  private async *chunksUntil(isDone: () => boolean): AsyncGenerator<Inflated, void, undefined> {
    for (;;) {
      for (let bytes = this.chunks.shift(); bytes !== undefined; bytes = this.chunks.shift()) {
        this.waiting -= bytes.length
        if (this.stream.isPaused() && this.waiting < waitingBytes) this.stream.resume()
        yield { bytes, compressedBytes: this.takenBefore + this.stream.bytesWritten }
      }
      if (this.failure !== undefined) throw this.failure
      if (isDone()) return
      const changed = new Promise<void>((resolve) => (this.onChange = resolve))
      if (this.chunks.length === 0 && !isDone()) await changed
    }
  }

  private wake(): void {
    this.onChange?.()
  }
}
