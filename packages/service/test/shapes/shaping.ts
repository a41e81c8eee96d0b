// Runs a shape over a text in chunks, and gathers all that it yields. Called by tests.

import { Random } from '#src/generators/random.js'
import type { Place, Reject } from '#src/ports/source.js'
import type { Shape, ShapeFault } from '#src/shapes/shape.js'

/** What came of an input. */
export interface Shaped {
  readonly text: string
  readonly rejects: Reject[]
  readonly fault: ShapeFault | undefined
  /** Where the record lies in the input that begins at this byte of the text. */
  readonly locate: (byte: number) => Place
}

/** Pushes `input` in chunks of these sizes, the last one again and again. */
export function shapeAll(shape: Shape, input: Uint8Array, sizes: readonly number[]): Shaped {
  const parts: Buffer[] = []
  const rejects: Reject[] = []
  const pieces: { readonly start: number; readonly locate: (byte: number) => Place }[] = []
  let length = 0
  const take = (yielded: ReturnType<Shape['push']>) => {
    for (const { bytes, places, rejects: more = [] } of yielded) {
      parts.push(Buffer.from(bytes))
      pieces.push({ start: length, locate: (byte) => places.locate(byte) })
      length += bytes.length
      rejects.push(...more.map((reject) => ({ ...reject, bytes: Buffer.from(reject.bytes) })))
    }
  }
  for (let at = 0, index = 0; at < input.length && shape.fault === undefined; index++) {
    const size = sizes[Math.min(index, sizes.length - 1)] ?? input.length
    // In memory of its own that is overwritten afterwards, as sources do.
    const chunk = Buffer.from(input.subarray(at, at + size))
    take(shape.push(chunk))
    chunk.fill(0x21)
    at += size
  }
  if (shape.fault === undefined) take(shape.end())
  const locate = (byte: number) => {
    const piece = pieces.findLast(({ start }) => start <= byte)
    return piece === undefined ? { line: 0, byte: -1 } : piece.locate(byte - piece.start)
  }
  return { text: Buffer.concat(parts).toString(), rejects, fault: shape.fault, locate }
}

/** Sizes of chunks: all at once, one byte, odd ones, and drawn ones. */
export function chunkings(seed: number): readonly (readonly number[])[] {
  const random = new Random(seed)
  return [[1 << 30], [1], [3], [7, 1, 64, 63, 65], Array.from({ length: 50 }, () => 1 + random.below(40))]
}
