// Where input may be cut: after line feeds, and inside lines that are surely too long. Finds line ends and a
// byte order mark, and looks no further into records; splitting a batch into records is the kernel's work.
// Used by the batcher, by file-range.ts and by the engine's evaluate().

/** The byte that ends a line. */
export const lineFeed = 10
const carriageReturn = 13

/** Bytes of a UTF-8 byte order mark. */
export const byteOrderMarkBytes = 3

/** Returns whether `bytes` begins with a UTF-8 byte order mark within its first `length` bytes. */
export function hasByteOrderMark(bytes: Uint8Array, length: number = bytes.length): boolean {
  return length >= byteOrderMarkBytes && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf
}

/**
 * Returns how many bytes a line must have, without its line feed, to be surely longer than the limit: one more
 * than the limit, and one for a carriage return that is no part of the record.
 */
export function surelyTooLongBytes(maxRecordBytes: number): number {
  return maxRecordBytes + 2
}

/** Returns the position after the last line feed in `bytes` [start, end), or -1 if there is none. */
export function afterLastLine(bytes: Buffer, start: number, end: number): number {
  if (end <= start) return -1
  const at = bytes.subarray(start, end).lastIndexOf(lineFeed)
  return at < 0 ? -1 : start + at + 1
}

/** Returns the position of the first line feed in `bytes` [start, end), or -1 if there is none. */
export function firstLineFeed(bytes: Buffer, start: number, end: number): number {
  if (end <= start) return -1
  const at = bytes.subarray(start, end).indexOf(lineFeed)
  return at < 0 ? -1 : start + at
}

/** Returns how many line feeds there are. */
export function countLineFeeds(bytes: Uint8Array): number {
  let count = 0
  for (let at = bytes.indexOf(lineFeed); at >= 0; at = bytes.indexOf(lineFeed, at + 1)) count++
  return count
}

/** Returns the length of the line `bytes` [start, end), which has no line feed, without one carriage return at its end. */
export function recordLength(bytes: Uint8Array, start: number, end: number): number {
  return end > start && bytes[end - 1] === carriageReturn ? end - start - 1 : end - start
}

/** A piece of some input that can be evaluated on its own. */
export interface Cut {
  /** [start, end): positions in the input. */
  readonly start: number
  readonly end: number
  /** The piece begins inside a too-long line that an earlier piece counted. */
  readonly continues: boolean
  /** The piece ends inside a too-long line. */
  readonly open: boolean
}

/**
 * Yields `bytes` [start, bytes.length) in pieces of whole lines, in order and without gaps. A piece has at most
 * `batchBytes` bytes unless its only line is longer, and never more than `batchBytes + maxRecordBytes + 2`.
 */
export function* cutLines(
  bytes: Buffer,
  start: number,
  batchBytes: number,
  maxRecordBytes: number,
): Generator<Cut, void, undefined> {
  let at = start
  let continues = false
  while (at < bytes.length) {
    const [end, open] = endOfPiece(bytes, at, continues, batchBytes, maxRecordBytes)
    yield { start: at, end, continues, open }
    continues = open
    at = end
  }
}

function endOfPiece(
  bytes: Buffer,
  at: number,
  continues: boolean,
  batchBytes: number,
  maxRecordBytes: number,
): [end: number, open: boolean] {
  if (bytes.length - at <= batchBytes) return [bytes.length, false]
  const whole = afterLastLine(bytes, at, at + batchBytes)
  if (whole >= 0) return [whole, false]
  if (continues) return [at + batchBytes, true]
  const bound = Math.max(batchBytes, surelyTooLongBytes(maxRecordBytes))
  const end = firstLineFeed(bytes, at + batchBytes, Math.min(at + bound, bytes.length))
  if (end >= 0) return [end + 1, false]
  // At least one byte stays for the next piece, so that an open line always has a continuation.
  return bytes.length - at <= bound ? [bytes.length, false] : [at + bound, true]
}
