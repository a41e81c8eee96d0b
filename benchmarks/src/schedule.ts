// The order of the samples: every round has each contender once, in an order of its own. Seeded, so that a run can be
// repeated in its order, and goes on in it after it was stopped. Called by measure.ts.

import { createHash } from 'node:crypto'

/** Returns the random numbers of one round: they depend on nothing that happened before it. */
export function roundRandom(seed: number, unit: string, round: number): (end: number) => number {
  return createRandom(createHash('sha256').update(`${seed} ${unit} ${round}`).digest().readInt32LE(0))
}

/** Returns a function that returns the next integer from 0 to `end` − 1; `end` below 2²⁰. Source: mulberry32. */
export function createRandom(seed: number): (end: number) => number {
  let state = seed | 0
  return (end) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * end)
  }
}

/**
 * Returns the items in a random order, each order as likely as the others. `weir tune` has the same few lines: the command
 * exports nothing, and to draw lots is no part of what the engine is tested by.
 */
export function shuffled<T>(items: readonly T[], random: (end: number) => number): T[] {
  const mixed = [...items]
  for (let i = mixed.length - 1; i > 0; i--) {
    const j = random(i + 1)
    ;[mixed[i], mixed[j]] = [mixed[j]!, mixed[i]!]
  }
  return mixed
}
