// Parses IP addresses and networks (CIDR), and merges networks to disjoint ranges. Strict on purpose: what other
// programs read in two ways (leading zeros, host bits, zones) is refused with a cure. Called by lists.ts.

import { orderByBytes } from './byte-order.ts'

/** An inclusive range of addresses. v4: the address as a number; v6: as eight 16-bit groups in hexadecimal. */
export type NetworkRange =
  | { readonly family: 4; readonly low: number; readonly high: number }
  | { readonly family: 6; readonly low: V6Words; readonly high: V6Words }

/** An IPv6 address as four 32-bit words, most significant first. */
export type V6Words = readonly [number, number, number, number]

/** What is wrong with a network. */
export interface NetworkFault {
  readonly message: string
  readonly suggestion?: string
}

/** Returns the v4 address as a number, or undefined: four decimal octets without leading zeros. */
export function parseV4(text: string): number | undefined {
  const match = /^([0-9]{1,3})\.([0-9]{1,3})\.([0-9]{1,3})\.([0-9]{1,3})$/.exec(text)
  if (match === null) return undefined
  let address = 0
  for (let i = 1; i <= 4; i++) {
    const octet = match[i]!
    if (Number(octet) > 255 || (octet.length > 1 && octet.startsWith('0'))) return undefined
    address = address * 256 + Number(octet)
  }
  return address
}

/** Returns the v6 address as four words, or undefined: the text forms of RFC 4291, section 2.2, without a zone. */
export function parseV6(text: string): V6Words | undefined {
  // Character by character: a list may hold a million addresses, and splitting makes a dozen objects of each.
  const groups = [0, 0, 0, 0, 0, 0, 0, 0]
  let count = 0
  let gap = -1
  let at = 0
  if (text.startsWith('::')) {
    gap = 0
    at = 2
  }
  while (at < text.length) {
    if (count === 8) return undefined
    let value = 0
    const start = at
    for (let digit = hexDigit(text, at); digit !== -1; digit = hexDigit(text, ++at)) value = value * 16 + digit
    if (text[at] === '.') {
      const embedded = parseV4(text.slice(start))
      if (embedded === undefined || count > 6) return undefined
      groups[count++] = Math.floor(embedded / 0x1_0000)
      groups[count++] = embedded % 0x1_0000
      break
    }
    if (at === start || at - start > 4) return undefined
    groups[count++] = value
    if (at === text.length) break
    if (text[at++] !== ':' || at === text.length) return undefined
    if (text[at] !== ':') continue
    if (gap !== -1) return undefined
    gap = count
    at++
  }
  if (gap === -1 ? count !== 8 : count > 7) return undefined
  if (gap !== -1) groups.splice(gap, 0, ...zeroGroups.slice(0, 8 - count))
  return [word(groups, 0), word(groups, 2), word(groups, 4), word(groups, 6)]
}

const zeroGroups: readonly number[] = [0, 0, 0, 0, 0, 0, 0, 0]

function word(groups: readonly number[], at: number): number {
  return groups[at]! * 0x1_0000 + groups[at + 1]!
}

/** Returns the value of a hexadecimal digit, or -1. */
function hexDigit(text: string, at: number): number {
  const code = text.charCodeAt(at)
  if (code >= 48 && code <= 57) return code - 48
  const letter = code | 32
  return letter >= 97 && letter <= 102 ? letter - 87 : -1
}

/**
 * Returns the range of addresses that `text` names: an address, or an address and a prefix length. Networks of
 * v4-mapped v6 addresses (`::ffff:0:0/96` and below) are v4 ranges, as such addresses in data are v4 addresses.
 */
export function parseNetwork(text: string): NetworkRange | NetworkFault {
  const slash = text.indexOf('/')
  const address = slash === -1 ? text : text.slice(0, slash)
  const length = slash === -1 ? undefined : text.slice(slash + 1)
  const v4 = parseV4(address)
  const v6 = v4 === undefined ? parseV6(address) : undefined
  if (v4 === undefined && v6 === undefined) return addressFault(text, address, length)
  const most = v4 === undefined ? 128 : 32
  if (length !== undefined && !/^(?:0|[1-9][0-9]{0,2})$/.test(length)) return lengthFault(text, length, most)
  const bits = length === undefined ? most : Number(length)
  if (bits > most) return lengthFault(text, length!, most)
  if (v4 !== undefined) return v4Range(v4, bits, text)
  return v6Range(v6!, bits, text)
}

function v4Range(address: number, bits: number, text: string): NetworkRange | NetworkFault {
  const size = 2 ** (32 - bits)
  const low = address - (address % size)
  if (low !== address) return hostBitsFault(text, `${formatV4(low)}/${bits}`, formatV4(address))
  return { family: 4, low, high: low + size - 1 }
}

function v6Range(address: V6Words, bits: number, text: string): NetworkRange | NetworkFault {
  const low: number[] = []
  const high: number[] = []
  for (const [i, word] of address.entries()) {
    const free = Math.min(32, Math.max(0, 32 * (i + 1) - bits))
    const size = 2 ** free
    low.push(word - (word % size))
    high.push(word - (word % size) + size - 1)
  }
  const lowWords = low as unknown as V6Words
  if (address.some((word, i) => word !== low[i])) {
    return hostBitsFault(text, `${formatV6(lowWords)}/${bits}`, formatV6(address))
  }
  if (bits >= 96 && address[0] === 0 && address[1] === 0 && address[2] === 0xffff) {
    return { family: 4, low: low[3]!, high: high[3]! }
  }
  return { family: 6, low: lowWords, high: high as unknown as V6Words }
}

function formatV4(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.')
}

/** Returns the address as RFC 5952 writes it, but for embedded v4. */
function formatV6(words: V6Words): string {
  const groups = words.flatMap((word) => [Math.floor(word / 0x1_0000), word % 0x1_0000])
  const text = groups.map((group) => group.toString(16)).join(':')
  const zeros = [...text.matchAll(/(?<![0-9a-f])0(?::0)+(?![0-9a-f])/g)].toSorted(
    (a, b) => b[0].length - a[0].length,
  )[0]
  if (zeros === undefined) return text
  return `${text.slice(0, zeros.index).replace(/:$/, '')}::${text.slice(zeros.index + zeros[0].length).replace(/^:/, '')}`
}

function hostBitsFault(text: string, network: string, address: string): NetworkFault {
  return {
    message: `The network ${show(text)} has bits set behind its prefix length.`,
    suggestion: `write ${network} for the network, or ${address} for the one address`,
  }
}

function lengthFault(text: string, length: string, most: number): NetworkFault {
  const message = `The prefix length of ${show(text)} is not a number from 0 to ${most}.`
  if (parseV4(length) !== undefined)
    return { message, suggestion: 'write the prefix length in place of the mask, as in /24' }
  const plain = /^0+[0-9]+$/.test(length) ? length.replace(/^0+(?=[0-9])/, '') : undefined
  return plain === undefined ? { message } : { message, suggestion: `write /${plain}` }
}

function addressFault(text: string, address: string, length: string | undefined): NetworkFault {
  const message = `${show(text)} is not an IP address or network.`
  const rest = length === undefined ? '' : `/${length}`
  if (text.trim() !== text && text.trim() !== '')
    return { message, suggestion: `drop the spaces: write ${text.trim()}` }
  const zone = address.indexOf('%')
  if (zone !== -1) {
    return { message: `The address ${show(text)} has a zone.`, suggestion: `write ${address.slice(0, zone)}${rest}` }
  }
  if (address.startsWith('[') && address.endsWith(']'))
    return { message, suggestion: `write ${address.slice(1, -1)}${rest}` }
  const plain = address.replaceAll(/(?<![0-9a-fA-F:])0+(?=[0-9])/g, '')
  if (plain !== address && parseV4(plain) !== undefined) {
    return {
      message: `The address ${show(text)} has octets with leading zeros, which some programs read as octal.`,
      suggestion: `write ${plain}${rest}`,
    }
  }
  const short = /^(\d{1,3}(?:\.\d{1,3}){0,2})(?:\.\*|\.)*$/.exec(address)
  if (short !== null) {
    const octets = short[1]!.split('.')
    const bits = octets.length * 8
    const full = [...octets, '0', '0', '0'].slice(0, 4).join('.')
    if (parseV4(full) !== undefined) return { message, suggestion: `write ${full}/${bits}` }
  }
  return { message, suggestion: 'write 192.0.2.1, 192.0.2.0/24 or 2001:db8::/32' }
}

function show(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text)
}

/** Networks gathered from texts, as plain words; grows as needed, so that a million take 32 MB at most. */
export class NetworkTable {
  #v4 = new Uint32Array(64)
  #v4Length = 0
  #v6 = new Uint32Array(64)
  #v6Length = 0

  /** Adds a range. */
  add(range: NetworkRange): void {
    if (range.family === 4) {
      if (this.#v4Length + 2 > this.#v4.length) this.#v4 = grown(this.#v4)
      this.#v4[this.#v4Length++] = range.low
      this.#v4[this.#v4Length++] = range.high
    } else {
      if (this.#v6Length + 8 > this.#v6.length) this.#v6 = grown(this.#v6)
      this.#v6.set(range.low, this.#v6Length)
      this.#v6.set(range.high, this.#v6Length + 4)
      this.#v6Length += 8
    }
  }

  /** Returns the v4 ranges as pairs of words, disjoint, not touching, ascending. */
  v4Ranges(): Uint32Array {
    return mergeRanges(this.#v4.subarray(0, this.#v4Length), 1)
  }

  /** Returns the v6 ranges, eight words each, disjoint, not touching, ascending. */
  v6Ranges(): Uint32Array {
    return mergeRanges(this.#v6.subarray(0, this.#v6Length), 4)
  }
}

function grown(words: Uint32Array): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(words.length * 2)
  larger.set(words)
  return larger
}

/** Sorts and joins ranges of `width` words for each end. */
function mergeRanges(words: Uint32Array, width: number): Uint32Array {
  const count = words.length / (2 * width)
  // Big-endian bytes sort as the addresses do.
  const bytes = new Uint8Array(words.length * 4)
  const view = new DataView(bytes.buffer)
  for (let i = 0; i < words.length; i++) view.setUint32(i * 4, words[i]!)
  const starts = Uint32Array.from({ length: count }, (_, i) => i * width * 8)
  const order = orderByBytes({ bytes, starts, ends: starts.map((start) => start + width * 4) })
  const merged = new Uint32Array(words.length)
  let length = 0
  for (const range of order) {
    const at = range * 2 * width
    const last = length - width
    if (length > 0 && !isBeyond(words, at, merged, last, width)) {
      if (compareWords(words, at + width, merged, last, width) > 0) {
        merged.set(words.subarray(at + width, at + 2 * width), last)
      }
    } else {
      merged.set(words.subarray(at, at + 2 * width), length)
      length += 2 * width
    }
  }
  return merged.slice(0, length)
}

function compareWords(a: Uint32Array, aAt: number, b: Uint32Array, bAt: number, width: number): number {
  for (let i = 0; i < width; i++) {
    const difference = a[aAt + i]! - b[bAt + i]!
    if (difference !== 0) return difference
  }
  return 0
}

/** Whether the address low[lowAt…] is greater than high[highAt…] + 1, so that the ranges cannot be joined. */
function isBeyond(low: Uint32Array, lowAt: number, high: Uint32Array, highAt: number, width: number): boolean {
  if (compareWords(low, lowAt, high, highAt, width) <= 0) return false
  let carry = 1
  for (let i = width - 1; i >= 0; i--) {
    const sum = high[highAt + i]! + carry
    carry = sum > 0xffff_ffff ? 1 : 0
    if (low[lowAt + i] !== sum % 0x1_0000_0000) return true
  }
  return false
}
