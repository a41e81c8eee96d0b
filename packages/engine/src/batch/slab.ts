// Slabs: the shared memory that batches live in. A slab holds a request, the input, the verdict and the gathered
// output (batch/batch.ts has the layout); this file allocates slabs, names their parts, and keeps free ones for
// reuse. It decides nothing about records. Used by the batcher, by workers and by the engine.
//
// Invariant: one owner at a time. Whoever took a slab owns it until it is given back; a worker owns it while it
// has the task. Views are made once per slab, so that a batch costs no allocation.

import { limits } from '../limits.ts'
import { headerBytes, paddingBytes, slabFlag, slabFormat, slabWord, validation } from './batch.ts'
import type { Validation } from './batch.ts'

/** How large the parts of a slab are. */
export interface SlabShape {
  /** Bytes of input that fit, without the padding. */
  readonly inputBytes: number
  /** Records that the verdict arrays hold; rounded up to a multiple of 4. */
  readonly recordCapacity: number
  /** Bytes of gathered output that fit; 0 for a slab that never gathers. */
  readonly gatherBytes: number
  /** Whether there is a second input region, which one batch can be read into while another is evaluated. */
  readonly hasSpare?: boolean
}

/**
 * Returns the shape of a slab for one batch: `batchBytes` of whole lines, and behind them the rest of a line that
 * may be as long as `maxRecordBytes` and its line end. The verdict arrays hold a record per 64 bytes of input, at
 * least 1,024; shorter records are evaluated in several calls.
 */
export function batchShape(batchBytes: number, maxRecordBytes: number): SlabShape {
  const inputBytes = batchBytes + maxRecordBytes + 2
  return { inputBytes, recordCapacity: Math.max(1024, inputBytes >>> 6), gatherBytes: inputBytes + 1 }
}

/** Where the second input region begins, behind a gather region that ends at `gatherEnd`. */
const spareAfter = (gatherEnd: number): number => align(gatherEnd, 64)

const align = (bytes: number, to: number): number => Math.ceil(bytes / to) * to

/** What one kernel call is asked, but for the input region's content. */
export interface SlabRequest {
  /** [start, end): positions in the input region. */
  readonly start: number
  readonly end: number
  /** Bits of `slabFlag`, without the validation mode. */
  readonly flags: number
  readonly validation: Validation
  readonly maxRecordBytes: number
  /** Indexes of the routes whose records are gathered. */
  readonly gather: readonly number[]
  /** When the batch arrived, in milliseconds since 1970. Only programs with a time field ask. Default: 0. */
  readonly nowMs?: number
}

let lastSlabId = 0

/** One slab: a SharedArrayBuffer and typed views of its parts. */
export class Slab {
  /** Names the slab in messages between threads; never used twice in a process. */
  readonly id: number
  readonly buffer: SharedArrayBuffer
  /** The whole slab: what a kernel is given. */
  readonly bytes: Uint8Array
  /** The header's words; `slabWord` has their meaning. */
  readonly words: Uint32Array
  /** The input region, without the padding behind it. A Buffer, for its fast byte searches. */
  readonly input: Buffer
  /** The second input region, if the slab has one. Nothing but the span of a file uses it. */
  readonly spare: Buffer | undefined
  /** The gather region. */
  readonly gather: Uint8Array
  readonly recordStarts: Uint32Array
  readonly recordEnds: Uint32Array
  readonly rules: Uint16Array
  readonly routes: Uint8Array
  readonly reasons: Uint8Array
  /** Records per rule, then those of the default. */
  readonly counts: Uint32Array

  /** Wraps a buffer whose header describes its parts; `createSlab` makes one. */
  constructor(id: number, buffer: SharedArrayBuffer) {
    this.id = id
    this.buffer = buffer
    this.bytes = new Uint8Array(buffer)
    this.words = new Uint32Array(buffer, 0, headerBytes / 4)
    const words = this.words
    const capacity = words[slabWord.recordCapacity]!
    const inputAt = words[slabWord.inputAt]!
    const recordsAt = words[slabWord.recordsAt]!
    // The gather region is last and the input region is before the verdict arrays, padding between them.
    this.input = Buffer.from(buffer, inputAt, recordsAt - inputAt - paddingBytes)
    this.recordStarts = new Uint32Array(buffer, recordsAt, capacity)
    this.recordEnds = new Uint32Array(buffer, recordsAt + capacity * 4, capacity)
    this.rules = new Uint16Array(buffer, recordsAt + capacity * 8, capacity)
    this.routes = new Uint8Array(buffer, recordsAt + capacity * 10, capacity)
    this.reasons = new Uint8Array(buffer, recordsAt + capacity * 11, capacity)
    this.counts = new Uint32Array(buffer, words[slabWord.countsAt], words[slabWord.countCapacity])
    this.gather = new Uint8Array(buffer, words[slabWord.gatherAt], words[slabWord.gatherCapacity])
    const spareAt = spareAfter(this.gather.byteOffset + this.gather.length)
    const hasSpare = buffer.byteLength >= spareAt + this.input.length + paddingBytes
    this.spare = hasSpare ? Buffer.from(buffer, spareAt, this.input.length) : undefined
  }

  /** Writes a request into the header and clears the counts, which kernels only add to. */
  request(request: SlabRequest): void {
    const words = this.words
    words[slabWord.format] = slabFormat
    words[slabWord.start] = request.start
    words[slabWord.end] = request.end
    words[slabWord.flags] = request.flags | validation[request.validation]
    words[slabWord.maxRecordBytes] = request.maxRecordBytes
    this.writeShape()
    words.fill(0, slabWord.gatherRoutes, slabWord.gatherRoutes + 8)
    for (const route of request.gather) words[slabWord.gatherRoutes + (route >>> 5)]! |= 1 << (route & 31)
    const nowMs = request.nowMs ?? 0
    words[slabWord.now] = nowMs % 2 ** 32
    words[slabWord.now + 1] = Math.floor(nowMs / 2 ** 32)
    this.counts.fill(0)
  }

  /**
   * Writes where the slab's parts lie into the header. They never move, but a worker that died or hangs may have left
   * other words there: it gathers several answers one behind the other.
   */
  writeShape(): void {
    const words = this.words
    words[slabWord.inputAt] = this.input.byteOffset
    words[slabWord.recordsAt] = this.recordStarts.byteOffset
    words[slabWord.recordCapacity] = this.recordStarts.length
    words[slabWord.gatherAt] = this.gather.byteOffset
    words[slabWord.gatherCapacity] = this.gather.length
    words[slabWord.countsAt] = this.counts.byteOffset
    words[slabWord.countCapacity] = this.counts.length
  }

  /** Asks for the rest of the same input, after an answer that did not reach `end`. Clears the counts. */
  requestRest(): void {
    const words = this.words
    words[slabWord.start] = words[slabWord.consumed]!
    words[slabWord.flags]! &= ~slabFlag.continues
    this.counts.fill(0)
  }

  /** Whether the last answer reached the end of the request. */
  get isWhole(): boolean {
    return this.words[slabWord.consumed]! >= this.words[slabWord.end]!
  }
}

/** Returns a new slab. Cost: its pages are taken from the system when they are first written. */
export function createSlab(shape: SlabShape): Slab {
  const capacity = align(shape.recordCapacity, 4)
  const countCapacity = limits.rules + 1
  const recordsAt = align(headerBytes + shape.inputBytes + paddingBytes, 4)
  const countsAt = align(recordsAt + capacity * 12, 4)
  const gatherAt = align(countsAt + countCapacity * 4, 64)
  const gatherEnd = gatherAt + shape.gatherBytes
  // As long as the first input region, which ends where the next part begins.
  const spareEnd = spareAfter(gatherEnd) + recordsAt - headerBytes
  const buffer = new SharedArrayBuffer(shape.hasSpare === true ? spareEnd : gatherEnd)
  const words = new Uint32Array(buffer, 0, headerBytes / 4)
  words[slabWord.format] = slabFormat
  words[slabWord.inputAt] = headerBytes
  words[slabWord.recordsAt] = recordsAt
  words[slabWord.recordCapacity] = capacity
  words[slabWord.countsAt] = countsAt
  words[slabWord.countCapacity] = countCapacity
  words[slabWord.gatherAt] = gatherAt
  words[slabWord.gatherCapacity] = shape.gatherBytes
  lastSlabId++
  return new Slab(lastSlabId, buffer)
}

/**
 * Copies a request and its input into another slab, for a second try beside a hung worker. `asked`: the words of the
 * request as they were, where a worker may have moved on.
 */
export function copyRequest(from: Slab, to: Slab, asked: Uint32Array = from.words): void {
  const { format, start, end, flags, maxRecordBytes, gatherRoutes, now } = slabWord
  to.input.set(from.input.subarray(0, asked[end]), 0)
  to.writeShape()
  for (const word of [format, start, end, flags, maxRecordBytes, now, now + 1]) to.words[word] = asked[word]!
  to.words.set(asked.subarray(gatherRoutes, gatherRoutes + 8), gatherRoutes)
  to.counts.fill(0)
}

/** Free slabs of one shape, kept for reuse up to a bound. */
export class SlabStore {
  readonly shape: SlabShape
  readonly #bound: number
  readonly #free: Slab[] = []
  #taken = 0

  /** `bound`: free slabs that are kept; more are left to the garbage collector. */
  constructor(shape: SlabShape, bound: number) {
    this.shape = shape
    this.#bound = bound
  }

  /** Slabs that are in use. */
  get taken(): number {
    return this.#taken
  }

  /** Returns a free slab, or a new one. The caller owns it until `give` or `setAside`. */
  take(): Slab {
    this.#taken++
    return this.#free.pop() ?? createSlab(this.shape)
  }

  /** Takes a slab back; nothing may touch it afterwards. */
  give(slab: Slab): void {
    this.#taken--
    if (this.#free.length < this.#bound) this.#free.push(slab)
  }

  /** Forgets a slab that a worker which hangs or is dying may still write into. */
  setAside(): void {
    this.#taken--
  }

  /** Drops all free slabs. */
  clear(): void {
    this.#free.length = 0
  }
}
