// Sorts texts by their bytes without making an object of each: three bytes at a time become one number, and typed
// arrays of numbers sort ten times as fast as anything with a comparison function. Used by lists.ts and networks.ts.

/** Texts in one block of bytes; entry *i* is bytes[starts[i], ends[i]). */
export interface Entries {
  readonly bytes: Uint8Array
  readonly starts: Uint32Array
  readonly ends: Uint32Array
}

/** Entry numbers are below this (limits.listEntries is), so that a double holds three bytes and a number. */
const numberRange = 2 ** 24

/** Groups up to this size are sorted by comparing; larger ones by numbers. */
const smallGroup = 12

/**
 * Returns the entry numbers in ascending order of their bytes; equal entries stand side by side. Cost: about linear in
 * the bytes, as the beginning that a group has in common is skipped.
 */
export function orderByBytes(entries: Entries): Uint32Array {
  const order = new Uint32Array(entries.starts.length)
  for (let i = 0; i < order.length; i++) order[i] = i
  const keys = new Float64Array(order.length)
  // [from, to, bytes in common], on a stack of our own: texts that contain one another could nest a thousandfold.
  const groups: [number, number, number][] = [[0, order.length, 0]]
  for (let group = groups.pop(); group !== undefined; group = groups.pop()) {
    const [from, to, known] = group
    if (to - from <= smallGroup) sortSmall(entries, order.subarray(from, to))
    else splitGroup(entries, order, keys, from, to, commonPrefix(entries, order, from, to, known), groups)
  }
  return order
}

function splitGroup(
  { bytes, starts, ends }: Entries,
  order: Uint32Array,
  keys: Float64Array,
  from: number,
  to: number,
  depth: number,
  groups: [number, number, number][],
): void {
  for (let i = from; i < to; i++) {
    const entry = order[i]!
    let key = 0
    // 0 stands for the end of a text, which comes before every byte.
    for (let at = starts[entry]! + depth, j = 0; j < 3; j++, at++)
      key = key * 257 + (at < ends[entry]! ? bytes[at]! + 1 : 0)
    keys[i] = key * numberRange + entry
  }
  keys.subarray(from, to).sort()
  let first = from
  let prefix = Math.floor(keys[from]! / numberRange)
  for (let i = from; i <= to; i++) {
    const here = i === to ? -1 : Math.floor(keys[i]! / numberRange)
    if (i < to) order[i] = keys[i]! % numberRange
    if (here === prefix) continue
    // Where the last of the three is an end, the texts are equal.
    if (i - first > 1 && prefix % 257 !== 0) groups.push([first, i, depth + 3])
    first = i
    prefix = here
  }
}

/** Returns how many bytes all entries of a group have in common; `known` of them are known to be. */
function commonPrefix(
  { bytes, starts, ends }: Entries,
  order: Uint32Array,
  from: number,
  to: number,
  known: number,
): number {
  const model = starts[order[from]!]!
  let common = ends[order[from]!]! - model
  for (let i = from + 1; i < to && common > known; i++) {
    const start = starts[order[i]!]!
    common = Math.min(common, ends[order[i]!]! - start)
    let length = known
    while (length < common && bytes[start + length] === bytes[model + length]) length++
    common = length
  }
  return Math.max(common, known)
}

function sortSmall(entries: Entries, order: Uint32Array): void {
  for (let i = 1; i < order.length; i++) {
    const entry = order[i]!
    let j = i
    for (; j > 0 && compareEntries(entries, order[j - 1]!, entry) > 0; j--) order[j] = order[j - 1]!
    order[j] = entry
  }
}

/** Returns whether entry `a` comes before (negative), equals (0) or follows entry `b` in byte order. */
export function compareEntries({ bytes, starts, ends }: Entries, a: number, b: number): number {
  let at = starts[a]!
  let other = starts[b]!
  const end = ends[a]!
  const otherEnd = ends[b]!
  for (; at < end && other < otherEnd; at++, other++) {
    const difference = bytes[at]! - bytes[other]!
    if (difference !== 0) return difference
  }
  return end - at - (otherEnd - other)
}
