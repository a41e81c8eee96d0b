// Java's predefined character classes: what follows a backslash, and the names that \p takes, as code points where
// Java counts ASCII, and as classes of RE2 where both mean the Unicode standard. Called by java-brackets.ts and
// java-pattern.ts; the fold of letters under `(?i)` is here too.

import type { CodePointRange, CodePoints } from './code-points.ts'
import { allCodePoints, charactersOf, complement, intersection, union } from './code-points.ts'
import { groupNames } from './unicode-groups.ts'

/**
 * What one character of a text may be: `ranges`, or in one of RE2's classes `\p{name}`, or none of both when
 * `isNegated`.
 */
export interface JavaClass {
  readonly ranges: CodePoints
  readonly names: readonly string[]
  readonly isNegated: boolean
}

/**
 * What kernels hand to patterns in place of half of a surrogate pair, which Java's text may hold and UTF-8 cannot: a code
 * point that will never be a character. Patterns take it where Java's take such halves, and nowhere else.
 */
export const halfPair = 0x10ffff
const firstHalf = 0xd800

/** Returns the class with `halfPair` in it exactly when halves of pairs are. */
export function withHalfPairs(of: JavaClass): JavaClass {
  const isIn = of.ranges.some(([low, high]) => low <= firstHalf && firstHalf <= high)
  const stand: CodePoints = [[halfPair, halfPair]]
  return { ...of, ranges: isIn ? union(of.ranges, stand) : intersection(of.ranges, complement(stand)) }
}

/** Flags of a pattern that change what its characters mean. */
export interface CaseFlags {
  /** `(?i)`: letters of ASCII match in both cases. */
  readonly ignoreCase: boolean
  /** `(?u)`: with `(?i)`, other letters do too. */
  readonly unicodeCase: boolean
}

/** Returns the class of these ranges. */
export function plainClass(ranges: CodePoints): JavaClass {
  return { ranges, names: [], isNegated: false }
}

/** Returns what the class leaves out. */
export function negated(of: JavaClass): JavaClass {
  if (of.names.length === 0) return plainClass(complement(of.ranges))
  return { ...of, isNegated: !of.isNegated }
}

/** Returns what may be in the class: all of it where a name stands for code points that are not known here. */
export function possible({ ranges, names }: JavaClass): CodePoints {
  return names.length > 0 ? allCodePoints : ranges
}

const digits = charactersOf('0123456789')
const upper: CodePoints = [[0x41, 0x5a]]
const lower: CodePoints = [[0x61, 0x7a]]
const letters = union(upper, lower)
const word = union(letters, digits, charactersOf('_'))
const space = charactersOf(' \t\n\u000b\f\r')
const horizontal = charactersOf(
  ' \t\u00a0\u1680\u180e\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000',
)

/** What ends a line for `\R` and `\v`. */
export const verticalSpace = charactersOf('\n\u000b\f\r\u0085\u2028\u2029')
/** What ends a line for `.`, `^` and `$`, without `(?d)`. */
export const lineEnds = charactersOf('\n\r\u0085\u2028\u2029')
/** What ends a line under `(?d)`. */
export const unixLineEnds = charactersOf('\n')

/** Classes of one letter behind a backslash. An upper-case letter means what the lower-case one leaves out. */
export const letterClasses: Readonly<Record<string, CodePoints>> = {
  ...{ d: digits, D: complement(digits), w: word, W: complement(word), s: space, S: complement(space) },
  ...{ h: horizontal, H: complement(horizontal), v: verticalSpace, V: complement(verticalSpace) },
}

/** POSIX names, which mean ASCII. */
const posix: Readonly<Record<string, CodePoints>> = {
  Lower: lower,
  Upper: upper,
  ASCII: [[0, 0x7f]],
  Alpha: letters,
  Digit: digits,
  Alnum: union(letters, digits),
  Punct: charactersOf('!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~'),
  Graph: [[0x21, 0x7e]],
  Print: [[0x20, 0x7e]],
  Blank: charactersOf(' \t'),
  Cntrl: union([[0, 0x1f]], [[0x7f, 0x7f]]),
  XDigit: union(digits, [[0x41, 0x46]], [[0x61, 0x66]]),
  Space: space,
}

const latin1: CodePointRange = [0, 0xff]
const categories = new Set([...groupNames].filter((name) => /^[A-Z][a-z]?$/.test(name)))
const scripts = new Map([...groupNames].filter((name) => name.length > 2).map((name) => [name.toLowerCase(), name]))
/** Names whose meaning under `(?i)` changed from one version of Java to another. */
const casedNames = new Set(['Lower', 'Upper', 'Lu', 'Ll', 'Lt'])

/** Why a name cannot be used. */
export interface ClassFault {
  readonly message: string
  readonly suggestion: string
}

/** Returns the class that Java knows by `name`, the text between the braces of `\p{…}`. */
export function namedClass(name: string, { ignoreCase }: CaseFlags): JavaClass | ClassFault {
  const plain = name.replace(/^(?:Is|general_category=|gc=)(?=[A-Z][a-z]?$)/, '')
  if (ignoreCase && casedNames.has(plain)) {
    return {
      message: `names the class \`${name}\` under (?i), where versions of Java differ`,
      suggestion: 'write both cases, as in [\\p{Lu}\\p{Ll}] or \\p{Alpha}, outside of (?i)',
    }
  }
  if (Object.hasOwn(posix, name)) return plainClass(posix[name]!)
  if (name === 'L1') return plainClass([latin1])
  if (name === 'all') return plainClass(allCodePoints)
  if (plain === 'LC') return ofNames('Lu', 'Ll', 'Lt')
  if (plain === 'LD') return ofNames('L', 'Nd')
  // Java's C holds what is not assigned and halves of surrogate pairs, which RE2's does not.
  if (plain === 'C' || plain === 'Cn' || plain === 'Cs') {
    return {
      message: `names the class \`${name}\`, which holds unassigned characters or halves of pairs, and RE2 knows neither`,
      suggestion: 'write [\\p{Cc}\\p{Cf}\\p{Co}] for those that are assigned',
    }
  }
  if (categories.has(plain)) return ofNames(plain)
  const script = scripts.get(/^(?:Is|[Ss][Cc](?:[Rr][Ii][Pp][Tt])?=)(.+)$/.exec(name)?.[1]?.toLowerCase() ?? '')
  if (script !== undefined) return ofNames(script)
  return {
    message: `names the class \`${name}\`, which RE2 does not know`,
    suggestion: adviceOnName(name),
  }
}

function ofNames(...names: readonly string[]): JavaClass {
  return { ranges: [], names, isNegated: false }
}

function adviceOnName(name: string): string {
  const near: Readonly<Record<string, string>> = {
    ...{ javaLowerCase: 'Ll', javaUpperCase: 'Lu', javaTitleCase: 'Lt', javaDigit: 'Nd', javaLetter: 'L' },
    ...{ IsAlphabetic: 'L', IsLowercase: 'Ll', IsUppercase: 'Lu', IsDigit: 'Nd', IsPunctuation: 'P', IsLetter: 'L' },
  }
  if (Object.hasOwn(near, name)) return `write \\p{${near[name]}}, which is nearly the same`
  if (/^(?:In|block=|blk=)/i.test(name)) return 'write the range of the block, as in [\\u0370-\\u03FF]'
  return 'write a category such as \\p{Lu}, a script such as \\p{IsLatin}, or a range'
}

/** Letters beyond ASCII whose upper or lower case is in ASCII: code point, its upper case, the lower case of that. */
const strays = [
  [0x130, 0x130, 0x69],
  [0x131, 0x49, 0x69],
  [0x17f, 0x53, 0x73],
  [0x212a, 0x212a, 0x6b],
] as const

/**
 * Returns what the range [low, high] matches under the flags; undefined where that takes Java's tables of cases, which
 * is beyond ASCII under `(?iu)`.
 */
export function foldRange(low: number, high: number, flags: CaseFlags): CodePoints | undefined {
  const own: CodePoints = [[low, high]]
  if (!flags.ignoreCase) return own
  const isWithin = (code: number): boolean => code >= low && code <= high
  const folded: CodePointRange[] = []
  for (let code = 0x41; code <= 0x5a; code++) {
    if (isWithin(code)) folded.push([code + 0x20, code + 0x20])
    if (isWithin(code + 0x20)) folded.push([code, code])
  }
  if (flags.unicodeCase) {
    if (high > 0x7f) return undefined
    for (const [code, up, down] of strays) if (isWithin(up) || isWithin(down)) folded.push([code, code])
    // A single letter is compared by its lower case, whichever case it was written in.
    if (low === high) for (const [code, , down] of strays) if ((low | 0x20) === down) folded.push([code, code])
  }
  return union(own, folded)
}
