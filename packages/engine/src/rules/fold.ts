// Folds text the way RE2 does under `(?i)`: each code point becomes the smallest of those that differ from it only
// by simple case folding. Used when lists and texts are compiled, and by the portable kernel on values.

import { foldRuns } from './fold-table.ts'

let table: Map<number, number> | undefined

/** Returns the folded form of every code point that has another one. Built once; about 1,400 entries. */
export function foldMap(): ReadonlyMap<number, number> {
  if (table === undefined) {
    table = new Map()
    for (let i = 0; i < foldRuns.length; i += 4) {
      const step = foldRuns[i + 2]!
      for (let code = foldRuns[i]!; code <= foldRuns[i + 1]!; code += step) table.set(code, code - foldRuns[i + 3]!)
    }
  }
  return table
}

/** Returns `text` folded. */
export function foldText(text: string): string {
  const folds = foldMap()
  let folded = ''
  for (const character of text) {
    const code = folds.get(character.codePointAt(0)!)
    folded += code === undefined ? character : String.fromCodePoint(code)
  }
  return folded
}

/**
 * Folds the UTF-8 text bytes[start, end) into the same bytes from `to` on, and returns where it ends. `to` is at most
 * `start`: a folded text is never longer, because the smallest code point of an orbit has the shortest encoding.
 */
export function foldBytes(bytes: Uint8Array, start: number, end: number, to: number): number {
  let at = start
  let out = to
  for (; at < end && bytes[at]! < 0x80; at++) {
    const byte = bytes[at]!
    bytes[out++] = byte >= 0x61 && byte <= 0x7a ? byte - 0x20 : byte
  }
  if (at === end) return out
  const rest = Buffer.from(bytes.buffer, bytes.byteOffset + at, end - at).toString('utf8')
  const folded = Buffer.from(foldText(rest), 'utf8')
  bytes.set(folded, out)
  return out + folded.length
}
