// Large pieces of memory that are used again when nobody reads in them any more. Allocated anew each time, they cost pages
// that are cleared, and V8 counts them for its collections although nothing of them is on its heap. Whoever does not give a
// lease back loses nothing but that. What pieces there are: fetch-memory.ts and send-memory.ts.

/** Smaller pieces are not worth it. */
const leastBytes = 128 << 10
/** Larger ones are rare: a fetch asks for less, and so does a send. */
const mostBytes = 32 << 20

/** A part of the memory that somebody reads. */
export interface Lease {
  /** Says that it is not read any more; once. */
  release(): void
}

/** Pieces of memory by size. */
export class ReusedMemory {
  readonly #mostFreeBytes: number
  readonly #free: ArrayBuffer[] = []
  #freeBytes = 0
  /** Of each piece that is in use, how many read in it. */
  readonly #readers = new WeakMap<ArrayBufferLike, number>()

  /** `mostFreeBytes`: that are kept for later. */
  constructor(mostFreeBytes = 64 << 20) {
    this.#mostFreeBytes = mostFreeBytes
  }

  /** Bytes that are kept for later. */
  get freeBytes(): number {
    return this.#freeBytes
  }

  /** Returns that many bytes, with whatever they held before. Nobody reads in them yet. */
  take(bytes: number): Buffer {
    if (bytes < leastBytes || bytes > mostBytes) return Buffer.allocUnsafeSlow(bytes)
    // Of few sizes, so that the next one fits; pages that are never touched are none.
    const size = 2 ** Math.ceil(Math.log2(bytes))
    const at = this.#free.findLastIndex(({ byteLength }) => byteLength === size)
    const piece = at < 0 ? Buffer.allocUnsafeSlow(size).buffer : this.#free.splice(at, 1)[0]!
    if (at >= 0) this.#freeBytes -= size
    this.#readers.set(piece, 0)
    return Buffer.from(piece, 0, bytes)
  }

  /**
   * Returns the lease of somebody who reads in these bytes, or nothing where they are not of this memory. All readers of one
   * piece have to ask before the first of them is done: then it is used again when all are.
   */
  leaseOf({ buffer }: Uint8Array): Lease | undefined {
    const readers = this.#readers.get(buffer)
    if (readers === undefined) return undefined
    this.#readers.set(buffer, readers + 1)
    let isReleased = false
    const release = () => {
      if (isReleased) return
      isReleased = true
      this.#release(buffer as ArrayBuffer)
    }
    return { release }
  }

  #release(piece: ArrayBuffer): void {
    const readers = this.#readers.get(piece)! - 1
    this.#readers.set(piece, readers)
    if (readers > 0) return
    this.#readers.delete(piece)
    this.#free.push(piece)
    this.#freeBytes += piece.byteLength
    while (this.#freeBytes > this.#mostFreeBytes) this.#freeBytes -= this.#free.shift()!.byteLength
  }
}
