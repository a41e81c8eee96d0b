// Finds what matters in JSON text to tell its values apart: brackets outside strings, and line breaks. Looks at every
// byte once, knows no depth and no grammar. This is the obvious way; structure-vectors.ts does the same faster, and a
// test compares them. Called by elements.ts.

import { ascii } from './detect.ts'

/** Bytes that are looked at in one call, at most: as many as are read at once, since each piece that leaves costs some µs. */
export const structureBytes = 256 << 10

/**
 * Finds events in pieces of one text, in order. An event is the position of a byte in the piece, times two, plus one
 * where it stands in a string: of each bracket and brace outside strings, and of each line feed and carriage return.
 * A backslash takes its meaning from the byte behind it, in strings and outside of them, where JSON has none.
 */
export interface StructureIndex {
  /** Where the next piece is to be put, at most `structureBytes`. What is written there stays until the next one. */
  readonly input: Buffer
  /** The events of the piece that was indexed last; only as many as `index()` returned count. */
  readonly events: Uint32Array
  /** Indexes the first `length` bytes of `input`. Returns the number of events. */
  index(length: number): number
}

/** The index in plain JavaScript. */
export class PlainStructureIndex implements StructureIndex {
  readonly input = Buffer.allocUnsafeSlow(structureBytes)
  readonly events = new Uint32Array(structureBytes)
  private isString = 0
  private isEscaped = false

  index(length: number): number {
    const { input, events } = this
    let { isString, isEscaped } = this
    let count = 0
    for (let at = 0; at < length; at++) {
      const kind = kindOf[input[at]!]!
      if (kind === kinds.lineBreak) events[count++] = (at << 1) | isString
      if (isEscaped) isEscaped = false
      else if (kind === kinds.backslash) isEscaped = true
      else if (kind === kinds.quote) isString ^= 1
      else if (kind === kinds.bracket && isString === 0) events[count++] = at << 1
    }
    this.isString = isString
    this.isEscaped = isEscaped
    return count
  }
}

const kinds = { other: 0, quote: 1, backslash: 2, bracket: 3, lineBreak: 4 } as const
const kindOf = new Uint8Array(256)
kindOf[ascii.quote] = kinds.quote
kindOf[ascii.backslash] = kinds.backslash
for (const byte of [ascii.openBrace, ascii.closeBrace, ascii.openBracket, ascii.closeBracket]) {
  kindOf[byte] = kinds.bracket
}
for (const byte of [ascii.lineFeed, ascii.carriageReturn]) kindOf[byte] = kinds.lineBreak
