// Small patterns of a few parts each, to be tried on every short text: what hides in the corners of a dialect that
// drawn texts rarely reach. Each kind has the parts that meet in one corner. Used by original-java.test.ts.

import { integer, sample } from 'fast-check'

interface Kind {
  readonly atoms: readonly string[]
  /** Texts are made of these. */
  readonly letters: readonly string[]
  readonly longest: number
}

const kinds: Readonly<Record<string, Kind>> = {
  plain: { atoms: ['a', 'b', 'ab', '.', '[ab]', '^', '$'], letters: ['a', 'b'], longest: 6 },
  breaks: { atoms: ['\\R', '\\R', '\\R', 'a', '\\n', '\\r', '\\s', '$'], letters: ['\r', '\n', 'a'], longest: 4 },
  ends: {
    atoms: ['$', '\\Z', 'a', '\\n', '\\r', '.', '\\R', '(?m)', '(?d)', '\\s', '^'],
    letters: ['\r', '\n', 'a'],
    longest: 4,
  },
  cases: {
    atoms: ['(?i)', '(?-i)', 'a', 'A', 'b', '[a-b]', '[^a]', '\\p{Lu}', '(?i:a)', '\\x41', '\\QA\\E'],
    letters: ['a', 'A', 'b', 'B'],
    longest: 3,
  },
  edges: { atoms: ['\\b', '\\B', 'a', ' ', '^', '$', '\\w', '\\W', '.'], letters: ['a', ' ', '-'], longest: 4 },
}

const counts = ['*', '+', '?', '{2}', '{1,2}', '{0,1}', '{2,}', '{1}', '{0}', '*?', '+?', '??', '{2}?', '*+', '++', '?+', '{2}+'] // prettier-ignore

/** Patterns of one kind, and every text that they are tried on. */
export interface Enumerated {
  readonly kind: string
  readonly patterns: readonly string[]
  readonly values: readonly string[]
}

/** Returns so many patterns of each kind, fewer where some are equal; equal seeds give equal ones. */
export function enumeratePatterns(seed: number, ofEach: number): Enumerated[] {
  return Object.entries(kinds).map(([kind, { atoms, letters, longest }], index) => {
    const numbers = sample(integer({ min: 0, max: 2 ** 31 - 1 }), { seed: seed + index, numRuns: 60 * ofEach })
    let next = 0
    const below = (most: number) => numbers[next++ % numbers.length]! % most
    const pick = (from: readonly string[]) => from[below(from.length)]!
    const one = (depth: number): string => {
      const way = below(10)
      if (depth === 0 || way < 4) return pick(atoms)
      if (way < 6) return `${pick(['(', '(?:', '(?:', '(?>'])}${row(depth - 1)})`
      if (way < 7) return `(${row(depth - 1)}|${row(depth - 1)})`
      return `${pick(['(?:', '('])}${one(depth - 1)})${pick(counts)}`
    }
    const row = (depth: number): string =>
      Array.from({ length: 1 + below(3) }, () => one(depth) + (below(3) === 0 ? pick(counts) : '')).join('')
    const patterns = new Set(Array.from({ length: ofEach }, () => row(2)))
    return { kind, patterns: [...patterns], values: textsOf(letters, longest) }
  })
}

function textsOf(letters: readonly string[], longest: number): string[] {
  const layers: string[][] = [['']]
  for (let length = 1; length <= longest; length++) {
    layers.push(layers.at(-1)!.flatMap((text) => letters.map((letter) => text + letter)))
  }
  return layers.flat()
}
