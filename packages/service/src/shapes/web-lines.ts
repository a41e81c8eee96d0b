// Collects the lines of a web server's log into batches, each line beside the record that is made of it, so that what is
// decided of the record can be done with the line. Called by ../pipeline.

import type { MalformedReason } from '@weir/engine'

import { ascii, byteOrderMarkLength } from './detect.ts'
import { RecordWriter, writeWebRecord } from './web-fields.ts'
import type { WebFormat } from './web-fields.ts'

/** Lines of one batch; entry *i* of the arrays is about line *i* that is not blank. */
export interface LineBatch {
  /** The lines as they stand in the input; a missing last line feed is added. */
  readonly bytes: Buffer
  /** [start, end) of each line in `bytes`, its line end included. */
  readonly starts: Uint32Array
  readonly ends: Uint32Array
  /** Numbers of the lines in the input, from 0, counted from the first line of the batch. */
  readonly numbers: Uint32Array
  /** Why a line is no record: an index of `lineReasons`; 0 for one that is. */
  readonly reasons: Uint8Array
  /** The records of the lines that are, one after another, as NDJSON. */
  readonly records: Buffer
  /** Line feeds of the input before the batch, and bytes. */
  readonly linesBefore: number
  readonly byteAt: number
  /** Bytes of input that the batch stands for. */
  readonly inputBytes: number
  /** The first bytes, through the first line feed, belong to a too-long line that the batch before has counted. */
  readonly continues: boolean
}

/** What numbers in `reasons` stand for. */
export const lineReasons: readonly (MalformedReason | undefined)[] = [undefined, 'syntax', 'too-long']
const reason = { none: 0, syntax: 1, tooLong: 2 } as const

/** Lines are rarely shorter; for such arrays grow. */
const usualLineBytes = 80
/** Room for the records of a batch of a few lines; others take about three times the bytes of their lines. */
const startBytes = 4096

/** Sizes and format of a `LineBatcher`. */
export interface LineBatcherOptions {
  readonly format: WebFormat
  readonly batchBytes: number
  /** A longer line, its end not counted, is malformed. */
  readonly maxRecordBytes: number
}

/** Turns chunks into batches. *Order of calls*: `add()` for each chunk; `seal()` at any time; `end()` once. */
export class LineBatcher {
  private readonly options: LineBatcherOptions
  private held: Buffer
  private length = 0
  private linesBefore = 0
  private byteAt = 0
  private continues = false

  constructor(options: LineBatcherOptions) {
    this.options = options
    this.held = this.allocate()
  }

  /** Bytes that no batch has. */
  get heldBytes(): number {
    return this.length
  }

  /** Takes a chunk; yields the batches that it fills. */
  *add(chunk: Uint8Array): Generator<LineBatch, void, undefined> {
    for (let from = 0; from < chunk.length;) {
      const part = chunk.subarray(from, from + this.held.length - this.length)
      this.held.set(part, this.length)
      this.length += part.length
      from += part.length
      if (this.length < this.held.length) return
      const batch = this.seal() ?? this.cut(this.length, true)
      yield batch
    }
  }

  /** Returns the whole lines that are held, or undefined when there is none. */
  seal(): LineBatch | undefined {
    const end = this.held.subarray(0, this.length).lastIndexOf(ascii.lineFeed) + 1
    return end === 0 ? undefined : this.cut(end, false)
  }

  /**
   * Returns what is left, or undefined when nothing is. `isBroken`: the input ended too early, so a last line without its
   * line feed is only the beginning of one, however well it reads.
   */
  end(isBroken = false): LineBatch | undefined {
    if (this.length === 0) return undefined
    const end = this.length
    const batch = this.cut(end, false)
    const last = batch.starts.length - 1
    const isCut = isBroken && batch.bytes.length > end && batch.ends[last] === batch.bytes.length
    if (!isCut || batch.reasons[last] !== reason.none) return batch
    // Its record is the last one.
    const records = batch.records.subarray(0, batch.records.subarray(0, -1).lastIndexOf(ascii.lineFeed) + 1)
    batch.reasons[last] = reason.syntax
    return { ...batch, records }
  }

  /** Room for a batch and a line of the greatest length, so that a line which fills it is too long. */
  private allocate(): Buffer {
    return Buffer.allocUnsafeSlow(this.options.batchBytes + this.options.maxRecordBytes + 3)
  }

  /** `isOpen`: the last line, the only one, is too long and goes on in the next batch. */
  private cut(end: number, isOpen: boolean): LineBatch {
    const isWhole = this.held[end - 1] === ascii.lineFeed || isOpen
    const bytes = Buffer.allocUnsafeSlow(isWhole ? end : end + 1)
    this.held.copy(bytes, 0, 0, end)
    if (!isWhole) bytes[end] = ascii.lineFeed
    const { linesBefore, byteAt, continues } = this
    const lines = new LineColumns(Math.ceil(end / usualLineBytes) + 64)
    const records = new RecordWriter(3 * end + startBytes)
    const feeds = this.read(bytes, lines, records)
    this.held.copyWithin(0, end, this.length)
    this.length -= end
    this.linesBefore += feeds
    this.byteAt += end
    this.continues = isOpen
    const about = { linesBefore, byteAt, continues, inputBytes: end }
    return { bytes, ...lines.columns(), records: records.bytes.subarray(0, records.length), ...about }
  }

  /** Reads the lines of a batch. Returns how many line feeds there are. */
  private read(bytes: Buffer, lines: LineColumns, records: RecordWriter): number {
    const { format, maxRecordBytes } = this.options
    let number = 0
    let isFirst = true
    for (let start = 0; start < bytes.length; isFirst = false) {
      const feed = bytes.indexOf(ascii.lineFeed, start)
      const next = feed < 0 ? bytes.length : feed + 1
      const lineEnd = feed < 0 ? next : feed
      const end = lineEnd > start && bytes[lineEnd - 1] === ascii.carriageReturn ? lineEnd - 1 : lineEnd
      if (isFirst && this.continues) lines.add(start, next, number, reason.tooLong)
      else if (end - start > maxRecordBytes) lines.add(start, next, number, reason.tooLong)
      else if (!isBlank(bytes, start, end)) {
        // A byte order mark is no part of the first line.
        const mark = this.byteAt === 0 && isFirst ? byteOrderMarkLength(bytes) : 0
        const isRecord = writeWebRecord(bytes, start + mark, end, format, records)
        lines.add(start, next, number, isRecord ? reason.none : reason.syntax)
      }
      if (feed >= 0) number++
      start = next
    }
    return number
  }
}

/** Arrays that grow together. */
class LineColumns {
  private starts: Uint32Array
  private ends: Uint32Array
  private numbers: Uint32Array
  private reasons: Uint8Array
  private length = 0

  /** `lines`: room to begin with. */
  constructor(lines: number) {
    this.starts = new Uint32Array(lines)
    this.ends = new Uint32Array(lines)
    this.numbers = new Uint32Array(lines)
    this.reasons = new Uint8Array(lines)
  }

  add(start: number, end: number, number: number, why: number): void {
    if (this.length === this.starts.length) this.grow()
    this.starts[this.length] = start
    this.ends[this.length] = end
    this.numbers[this.length] = number
    this.reasons[this.length++] = why
  }

  columns(): Pick<LineBatch, 'starts' | 'ends' | 'numbers' | 'reasons'> {
    const { length } = this
    return {
      starts: this.starts.subarray(0, length),
      ends: this.ends.subarray(0, length),
      numbers: this.numbers.subarray(0, length),
      reasons: this.reasons.subarray(0, length),
    }
  }

  private grow(): void {
    const larger = (column: Uint32Array) => {
      const grown = new Uint32Array(2 * column.length)
      grown.set(column)
      return grown
    }
    this.starts = larger(this.starts)
    this.ends = larger(this.ends)
    this.numbers = larger(this.numbers)
    const reasons = new Uint8Array(2 * this.reasons.length)
    reasons.set(this.reasons)
    this.reasons = reasons
  }
}

function isBlank(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (bytes[at] !== ascii.space && bytes[at] !== ascii.tab) return false
  return true
}
