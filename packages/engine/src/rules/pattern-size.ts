// Estimates how large a pattern's program is for a kernel that matches UTF-8 byte by byte, as RE2 does. re2js counts a
// class of a thousand ranges as one instruction; for RE2 it is two thousand. Called by patterns.ts.

import type { RE2JS } from 're2js'

/**
 * Returns about how many instructions RE2's program of the pattern has. May be too high, by a third where ranges share
 * their first bytes; too low only by a few instructions. Cost: linear in the ranges of all its classes.
 */
export function byteInstructionsOf(compiled: RE2JS): number {
  const program = compiled.re2Input.prog as { numInst(): number; getInst(index: number): { runes?: ArrayLike<number> } }
  let instructions = program.numInst()
  for (let i = 0; i < program.numInst(); i++) {
    const runes = program.getInst(i).runes ?? []
    // One code point stands alone; more are pairs of first and last.
    if (runes.length === 1) instructions += 2 * sequencesOf(runes[0]!, runes[0]!)
    for (let j = 1; j < runes.length; j += 2) instructions += 2 * sequencesOf(runes[j - 1]!, runes[j]!)
  }
  return instructions
}

/** Last code points of one, two, three and four bytes. */
const lengthEnds = [0x7f, 0x7ff, 0xffff, 0x10ffff] as const

/** Returns into how many sequences of byte ranges the code points from `low` to `high` fall. */
function sequencesOf(low: number, high: number): number {
  let sequences = 0
  let first = low
  for (const [continuations, end] of lengthEnds.entries()) {
    if (first > end || first > high) continue
    sequences += splitAt(first, Math.min(high, end), continuations)
    first = end + 1
  }
  return sequences
}

function splitAt(low: number, high: number, continuations: number): number {
  if (continuations === 0 || low >> 6 === high >> 6) return 1
  // A lead byte whose last bytes are not all covered needs a sequence of its own, at either end.
  const lowPart = (low & 63) === 0 ? 0 : 1
  const highPart = (high & 63) === 63 ? 0 : 1
  const from = (low >> 6) + lowPart
  const to = (high >> 6) - highPart
  return lowPart + highPart + (from <= to ? splitAt(from, to, continuations - 1) : 0)
}
