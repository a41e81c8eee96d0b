// Inflates a gzip stream as it comes, of any number of members. What was inflated before damage is handed on before
// the error is thrown, which is why Node's own piping is not used: it forgets what it has buffered. Called by file.ts.

import { createGunzip } from 'node:zlib'
import type { Gunzip, ZlibOptions } from 'node:zlib'
import type { TransformOptions } from 'node:stream'

/** Compressed bytes given to zlib at a time: at its largest ratio, 1,032 to 1, they become 17 MB. */
const sliceBytes = 16 << 10
/** Bytes that are kept back until it is known whether more follow. */
const heldBytes = 1024

/** Returns whether the bytes begin a gzip stream (RFC 1952: two magic bytes, method 8). */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes.length >= 3 && bytes[0] === 0x1f && bytes[1] === 0x8b && bytes[2] === 8
}

/** Inflated bytes, and how many compressed ones were taken from the stream so far. */
export interface Inflated {
  readonly bytes: Uint8Array
  readonly compressedBytes: number
}

/**
 * Yields the inflated bytes. *Errors*: zlib's, untranslated, after what came before was yielded. Where the stream ends
 * too early that is everything; where it is damaged, everything but what the slice with the damage began with.
 */
export async function* inflate(compressed: AsyncIterable<Uint8Array>): AsyncGenerator<Inflated, void, undefined> {
  const inflater = new Inflater()
  let held: Uint8Array = new Uint8Array(0)
  try {
    for await (const chunk of compressed) {
      for (let at = 0; at < chunk.length; at += sliceBytes) {
        const slice = Buffer.concat([held, chunk.subarray(at, at + sliceBytes)])
        const end = Math.max(0, slice.length - heldBytes)
        yield* inflater.step(slice.subarray(0, end))
        held = slice.subarray(end)
      }
    }
    for (const slice of finelySliced(held)) yield* inflater.step(slice)
    yield* inflater.end()
  } finally {
    inflater.destroy()
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

/** A zlib stream that is given one slice at a time and is asked for all that came of it. */
class Inflater {
  private readonly gunzip: Gunzip
  private compressedBytes = 0
  private failure: Error | undefined
  private onChange: (() => void) | undefined

  constructor() {
    // No limit on what waits to be read: it is read after every slice, and zlib would wait for us while we wait for it.
    const options: ZlibOptions & TransformOptions = { chunkSize: 64 << 10, readableHighWaterMark: 2 ** 53 - 1 }
    this.gunzip = createGunzip(options)
    const wake = () => this.onChange?.()
    this.gunzip.on('error', (error) => {
      this.failure ??= error
      wake()
    })
    for (const event of ['readable', 'end', 'close'] as const) this.gunzip.on(event, wake)
  }

  async *step(slice: Uint8Array): AsyncGenerator<Inflated, void, undefined> {
    // Behind the last member and its padding zlib has closed its output; what else comes is padding as well.
    if (this.gunzip.readableEnded || slice.length === 0) return
    await new Promise<void>((resolve) => {
      // An error may come instead of the answer.
      this.onChange = () => this.failure !== undefined && resolve()
      this.gunzip.write(slice, () => resolve())
    })
    this.compressedBytes += slice.length
    yield* this.taken()
  }

  async *end(): AsyncGenerator<Inflated, void, undefined> {
    this.gunzip.end()
    for (;;) {
      const changed = new Promise<void>((resolve) => (this.onChange = resolve))
      yield* this.taken()
      if (this.gunzip.readableEnded || this.gunzip.destroyed) return
      await changed
    }
  }

  destroy(): void {
    this.gunzip.destroy()
  }

  private *taken(): Generator<Inflated, void, undefined> {
    const bytes = this.gunzip.read() as Buffer | null
    if (bytes !== null) yield { bytes, compressedBytes: this.compressedBytes }
    if (this.failure !== undefined) throw this.failure
  }
}
