// Says in RE2's dialect what a Java pattern means when the whole value must match it: the same texts match, or the
// pattern is refused. Knows nothing of rule sets; called by original-plan.ts.

import type { CodePoints } from './code-points.ts'
import { allCodePoints, complement, intersection, union, writeRanges } from './code-points.ts'
import type { JavaClass } from './java-classes.ts'
import { lineEnds, possible, unixLineEnds, withHalfPairs } from './java-classes.ts'
import { parseJavaPattern } from './java-pattern.ts'
import type { JavaNode } from './java-syntax.ts'
import { JavaPatternFault } from './java-syntax.ts'

/** A pattern in RE2's dialect, or why there is none. `index` counts UTF-16 units of the Java pattern from 0. */
export type JavaTranslation =
  | {
      readonly pattern: string
      /** It has `\b` or `\B`, about which Java and RE2 agree only where no character beyond ASCII is near. */
      readonly hasWordEdges: boolean
    }
  | { readonly message: string; readonly index: number; readonly suggestion?: string | undefined }

/**
 * Returns the RE2 pattern that matches the same whole texts as `pattern` does by `Matcher.matches()`. What is lazy or
 * captured is not told: neither changes whether a whole text matches.
 */
export function translateJavaPattern(pattern: string): JavaTranslation {
  try {
    const node = parseJavaPattern(pattern)
    const writer = new Writer()
    return { pattern: writer.write(node, nothing), hasWordEdges: writer.hasWordEdges }
  } catch (error) {
    if (!(error instanceof JavaPatternFault)) throw error
    const { message, index, suggestion } = error
    return { message, index, suggestion }
  }
}

const nothing: CodePoints = []

/** What a part may begin with, and whether it may be empty. */
interface Beginning {
  readonly of: CodePoints
  readonly isNullable: boolean
}

function beginningOf(node: JavaNode): Beginning {
  switch (node.kind) {
    case 'class':
      return { of: node.of.isNegated ? allCodePoints : possible(node.of), isNullable: false }
    case 'sequence':
      return node.parts.map(beginningOf).reduceRight(
        (behind, part) => ({
          of: part.isNullable ? union(part.of, behind.of) : part.of,
          isNullable: part.isNullable && behind.isNullable,
        }),
        { of: nothing, isNullable: true },
      )
    case 'choice': {
      const branches = node.branches.map(beginningOf)
      return { of: union(...branches.map(({ of }) => of)), isNullable: branches.some(({ isNullable }) => isNullable) }
    }
    case 'repeat': {
      const body = beginningOf(node.body)
      return node.most === 0
        ? { of: nothing, isNullable: true }
        : { of: body.of, isNullable: body.isNullable || node.least === 0 }
    }
    case 'atomic':
      return beginningOf(node.body)
    case 'place':
      return { of: nothing, isNullable: true }
  }
}

/**
 * Writes nodes as RE2 patterns. `follow` is the set of characters that what comes behind a node may begin with, as far
 * as that consumes any; it may hold more than really can come, never less.
 */
class Writer {
  hasWordEdges = false
  #counts = 0

  write(node: JavaNode, follow: CodePoints): string {
    switch (node.kind) {
      case 'class':
        return writeClass(node.of)
      case 'sequence':
        return this.#sequence(node.parts, follow)
      case 'choice':
        if (node.isLineBreak === true && this.#counts > 0) checkLineBreak(node.at, follow)
        return `(?:${node.branches.map((branch) => this.write(branch, follow)).join('|')})`
      case 'repeat':
        return this.#repeat(node, follow)
      case 'atomic':
        if (!isAlikeAtomic(node.body, follow)) throw cannotGiveBack(node.at, 'has an atomic group that')
        return `(?:${this.write(node.body, follow)})`
      case 'place':
        return this.#place(node, follow)
    }
  }

  #sequence(parts: readonly JavaNode[], follow: CodePoints): string {
    let text = ''
    let behind = follow
    for (const part of parts.toReversed()) {
      text = this.write(part, behind) + text
      const { of, isNullable } = beginningOf(part)
      behind = isNullable ? union(of, behind) : of
    }
    return text
  }

  #repeat(node: Extract<JavaNode, { kind: 'repeat' }>, follow: CodePoints): string {
    const { body, least, most, mode } = node
    if (mode === 'possessive' && !isAlikePossessive(node, follow))
      throw cannotGiveBack(node.at, 'has a possessive count that')
    if (least > 1 && hasPlace(body) && beginningOf(body).isNullable) throw countsPlaces(node.at, least)
    const isAgain = most > 1 && !(least <= 1 && isLineBreak(unwrapped(body)))
    this.#counts++
    const text = this.write(body, isAgain ? union(beginningOf(body).of, follow) : follow)
    this.#counts--
    const single = body.kind === 'class' ? text : `(?:${text})`
    if (least === 0 && most === Infinity) return `${single}*`
    if (least === 1 && most === Infinity) return `${single}+`
    if (least === 0 && most === 1) return `${single}?`
    if (least === most) return `${single}{${least}}`
    return `${single}{${least},${most === Infinity ? '' : most}}`
  }

  #place({ at, where, isUnix }: Extract<JavaNode, { kind: 'place' }>, follow: CodePoints): string {
    switch (where) {
      case 'begin':
        return '\\A'
      case 'end':
        return '\\z'
      case 'wordEdge':
      case 'noWordEdge':
        this.hasWordEdges = true
        return where === 'wordEdge' ? '\\b' : '\\B'
      case 'lastLine':
        // Before a last line end it holds too; nothing behind it can match that line end, so it is at the very end.
        if (intersection(follow, isUnix ? unixLineEnds : lineEnds).length === 0) return '\\z'
        throw new JavaPatternFault(
          at,
          'has a `$` or `\\Z` before something that may match the last line end, and RE2 has no such place',
          'write \\z for the very end, or drop it: the whole value must match',
        )
    }
  }
}

function cannotGiveBack(at: number, what: string): JavaPatternFault {
  return new JavaPatternFault(
    at,
    `${what} may take what the rest of the pattern needs, and RE2 always gives back`,
    'drop the possessive + or the ?> if values that match only by giving back may match too',
  )
}

function isLineBreak(node: JavaNode): boolean {
  return node.kind === 'choice' && node.isLineBreak === true
}

/**
 * Refuses a counted `\R` that could have to give back the LF of a CR LF: Java then takes both or none. `follow`: without
 * what further turns of `\R` itself begin with, where one turn is enough; then they may as well take the LF.
 */
function checkLineBreak(at: number, follow: CodePoints): void {
  if (intersection(follow, unixLineEnds).length === 0) return
  throw new JavaPatternFault(
    at,
    'counts `\\R` where the LF behind a CR may be needed elsewhere, and RE2 gives it back as Java does not',
    'write [\\r\\n] and the like for what may follow or repeat',
  )
}

/** Java leaves a count as soon as one turn takes nothing, even where a later turn could not take nothing any more. */
function countsPlaces(at: number, least: number): JavaPatternFault {
  return new JavaPatternFault(
    at,
    `repeats at least ${least} times what may be empty at some places only, which Java gives up too early`,
    'take ^, $, \\b and the like out of the group, or let it repeat from 0 or 1 times',
  )
}

function hasPlace(node: JavaNode): boolean {
  switch (node.kind) {
    case 'place':
      return true
    case 'class':
      return false
    case 'sequence':
      return node.parts.some(hasPlace)
    case 'choice':
      return node.branches.some(hasPlace)
    case 'repeat':
    case 'atomic':
      return hasPlace(node.body)
  }
}

/** Whether it makes no difference that the count gives nothing back: no character it takes can begin what follows. */
function isAlikePossessive({ body, least, most }: Extract<JavaNode, { kind: 'repeat' }>, follow: CodePoints): boolean {
  if (least === most && isFixed(body)) return true
  const one = unwrapped(body)
  return one.kind === 'class' && !one.of.isNegated && intersection(possible(one.of), follow).length === 0
}

/** The same for `(?>…)`. */
function isAlikeAtomic(body: JavaNode, follow: CodePoints): boolean {
  const one = unwrapped(body)
  return isFixed(one) || (one.kind === 'repeat' && one.mode !== 'lazy' && isAlikePossessive(one, follow))
}

/** Whether there is one way at most to match it from a given place. */
function isFixed(node: JavaNode): boolean {
  if (node.kind === 'sequence') return node.parts.every(isFixed)
  if (node.kind === 'repeat') return node.least === node.most && isFixed(node.body)
  return node.kind === 'class' || node.kind === 'place'
}

function unwrapped(node: JavaNode): JavaNode {
  return node.kind === 'sequence' && node.parts.length === 1 ? unwrapped(node.parts[0]!) : node
}

/** Returns the class as RE2 writes it, in whichever of its two forms is shorter. */
function writeClass(of: JavaClass): string {
  const { ranges, names, isNegated } = withHalfPairs(of)
  const inside = names.map((name) => `\\p{${name}}`).join('')
  if (inside !== '') return `[${isNegated ? '^' : ''}${writeRanges(ranges)}${inside}]`
  const left = complement(ranges)
  if (left.length === 0) return '(?s:.)'
  const [first] = ranges
  if (first === undefined) return '[^\\x00-\\x{10ffff}]'
  if (ranges.length === 1 && first[0] === first[1]) return writeRanges(ranges)
  const [plain, other] = [writeRanges(ranges), writeRanges(left)]
  return other.length < plain.length ? `[^${other}]` : `[${plain}]`
}
