// Decides from a whole body what it is (an array, one object, an envelope, else NDJSON) and turns it into NDJSON.
// docs/ingest.md has the rule in words. NDJSON, nearly every body, costs a look at its first line and no copy. Called
// by http-queue.ts.

import { isUtf8 } from 'node:buffer'

import { ascii, byteOrderMarkLength, detectBytes, isWhiteSpace } from '../shapes/detect.ts'
import { Elements } from '../shapes/elements.ts'
import type { StructureIndex } from '../shapes/structure.ts'
import { headOf } from './http-chunks.ts'

/** A first line that is longer begins no pretty-printed object: no record may be as long. */
const firstLineBytes = 1 << 20
/** An object that is longer is not parsed to be sure of it: it would hold up everything else, and is too long anyhow. */
const parsedBytes = 4 << 20
/** Bytes that are worked on before others have their turn. */
const stepBytes = 1 << 20

/** What `shapeBody` is told. */
export interface ShapingOptions {
  readonly unwrapEnvelopes: boolean
  readonly envelopeBytes: number
  /** The index that all bodies use, one after another. */
  readonly structure: StructureIndex
  /** Lets others have their turn. */
  readonly pause: () => Promise<void>
}

/** A piece of NDJSON. The last one ends with a line feed, and none is empty. */
export interface ShapedPiece {
  readonly bytes: Uint8Array
  readonly isLast: boolean
}

/**
 * Yields a body as NDJSON: nothing where it holds no records, as an empty array.
 * *Ownership*: the pieces are taken out of `chunks`, and are the reader's.
 */
export async function* shapeBody(
  chunks: Uint8Array[],
  options: ShapingOptions,
): AsyncGenerator<ShapedPiece, void, undefined> {
  dropHead(chunks, byteOrderMarkLength(headOf(chunks, 3)))
  const first = firstByte(chunks, detectBytes)
  if (first === ascii.openBracket && (await isWhole('array', chunks, options))) {
    yield* elementsOf('array', chunks, options)
    return
  }
  if (first === ascii.openBrace) {
    const lines = options.unwrapEnvelopes ? linesOfEnvelope(chunks, options.envelopeBytes) : undefined
    if (lines !== undefined) {
      chunks.length = 0
      yield { bytes: lines, isLast: true }
      return
    }
    if (isFirstLineOpen(chunks) && (await isOneObject(chunks, options))) {
      yield* elementsOf('object', chunks, options)
      return
    }
  }
  yield* asLines(chunks)
}

function* asLines(chunks: Uint8Array[]): Generator<ShapedPiece, void, undefined> {
  const last = chunks.at(-1)
  const isComplete = last?.[last.length - 1] === ascii.lineFeed
  for (let index = 0; index < chunks.length; index++) {
    const bytes = chunks[index] as Uint8Array
    chunks[index] = nothing
    yield { bytes, isLast: isComplete && index === chunks.length - 1 }
  }
  if (!isComplete && chunks.length > 0) yield { bytes: Buffer.of(ascii.lineFeed), isLast: true }
  chunks.length = 0
}

const nothing = new Uint8Array(0)

/** Takes bytes away from the front. */
function dropHead(chunks: Uint8Array[], bytes: number): void {
  for (let rest = bytes; rest > 0;) {
    const [first] = chunks
    if (first === undefined) return
    if (first.length > rest) chunks[0] = first.subarray(rest)
    else chunks.shift()
    rest -= Math.min(rest, first.length)
  }
}

/** Returns the first byte that is no white space, of the first `count`: mostly the very first, so nothing is copied together. */
function firstByte(chunks: readonly Uint8Array[], count: number): number | undefined {
  let seen = 0
  for (const chunk of chunks) {
    const found = chunk.subarray(0, count - seen).find((byte) => !isWhiteSpace(byte))
    if (found !== undefined) return found
    seen += chunk.length
    if (seen >= count) return undefined
  }
  return undefined
}

/** Returns whether the first line begins an object that goes on behind its end, between two tokens. */
function isFirstLineOpen(chunks: readonly Uint8Array[]): boolean {
  let depth = 0
  let isString = false
  let isEscaped = false
  let seen = 0
  for (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at]!
      if (isEscaped) isEscaped = false
      else if (isString && byte === ascii.lineFeed) return false
      else if (isString && byte === ascii.backslash) isEscaped = true
      else if (byte === ascii.quote) isString = !isString
      else if (isString) continue
      else if (byte === ascii.lineFeed && depth > 0) return true
      else if (byte === ascii.openBrace || byte === ascii.openBracket) depth++
      else if ((byte === ascii.closeBrace || byte === ascii.closeBracket) && --depth <= 0) return false
    }
    seen += chunk.length
    if (seen > firstLineBytes) return false
  }
  return false
}

/** Returns whether the bytes are one array, or one object, to their end: by brackets and strings, not by the grammar. */
async function isWhole(
  kind: 'array' | 'object',
  chunks: readonly Uint8Array[],
  options: ShapingOptions,
): Promise<boolean> {
  const elements = new Elements(kind, restarted(options.structure))
  let objects = 0
  // Each value has one line feed, at its end.
  const count = (bytes: Uint8Array) => {
    for (let at = bytes.indexOf(ascii.lineFeed); at >= 0 && objects < 2; at = bytes.indexOf(ascii.lineFeed, at + 1))
      objects++
  }
  let worked = 0
  for (const chunk of chunks) {
    for (const { bytes } of elements.push(chunk)) if (kind === 'object') count(bytes)
    if (elements.fault !== undefined || objects > 1) return false
    worked += chunk.length
    if (worked >= stepBytes) {
      worked = 0
      await options.pause()
    }
  }
  for (const { bytes } of elements.end()) if (kind === 'object') count(bytes)
  return elements.fault === undefined && (kind === 'array' || objects === 1)
}

async function isOneObject(chunks: readonly Uint8Array[], options: ShapingOptions): Promise<boolean> {
  if (!(await isWhole('object', chunks, options))) return false
  if (lengthOf(chunks) > parsedBytes) return true
  const bytes = Buffer.concat(chunks)
  try {
    return isUtf8(bytes) && typeof JSON.parse(bytes.toString()) === 'object'
  } catch {
    return false
  }
}

/** Yields the values of what was found whole. *Errors*: where it is not. */
async function* elementsOf(
  kind: 'array' | 'object',
  chunks: Uint8Array[],
  options: ShapingOptions,
): AsyncGenerator<ShapedPiece, void, undefined> {
  const elements = new Elements(kind, restarted(options.structure))
  // One piece is held back, and copied since its memory is used again: the last one has to be known as such.
  let held: Uint8Array | undefined
  let worked = 0
  for (let index = 0; index <= chunks.length; index++) {
    const chunk = chunks[index]
    for (const { bytes } of chunk === undefined ? elements.end() : elements.push(chunk)) {
      if (held !== undefined) yield { bytes: held, isLast: false }
      held = Uint8Array.from(bytes)
    }
    if (chunk === undefined) break
    chunks[index] = nothing
    worked += chunk.length
    if (worked >= stepBytes) {
      worked = 0
      await options.pause()
    }
  }
  chunks.length = 0
  // Found whole before: so this is a fault of ours, and no body may be answered for a part of it.
  if (elements.fault !== undefined) throw new Error(`A whole ${kind} came out broken: it ${elements.fault.problem}.`)
  if (held !== undefined) yield { bytes: held, isLast: true }
}

const probe = Buffer.from('x\n')
const quote = Buffer.from('"')

/** Returns the index as if it had seen nothing: behind a broken text it may stand within a string or behind a backslash. */
function restarted(structure: StructureIndex): StructureIndex {
  structure.input.set(probe)
  structure.index(probe.length)
  // Of the line feed the index tells whether it stands in a string.
  if ((structure.events[0]! & 1) === 1) {
    structure.input.set(quote)
    structure.index(quote.length)
  }
  return structure
}

/** Returns the lines of an envelope, with a line feed at the end, or nothing where the body is none. */
function linesOfEnvelope(chunks: readonly Uint8Array[], mostBytes: number): Buffer | undefined {
  const key = /^[\s]*\{\s*"message"\s*:\s*"/.exec(Buffer.from(headOf(chunks, 256)).toString('latin1'))
  if (key === null || lengthOf(chunks) > mostBytes) return undefined
  if (!/"\s*\}\s*$/.test(tailOf(chunks))) return undefined
  const bytes = Buffer.concat(chunks)
  if (!isUtf8(bytes)) return undefined
  const text = bytes.toString()
  // Only the one value, so that whatever else stands in the object, another message too, makes it no envelope.
  const value = text.slice(key[0].length - 1, text.lastIndexOf('}'))
  try {
    const message: unknown = JSON.parse(value)
    return typeof message === 'string' && isLines(message) ? Buffer.from(endedLine(message)) : undefined
  } catch {
    return undefined
  }
}

/** Returns whether all lines begin with a brace, blank ones aside, and there is one. */
function isLines(message: string): boolean {
  let count = 0
  for (let at = 0; at < message.length;) {
    const end = message.indexOf('\n', at)
    const next = end < 0 ? message.length : end
    if (message[at] === '{') count++
    else if (message.slice(at, next).trim() !== '') return false
    at = next + 1
  }
  return count > 0
}

function endedLine(text: string): string {
  return text.endsWith('\n') ? text : `${text}\n`
}

/** Returns the last bytes, 256 at least where there are so many. */
function tailOf(chunks: readonly Uint8Array[]): string {
  let tail = ''
  for (let index = chunks.length - 1; index >= 0 && tail.length < 256; index--) {
    tail = Buffer.from((chunks[index] as Uint8Array).subarray(-256)).toString('latin1') + tail
  }
  return tail
}

function lengthOf(chunks: readonly Uint8Array[]): number {
  return chunks.reduce((sum, chunk) => sum + chunk.length, 0)
}
