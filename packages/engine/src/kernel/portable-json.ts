// JSON as the portable kernel reads it: tokens one by one from the bytes, a check of the whole grammar, and a walk
// that finds the values at given paths. Not here: framing and what values mean (portable.ts, portable-values.ts).
// Nothing calls itself per level of nesting, but for the levels of a field path, so depth cannot exhaust the stack.

import { limits } from '../limits.ts'
import { malformedReason } from '../batch/batch.ts'

/** Kinds of token. A number, string or literal is one token; `bad` is anything that RFC 8259 does not have. */
export const token = {
  end: 0,
  bad: 1,
  openObject: 2,
  closeObject: 3,
  openArray: 4,
  closeArray: 5,
  colon: 6,
  comma: 7,
  string: 8,
  number: 9,
  boolean: 10,
  null: 11,
} as const

const quote = 0x22
const backslash = 0x5c

/** Reads tokens from bytes[start, end). After `next()`, the token is bytes[`at`, `after`). */
export class TokenReader {
  readonly bytes: Uint8Array
  readonly end: number
  at: number
  after: number
  /** Whether the string just read has a backslash in it. */
  escaped = false

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.bytes = bytes
    this.at = start
    this.after = start
    this.end = end
  }

  /** Returns the kind of the next token; after `bad`, the reader is spent. */
  next(): number {
    const { bytes, end } = this
    let at = this.after
    while (at < end && isSpace(bytes[at]!)) at++
    this.at = at
    this.after = at + 1
    if (at >= end) return token.end
    switch (bytes[at]) {
      case 0x7b:
        return token.openObject
      case 0x7d:
        return token.closeObject
      case 0x5b:
        return token.openArray
      case 0x5d:
        return token.closeArray
      case 0x3a:
        return token.colon
      case 0x2c:
        return token.comma
      case quote:
        return this.#string()
      case 0x74:
        return this.#word('true', token.boolean)
      case 0x66:
        return this.#word('false', token.boolean)
      case 0x6e:
        return this.#word('null', token.null)
      default:
        return this.#number()
    }
  }

  #string(): number {
    const { bytes, end } = this
    this.escaped = false
    let at = this.at + 1
    for (; at < end; at++) {
      const byte = bytes[at]!
      if (byte === quote) {
        this.after = at + 1
        return token.string
      }
      if (byte < 0x20) return token.bad
      if (byte !== backslash) continue
      this.escaped = true
      if (++at >= end) return token.bad
      const escape = String.fromCharCode(bytes[at]!)
      if (escape === 'u') {
        for (let digit = 0; digit < 4; digit++) if (++at >= end || !isHexDigit(bytes[at]!)) return token.bad
      } else if (!'"\\/bfnrt'.includes(escape)) return token.bad
    }
    return token.bad
  }

  #word(word: string, kind: number): number {
    const after = this.at + word.length
    if (after > this.end) return token.bad
    for (let i = 0; i < word.length; i++) if (this.bytes[this.at + i] !== word.charCodeAt(i)) return token.bad
    this.after = after
    return kind
  }

  #number(): number {
    const { bytes, end } = this
    let at = this.at
    const digits = (): boolean => {
      const first = at
      while (at < end && isDigit(bytes[at]!)) at++
      return at > first
    }
    if (bytes[at] === 0x2d) at++
    if (at < end && bytes[at] === 0x30) at++
    else if (!digits()) return token.bad
    if (at < end && bytes[at] === 0x2e) {
      at++
      if (!digits()) return token.bad
    }
    if (at < end && (bytes[at]! | 0x20) === 0x65) {
      at++
      if (at < end && (bytes[at] === 0x2b || bytes[at] === 0x2d)) at++
      if (!digits()) return token.bad
    }
    this.after = at
    return token.number
  }
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39
}

function isHexDigit(byte: number): boolean {
  const lower = byte | 0x20
  return isDigit(byte) || (lower >= 0x61 && lower <= 0x66)
}

/** Returns why bytes[start, end) is not a well-formed record, as a number of `malformedReason`, or 0 when it is. */
export function checkRecord(bytes: Uint8Array, start: number, end: number): number {
  if (!isUtf8(bytes, start, end)) return malformedReason.utf8
  return checkGrammar(new TokenReader(bytes, start, end))
}

/** Returns whether bytes[start, end) is UTF-8 as the Unicode standard, table 3-7, defines it. */
export function isUtf8(bytes: Uint8Array, start: number, end: number): boolean {
  const isWithin = (at: number, low: number, high: number): boolean =>
    at < end && bytes[at]! >= low && bytes[at]! <= high
  for (let at = start; at < end; at++) {
    const lead = bytes[at]!
    if (lead < 0x80) continue
    if (lead < 0xc2 || lead > 0xf4) return false
    const more = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3
    // The second byte alone tells overlong forms, surrogates and what lies above U+10FFFF.
    const low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80
    const high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf
    if (!isWithin(at + 1, low, high)) return false
    for (let i = 2; i <= more; i++) if (!isWithin(at + i, 0x80, 0xbf)) return false
    at += more
  }
  return true
}

/** The open containers, a byte each: grows as needed, since depth is known to be too great only at the end. */
class ContainerStack {
  #kinds = new Uint8Array(64)
  depth = 0
  deepest = 0

  push(kind: number): void {
    if (this.depth === this.#kinds.length) {
      const larger = new Uint8Array(this.#kinds.length * 2)
      larger.set(this.#kinds)
      this.#kinds = larger
    }
    this.#kinds[this.depth++] = kind
    this.deepest = Math.max(this.deepest, this.depth)
  }

  /** The kind of the innermost open container; `token.end` outside of all. */
  get top(): number {
    return this.depth === 0 ? token.end : this.#kinds[this.depth - 1]!
  }
}

/** What may come next. `first…` follows an opening bracket, where the closing one may come at once. */
const expect = { value: 0, firstValue: 1, key: 2, firstKey: 3, colon: 4, separator: 5 } as const

function checkGrammar(reader: TokenReader): number {
  const stack = new ContainerStack()
  let expected: number = expect.value
  let isObject: boolean | undefined
  for (;;) {
    const kind = reader.next()
    isObject ??= kind === token.openObject
    if (expected === expect.separator && stack.depth === 0) {
      if (kind !== token.end) return malformedReason.syntax
      if (!isObject) return malformedReason['not-object']
      return stack.deepest > limits.recordDepth ? malformedReason.depth : 0
    }
    expected = step(stack, expected, kind)
    if (expected < 0) return malformedReason.syntax
  }
}

/** Returns what may follow `kind`, or -1 when `kind` may not stand here. */
function step(stack: ContainerStack, expected: number, kind: number): number {
  if (expected === expect.colon) return kind === token.colon ? expect.value : -1
  const mayClose = expected === expect.separator || expected === expect.firstValue || expected === expect.firstKey
  if (kind === token.closeObject || kind === token.closeArray) {
    // Kinds are numbered so that what closes a container is one more than what opened it.
    if (!mayClose || stack.top !== kind - 1) return -1
    stack.depth--
    return expect.separator
  }
  if (expected === expect.separator) {
    if (kind !== token.comma) return -1
    return stack.top === token.openObject ? expect.key : expect.value
  }
  if (expected === expect.key || expected === expect.firstKey) return kind === token.string ? expect.colon : -1
  if (kind === token.openObject || kind === token.openArray) {
    stack.push(kind)
    return kind === token.openObject ? expect.firstKey : expect.firstValue
  }
  return kind >= token.string ? expect.separator : -1
}

/** A place in records that field paths lead to or through, and what the record at hand has there. */
export class PathNode {
  readonly keys = new Map<string, PathNode>()
  readonly elements = new Map<number, PathNode>()
  /** Number of the last record in which this place was found: the first occurrence of a key decides. */
  record = -1
  /** Kind of the value's first token, and its bytes; of a container, only the opening bracket. */
  kind: number = token.end
  at = 0
  after = 0
  escaped = false

  /** Returns the node at `path` below this one, made when it is not there yet. */
  below(path: readonly (string | number)[]): PathNode {
    const [step, ...rest] = path
    if (step === undefined) return this
    const children: Map<string | number, PathNode> = typeof step === 'string' ? this.keys : this.elements
    const child = children.get(step) ?? new PathNode()
    children.set(step, child)
    return child.below(rest)
  }
}

/**
 * Fills the nodes below `root` with what the record that `reader` stands before has there, and marks them with
 * `record`. The record must have passed `checkRecord`.
 */
export function findValues(reader: TokenReader, root: PathNode, record: number): void {
  const kind = reader.next()
  root.record = record
  root.kind = kind
  root.at = reader.at
  root.after = reader.after
  root.escaped = reader.escaped
  if (kind === token.openObject) readObject(reader, root, record)
  else if (kind === token.openArray) readArray(reader, root, record)
}

function readObject(reader: TokenReader, node: PathNode, record: number): void {
  if (node.keys.size === 0) return skipRest(reader)
  while (reader.next() === token.string) {
    const child = node.keys.get(readString(reader.bytes, reader.at, reader.after, reader.escaped))
    reader.next()
    if (child === undefined || child.record === record) skipValue(reader)
    else findValues(reader, child, record)
    if (reader.next() === token.closeObject) return
  }
}

function readArray(reader: TokenReader, node: PathNode, record: number): void {
  if (node.elements.size === 0) return skipRest(reader)
  for (let index = 0; !isAtClosingBracket(reader); index++) {
    const child = node.elements.get(index)
    if (child === undefined) skipValue(reader)
    else findValues(reader, child, record)
    if (reader.next() === token.closeArray) return
  }
}

/** Returns whether an empty array ends here, and steps over its end when so. */
function isAtClosingBracket(reader: TokenReader): boolean {
  const before = reader.after
  if (reader.next() === token.closeArray) return true
  reader.after = before
  return false
}

function skipValue(reader: TokenReader): void {
  const kind = reader.next()
  if (kind === token.openObject || kind === token.openArray) skipRest(reader)
}

/** Steps over what is left of the container whose opening bracket was read. */
function skipRest(reader: TokenReader): void {
  for (let depth = 1; depth > 0;) {
    const kind = reader.next()
    if (kind === token.openObject || kind === token.openArray) depth++
    else if (kind === token.closeObject || kind === token.closeArray) depth--
  }
}

/**
 * Returns the text of the string token bytes[at, after), quotes included. An escaped surrogate without its partner
 * reads as U+FFFD. The bytes must be valid UTF-8.
 */
export function readString(bytes: Uint8Array, at: number, after: number, escaped: boolean): string {
  if (!escaped) return readText(bytes, at + 1, after - 1)
  const text = JSON.parse(readText(bytes, at, after)) as string
  // Writing UTF-8 is what turns lone surrogates into U+FFFD; text without any comes back as it was.
  return Buffer.from(text).toString()
}

/** Returns bytes[start, end), which must be valid UTF-8, as a string. */
export function readText(bytes: Uint8Array, start: number, end: number): string {
  // Not TextDecoder: it refuses shared memory.
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString()
}
