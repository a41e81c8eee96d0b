// A rule set as a tree of nodes, whatever it was written in: YAML, JSON or an object of the program. The three
// readers (yaml-source.ts, json-source.ts, value-source.ts) build it, parse.ts reads it, and issues.ts walks it to
// find the line and column of a problem. Nothing here knows what a rule is.

/**
 * One value as it was written. `at` orders nodes as they stand in the source; for text it is the index of the
 * value's first UTF-16 unit.
 */
export type SourceNode = MapNode | ListNode | TextNode | NumberNode | BooleanNode | NullNode | OtherNode

/** An object: its entries in the order written, duplicates included. */
export interface MapNode {
  readonly kind: 'map'
  readonly at: number
  readonly entries: SourceEntry[]
}

/** One key of a map, with its value. */
export interface SourceEntry {
  readonly key: string
  readonly keyAt: number
  readonly value: SourceNode
}

export interface ListNode {
  readonly kind: 'list'
  readonly at: number
  readonly items: SourceNode[]
}

/** A string: quoted, or unquoted YAML that is not of another kind. */
export interface TextNode {
  readonly kind: 'text'
  readonly at: number
  readonly text: string
}

/** A number. `source` is the text as written; of a number of the program, the shortest text that reads back as it. */
export interface NumberNode {
  readonly kind: 'number'
  readonly at: number
  readonly source: string
  /** The number is an integer of the program outside ±(2⁵³ − 1), so its text may not be what its author wrote. */
  readonly isUnsafe?: boolean
}

export interface BooleanNode {
  readonly kind: 'boolean'
  readonly at: number
  readonly value: boolean
  readonly source: string
}

export interface NullNode {
  readonly kind: 'null'
  readonly at: number
  /** As written; empty where nothing was written. */
  readonly source: string
}

/** A value of the program that no rule file could hold: a function, a date, an object that contains itself. */
export interface OtherNode {
  readonly kind: 'other'
  readonly at: number
  readonly what: string
}

/** A place in a rule set: keys and list indexes from its root. */
export type Path = readonly (string | number)[]

/** A rule set as read: its tree, and what a position in it means. */
export interface Source {
  /** Absent when the text has a syntax error. */
  readonly root: SourceNode | undefined
  /** Returns the line and column of `at`, both from 1; absent when the source is no text. */
  readonly locate?: (at: number) => { readonly line: number; readonly column: number }
}

/** Returns `path` as people write it, for example `rules[2].when.all[0].field`; the empty text for the root. */
export function formatPath(path: Path): string {
  let text = ''
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`
    else if (/^[\p{L}\p{N}_$-]+$/u.test(step)) text += text === '' ? step : `.${step}`
    else text += `[${JSON.stringify(step)}]`
  }
  return text
}

/** Returns where the value at `path` stands, or the nearest value above it that exists; with `atKey`, its key. */
export function positionOf(root: SourceNode, path: Path, atKey: boolean): number {
  let node = root
  let at = root.at
  for (const [depth, step] of path.entries()) {
    if (node.kind === 'map') {
      // The last of several equal keys, because a duplicate is reported where it is repeated.
      const entry = node.entries.findLast((each) => each.key === step)
      if (entry === undefined) return at
      node = entry.value
      at = atKey && depth === path.length - 1 ? entry.keyAt : node.at
    } else if (node.kind === 'list' && typeof step === 'number' && node.items[step] !== undefined) {
      node = node.items[step]
      at = node.at
    } else return at
  }
  return at
}

/**
 * Returns a function that turns an index of `text` into a line and a column in characters, both from 1. Cost: linear
 * in the text at first; then, for ascending indexes of one line, in the distance from the one before.
 */
export function lineLocator(text: string): (at: number) => { line: number; column: number } {
  let starts: number[] | undefined
  let last = { line: 0, at: 0, column: 1 }
  return (at) => {
    starts ??= lineStarts(text)
    let low = 0
    let high = starts.length
    while (high - low > 1) {
      const middle = (low + high) >> 1
      if (starts[middle]! <= at) low = middle
      else high = middle
    }
    const line = low + 1
    // A file of one long line may have an issue at every entry, and counting each from the start would take hours.
    const from = last.line === line && last.at <= at ? last : { line, at: starts[low]!, column: 1 }
    last = { line, at, column: from.column + charactersIn(text, from.at, at) }
    return { line, column: last.column }
  }
}

function lineStarts(text: string): number[] {
  // YAML and JSON end lines alike at LF, CR LF, and CR alone.
  return [0, ...Array.from(text.matchAll(/\r\n|\n|\r/g), (match) => match.index + match[0].length)]
}

function charactersIn(text: string, from: number, to: number): number {
  let characters = 0
  for (let at = from; at < to; at++) {
    // The second half of a surrogate pair counts with the first.
    const isSecondHalf = (text.charCodeAt(at) & 0xfc00) === 0xdc00 && at > from
    if (!isSecondHalf || (text.charCodeAt(at - 1) & 0xfc00) !== 0xd800) characters++
  }
  return characters
}
