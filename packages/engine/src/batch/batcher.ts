// Fills slabs with the bytes of a stream: each byte is copied once, each batch is cut after its last line feed,
// and what remains opens the next one. Frames nothing else; timers and dispatch belong to the caller
// (filtering.ts). Also joins several values into one input.

import { afterLastLine, byteOrderMarkBytes, hasByteOrderMark, lineFeed, surelyTooLongBytes } from './framing.ts'
import type { Slab } from './slab.ts'

/** A slab filled and cut: ready to be evaluated. */
export interface SealedBatch {
  readonly slab: Slab
  /** [start, end): what is to be evaluated, as positions in the slab's input region. */
  readonly start: number
  readonly end: number
  /** The first bytes continue a too-long line that an earlier batch counted. */
  readonly continues: boolean
  /** The last line is too long and goes on in the next batch. */
  readonly open: boolean
  /** Position in the stream, in bytes, of the input region's first byte. */
  readonly streamAt: number
}

/** The sizes that a batcher keeps to. */
export interface BatcherLimits {
  readonly batchBytes: number
  readonly maxRecordBytes: number
}

/**
 * Turns chunks into batches. Order of calls: `add` until it has taken the whole chunk, `seal` whenever `isFull`
 * (or earlier, to bound a batch's age), `end` once, `abandon` on failure. Slabs come from `take`.
 */
export class StreamBatcher {
  readonly #limits: BatcherLimits
  readonly #take: () => Slab
  #slab: Slab | undefined
  #length = 0
  #continues = false
  #streamAt = 0
  #isFull = false
  /** Where a search for a line feed may begin: bytes before it were searched and have none. */
  #searchedTo = 0

  /** `take` returns a slab of `batchShape(limits…)`, whose owner the batcher is until the batch is sealed. */
  constructor(limits: BatcherLimits, take: () => Slab) {
    this.#limits = limits
    this.#take = take
  }

  /** Bytes that are held and not sealed yet. */
  get heldBytes(): number {
    return this.#length
  }

  /** Whether the batch must be sealed before more bytes can be added. */
  get isFull(): boolean {
    return this.#isFull
  }

  /** Copies bytes of `chunk` from `from` on; returns the position up to which it took them. */
  add(chunk: Uint8Array, from = 0): number {
    this.#slab ??= this.#take()
    let at = from
    while (at < chunk.length && !this.#isFull) {
      const target = this.#target()
      const to = Math.min(chunk.length, at + target - this.#length)
      copyInto(this.#slab.input, this.#length, at === 0 && to === chunk.length ? chunk : chunk.subarray(at, to))
      this.#length += to - at
      at = to
      if (this.#length >= target) this.#isFull = this.#canCut()
    }
    return at
  }

  /**
   * Returns the whole lines that are held as a batch, and keeps the rest for the next one; undefined when there is
   * no place to cut yet. The caller owns the batch's slab.
   */
  seal(): SealedBatch | undefined {
    const slab = this.#slab
    if (slab === undefined || this.#length === 0) return undefined
    const end = afterLastLine(slab.input, this.#searchedTo, this.#length)
    if (end >= 0) return this.#cut(slab, end, false)
    this.#searchedTo = this.#length
    // One byte stays behind, so that an open line always has a continuation, which gets the missing line feed.
    const isTooLong = this.#continues || this.#length > surelyTooLongBytes(this.#limits.maxRecordBytes) + this.#lead()
    return isTooLong && this.#length > 1 ? this.#cut(slab, this.#length - 1, true) : undefined
  }

  /**
   * Returns what is held as the last batch, or undefined when nothing is held. A stream that is nothing but a byte
   * order mark is a batch without records, which stands for its bytes.
   */
  end(): SealedBatch | undefined {
    const slab = this.#slab
    return slab === undefined || this.#length === 0 ? undefined : this.#cut(slab, this.#length, false)
  }

  /** Returns the slab that is being filled, if there is one; the batcher is not used afterwards. */
  abandon(): Slab | undefined {
    const slab = this.#slab
    this.#slab = undefined
    this.#length = 0
    return slab
  }

  /** Bytes at the start of the slab that are a byte order mark of the stream, and no record's. */
  #lead(): number {
    const slab = this.#slab
    return slab !== undefined && this.#streamAt === 0 && hasByteOrderMark(slab.input, this.#length)
      ? byteOrderMarkBytes
      : 0
  }

  /** Length at which the batch is looked at: its full size, or more while it holds a single line that may be whole yet. */
  #target(): number {
    const { batchBytes } = this.#limits
    if (this.#length < batchBytes) return batchBytes
    // Beyond the full size in small steps: the line's end is usually near.
    return Math.min(this.#bound(), this.#length + 4096)
  }

  /** Length at which a line without an end is cut: surely too long, and one byte that stays behind. */
  #bound(): number {
    const { batchBytes, maxRecordBytes } = this.#limits
    return Math.max(batchBytes, surelyTooLongBytes(maxRecordBytes) + 1 + this.#lead())
  }

  #canCut(): boolean {
    const slab = this.#slab!
    if (slab.input.subarray(this.#searchedTo, this.#length).includes(lineFeed)) return true
    this.#searchedTo = this.#length
    return this.#continues || this.#length >= this.#bound()
  }

  #cut(slab: Slab, end: number, open: boolean): SealedBatch {
    const batch = { slab, start: this.#lead(), end, continues: this.#continues, open, streamAt: this.#streamAt }
    const rest = this.#length - end
    this.#slab = undefined
    if (rest > 0) {
      this.#slab = this.#take()
      copyInto(this.#slab.input, 0, slab.input.subarray(end, this.#length))
    }
    this.#streamAt += end
    this.#length = rest
    this.#continues = open
    this.#searchedTo = 0
    this.#isFull = false
    return batch
  }
}

/**
 * Copies bytes into shared memory. `set()` does that word by word, and byte by byte between places of different
 * alignment, at some 4 GB/s; `fill()` with one turn of the bytes is a plain copy in C.
 */
export function copyInto(target: Buffer, at: number, bytes: Uint8Array): void {
  if (bytes.length > 0) target.fill(bytes, at, at + bytes.length)
}

/** Several values as one input. */
export interface JoinedValues {
  /** The values, each without a byte order mark and with a line feed at its end. */
  readonly bytes: Buffer
  /** Entry *i* is the position in `bytes` where value *i* begins; the last of its `values.length + 1` entries is the end. */
  readonly valueStarts: Uint32Array
}

/**
 * Returns the values one after another. Each ends with a line feed, added where it is missing, so that records of
 * neighbours never join; an empty or null value adds nothing. `into`: where they go, with room for all of them; by default
 * memory of their own.
 */
export function joinValues(values: readonly (Uint8Array | null)[], into?: Buffer): JoinedValues {
  const valueStarts = new Uint32Array(values.length + 1)
  let length = 0
  for (let i = 0; i < values.length; i++) {
    valueStarts[i] = length
    const value = values[i]!
    if (value !== null) length += joinedLength(value)
  }
  valueStarts[values.length] = length
  const bytes = into?.subarray(0, length) ?? Buffer.allocUnsafeSlow(length)
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!
    if (value === null) continue
    const body = hasByteOrderMark(value) ? value.subarray(byteOrderMarkBytes) : value
    copyInto(bytes, valueStarts[i]!, body)
    if (body.length > 0) bytes[valueStarts[i + 1]! - 1] = lineFeed
  }
  return { bytes, valueStarts }
}

/** Returns the bytes that `joinValues` uses for one value. */
export function joinedLength(value: Uint8Array): number {
  const lead = hasByteOrderMark(value) ? byteOrderMarkBytes : 0
  const body = value.length - lead
  return body === 0 || value[value.length - 1] === lineFeed ? body : body + 1
}
