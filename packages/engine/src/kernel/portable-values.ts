// What values mean to the portable kernel: url decoding, folding, numbers, addresses, and look-ups in a program's
// lists. Pure functions over one value; portable.ts calls them, native/ has their counterparts.

import { hashText, headerWord, listWords } from '../rules/program.ts'

/** Text that is a JSON number, leading zeros allowed. */
const numberPattern = /^-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?$/
const integerPattern = /^-?[0-9]+$/
const leastInteger = -(2n ** 63n)
const mostInteger = 2n ** 64n - 1n

/** A number as comparisons see it: `exact` when it is an integer from −2⁶³ to 2⁶⁴−1 without fraction or exponent. */
export interface ComparableNumber {
  readonly exact: bigint | undefined
  readonly double: number
}

/** Returns the number that `text` is, or undefined when it is none. */
export function readNumber(text: string): ComparableNumber | undefined {
  if (!numberPattern.test(text)) return undefined
  const double = Number(text)
  if (!integerPattern.test(text)) return { exact: undefined, double }
  // The bounds have 19 and 20 digits, and reading a longer text as bigint would cost time quadratic in its length.
  const digits = text.replace(/^(-?)0+(?=[0-9])/, '$1')
  const exact = digits.length <= 20 ? BigInt(digits) : undefined
  const isInRange = exact !== undefined && exact >= leastInteger && exact <= mostInteger
  return { exact: isInRange ? exact : undefined, double }
}

/**
 * Returns the time that `text` is, in milliseconds since 1970 and rounded to whole ones; undefined when it is none. A
 * number from 10⁸ to 10¹¹ counts seconds, one from there to 10¹⁴ milliseconds: both are the years 1973 to 5138.
 */
export function readTimeMs(text: string): number | undefined {
  const time = readNumber(text)?.double
  if (time === undefined || !(time >= 1e8 && time < 1e14)) return undefined
  return Math.round(time < 1e11 ? time * 1000 : time)
}

/** Returns a negative number, 0 or a positive one as `a` is less than, equal to or greater than `b`. */
export function compareNumbers(a: ComparableNumber, b: ComparableNumber): number {
  if (a.exact !== undefined && b.exact !== undefined) return a.exact < b.exact ? -1 : a.exact > b.exact ? 1 : 0
  return a.double < b.double ? -1 : a.double > b.double ? 1 : 0
}

/**
 * Returns `text` with percent escapes decoded and `+` as a space. An escape without two hexadecimal digits stays;
 * bytes that are not UTF-8 become U+FFFD, one for each maximal subpart (WHATWG Encoding, "UTF-8 decoder").
 */
export function decodeUrl(text: string): string {
  if (!/[%+]/.test(text)) return text
  const from = Buffer.from(text)
  const to = Buffer.alloc(from.length)
  let length = 0
  for (let at = 0; at < from.length; at++) {
    const hex = from[at] === 0x25 ? from.toString('latin1', at + 1, at + 3) : ''
    if (/^[0-9a-fA-F]{2}$/.test(hex)) {
      to[length++] = Number.parseInt(hex, 16)
      at += 2
    } else {
      to[length++] = from[at] === 0x2b ? 0x20 : from[at]!
    }
  }
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(to.subarray(0, length))
}

/** Returns the program's fold table: code point to the one that stands for all of its case variants. */
export function readFoldTable(words: Uint32Array): ReadonlyMap<number, number> {
  const first = words[headerWord.foldAt]! / 4
  const table = new Map<number, number>()
  for (let i = 0; i < words[headerWord.foldCount]!; i++) table.set(words[first + 2 * i]!, words[first + 2 * i + 1]!)
  return table
}

/** Returns `text` with each code point replaced as `table` says. */
export function foldText(text: string, table: ReadonlyMap<number, number>): string {
  let folded = ''
  for (const character of text) {
    const code = character.codePointAt(0)!
    folded += String.fromCodePoint(table.get(code) ?? code)
  }
  return folded
}

/** The program's block and the directory entry of one of its lists (rules/program.ts). */
export class ListReader {
  readonly #bytes: Uint8Array
  readonly #words: Uint32Array
  readonly #entry: number

  constructor(bytes: Uint8Array, index: number) {
    this.#bytes = bytes
    this.#words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2)
    this.#entry = this.#words[headerWord.listsAt]! / 4 + index * listWords
  }

  #field(word: number): number {
    return this.#words[this.#entry + word]!
  }

  /** Returns whether `text` is an entry of this `set` list. Cost: one hash and about one comparison. */
  hasText(text: Uint8Array): boolean {
    const hash = hashText(text)
    const buckets = this.#field(5) / 4 + (hash >>> (32 - this.#field(6)))
    for (let i = this.#words[buckets]!; i < this.#words[buckets + 1]!; i++) {
      if (this.#words[this.#field(2) / 4 + i] !== hash) continue
      const [start, end] = this.#bounds(i, 3)
      if (Buffer.compare(text, this.#bytes.subarray(start, end)) === 0) return true
    }
    return false
  }

  /** Returns whether `text` contains an entry of this `substrings` list. */
  hasPartOf(text: Uint8Array): boolean {
    // At text.length, too: there the empty entry is found in the empty text.
    for (let at = 0; at <= text.length; at++) if (this.#hasEntryAt(text, at)) return true
    return false
  }

  /** Entries are sorted: those that share k bytes with the text stand side by side, and the shortest comes first. */
  #hasEntryAt(text: Uint8Array, at: number): boolean {
    let low = 0
    let high = this.#field(1)
    for (let k = 0; low < high; k++) {
      const [start, end] = this.#bounds(low, 2)
      if (end - start === k) return true
      if (at + k === text.length) return false
      const byte = text[at + k]!
      const byteOf = (entry: number): number => this.#bytes[this.#bounds(entry, 2)[0] + k]!
      const first = firstWhere(low, high, (entry) => byteOf(entry) >= byte)
      high = firstWhere(first, high, (entry) => byteOf(entry) > byte)
      low = first
    }
    return false
  }

  /** Byte bounds of an entry within the block; the list's `offsetsAt` is word `offsets`, and `bytesAt` the next. */
  #bounds(entry: number, offsets: number): [number, number] {
    const first = this.#field(offsets) / 4 + entry
    const bytesAt = this.#field(offsets + 1)
    return [bytesAt + this.#words[first]!, bytesAt + this.#words[first + 1]!]
  }

  /** Returns whether `address`, one word for IPv4 or four for IPv6, lies in a range of this `networks` list. */
  hasAddress(address: readonly number[]): boolean {
    const isV4 = address.length === 1
    const count = this.#field(isV4 ? 1 : 3)
    const at = this.#field(isV4 ? 2 : 4) / 4
    const size = address.length
    // Ranges are disjoint and ascending: only the last one that begins at or before the address can hold it.
    const after = firstWhere(0, count, (range) => this.#compareAddress(at + range * 2 * size, address) > 0)
    return after > 0 && this.#compareAddress(at + (after - 1) * 2 * size + size, address) >= 0
  }

  #compareAddress(word: number, address: readonly number[]): number {
    for (const [i, part] of address.entries()) {
      const other = this.#words[word + i]!
      if (other !== part) return other < part ? -1 : 1
    }
    return 0
  }
}

/** Returns the first number in [low, high) for which `holds` is true, given that it stays true; `high` if none. */
function firstWhere(low: number, high: number, holds: (index: number) => boolean): number {
  while (low < high) {
    const middle = (low + high) >>> 1
    if (holds(middle)) high = middle
    else low = middle + 1
  }
  return low
}

/**
 * Returns the address that `text` is: one word for IPv4 (also when written as IPv4-mapped IPv6), four words, most
 * significant first, for IPv6. Undefined for anything else: zones, leading zeros in octets, prefix lengths, space.
 */
export function readAddress(text: string): number[] | undefined {
  if (!text.includes(':')) {
    const word = readDottedQuad(text)
    return word === undefined ? undefined : [word]
  }
  const groups = readGroups(text)
  if (groups === undefined) return undefined
  const words = [0, 2, 4, 6].map((i) => ((groups[i]! << 16) | groups[i + 1]!) >>> 0)
  const isMapped = words[0] === 0 && words[1] === 0 && words[2] === 0xffff
  return isMapped ? [words[3]!] : words
}

function readDottedQuad(text: string): number | undefined {
  const octets = text.split('.')
  if (octets.length !== 4) return undefined
  let word = 0
  for (const octet of octets) {
    if (!/^(0|[1-9][0-9]{0,2})$/.test(octet) || Number(octet) > 255) return undefined
    word = word * 256 + Number(octet)
  }
  return word
}

/** Returns the eight groups of an IPv6 address (RFC 4291, section 2.2). */
function readGroups(text: string): number[] | undefined {
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const lists = halves.map((half) => (half === '' && halves.length === 2 ? [] : half.split(':')))
  const last = lists.at(-1)!
  const quad = last.at(-1)
  if (quad?.includes('.') === true) {
    const word = readDottedQuad(quad)
    if (word === undefined) return undefined
    last.splice(-1, 1, (word >>> 16).toString(16), (word & 0xffff).toString(16))
  }
  const [left = [], right = []] = lists
  const given = left.length + right.length
  // `::` stands for one group or more.
  if (halves.length === 2 ? given > 7 : given !== 8) return undefined
  const all = [...left, ...Array<string>(8 - given).fill('0'), ...right]
  if (!all.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return undefined
  return all.map((group) => Number.parseInt(group, 16))
}
