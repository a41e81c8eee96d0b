// Runs a kernel over the whole request of a slab, or over the batches of a file that pass through it, however often it
// must be called for that, and leaves one answer. Used by workers, and by the engine for inputs too small to hand over.

import { answerEnd, maxSegments, slabFlag, slabWord } from '../batch/batch.ts'
import { frameRange, readRange, readRangeAside } from '../batch/file-range.ts'
import type { FileRange, FileSpan } from '../batch/file-range.ts'
import type { Slab } from '../batch/slab.ts'
import type { Evaluator } from '../kernel/kernel.ts'
import { limits } from '../limits.ts'

const firstSum = slabWord.records
const byRouteEnd = slabWord.byRoute + 256

/**
 * Evaluates the slab's request. A kernel stops when its verdict arrays are full; unless the caller wants those
 * arrays, it is called again for the rest, and the answers are added up. When the answer holds as many segments as
 * fit, or the arrays are wanted, `consumed` may be below `end`: the caller takes the answer and asks for the rest.
 */
export function evaluateSlab(evaluator: Evaluator, slab: Slab): void {
  const words = slab.words
  if (words[slabWord.start]! >= words[slabWord.end]!) {
    words.fill(0, slabWord.consumed, answerEnd)
    words[slabWord.consumed] = words[slabWord.end]!
    return
  }
  evaluator.evaluate(slab.bytes)
  if (slab.isWhole || (words[slabWord.flags]! & slabFlag.records) !== 0) return
  const request = words.slice(0, slabWord.consumed)
  let sum: Uint32Array
  try {
    sum = evaluateRest(evaluator, slab)
  } finally {
    // Also where the kernel fails: whoever has the slab next must not find a request that was moved on.
    words.set(request)
  }
  words.set(sum, slabWord.consumed)
}

/** Calls the kernel for what the answer in the slab left over, and returns the sum. Moves the request on. */
function evaluateRest(evaluator: Evaluator, slab: Slab): Uint32Array {
  const { words } = slab
  const [gatherAt, gatherCapacity] = [words[slabWord.gatherAt]!, words[slabWord.gatherCapacity]!]
  let sum = words.slice(slabWord.consumed, answerEnd)
  while (!slab.isWhole) {
    const gathered = sum[slabWord.gathered - slabWord.consumed]!
    words[slabWord.start] = words[slabWord.consumed]!
    words[slabWord.flags]! &= ~slabFlag.continues
    words[slabWord.gatherAt] = gatherAt + gathered
    words[slabWord.gatherCapacity] = gatherCapacity - gathered
    const counts = slab.counts.slice()
    const before = sum
    evaluator.evaluate(slab.bytes)
    sum = addAnswers(sum, words)
    if (sum[slabWord.segments - slabWord.consumed]! > maxSegments) {
      // This call's segments do not fit: it is undone, and the caller asks for the rest after taking the others.
      slab.counts.set(counts)
      before[0] = words[slabWord.start]!
      return before
    }
  }
  return sum
}

/** How far a span was evaluated, and what it took. */
export interface SpanOutcome {
  /** Where in the file the next batch begins. */
  readonly fileAt: number
  readonly evaluateNs: number
  readonly readNs: number
}

/**
 * Evaluates a span of a file, batch by batch, and leaves one answer in the slab, as if all of it had been its input;
 * positions in the answer count from `span.from`. Stops early when the next batch's records might not fit beside those
 * that are gathered, or when it has taken long enough. Where a single batch has more segments than fit, `consumed` is
 * below `end`, and the rest is asked for as after `evaluateSlab`.
 *
 * Errors: those of `readRange` and of the kernel.
 */
export function evaluateSpan(evaluator: Evaluator, slab: Slab, span: FileSpan): SpanOutcome {
  const run = new SpanRun(evaluator, slab, span)
  for (let range = run.next; range !== undefined; range = run.next) {
    readRange(slab.input, range)
    run.take(slab.input, range)
  }
  return run.finish()
}

/**
 * Does the same with two batches at a time: one is read, in a thread that Node keeps for files, while the other is
 * evaluated. The slab needs a second input region; where it has none, this is `evaluateSpan`. Once it has settled,
 * nothing is being read any more.
 */
export async function evaluateSpanAhead(evaluator: Evaluator, slab: Slab, span: FileSpan): Promise<SpanOutcome> {
  const { input, spare } = slab
  if (spare === undefined) return evaluateSpan(evaluator, slab, span)
  const run = new SpanRun(evaluator, slab, span)
  // The first batch lies in the first region: what is left of one is asked for there.
  let [present, other] = [input, spare]
  let range = run.next
  if (range !== undefined) readRange(present, range)
  while (range !== undefined) {
    const ahead = run.rangeBehind(range)
    const reading = ahead === undefined ? undefined : readRangeAside(other, ahead)
    // Awaited below; until then a failure must not count as unhandled. Of a batch that is left to another task, it is none.
    reading?.catch(() => undefined)
    try {
      run.take(present, range)
    } finally {
      await reading?.catch(() => undefined)
    }
    range = run.next
    if (range !== undefined) await reading
    ;[present, other] = [other, present]
  }
  return run.finish()
}

/** The batches of one span, one after the other. *Order of calls*: `take` each `next` until there is none; `finish`. */
class SpanRun {
  readonly #evaluator: Evaluator
  readonly #slab: Slab
  readonly #span: FileSpan
  readonly #startedNs = process.hrtime.bigint()
  /** Time outside of the kernel. */
  #readNs = 0n
  #nowNs = this.#startedNs
  #fileAt: number
  #sum: SpanSum | undefined
  #isOver = false

  constructor(evaluator: Evaluator, slab: Slab, span: FileSpan) {
    this.#evaluator = evaluator
    this.#slab = slab
    this.#span = span
    this.#fileAt = span.from
  }

  /** What is to be read next, or undefined when the span has come to its end, or as far as it may. */
  get next(): FileRange | undefined {
    const lateNs = this.#startedNs + BigInt(limits.fileSpanMs) * 1_000_000n
    const range = this.#isOver || this.#nowNs >= lateNs ? undefined : this.#rangeFrom(this.#fileAt)
    return range === undefined || this.#sum?.hasRoomFor(range.to - range.from) === false ? undefined : range
  }

  /** What will be next after `range`, if the span goes on. */
  rangeBehind(range: FileRange): FileRange | undefined {
    return this.#rangeFrom(range.to)
  }

  /** Evaluates a range whose bytes `input` begins with, an input region of the slab. */
  take(input: Buffer, range: FileRange): void {
    const { words } = this.#slab
    const { start, end, flags } = frameRange(input, range)
    words[slabWord.inputAt] = input.byteOffset
    words[slabWord.start] = start
    words[slabWord.end] = end
    words[slabWord.flags] = (words[slabWord.flags]! & ~rangeFlags) | flags
    const framedNs = process.hrtime.bigint()
    this.#readNs += framedNs - this.#nowNs
    this.#isOver = !this.#evaluate(range)
    this.#nowNs = process.hrtime.bigint()
  }

  /** Leaves the answer in the slab. */
  finish(): SpanOutcome {
    this.#sum?.write()
    const passedNs = process.hrtime.bigint() - this.#startedNs
    return { fileAt: this.#fileAt, evaluateNs: Number(passedNs - this.#readNs), readNs: Number(this.#readNs) }
  }

  /** Evaluates the request; returns whether another may follow. */
  #evaluate(range: FileRange): boolean {
    if (this.#sum !== undefined && !this.#sum.add(this.#evaluator, range.from - this.#span.from)) return false
    if (this.#sum === undefined) evaluateSlab(this.#evaluator, this.#slab)
    this.#fileAt = range.to
    // What is left of a first batch is asked for before anything else.
    if (this.#slab.isWhole) this.#sum ??= new SpanSum(this.#slab)
    return this.#sum !== undefined
  }

  #rangeFrom(from: number): FileRange | undefined {
    const { fd, to, end, maxRecordBytes, batchBytes } = this.#span
    return from < to ? { fd, from, to: Math.min(to, from + batchBytes), end, maxRecordBytes } : undefined
  }
}

const rangeFlags = slabFlag.continues | slabFlag.open

/** The answers for the batches of a span, added up. Made from the first; writes nothing to the slab but by `write`. */
class SpanSum {
  readonly #slab: Slab
  readonly #start: number
  #bytes: number
  #answer: Uint32Array

  constructor(slab: Slab) {
    this.#slab = slab
    this.#start = slab.words[slabWord.start]!
    this.#bytes = slab.words[slabWord.consumed]! - this.#start
    this.#answer = slab.words.slice(slabWord.consumed, answerEnd)
  }

  /** Whether so many bytes, and the line end that may be added to them, can still be gathered. */
  hasRoomFor(bytes: number): boolean {
    return bytes + 1 <= this.#slab.gather.length - this.#gathered
  }

  /** Evaluates the batch in the slab and adds its answer; false, and nothing is added, where that does not fit. */
  add(evaluator: Evaluator, shift: number): boolean {
    const { words, gather, counts } = this.#slab
    const bytes = words[slabWord.end]! - words[slabWord.start]!
    if (!this.hasRoomFor(bytes)) return false
    const before = counts.slice()
    words[slabWord.gatherAt] = gather.byteOffset + this.#gathered
    words[slabWord.gatherCapacity] = gather.length - this.#gathered
    try {
      evaluateSlab(evaluator, this.#slab)
    } finally {
      this.#slab.writeShape()
    }
    const answer = addAnswers(this.#answer, words, shift)
    if (!this.#slab.isWhole || answer[slabWord.segments - slabWord.consumed]! > maxSegments) {
      counts.set(before)
      return false
    }
    this.#answer = answer
    this.#bytes += bytes
    return true
  }

  /** Leaves the sum in the slab. */
  write(): void {
    const { words } = this.#slab
    words.set(this.#answer, slabWord.consumed)
    words[slabWord.start] = this.#start
    words[slabWord.end] = this.#start + this.#bytes
    words[slabWord.consumed] = this.#start + this.#bytes
  }

  get #gathered(): number {
    return this.#answer[slabWord.gathered - slabWord.consumed]!
  }
}

/**
 * Returns the answer `sum` with the answer in `words` added; both begin at `slabWord.consumed`. `shift`: how far behind
 * the input of `sum` that of `words` begins.
 */
function addAnswers(sum: Uint32Array, words: Uint32Array, shift = 0): Uint32Array<ArrayBuffer> {
  const base = slabWord.consumed
  const both = new Uint32Array(sum)
  both[0] = words[base]!
  const [segments, samples] = [sum[slabWord.segments - base]!, sum[slabWord.sampleCount - base]!]
  const [lines, gathered] = [sum[slabWord.lines - base]!, sum[slabWord.gathered - base]!]
  for (let word: number = firstSum; word < byRouteEnd; word++) both[word - base]! += words[word]!
  const newSegments = words[slabWord.segments]!
  for (let i = 0; i < newSegments && segments + i < maxSegments; i++) {
    const [from, to] = [slabWord.segment + i * 3, slabWord.segment - base + (segments + i) * 3]
    both[to] = words[from]!
    both[to + 1] = words[from + 1]! + gathered
    both[to + 2] = words[from + 2]! + gathered
  }
  const room = Math.min(words[slabWord.sampleCount]!, limits.malformedSamples - samples)
  for (let i = 0; i < room; i++) {
    const [from, to] = [slabWord.sample + i * 3, slabWord.sample - base + (samples + i) * 3]
    both[to] = words[from]! + shift
    both[to + 1] = words[from + 1]! + lines
    both[to + 2] = words[from + 2]!
  }
  both[slabWord.sampleCount - base] = samples + room
  for (let word: number = slabWord.delay; word < slabWord.delaySum; word++) both[word - base]! += words[word]!
  const carry = sum[slabWord.delaySum - base]! + words[slabWord.delaySum]! > 0xffff_ffff ? 1 : 0
  both[slabWord.delaySum - base]! += words[slabWord.delaySum]!
  both[slabWord.delaySum + 1 - base]! += words[slabWord.delaySum + 1]! + carry
  return both
}
