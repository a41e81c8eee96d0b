// The slab as the portable kernel sees it during one call: the request, read and checked, its lines, and the answer.
// What a record's route is, is not decided here. The layout is in batch/batch.ts; only portable.ts calls this.

import { answerEnd, delayBoundsMs, headerBytes, noRule, slabFlag, slabFormat, slabWord } from '../batch/batch.ts'
import { EngineError } from '../errors.ts'
import { limits } from '../limits.ts'
import { route } from '../rules/program.ts'

const lineFeed = 0x0a
const carriageReturn = 0x0d

/** One line of the input: [`start`, `end`) with its line end, [`start`, `contentEnd`) without. */
export interface Line {
  readonly start: number
  readonly contentEnd: number
  readonly end: number
  /** The line goes on behind the batch. */
  readonly isOpen: boolean
}

/** Ranges of the input that go to one route, in input order: start, end, start, end, …; neighbours are joined. */
type Ranges = number[]

/**
 * One call's request and answer. Order of calls: constructor, for each of `lines()` at most one `add`, `finish`.
 * The slab belongs to this call until `finish` returns.
 */
export class SlabBatch {
  /** The input region up to its end; positions of lines and records count from its start. */
  readonly input: Uint8Array
  readonly maxRecordBytes: number
  readonly #slab: Uint8Array
  readonly #words: Uint32Array
  readonly #end: number
  readonly #ruleCount: number
  readonly #wanted = new Map<number, Ranges>()
  #position: number
  #records = 0
  #delaySum = 0n

  /** Errors: `ERR_ENGINE_KERNEL_FAULT` when the request does not fit the slab or the program. */
  constructor(slab: Uint8Array, ruleCount: number) {
    if (slab.byteOffset % 4 !== 0 || slab.length < headerBytes) throw fault('it has no header')
    this.#slab = slab
    this.#words = new Uint32Array(slab.buffer, slab.byteOffset, slab.length >> 2)
    this.#ruleCount = ruleCount
    for (let index = 0; index < 256; index++) {
      const bits = this.#word(slabWord.gatherRoutes + (index >> 5))
      if (((bits >>> (index & 31)) & 1) !== 0) this.#wanted.set(index, [])
    }
    this.#checkRequest()
    const inputAt = this.#word(slabWord.inputAt)
    this.maxRecordBytes = this.#word(slabWord.maxRecordBytes)
    this.#position = this.#word(slabWord.start)
    this.#end = this.#word(slabWord.end)
    this.input = slab.subarray(inputAt, inputAt + this.#end)
    this.#words.fill(0, slabWord.consumed, answerEnd)
  }

  #word(word: number): number {
    return this.#words[word]!
  }

  #hasFlag(flag: number): boolean {
    return (this.#word(slabWord.flags) & flag) !== 0
  }

  #checkRequest(): void {
    const fits = (at: number, bytes: number): boolean => at >= headerBytes && at + bytes <= this.#slab.length
    demand(this.#word(slabWord.format) === slabFormat, 'its format is another')
    const [start, end] = [this.#word(slabWord.start), this.#word(slabWord.end)]
    demand(start <= end && fits(this.#word(slabWord.inputAt), end), 'the input lies outside of it')
    const [countsAt, countCapacity] = [this.#word(slabWord.countsAt), this.#word(slabWord.countCapacity)]
    demand(countsAt % 4 === 0 && fits(countsAt, countCapacity * 4), 'the counts lie outside of it')
    demand(countCapacity > this.#ruleCount, 'it counts fewer rules than the program has')
    if (this.#hasFlag(slabFlag.records)) {
      const [recordsAt, capacity] = [this.#word(slabWord.recordsAt), this.#word(slabWord.recordCapacity)]
      demand(capacity > 0 && capacity % 4 === 0, 'its record capacity is not a positive multiple of 4')
      demand(recordsAt % 4 === 0 && fits(recordsAt, capacity * 12), 'the verdict arrays lie outside of it')
    }
    if (this.#wanted.size > 0) {
      const [gatherAt, capacity] = [this.#word(slabWord.gatherAt), this.#word(slabWord.gatherCapacity)]
      demand(capacity > end - start && fits(gatherAt, capacity), 'what is to be gathered may not fit')
    }
  }

  /** Yields lines, blank ones too, until the input ends or the verdict arrays are full. */
  *lines(): Generator<Line> {
    if (this.#hasFlag(slabFlag.continues)) {
      const { start, end } = this.#takeLine()
      this.#gather(route.malformed, start, end)
      this.#countLineFeed(end)
    }
    const capacity = this.#hasFlag(slabFlag.records) ? this.#word(slabWord.recordCapacity) : Infinity
    while (this.#position < this.#end && this.#records < capacity) {
      const line = this.#takeLine()
      yield line
      // After the yield: a sample holds the line feeds before its record.
      this.#countLineFeed(line.end)
    }
  }

  #takeLine(): Line {
    const start = this.#position
    const found = this.input.indexOf(lineFeed, start)
    const isTerminated = found >= 0
    const end = isTerminated ? found + 1 : this.#end
    const last = isTerminated ? found : end
    const contentEnd = last > start && this.input[last - 1] === carriageReturn ? last - 1 : last
    this.#position = end
    return { start, contentEnd, end, isOpen: !isTerminated && this.#hasFlag(slabFlag.open) }
  }

  #countLineFeed(end: number): void {
    if (end > this.#word(slabWord.start) && this.input[end - 1] === lineFeed) this.#words[slabWord.lines]!++
  }

  /** Adds the record that is `line`. `rule` is `noRule` when it is malformed, and `reason` 0 when it is not. */
  add(line: Line, to: number, rule: number, reason: number): void {
    const words = this.#words
    if (this.#hasFlag(slabFlag.records)) this.#writeRecord(this.#records, line, to, rule, reason)
    this.#records++
    words[slabWord.byRoute + to]!++
    if (rule === noRule) this.#countMalformed(line.start, reason)
    else {
      words[to === route.drop ? slabWord.dropped : slabWord.kept]!++
      words[this.#word(slabWord.countsAt) / 4 + rule]!++
    }
    this.#gather(to, line.start, line.end)
  }

  /**
   * Counts the delay of a record that was kept or routed: `time` is its time in milliseconds since 1970, or why there
   * is none.
   */
  addTime(time: number | 'missing' | 'unreadable'): void {
    const words = this.#words
    if (time === 'missing') words[slabWord.timeMissing]!++
    else if (time === 'unreadable') words[slabWord.timeUnreadable]!++
    else {
      const delay = this.#word(slabWord.now + 1) * 2 ** 32 + this.#word(slabWord.now) - time
      if (delay < 0) words[slabWord.timeAhead]!++
      else {
        const bucket = delayBoundsMs.findIndex((bound) => delay <= bound)
        words[slabWord.delay + (bucket < 0 ? delayBoundsMs.length : bucket)]!++
        this.#delaySum += BigInt(delay)
      }
    }
  }

  #writeRecord(index: number, line: Line, to: number, rule: number, reason: number): void {
    const { buffer, byteOffset } = this.#slab
    const at = byteOffset + this.#word(slabWord.recordsAt)
    const capacity = this.#word(slabWord.recordCapacity)
    new Uint32Array(buffer, at, capacity)[index] = line.start
    new Uint32Array(buffer, at + 4 * capacity, capacity)[index] = line.end
    new Uint16Array(buffer, at + 8 * capacity, capacity)[index] = rule
    new Uint8Array(buffer, at + 10 * capacity, capacity)[index] = to
    new Uint8Array(buffer, at + 11 * capacity, capacity)[index] = reason
  }

  #countMalformed(start: number, reason: number): void {
    const words = this.#words
    words[slabWord.malformed]!++
    words[slabWord.malformedBy + reason - 1]!++
    const sample = this.#word(slabWord.sampleCount)
    if (sample === limits.malformedSamples) return
    words.set([start, this.#word(slabWord.lines), reason], slabWord.sample + 3 * sample)
    words[slabWord.sampleCount] = sample + 1
  }

  #gather(to: number, start: number, end: number): void {
    const ranges = this.#wanted.get(to)
    if (ranges === undefined) return
    if (ranges.length > 0 && ranges.at(-1) === start) ranges[ranges.length - 1] = end
    else ranges.push(start, end)
  }

  /** Copies what is gathered, one segment per route, and completes the answer. */
  finish(): void {
    const words = this.#words
    const gatherAt = this.#word(slabWord.gatherAt)
    let length = 0
    for (const [to, ranges] of this.#wanted) {
      const first = length
      for (let i = 0; i < ranges.length; i += 2) {
        const [start, end] = [ranges[i]!, ranges[i + 1]!]
        this.#slab.set(this.input.subarray(start, end), gatherAt + length)
        length += end - start
        if (this.#lacksLineFeed(end)) this.#slab[gatherAt + length++] = lineFeed
      }
      if (length > first) {
        const segment = words[slabWord.segments]!++
        words.set([to, first, length], slabWord.segment + 3 * segment)
      }
    }
    words[slabWord.gathered] = length
    words[slabWord.consumed] = this.#position
    words[slabWord.records] = this.#records
    words[slabWord.delaySum] = Number(this.#delaySum & 0xffff_ffffn)
    words[slabWord.delaySum + 1] = Number(this.#delaySum >> 32n)
  }

  /**
   * Whether a range that ends at `end` ends in a line without LF. Only the last line can; one that goes on behind
   * the batch gets its LF where it ends, be it in a batch that holds nothing else.
   */
  #lacksLineFeed(end: number): boolean {
    if (end !== this.#end || this.#hasFlag(slabFlag.open)) return false
    return end === this.#word(slabWord.start) || this.input[end - 1] !== lineFeed
  }
}

function demand(isSo: boolean, otherwise: string): void {
  if (!isSo) throw fault(otherwise)
}

function fault(problem: string): EngineError {
  return new EngineError('ERR_ENGINE_KERNEL_FAULT', `The request does not fit the slab: ${problem}.`)
}
