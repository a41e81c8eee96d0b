// A generator of one rule with a long list of words: what a blocklist on paths is like. Called by cases.ts.

import type { RuleSet } from '@weir/engine'
import { createRandom } from '../schedule.ts'

/** What `generateWordRule` makes. */
export interface WordRule {
  /** How many words, from 2 on. */
  readonly words: number
  /** An integer from 0 to 2³¹. */
  readonly seed: number
  /** What all of them begin with; nothing where it is left out. */
  readonly start?: string
}

const beginnings = [
  'b',
  'br',
  'c',
  'd',
  'f',
  'g',
  'gl',
  'h',
  'k',
  'l',
  'm',
  'n',
  'p',
  'pr',
  'r',
  's',
  'st',
  't',
  'tr',
  'v',
  'w',
  'z',
]
const middles = ['a', 'e', 'i', 'o', 'u', 'ai', 'ea', 'io', 'ou']
const ends = ['', 'l', 'n', 'r', 's', 't', 'ck', 'nd', 'x']

/** Returns a rule set that keeps paths with one of the words: two that paths have, and invented ones. No word twice. */
export function generateWordRule({ words: count, seed, start = '' }: WordRule): RuleSet {
  const random = createRandom(seed)
  const pick = (parts: readonly string[]): string => parts[random(parts.length)]!
  const syllable = (): string => pick(beginnings) + pick(middles) + pick(ends)
  const words = new Set(['invoices', 'wishlist'])
  while (words.size < count) words.add(syllable() + syllable() + (random(2) === 0 ? syllable() : ''))
  // In the order of the alphabet, as such lists are kept.
  const contains = [...words].sort().map((word) => start + word)
  return { version: 1, default: 'drop', rules: [{ id: 'words', when: { field: 'reqPath', contains }, then: 'keep' }] }
}
