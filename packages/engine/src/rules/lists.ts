// Lays out the lists of a program (sets, substrings, networks) as words and bytes, from inline texts or list files.
// Works on bytes throughout, so that a million entries cost no objects. The layouts stand in program.ts; plan.ts
// calls this, write-program.ts places the result.

import { createHash } from 'node:crypto'
import { compareEntries, orderByBytes, type Entries } from './byte-order.ts'
import { foldBytes } from './fold.ts'
import type { NetworkTable } from './networks.ts'
import { hashText, listKind } from './program.ts'

/** One list, ready to be placed: `parts` follow each other in the program, each 4-aligned. */
export interface ListImage {
  readonly kind: (typeof listKind)[keyof typeof listKind]
  readonly parts: readonly (Uint32Array | Uint8Array)[]
  /** Returns the directory entry, given the byte positions of the parts. */
  readonly words: (positions: readonly number[]) => readonly number[]
  /** Number of distinct entries or ranges. */
  readonly count: number
  /** SHA-256 of what the list contains, whatever order and form it came in. */
  readonly digest: string
}

/** Returns `texts` as entries. */
export function entriesOfTexts(texts: readonly string[]): Entries {
  const joined = Buffer.from(texts.join(''), 'utf8')
  const starts = new Uint32Array(texts.length)
  const ends = new Uint32Array(texts.length)
  let at = 0
  for (const [i, text] of texts.entries()) {
    starts[i] = at
    at += Buffer.byteLength(text, 'utf8')
    ends[i] = at
  }
  return { bytes: joined, starts, ends }
}

/** Folds all entries in place and returns them; the bytes given are overwritten. */
export function foldEntries(entries: Entries): Entries {
  const { bytes, starts, ends } = entries
  for (let i = 0; i < starts.length; i++) ends[i] = foldBytes(bytes, starts[i]!, ends[i]!, starts[i]!)
  return entries
}

/** Returns the image of a `set` list. Cost: linear, but for sorting 24-bit parts of hashes. */
export function setImage(entries: Entries): ListImage {
  const order = distinct(entries, orderByHash(entries))
  const { offsets, bytes } = packed(entries, order)
  const hashes = new Uint32Array(order.length)
  for (let i = 0; i < order.length; i++) hashes[i] = hashText(bytes, offsets[i], offsets[i + 1])
  const bucketBits = Math.min(24, Math.max(1, Math.floor(Math.log2(order.length + 1))))
  const buckets = new Uint32Array(2 ** bucketBits + 1)
  for (const hash of hashes) buckets[(hash >>> (32 - bucketBits)) + 1]!++
  for (let i = 1; i < buckets.length; i++) buckets[i]! += buckets[i - 1]!
  return {
    kind: listKind.set,
    parts: [hashes, offsets, bytes, buckets],
    words: ([hashesAt, offsetsAt, bytesAt, bucketsAt]) => [
      ...[listKind.set, order.length, hashesAt!, offsetsAt!, bytesAt!, bucketsAt!, bucketBits, bytes.length],
    ],
    count: order.length,
    digest: digestOf(offsets, bytes),
  }
}

/** Returns the image of a `substrings` list. */
export function substringsImage(entries: Entries): ListImage {
  const order = distinct(entries, orderByBytes(entries))
  const { offsets, bytes } = packed(entries, order)
  const pairs = new Uint8Array(8192)
  for (let i = 0; i < order.length; i++)
    setPair(pairs, bytes.subarray(offsets[i], Math.min(offsets[i]! + 2, offsets[i + 1]!)))
  return {
    kind: listKind.substrings,
    parts: [offsets, bytes, pairs],
    words: ([offsetsAt, bytesAt, pairsAt]) => [
      ...[listKind.substrings, order.length, offsetsAt!, bytesAt!, pairsAt!, bytes.length, 0, 0],
    ],
    count: order.length,
    digest: digestOf(offsets, bytes),
  }
}

/** Sets the bits of an entry that begins with `beginning`, its first two bytes, or the one it has. */
function setPair(pairs: Uint8Array, beginning: Uint8Array): void {
  const [first, only] = beginning
  if (first === undefined) return
  for (let second = only ?? 0; second <= (only ?? 255); second++) {
    const bit = first | (second << 8)
    pairs[bit >> 3]! |= 1 << (bit & 7)
  }
}

/** Returns the image of a `networks` list. */
export function networksImage(table: NetworkTable): ListImage {
  const v4 = table.v4Ranges()
  const v6 = table.v6Ranges()
  return {
    kind: listKind.networks,
    parts: [v4, v6],
    words: ([v4At, v6At]) => [listKind.networks, v4.length / 2, v4At!, v6.length / 8, v6At!, 0, 0, 0],
    count: v4.length / 2 + v6.length / 8,
    digest: digestOf(v4, v6),
  }
}

function digestOf(...parts: readonly (Uint32Array | Uint8Array)[]): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(`${part.byteLength}:`).update(part)
  return hash.digest('hex')
}

/** Returns entry numbers in ascending order of (hash, bytes). */
function orderByHash(entries: Entries): Uint32Array {
  const { bytes, starts, ends } = entries
  const count = starts.length
  const hashes = new Uint32Array(count)
  const begins = new Uint32Array(257)
  for (let i = 0; i < count; i++) {
    hashes[i] = hashText(bytes, starts[i], ends[i])
    begins[(hashes[i]! >>> 24) + 1]!++
  }
  for (let i = 1; i <= 256; i++) begins[i]! += begins[i - 1]!
  // A double holds 24 bits of hash and 24 of entry number (limits.listEntries is below 2^24); the upper 8 bits of the
  // hash are the bucket. Sorting doubles takes no comparison function, which is ten times as fast.
  const keys = new Float64Array(count)
  const next = begins.slice()
  for (let i = 0; i < count; i++) {
    const hash = hashes[i]!
    keys[next[hash >>> 24]!++] = (hash & 0xff_ffff) * 0x100_0000 + i
  }
  for (let i = 0; i < 256; i++) keys.subarray(begins[i], begins[i + 1]).sort()
  const order = new Uint32Array(count)
  for (let i = 0; i < count; i++) order[i] = keys[i]! % 0x100_0000
  sortEqualHashes(entries, order, hashes)
  return order
}

/** Equal hashes are nearly always equal entries; the rest are put in byte order. */
function sortEqualHashes(entries: Entries, order: Uint32Array, hashes: Uint32Array): void {
  for (let i = 0; i < order.length;) {
    let end = i + 1
    while (end < order.length && hashes[order[end]!] === hashes[order[i]!]) end++
    if (end > i + 1) order.subarray(i, end).sort((a, b) => compareEntries(entries, a, b))
    i = end
  }
}

/** Returns `order` without repeated entries, which stand side by side in it. */
function distinct(entries: Entries, order: Uint32Array): Uint32Array {
  const kept = new Uint32Array(order.length)
  let count = 0
  for (const entry of order) {
    if (count === 0 || compareEntries(entries, kept[count - 1]!, entry) !== 0) kept[count++] = entry
  }
  return kept.subarray(0, count)
}

/** Returns the entries in `order`, one after another; entry *i* is bytes[offsets[i], offsets[i + 1]). */
function packed({ bytes, starts, ends }: Entries, order: Uint32Array): { offsets: Uint32Array; bytes: Uint8Array } {
  const offsets = new Uint32Array(order.length + 1)
  for (let i = 0; i < order.length; i++) offsets[i + 1] = offsets[i]! + ends[order[i]!]! - starts[order[i]!]!
  const out = new Uint8Array(offsets[order.length]!)
  for (let i = 0; i < order.length; i++) {
    const entry = order[i]!
    // A loop, because most entries are short: a view of each would take longer than the bytes.
    for (let from = starts[entry]!, to = offsets[i]!; from < ends[entry]!; from++, to++) out[to] = bytes[from]!
  }
  return { offsets, bytes: out }
}
