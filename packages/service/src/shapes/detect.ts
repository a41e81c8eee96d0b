// Judges by its first bytes what an input is, for `--input-format auto`: docs/cli.md has the rule in words. Prefers
// NDJSON wherever another shape is not certain, since one bad line is a malformed record there and no more. Called by
// ../sources.

import type { InputShape } from './shape.ts'

/** So many bytes are looked at; an input that has not shown its shape by then is NDJSON. */
export const detectBytes = 64 << 10

/** Bytes that shapes are made of. */
export const ascii = {
  tab: 9,
  lineFeed: 10,
  carriageReturn: 13,
  space: 32,
  quote: 34,
  comma: 44,
  openBracket: 91,
  backslash: 92,
  closeBracket: 93,
  openBrace: 123,
  closeBrace: 125,
} as const

/** Returns whether the byte is white space to JSON. */
export function isWhiteSpace(byte: number): boolean {
  return byte === ascii.space || byte === ascii.lineFeed || byte === ascii.carriageReturn || byte === ascii.tab
}

/** Returns the length of the byte order mark that the bytes begin with: 3 or 0. */
export function byteOrderMarkLength(bytes: Uint8Array): number {
  return bytes.length >= 3 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0
}

/**
 * Returns what the input is that begins with `head`, or undefined when more of it is needed. `isAll`: nothing follows.
 * Never `fluentd`, whose lines are objects as those of NDJSON are.
 */
export function detectShape(head: Uint8Array, isAll: boolean): InputShape | undefined {
  const isCut = !isAll && head.length < detectBytes
  const first = nextText(head, byteOrderMarkLength(head))
  const unknown = isCut ? undefined : 'ndjson'
  if (first === head.length) return unknown
  if (head[first] === ascii.openBracket) {
    const second = nextText(head, first + 1)
    if (second === head.length) return unknown
    return head[second] === ascii.openBrace || head[second] === ascii.closeBracket ? 'array' : 'ndjson'
  }
  if (head[first] !== ascii.openBrace) return 'ndjson'
  const line = firstLine(head, first)
  if (line === undefined) return unknown
  if (!line.isOpen) return 'ndjson'
  const second = nextText(head, line.end)
  if (second === head.length) return unknown
  return head[second] === ascii.openBrace ? 'ndjson' : 'object'
}

function nextText(bytes: Uint8Array, from: number): number {
  let at = from
  while (at < bytes.length && isWhiteSpace(bytes[at]!)) at++
  return at
}

/**
 * Reads the line that begins at `from` with an object. `isOpen`: the object goes on behind its end, and the line ends
 * between two tokens. Undefined when the line is not all there.
 */
function firstLine(bytes: Uint8Array, from: number): { isOpen: boolean; end: number } | undefined {
  let depth = 0
  let isString = false
  for (let at = from; at < bytes.length; at++) {
    const byte = bytes[at]!
    if (byte === ascii.lineFeed) return { isOpen: depth > 0 && !isString, end: at }
    if (byte === ascii.backslash && isString) at++
    else if (byte === ascii.quote) isString = !isString
    else if (isString) continue
    else if (byte === ascii.openBrace || byte === ascii.openBracket) depth++
    else if (byte === ascii.closeBrace || byte === ascii.closeBracket) depth--
    if (depth === 0) return { isOpen: false, end: at }
  }
  return undefined
}
