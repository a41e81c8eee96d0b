// Fills memory from a range of an open file, with positional reads: range r of a file owns the lines whose first
// byte lies in it. Reads on behind the range until its last line is complete, and looks back before it only far
// enough to tell whether the line it begins in is too long. The range itself may be read ahead, while the one before it is
// evaluated. Called by workers, and for small files by the calling thread; knows no records.
//
// Invariant: whether a line is too long is decided by the same function of the same bytes in every range that it
// touches, so that each of its bytes is evaluated once, and it is counted once, by the range that it begins in.

import { read, readSync } from 'node:fs'
import { EngineError } from '../errors.ts'
import { slabFlag } from './batch.ts'
import {
  byteOrderMarkBytes,
  firstLineFeed,
  afterLastLine,
  hasByteOrderMark,
  lineFeed,
  recordLength,
  surelyTooLongBytes,
} from './framing.ts'
import type { Slab } from './slab.ts'

/** A range of an open file. */
export interface FileRange {
  /** File descriptor, open for reading; positions are given with each read. */
  readonly fd: number
  /** [from, to): positions in the file; no further apart than the batch that the slab was shaped for. */
  readonly from: number
  readonly to: number
  /** Where the file ends: its size when filtering began. What is appended later is not read. */
  readonly end: number
  readonly maxRecordBytes: number
}

/** A part of an open file that one task stands for: several batches, which take turns in one slab. */
export interface FileSpan extends FileRange {
  /** How far apart `from` and `to` of each batch are, but for the last. */
  readonly batchBytes: number
}

/** What of the slab's input region is to be evaluated. Position 0 of the region is position `from` of the file. */
export interface FilledRange {
  readonly start: number
  readonly end: number
  /** `slabFlag.continues` and `slabFlag.open`, where they apply. */
  readonly flags: number
}

const firstLookBytes = 4096
const nothing: FilledRange = { start: 0, end: 0, flags: 0 }

/**
 * Reads a range into the slab's input region, and returns what of it to evaluate; see `frameRange`.
 *
 * Errors: `ERR_ENGINE_READ` when the file cannot be read or has become shorter than `end`.
 */
export function fillFromFile(slab: Slab, range: FileRange): FilledRange {
  readRange(slab.input, range)
  return frameRange(slab.input, range)
}

/** Reads the bytes of a range to the start of `input`. Errors: those of `fillFromFile`. */
export function readRange(input: Uint8Array, { fd, from, to }: FileRange): void {
  readExactly(fd, input, 0, to - from, from)
}

/**
 * Does the same in one of the threads that Node keeps for files, while this one goes on.
 * *Ownership*: the bytes are the system's until the promise settles, and the descriptor must be open until then.
 */
export async function readRangeAside(input: Uint8Array, { fd, from, to }: FileRange): Promise<void> {
  for (let at = 0; at < to - from;) {
    const count = await readOnce(fd, input.subarray(at, to - from), from + at)
    if (count === 0) throw missingError(from + at)
    at += count
  }
}

/**
 * Returns what of a range that `input` begins with is to be evaluated, and reads what of its last line lies behind it:
 * nothing when no line begins in the range and it is no part of a too-long line. At the start of the file `start` is the
 * length of its byte order mark. Errors: those of `fillFromFile`.
 */
export function frameRange(input: Buffer, range: FileRange): FilledRange {
  const { from, to, end } = range
  const length = to - from
  let first = from === 0 && hasByteOrderMark(input, length) ? byteOrderMarkBytes : 0
  let flags = 0
  if (from > 0) {
    const before = bytesBefore(range)
    if (before > 0) {
      const after = firstLineFeed(input, 0, length)
      if (isTooLong(input, range, before, after)) flags |= slabFlag.continues
      else if (after < 0) return nothing
      else first = after + 1
    }
  }
  if (first >= length) return from === 0 ? { start: first, end: first, flags } : nothing
  const whole = afterLastLine(input, first, length)
  if (whole === length || to === end) return { start: first, end: length, flags }
  const continues = (flags & slabFlag.continues) !== 0
  // No line feed, and it began inside a too-long line: so it ends inside that line.
  if (whole < 0 && continues) return { start: first, end: length, flags: flags | slabFlag.open }
  const lastLine = whole < 0 ? first : whole
  const lineEnd = completeLine(input, range, lastLine, length)
  const open = lineEnd < 0
  return { start: first, end: open ? length : lineEnd, flags: open ? flags | slabFlag.open : flags }
}

/**
 * Reads on behind the range until the line that begins at `lastLine` is complete; returns the position after it,
 * or -1 when it is too long.
 */
function completeLine(input: Buffer, range: FileRange, lastLine: number, length: number): number {
  const bound = Math.min(lastLine + surelyTooLongBytes(range.maxRecordBytes), range.end - range.from)
  let have = length
  for (let step = firstLookBytes; have < bound; step *= 2) {
    const to = Math.min(bound, have + step)
    readExactly(range.fd, input, have, to, range.from + have)
    const at = firstLineFeed(input, have, to)
    if (at >= 0) return recordLength(input, lastLine, at) > range.maxRecordBytes ? -1 : at + 1
    have = to
  }
  const isAtEnd = range.from + have === range.end
  return isAtEnd && recordLength(input, lastLine, have) <= range.maxRecordBytes ? have : -1
}

/**
 * Whether the line that the range begins in is too long: `before` of its bytes lie before the range, and `after` is
 * the position of its line feed in the range, or -1.
 */
function isTooLong(input: Buffer, range: FileRange, before: number, after: number): boolean {
  const length = range.to - range.from
  if (before >= surelyTooLongBytes(range.maxRecordBytes)) return true
  if (after > 0) return before + recordLength(input, 0, after) > range.maxRecordBytes
  if (after === 0) return before - (endsInReturn(range) ? 1 : 0) > range.maxRecordBytes
  if (before + length >= surelyTooLongBytes(range.maxRecordBytes)) return true
  // The whole range lies inside the line. As if the line began in this range, but with less left to the limit.
  const rest = { ...range, maxRecordBytes: range.maxRecordBytes - before }
  if (range.to === range.end) return recordLength(input, 0, length) > rest.maxRecordBytes
  return completeLine(input, rest, 0, length) < 0
}

function endsInReturn(range: FileRange): boolean {
  const last = Buffer.alloc(1)
  readExactly(range.fd, last, 0, 1, range.from - 1)
  return last[0] === 13
}

/** Returns how many bytes of the range's first line lie before it, or a number that is surely too long. */
function bytesBefore(range: FileRange): number {
  const surely = surelyTooLongBytes(range.maxRecordBytes)
  let seen = 0
  for (let step = firstLookBytes; seen < surely && range.from - seen > 0; step *= 2) {
    const to = range.from - seen
    const at = Math.max(0, to - step)
    const look = Buffer.allocUnsafe(to - at)
    readExactly(range.fd, look, 0, look.length, at)
    const line = look.lastIndexOf(lineFeed)
    if (line >= 0) return seen + look.length - line - 1
    seen += look.length
    // A byte order mark at the start of the file is no part of the first line.
    if (at === 0 && hasByteOrderMark(look)) return seen - byteOrderMarkBytes
  }
  return seen
}

/** Reads `bytes` [start, end) from position `position` of the file on. */
function readExactly(fd: number, bytes: Uint8Array, start: number, end: number, position: number): void {
  let at = start
  while (at < end) {
    let count: number
    try {
      count = readSync(fd, bytes, at, end - at, position + at - start)
    } catch (cause) {
      throw readError(cause, position + at - start)
    }
    if (count === 0) throw missingError(position + at - start)
    at += count
  }
}

function readOnce(fd: number, bytes: Uint8Array, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    read(fd, bytes, 0, bytes.length, position, (cause, count) => {
      if (cause === null) resolve(count)
      else reject(readError(cause, position))
    })
  })
}

function readError(cause: unknown, position: number): EngineError {
  return new EngineError('ERR_ENGINE_READ', `The file cannot be read: ${(cause as Error).message}.`, {
    details: { position, systemCode: (cause as NodeJS.ErrnoException).code },
    cause,
  })
}

function missingError(position: number): EngineError {
  return new EngineError('ERR_ENGINE_READ', `The file lacks byte ${position}: it became shorter while it was read.`, {
    details: { position },
  })
}
