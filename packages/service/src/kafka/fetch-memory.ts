// Memory of large answers, used again when what was read in it is done with: allocated anew for each fetch, it costs more
// than all that is done with the records, in pages that are cleared and in collections of garbage. Whoever does not give
// a lease back loses nothing but that. Called by client.ts, whose connections fill it, and record-batches.ts, which reads in it.

/** Smaller answers are not worth it. */
const leastBytes = 128 << 10
/** Larger ones are rare: a fetch asks for less. */
const mostBytes = 32 << 20
/** Most bytes that are kept for later. */
const mostFreeBytes = 64 << 20

/** A part of the memory that somebody reads. */
export interface Lease {
  /** Says that it is not read any more; once. */
  release(): void
}

/** Pieces of memory by size. */
export class FetchMemory {
  readonly #free: ArrayBuffer[] = []
  #freeBytes = 0
  /** Of each piece that is in use, how many read in it. */
  readonly #readers = new WeakMap<ArrayBufferLike, number>()

  /** Bytes that are kept for later. */
  get freeBytes(): number {
    return this.#freeBytes
  }

  /** Returns that many bytes, with whatever they held before. Nobody reads in them yet. */
  take(bytes: number): Buffer {
    if (bytes < leastBytes || bytes > mostBytes) return Buffer.allocUnsafeSlow(bytes)
    // Of few sizes, so that the next answer fits; pages that are never touched are none.
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
    while (this.#freeBytes > mostFreeBytes) this.#freeBytes -= this.#free.shift()!.byteLength
  }
}

/** The memory of all connections of the process. */
export const fetchMemory = new FetchMemory()
