// The bytes of one body, as few pieces of memory: large pieces are kept as they came, small ones are copied together,
// since a body that comes byte by byte would else take a hundred times its length. Called by http-body.ts.

import type { ByteCharge } from './byte-budget.ts'

/** Pieces shorter than this are copied together. */
const smallBytes = 16 << 10
const leastBlockBytes = 4 << 10
const mostBlockBytes = 64 << 10

/** What `ChunkStore` is made with. */
export interface ChunkStoreOptions {
  /** What memory is charged to, before it is taken. */
  readonly charge: Pick<ByteCharge, 'grow' | 'shrink'>
  /** Bytes that will come at most, so that no more memory is taken. */
  readonly expectedBytes?: number
}

/** Pieces of one body, in order. */
export class ChunkStore {
  /** What is complete. *Ownership*: whoever takes the store, once `seal()` was called. */
  readonly chunks: Uint8Array[] = []
  /** Bytes that were appended. */
  length = 0
  /** Bytes of memory that are charged. */
  grown = 0
  private readonly options: ChunkStoreOptions
  private block: Buffer | undefined
  private used = 0
  private nextBlockBytes = leastBlockBytes

  constructor(options: ChunkStoreOptions) {
    this.options = options
  }

  /** Appends bytes, which are the store's from then on. Returns false where there is no room for them. */
  append(bytes: Uint8Array): boolean {
    if (bytes.length >= smallBytes) {
      if (!this.grow(bytes.length)) return false
      this.seal()
      this.chunks.push(bytes)
      this.length += bytes.length
      return true
    }
    for (let at = 0; at < bytes.length;) {
      const block = this.block ?? this.openBlock()
      if (block === undefined) return false
      const taken = Math.min(bytes.length - at, block.length - this.used)
      block.set(bytes.subarray(at, at + taken), this.used)
      at += taken
      this.used += taken
      this.length += taken
      if (this.used === block.length) this.seal()
    }
    return true
  }

  /** Makes everything that was appended a part of `chunks`. */
  seal(): void {
    const { block, used } = this
    if (block === undefined) return
    // A block that is hardly used would keep its memory for nothing.
    const isMoved = 2 * used < block.length
    this.chunks.push(isMoved ? Uint8Array.from(block.subarray(0, used)) : block.subarray(0, used))
    if (isMoved) this.shrink(block.length - used)
    this.block = undefined
    this.used = 0
  }

  /** Returns the first bytes, at most `count`. */
  head(count: number): Uint8Array {
    const open = this.block?.subarray(0, this.used)
    return headOf(open === undefined ? this.chunks : [...this.chunks.slice(0, count), open], count)
  }

  private openBlock(): Buffer | undefined {
    const expected = this.options.expectedBytes ?? Infinity
    const bytes = Math.max(1, Math.min(this.nextBlockBytes, expected - this.length))
    if (!this.grow(bytes)) return undefined
    this.nextBlockBytes = Math.min(mostBlockBytes, 2 * this.nextBlockBytes)
    this.block = Buffer.allocUnsafeSlow(bytes)
    return this.block
  }

  private grow(bytes: number): boolean {
    if (!this.options.charge.grow(bytes)) return false
    this.grown += bytes
    return true
  }

  private shrink(bytes: number): void {
    this.grown -= bytes
    this.options.charge.shrink(bytes)
  }
}

/** Returns the first bytes of pieces, at most `count`: a view where they lie in one, else a copy of no more than these. */
export function headOf(chunks: readonly Uint8Array[], count: number): Uint8Array {
  const [first] = chunks
  if (first === undefined) return new Uint8Array(0)
  if (first.length >= count || chunks.length === 1) return first.subarray(0, count)
  const parts: Uint8Array[] = []
  let length = 0
  for (const chunk of chunks) {
    if (length >= count) break
    const part = chunk.subarray(0, count - length)
    parts.push(part)
    length += part.length
  }
  return Buffer.concat(parts, length)
}
