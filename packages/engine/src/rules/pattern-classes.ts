// Makes `\p` classes mean the same to both kernels. RE2 and re2js are built on different versions of Unicode, so
// where they differ a class is written out as RE2's own ranges. Called by patterns.ts.

import { differingGroups, groupNames } from './unicode-groups.ts'

/** A pattern with its classes written out, or what is wrong with one of them. */
export type ClassesResult =
  { readonly pattern: string } | { readonly message: string; readonly suggestion?: string | undefined }

/**
 * Returns `pattern`, which re2js accepts, with every class written out that re2js and RE2 read differently; or what is
 * wrong with a class that RE2 does not know.
 */
export function writeOutClasses(pattern: string): ClassesResult {
  // Nearly all patterns name no class.
  if (!/\\[pP]/.test(pattern)) return { pattern }
  let out = ''
  let isInside = false
  for (let at = 0; at < pattern.length;) {
    const match = matchAt(pattern, at, isInside)
    const [text, caret, braced, single] = match
    at += text.length
    const name = braced ?? single
    if (name === undefined) {
      if (text.startsWith('[') && !text.startsWith('[:')) isInside = true
      else if (text === ']') isInside = false
      out += text
      continue
    }
    if (name !== 'Any' && !groupNames.has(name)) return unknownClass(name)
    const isNegated = text.startsWith('\\P') !== (caret === '^')
    const written = writeOut(name, text, isNegated, isInside, pattern)
    if (written === undefined) return negatedInside(text)
    out += written
  }
  return { pattern: out }
}

function matchAt(pattern: string, at: number, isInside: boolean): RegExpExecArray {
  const inside = /\\[pP](?:\{(\^?)([^}]*)\}|(.))|\\[^]|\[:\^?\w+:\]|[^]/suy
  const outside = /\\Q[^]*?(?:\\E|$)|\\[pP](?:\{(\^?)([^}]*)\}|(.))|\\[^]|\[\^?\]?|[^]/suy
  const token = isInside ? inside : outside
  token.lastIndex = at
  return token.exec(pattern)!
}

function writeOut(
  name: string,
  text: string,
  isNegated: boolean,
  isInside: boolean,
  pattern: string,
): string | undefined {
  const encoded = differingGroups[name]
  if (encoded === undefined) return text
  const ranges = decode(encoded)
  if (!isInside) return `[${isNegated ? '^' : ''}${format(ranges)}]`
  if (!isNegated) return format(ranges)
  // Under (?i) the complement of the folded class is meant, not the folded complement.
  return /\(\?[a-zU]*i/.test(pattern) ? undefined : format(complement(ranges))
}

function decode(encoded: string): [number, number][] {
  const ranges: [number, number][] = []
  let last = 0
  const bounds = encoded.split(' ').map((distance) => (last += Number.parseInt(distance, 36)))
  for (let i = 0; i < bounds.length; i += 2) ranges.push([bounds[i]!, bounds[i + 1]!])
  return ranges
}

function complement(ranges: readonly [number, number][]): [number, number][] {
  const out: [number, number][] = []
  let next = 0
  for (const [low, high] of ranges) {
    if (next < low) out.push([next, low - 1])
    next = high + 1
  }
  if (next <= 0x10ffff) out.push([next, 0x10ffff])
  return out
}

function format(ranges: readonly [number, number][]): string {
  const code = (point: number): string => `\\x{${point.toString(16)}}`
  // Always both ends: after a single one, a `-` that follows in the brackets would begin a range.
  return ranges.map(([low, high]) => `${code(low)}-${code(high)}`).join('')
}

function unknownClass(name: string): ClassesResult {
  const suggestion =
    name === 'Ascii'
      ? 'write [[:ascii:]]'
      : name === 'Lc' || name === 'LC'
        ? 'write [\\p{Lu}\\p{Ll}\\p{Lt}]'
        : 'write a category such as \\p{Lu} or a script such as \\p{Latin}'
  return { message: `names the class \`${name}\`, which RE2 does not know`, suggestion }
}

function negatedInside(text: string): ClassesResult {
  return {
    message: `has the negated class \`${text}\` inside brackets while case is ignored, where regex engines differ`,
    suggestion: 'write it outside of the brackets, as in (?:\\PL|[0-9])',
  }
}
