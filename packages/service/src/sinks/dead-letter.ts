// Dead letters as lines of NDJSON in any sink: what could not go where its rules would have sent it, as base64, with the
// reason. Bounds the size of a line, what is kept of records that are too long, and how much is written in a second;
// what that leaves out is counted in the next line. Knows nothing of where the lines go. Called by pipelines.

import { createHash } from 'node:crypto'

import { headBytes } from '../ports/dead-letters.ts'
import type { CutRecord, DeadLetter, DeadLetterReason, DeadLetters } from '../ports/dead-letters.ts'
import type { Sink } from '../ports/sink.ts'
import type { Clock } from '../time.ts'

/** Most bytes of records in one line; longer letters become several, cut at line ends where there are any. */
export const partBytes = 1 << 20
/** Bytes of lines a second, unless the settings say otherwise. */
export const defaultBytesPerSecond = 64 << 20
/** A quiet time allows as much at once as so many seconds do. */
const burstSeconds = 4
/** About what a line takes beside its records. */
const frameBytes = 300

/** One line. `bytes` over all lines of one letter add up to the letter's, and so do `records`. */
export interface DeadLetterEntry {
  /** When it was set aside; ISO 8601 in UTC. */
  readonly time: string
  /** `suppressed`: a line without records, written where no other came to tell what was left out. */
  readonly reason: DeadLetterReason | 'suppressed'
  readonly malformedByReason?: Readonly<Record<string, number>>
  /** Records of the letter, in the first of its lines; 0 in the others. */
  readonly records: number
  /** How many bytes came. As many are in `data`, unless `truncated`. */
  readonly bytes: number
  readonly source?: string
  /** Where the first of the records lies, of a source that has messages. The offset is a text: it may exceed 2^53. */
  readonly topic?: string
  readonly partition?: number
  readonly offset?: string
  readonly record?: number
  readonly version?: string
  /** What the log calls the batch. */
  readonly batch?: string
  readonly detail?: string
  /** From 1, of letters that take several lines. */
  readonly part?: number
  readonly parts?: number
  /** The record is too long: `data` is its start, and `sha256` (hex) that of all its bytes. */
  readonly truncated?: true
  readonly sha256?: string
  /** What was left out since the line before, for there was more of it than may be written. */
  readonly suppressed?: Suppressed
  /** Base64. */
  readonly data?: string
}

/** What was not written: lines, and the records and bytes of them. */
export interface Suppressed {
  readonly entries: number
  readonly records: number
  readonly bytes: number
}

/** Options of `deadLettersInto`. */
export interface DeadLetterOptions {
  readonly clock: Clock
  /** Most bytes of lines a second, with four times as much at once after a quiet time. Default: 64 MiB. */
  readonly maxBytesPerSecond?: number
  /** Bytes of the longest record that is not malformed, as the engine has it. */
  readonly maxRecordBytes: number
  /** Told of what is left out: for a log and for metrics. */
  readonly onSuppressed?: (suppressed: Suppressed) => void
}

/** Returns dead letters that end as lines in a sink, which is theirs from then on. *Errors*: the sink's. */
export function deadLettersInto(sink: Sink, options: DeadLetterOptions): DeadLetters {
  return new DeadLetterLines(sink, options)
}

/** Bytes of a letter that become one line, or one record of a topic. */
export interface LetterPart {
  readonly data: Buffer
  /** How many bytes came. */
  readonly bytes: number
  /** Of a record that is too long: of all its bytes. */
  readonly sha256?: string
}

const nothing: Suppressed = { entries: 0, records: 0, bytes: 0 }

/** How much may be written, and what was left out because of it. */
export class LetterAllowance {
  private readonly options: Omit<DeadLetterOptions, 'maxRecordBytes'>
  private readonly rate: number
  /** Bytes that may be written now; below nothing after a letter that was longer. */
  private allowance: number
  private refilledMs: number
  private leftOut = nothing

  constructor(options: Omit<DeadLetterOptions, 'maxRecordBytes'>) {
    this.options = options
    this.rate = options.maxBytesPerSecond ?? defaultBytesPerSecond
    this.allowance = this.rate * burstSeconds
    this.refilledMs = options.clock()
  }

  get hasRoom(): boolean {
    const now = this.options.clock()
    // A clock that was put back gives nothing and takes nothing.
    const earned = (Math.max(0, now - this.refilledMs) * this.rate) / 1000
    this.allowance = Math.min(this.rate * burstSeconds, this.allowance + earned)
    this.refilledMs = now
    return this.allowance > 0
  }

  /** Takes note of bytes that are written. */
  spend(bytes: number): void {
    this.allowance -= bytes
  }

  /** Takes note of what is not written. */
  suppress(more: Suppressed): void {
    const { entries, records, bytes } = this.leftOut
    this.leftOut = { entries: entries + more.entries, records: records + more.records, bytes: bytes + more.bytes }
    this.options.onSuppressed?.(more)
  }

  /** Whether something was left out that is not told yet. */
  get hasSuppressed(): boolean {
    return this.leftOut !== nothing
  }

  /** Returns what was left out since the last time that it was told, or nothing. */
  takeSuppressed(): Suppressed | undefined {
    const { leftOut } = this
    this.leftOut = nothing
    return leftOut === nothing ? undefined : leftOut
  }
}

class DeadLetterLines implements DeadLetters {
  readonly name: string
  private readonly sink: Sink
  private readonly options: DeadLetterOptions
  private readonly allowance: LetterAllowance
  private tail: Promise<unknown> = Promise.resolve()

  constructor(sink: Sink, options: DeadLetterOptions) {
    this.name = sink.name
    this.sink = sink
    this.options = options
    this.allowance = new LetterAllowance(options)
  }

  get hasRoom(): boolean {
    return this.allowance.hasRoom
  }

  write(letters: readonly DeadLetter[]): Promise<void> {
    return this.inTurn(async () => {
      for (const letter of letters) await this.writeLetter(letter)
    })
  }

  /** What was left out is told before anybody is told that everything is safe. */
  async flush(): Promise<void> {
    await this.inTurn(() => this.tellSuppressed())
    await this.sink.flush()
  }

  async finish(): Promise<void> {
    await this.inTurn(() => this.tellSuppressed())
    await this.sink.finish()
  }

  async discard(): Promise<void> {
    await this.tail
    await this.sink.discard()
  }

  /** A sink takes one write at a time, and a flush may come at any. */
  private inTurn(run: () => Promise<void>): Promise<void> {
    const done = this.tail.then(run)
    this.tail = done.catch(() => undefined)
    return done
  }

  private async writeLetter(letter: DeadLetter): Promise<void> {
    const parts = partsOf(letter, this.options.maxRecordBytes)
    for (const [index, part] of parts.entries()) {
      const records = index === 0 ? letter.records : 0
      const { data, bytes, sha256 } = part
      // Who sets a whole body aside has asked for room before, and tells its sender that it is kept.
      const { hasRoom } = this
      const mayWrite = hasRoom || letter.reason === 'quarantine'
      if (mayWrite) this.allowance.spend(Math.ceil(data.length / 3) * 4 + frameBytes)
      else {
        this.allowance.suppress({ entries: 1, records, bytes })
        continue
      }
      await this.writeEntry(
        {
          reason: letter.reason,
          ...(index === 0 ? malformedOf(letter) : {}),
          records,
          bytes,
          source: letter.source,
          ...(letter.place === undefined ? {} : { ...letter.place, offset: String(letter.place.offset) }),
          ...(letter.version === undefined ? {} : { version: letter.version }),
          ...(letter.batch === undefined ? {} : { batch: letter.batch }),
          ...(letter.detail === undefined ? {} : { detail: letter.detail }),
          ...(parts.length === 1 ? {} : { part: index + 1, parts: parts.length }),
          ...(sha256 === undefined ? {} : { truncated: true, sha256 }),
          data: data.toString('base64'),
        },
        letter.version,
      )
    }
  }

  private async tellSuppressed(): Promise<void> {
    if (this.allowance.hasSuppressed) await this.writeEntry({ reason: 'suppressed', records: 0, bytes: 0 })
  }

  private async writeEntry(entry: Omit<DeadLetterEntry, 'time' | 'suppressed'>, version?: string): Promise<void> {
    const { data, ...about } = entry
    const suppressed = this.allowance.takeSuppressed()
    const line: DeadLetterEntry = {
      time: new Date(this.options.clock()).toISOString(),
      ...about,
      ...(suppressed === undefined ? {} : { suppressed }),
      ...(data === undefined ? {} : { data }),
    }
    await this.sink.write([Buffer.from(JSON.stringify(line) + '\n')], version)
  }
}

/** Returns what is wrong with a letter's records, of those that are malformed. */
export function malformedOf({ malformedByReason = {} }: DeadLetter): Pick<DeadLetterEntry, 'malformedByReason'> {
  const counted = Object.entries(malformedByReason).filter(([, count]) => count > 0)
  return counted.length === 0 ? {} : { malformedByReason: Object.fromEntries(counted) }
}

/** Returns the part that a record is which is too long, of its bytes or of what is known of them. */
function partOfLong(record: Buffer, cut?: CutRecord): LetterPart {
  const { bytes, sha256 } = cut ?? {
    bytes: record.length,
    sha256: createHash('sha256').update(record).digest('hex'),
  }
  return { data: record.subarray(0, headBytes), bytes, sha256 }
}

/** A carriage return and a line feed are no part of a record. */
const lineEndBytes = 2

/**
 * Returns a letter in parts: lines that are too long stand alone, all others together as far as a part has room.
 * `mostPartBytes`: of a part, where its place has less room than a line.
 */
export function partsOf(
  { reason, bytes: chunks, cut }: DeadLetter,
  maxRecordBytes: number,
  mostPartBytes = partBytes,
): LetterPart[] {
  const [first = new Uint8Array(0)] = chunks
  const all = chunks.length === 1 ? Buffer.from(first.buffer, first.byteOffset, first.length) : Buffer.concat(chunks)
  if (cut !== undefined) return [partOfLong(all, cut)]
  const parts: LetterPart[] = []
  // Only malformed records may be too long; the bytes of a body that nobody could take apart are kept whole.
  const longest = reason === 'malformed' ? maxRecordBytes : Number.POSITIVE_INFINITY
  let start = 0
  const endPart = (end: number) => {
    for (; start < end; start += mostPartBytes) {
      const data = all.subarray(start, Math.min(start + mostPartBytes, end))
      parts.push({ data, bytes: data.length })
    }
    start = end
  }
  for (let at = 0; at < all.length;) {
    // What ends with a line within so many bytes holds no line that is longer, and need not be read line by line.
    const windowEnd = Math.min(at + Math.min(longest + lineEndBytes, mostPartBytes), all.length)
    const last = all.lastIndexOf(0x0a, windowEnd - 1)
    const lineFeed = last < at ? all.indexOf(0x0a, windowEnd) : last
    const end = lineFeed < 0 ? all.length : lineFeed + 1
    const isTooLong = end - at > longest + lineEndBytes
    if (isTooLong || end - start > mostPartBytes) endPart(at)
    if (isTooLong) {
      parts.push(partOfLong(all.subarray(at, end)))
      start = end
    }
    at = end
  }
  endPart(all.length)
  return parts.length === 0 ? [{ data: all, bytes: all.length }] : parts
}
