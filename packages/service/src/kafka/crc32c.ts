// CRC-32C (Castagnoli), the checksum of Kafka's record batches: of a native package where it loads, else eight bytes at a
// time by tables. Each is tried on a known answer before it is taken. Called by mends.ts and record-batches.ts.

import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)

/** Returns the checksum of the bytes, as an unsigned number of 32 bits. */
export type Crc32c = (bytes: Uint8Array) => number

/** The reflected polynomial. */
const polynomial = 0x82f63b78

/** Table `t`, at `256 * t`, holds the remainder of a byte that is followed by `t` zero bytes. */
const tables = makeTables()

function makeTables(): Int32Array {
  const made = new Int32Array(8 * 256)
  for (let byte = 0; byte < 256; byte++) {
    let rest = byte
    for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ polynomial : rest >>> 1
    made[byte] = rest
  }
  for (let at = 256; at < made.length; at++) {
    const before = made[at - 256]!
    made[at] = made[before & 255]! ^ (before >>> 8)
  }
  return made
}

/** Returns the checksum by tables, eight bytes at a time. Source: Kounavis and Berry, "slicing-by-8", 2005. */
export function slicedCrc32c(bytes: Uint8Array): number {
  const inEights = bytes.length & ~7
  let crc = -1
  let at = 0
  for (; at < inEights; at += 8) {
    crc ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
    crc =
      tables[1792 + (crc & 255)]! ^
      tables[1536 + ((crc >>> 8) & 255)]! ^
      tables[1280 + ((crc >>> 16) & 255)]! ^
      tables[1024 + (crc >>> 24)]! ^
      tables[768 + bytes[at + 4]!]! ^
      tables[512 + bytes[at + 5]!]! ^
      tables[256 + bytes[at + 6]!]! ^
      tables[bytes[at + 7]!]!
  }
  for (; at < bytes.length; at++) crc = tables[(crc ^ bytes[at]!) & 255]! ^ (crc >>> 8)
  return ~crc >>> 0
}

/** What the checksum of `123456789` is, and of the 32 zero bytes of RFC 3720, section B.4. */
const knownAnswers: readonly (readonly [Uint8Array, number])[] = [
  [Buffer.from('123456789'), 0xe3069283],
  [new Uint8Array(32), 0x8a9136aa],
]

/** Returns whether the function gives the answers that are known. Never throws. */
export function isCrc32c(candidate: Crc32c): boolean {
  try {
    return knownAnswers.every(([bytes, answer]) => candidate(bytes) === answer)
  } catch {
    return false
  }
}

/** Returns the native function, or nothing where the optional package is absent, does not load or gives wrong answers. */
export function nativeCrc32c(load: () => unknown = () => require('@node-rs/crc32')): Crc32c | undefined {
  try {
    const { crc32c } = load() as { crc32c: (bytes: Uint8Array) => number }
    const native: Crc32c = (bytes) => crc32c(bytes) >>> 0
    return isCrc32c(native) ? native : undefined
  } catch {
    return undefined
  }
}

let chosen: Crc32c | undefined

/** Returns the checksum, by the fastest way there is. */
export function crc32c(bytes: Uint8Array): number {
  chosen ??= nativeCrc32c() ?? slicedCrc32c
  return chosen(bytes)
}
