// Sets of code points as sorted ranges: union, intersection and complement, and how RE2 writes one. Pure functions,
// which know no dialect of patterns; java-classes.ts and java-pattern.ts compute Java's classes with them.

/** A range of code points, both ends included. */
export type CodePointRange = readonly [low: number, high: number]

/** A set of code points: ranges in ascending order that neither overlap nor touch. */
export type CodePoints = readonly CodePointRange[]

const mostCodePoint = 0x10ffff

/** The set of every code point. */
export const allCodePoints: CodePoints = [[0, mostCodePoint]]

/** Returns the set of what is in any of `sets`, whose ranges may be in any order. */
export function union(...sets: readonly (readonly CodePointRange[])[]): CodePoints {
  const out: [number, number][] = []
  for (const [low, high] of sets.flat().toSorted((a, b) => a[0] - b[0])) {
    const last = out.at(-1)
    if (last !== undefined && low <= last[1] + 1) last[1] = Math.max(last[1], high)
    else out.push([low, high])
  }
  return out
}

/** Returns the set of what is not in `set`. */
export function complement(set: CodePoints): CodePoints {
  const out: CodePointRange[] = []
  let next = 0
  for (const [low, high] of set) {
    if (next < low) out.push([next, low - 1])
    next = high + 1
  }
  if (next <= mostCodePoint) out.push([next, mostCodePoint])
  return out
}

/** Returns the set of what is in both. */
export function intersection(a: CodePoints, b: CodePoints): CodePoints {
  return complement(union(complement(a), complement(b)))
}

/** Returns the set of the characters of `text`. */
export function charactersOf(text: string): CodePoints {
  return union([...text].map((character) => [character.codePointAt(0)!, character.codePointAt(0)!] as const))
}

/** Returns the code point as RE2 reads it, inside and outside of brackets. */
export function writeCodePoint(code: number): string {
  const character = String.fromCodePoint(code)
  if (/[A-Za-z0-9_]/.test(character)) return character
  if (code > 0x20 && code < 0x7f) return `\\${character}`
  const named: Readonly<Record<number, string>> = { 9: '\\t', 10: '\\n', 12: '\\f', 13: '\\r' }
  if (Object.hasOwn(named, code)) return named[code]!
  // Spaces and what lies beyond ASCII would be legal as they are, and are hard to see.
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\x{${code.toString(16)}}`
}

/** Returns ranges as they stand between RE2's brackets. */
export function writeRanges(set: CodePoints): string {
  return set
    .map(([low, high]) => {
      if (low === high) return writeCodePoint(low)
      return `${writeCodePoint(low)}${high === low + 1 ? '' : '-'}${writeCodePoint(high)}`
    })
    .join('')
}
