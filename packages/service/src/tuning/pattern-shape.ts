// What a pattern says in plain words, where it says something plain: these texts, at the start, at the end, anywhere or
// alone. Understands literals, alternatives of them, anchors, a leading and a trailing `.*`, and the flags i and s; of
// anything else it says nothing. May miss a plain pattern, never calls one plain that is not. Called by advice.ts.

/** A plain pattern: its texts and where they stand. */
export interface PlainPattern {
  readonly texts: readonly string[]
  /** What may stand before the texts: nothing, or anything. */
  readonly isOpenBefore: boolean
  /** What may stand behind them. */
  readonly isOpenBehind: boolean
  /** Whether letters count as equal to their other cases. */
  readonly ignoresCase: boolean
  /** Whether what stands around the texts may not hold a line break, which `.` does not match. */
  readonly isWithinLine: boolean
}

/** A pattern without the flags in front of it. */
interface Flagged {
  readonly body: string
  readonly ignoresCase: boolean
  /** Whether `.` matches a line break too. */
  readonly isDotAll: boolean
}

function readFlags(pattern: string): Flagged | undefined {
  const [, flags, rest] = /^\(\?([a-zA-Z-]+)\)(.*)$/s.exec(pattern) ?? []
  if (flags === undefined || rest === undefined) return { body: pattern, ignoresCase: false, isDotAll: false }
  if (!/^[is]+$/.test(flags)) return undefined
  return { body: rest, ignoresCase: flags.includes('i'), isDotAll: flags.includes('s') }
}

/** One alternative, taken apart. */
interface Piece {
  readonly text: string
  readonly isAnchoredBefore: boolean
  readonly isAnchoredBehind: boolean
  readonly hasAnyBefore: boolean
  readonly hasAnyBehind: boolean
}

/** Returns what the pattern says, or undefined where it is not plain. `isSearch`: it may match anywhere in the text. */
export function plainPattern(pattern: string, isSearch: boolean): PlainPattern | undefined {
  const flagged = readFlags(pattern)
  if (flagged === undefined) return undefined
  const pieces = alternativesOf(flagged.body)?.map((part) => pieceOf(part))
  if (pieces === undefined || !pieces.every((piece) => piece !== undefined)) return undefined
  const [first, ...others] = pieces.map((piece) => placeOf(piece, isSearch))
  if (first === undefined || pieces.some(({ text }) => text === '')) return undefined
  const isAlike = others.every((place) => place.before === first.before && place.behind === first.behind)
  if (!isAlike) return undefined
  const isDotted = first.before === 'line' || first.behind === 'line'
  return {
    texts: pieces.map(({ text }) => text),
    isOpenBefore: first.before !== 'nothing',
    isOpenBehind: first.behind !== 'nothing',
    ignoresCase: flagged.ignoresCase,
    isWithinLine: isDotted && !flagged.isDotAll,
  }
}

/** What may stand on a side: nothing, what `.*` matches, or anything. */
type Side = 'nothing' | 'line' | 'anything'

function placeOf(piece: Piece, isSearch: boolean): { readonly before: Side; readonly behind: Side } {
  const sideOf = (isAnchored: boolean, hasAny: boolean): Side => {
    if (isSearch && !isAnchored) return 'anything'
    return hasAny ? 'line' : 'nothing'
  }
  return {
    before: sideOf(piece.isAnchoredBefore, piece.hasAnyBefore),
    behind: sideOf(piece.isAnchoredBehind, piece.hasAnyBehind),
  }
}

/** Returns the parts between the bars of the outermost level; undefined where brackets are not balanced. */
function alternativesOf(pattern: string): string[] | undefined {
  const body = withoutGroup(pattern)
  const parts: string[] = []
  let start = 0
  let depth = 0
  for (let i = 0; i < body.length; i++) {
    const character = body[i]
    if (character === '\\') i++
    else if (character === '[') i = endOfClass(body, i)
    else if (character === '(') depth++
    else if (character === ')') depth--
    else if (character === '|' && depth === 0) {
      parts.push(body.slice(start, i))
      start = i + 1
    }
    if (depth < 0) return undefined
  }
  return [...parts, body.slice(start)]
}

/** Returns the inside of a group that is the whole pattern. */
function withoutGroup(pattern: string): string {
  const [, inside] = /^\((?:\?:)?([^()[\]\\]*)\)$/s.exec(pattern) ?? []
  return inside === undefined || inside.startsWith('?') ? pattern : inside
}

function endOfClass(body: string, start: number): number {
  // A bracket right behind the start, or behind its `^`, stands for itself.
  let i = body[start + 1] === '^' ? start + 3 : start + 2
  while (i < body.length && body[i] !== ']') i += body[i] === '\\' ? 2 : 1
  return i
}

function pieceOf(part: string): Piece | undefined {
  const [, anchor = '', before = '', rest = ''] = /^(\^|\\A)?(\.\*\??)?(.*)$/s.exec(part) ?? []
  // What looks like the end may be an escaped dollar or dot: then the text before ends with a lone backslash.
  const [, middle = '', behind = '', end = ''] = /^(.*?)(\.\*\??)?(\$|\\z)?$/s.exec(rest) ?? []
  const text = literalOf(middle)
  if (text === undefined) return undefined
  return {
    text,
    isAnchoredBefore: anchor !== '',
    isAnchoredBehind: end !== '',
    hasAnyBefore: before !== '',
    hasAnyBehind: behind !== '',
  }
}

/** Returns the text that a pattern without operators stands for; undefined where it has some. */
function literalOf(pattern: string): string | undefined {
  let text = ''
  for (let i = 0; i < pattern.length; i++) {
    const character = pattern[i]!
    if (character === '\\') {
      const escaped = pattern[++i]
      // Letters and digits behind a backslash are classes, anchors and numbers of characters.
      if (escaped === undefined || !/^[!-/:-@[-`{-~]$/.test(escaped)) return undefined
      text += escaped
    } else if (/[.*+?()[\]{}|^$]/.test(character)) return undefined
    else text += character
  }
  return text
}

/**
 * Returns the pattern of a search without a leading and a trailing `.*`, which it does not need to match somewhere;
 * undefined where it has none. Only of patterns without alternatives on the outermost level.
 */
export function withoutAnyAround(pattern: string): string | undefined {
  const flagged = readFlags(pattern)
  if (flagged === undefined || alternativesOf(flagged.body)?.length !== 1) return undefined
  const { body } = flagged
  const flags = pattern.slice(0, pattern.length - body.length)
  // Behind an odd number of backslashes the dot is a dot.
  const trimmed = body.replace(/^(\.\*\??)+/, '').replace(/(?<=(?:^|[^\\])(?:\\\\)*)(\.\*\??)+$/, '')
  return trimmed === body || trimmed === '' ? undefined : flags + trimmed
}

/**
 * Returns whether it is sure that the pattern requires no text of three characters or more, so that nothing can rule it out
 * but the pattern itself. False where it may require one.
 */
export function requiresNoText(pattern: string): boolean {
  const flagged = readFlags(pattern)
  const parts = flagged === undefined ? undefined : alternativesOf(flagged.body)
  return parts?.some((part) => !mayRequireText(part)) ?? false
}

/** Whether three characters in a row stand for themselves, anywhere: brackets and repetitions are not looked into. */
function mayRequireText(part: string): boolean {
  if (/\\[QEpPxC]/.test(part)) return true
  const bare = part
    .replaceAll(/\\[^!-/:-@[-`{-~]/g, '\u0000')
    .replaceAll(/\\(.)/gs, '\u0001')
    .replaceAll(/\[\^?\]?[^\]]*\]/g, '\u0000')
  return /[^.*+?()[\]{}|^$\u0000]{3}/.test(bare.replaceAll(/\{[0-9,]*\}/g, '\u0000'))
}
