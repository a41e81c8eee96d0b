// Takes JSON values out of one text and puts each on a line of its own: the elements of one array, or objects one after
// another. Works in place: what leaves is never longer than what came, as each value has a byte behind it that gives way
// to a line feed. Knows where values begin and end and nothing else of them: the engine judges what is in them. Called
// by ../sources.

import type { Place } from '../ports/source.ts'
import { ascii, isWhiteSpace } from './detect.ts'
import { PlaceNotes } from './places.ts'
import type { Shape, ShapedBytes, ShapeFault } from './shape.ts'
import { structureBytes } from './structure.ts'
import type { StructureIndex } from './structure.ts'

/** What is expected next. */
const expected = {
  /** The bracket that opens the array. */
  array: 0,
  /** A value, or the bracket that closes the array at once. */
  firstElement: 1,
  element: 2,
  commaOrEnd: 3,
  nothing: 4,
  object: 5,
  /** White space behind an object. */
  gap: 6,
  /** The rest of a value: with brackets, a string, or of other bytes. */
  nested: 7,
  string: 8,
  bare: 9,
} as const
type Expected = (typeof expected)[keyof typeof expected]

/** Runs shorter than this are moved byte by byte, which then takes less than the call that moves them at once. */
const shortRun = 48

const lineFeed = new Uint8Array([ascii.lineFeed])

/**
 * The elements of one JSON array, or JSON objects with white space between them.
 *
 * Of a value, line breaks outside strings are left out and nothing else is changed; within strings, where JSON has no
 * line breaks, a line feed becomes a carriage return, which is as malformed and no line end.
 */
export class Elements implements Shape {
  fault: ShapeFault | undefined
  private readonly shape: 'array' | 'object'
  private readonly structure: StructureIndex
  private readonly notes = new PlaceNotes()
  private state: Expected
  /** Open brackets of the value that is being read. */
  private depth = 0
  private isEscaped = false
  /** A value has ended and its line feed is not written yet. */
  private owesLineFeed = false
  /** Of the piece that is being read: its place in the input, and how much of it is read and written. */
  private pieceAt: number
  private read = 0
  private written = 0
  private linesBefore = 0
  /** Where the value that is being read, or was read last, began. */
  private begun: Place = { line: 1, byte: 0 }

  /** `startByte`: position in the input of the first byte that will be pushed, behind a byte order mark. */
  constructor(shape: 'array' | 'object', structure: StructureIndex, startByte = 0) {
    this.shape = shape
    this.state = shape === 'array' ? expected.array : expected.object
    this.structure = structure
    this.pieceAt = startByte
  }

  *push(chunk: Uint8Array): Generator<ShapedBytes, void, undefined> {
    for (let from = 0; from < chunk.length && this.fault === undefined; from += structureBytes) {
      const piece = chunk.subarray(from, from + structureBytes)
      const { input } = this.structure
      // A source that knew of it has read there at once.
      if (piece.buffer !== input.buffer || piece.byteOffset !== input.byteOffset) input.set(piece)
      this.takePiece(piece.length)
      if (this.written > 0) yield { bytes: this.structure.input.subarray(0, this.written), places: this.notes.end() }
      this.pieceAt += this.read
    }
  }

  *end(): Generator<ShapedBytes, void, undefined> {
    if (this.isInValue) this.owesLineFeed = true
    if (this.owesLineFeed) {
      this.notes.begin(this.pieceAt, this.linesBefore)
      yield { bytes: lineFeed, places: this.notes.end() }
    }
    const { state, pieceAt: byte, linesBefore, begun } = this
    if (state === expected.nothing || state === expected.object || state === expected.gap) return
    const isWithin = state === expected.nested || state === expected.string
    const end = isWithin
      ? `ends within the value that begins at byte ${begun.byte} in line ${begun.line}`
      : 'ends before its array is closed by "]"'
    this.fault = { line: linesBefore + 1, byte, problem: state === expected.array ? 'holds no array' : end }
  }

  private get isInValue(): boolean {
    return this.state >= expected.nested
  }

  /** Reads the piece that lies in the structure's input, and leaves there what is to be handed on. */
  private takePiece(length: number): void {
    const { input, events } = this.structure
    const eventCount = this.structure.index(length)
    this.notes.begin(this.pieceAt, this.linesBefore)
    this.read = 0
    this.written = 0
    let event = 0
    while (this.read < length && this.fault === undefined) {
      if (this.state === expected.nested) {
        event = this.takeNested(input, events, event, eventCount, length)
        continue
      }
      if (this.state === expected.string) this.takeString(input, length)
      else if (this.state === expected.bare) this.takeBare(input, length)
      else this.takeBetween(input, length)
      while (event < eventCount && events[event]! >>> 1 < this.read) event++
    }
    // Else the last record of a piece would wait for the next one, which a pipe may be slow to bring.
    if (this.owesLineFeed && this.written < this.read) this.writeLineFeed(input)
  }

  /** Goes on to where the brackets of a value are closed. Returns the number of the event behind. */
  private takeNested(
    input: Buffer,
    events: Uint32Array,
    firstEvent: number,
    eventCount: number,
    length: number,
  ): number {
    let event = firstEvent
    let runStart = this.read
    while (event < eventCount) {
      const at = events[event]! >>> 1
      const isInString = (events[event++]! & 1) === 1
      const byte = input[at]!
      if (byte === ascii.lineFeed || byte === ascii.carriageReturn) {
        if (byte === ascii.lineFeed) this.linesBefore++
        if (isInString) input[at] = ascii.carriageReturn
        else {
          this.copy(input, runStart, at)
          runStart = at + 1
        }
      } else if (byte === ascii.openBrace || byte === ascii.openBracket) this.depth++
      else if (--this.depth === 0) {
        this.copy(input, runStart, at + 1)
        this.endValue(at + 1)
        return event
      }
    }
    this.copy(input, runStart, length)
    this.read = length
    return event
  }

  /** Goes on to the quote that ends a string which is a value of its own. */
  private takeString(input: Buffer, length: number): void {
    const runStart = this.read
    let at = runStart
    for (; at < length; at++) {
      const byte = input[at]!
      if (byte === ascii.lineFeed) {
        this.linesBefore++
        input[at] = ascii.carriageReturn
      }
      if (this.isEscaped) this.isEscaped = false
      else if (byte === ascii.backslash) this.isEscaped = true
      else if (byte === ascii.quote) {
        this.copy(input, runStart, at + 1)
        this.endValue(at + 1)
        return
      }
    }
    this.copy(input, runStart, length)
    this.read = length
  }

  /** Goes on to what ends a number or a word. */
  private takeBare(input: Buffer, length: number): void {
    const runStart = this.read
    let at = runStart
    while (at < length && !endsBare(input[at]!)) at++
    this.copy(input, runStart, at)
    if (at < length) this.endValue(at)
    else this.read = length
  }

  /** The value that is being read ends before `at`. */
  private endValue(at: number): void {
    this.read = at
    this.owesLineFeed = true
    this.state = this.shape === 'object' ? expected.gap : expected.commaOrEnd
  }

  /** Goes over what stands between values, to the first byte of one. */
  private takeBetween(input: Buffer, length: number): void {
    for (; this.read < length; this.read++) {
      const byte = input[this.read]!
      const next = this.after(byte)
      if (next === undefined) {
        this.fault = { line: this.linesBefore + 1, byte: this.pieceAt + this.read, problem: this.problem(byte) }
        return
      }
      this.state = next
      if (this.isInValue) return this.beginValue(input)
      if (byte === ascii.lineFeed) this.linesBefore++
      // In the place of this byte, or of one that was left out before it.
      if (this.owesLineFeed) this.writeLineFeed(input)
    }
  }

  private beginValue(input: Buffer): void {
    const at = this.pieceAt + this.read
    this.notes.add(this.written, at, this.linesBefore)
    this.begun = { line: this.linesBefore + 1, byte: at }
    this.depth = 0
    if (this.state !== expected.string) return
    this.copy(input, this.read, this.read + 1)
    this.read++
  }

  /** Returns what is expected behind a byte that stands outside of values, or nothing when it must not stand there. */
  private after(byte: number): Expected | undefined {
    const { state } = this
    if (isWhiteSpace(byte)) return state === expected.gap ? expected.object : state
    if (state === expected.object) return byte === ascii.openBrace ? expected.nested : undefined
    if (state === expected.array) return byte === ascii.openBracket ? expected.firstElement : undefined
    if (state === expected.commaOrEnd && byte === ascii.comma) return expected.element
    if (state === expected.commaOrEnd || state === expected.firstElement) {
      if (byte === ascii.closeBracket) return expected.nothing
    }
    if (state !== expected.firstElement && state !== expected.element) return undefined
    if (byte === ascii.openBrace || byte === ascii.openBracket) return expected.nested
    if (byte === ascii.quote) return expected.string
    return endsBare(byte) ? undefined : expected.bare
  }

  private problem(byte: number): string {
    const found = byte > 0x20 && byte < 0x7f ? `"${String.fromCharCode(byte)}"` : `the byte 0x${byte.toString(16)}`
    return `has ${found} where ${wanted[this.state]} is expected`
  }

  /** Hands on [from, to) of the piece. */
  private copy(input: Buffer, from: number, to: number): void {
    const length = to - from
    if (this.written !== from) {
      if (length > shortRun) input.copyWithin(this.written, from, to)
      else for (let i = 0; i < length; i++) input[this.written + i] = input[from + i]!
    }
    this.written += length
  }

  private writeLineFeed(input: Buffer): void {
    input[this.written++] = ascii.lineFeed
    this.owesLineFeed = false
  }
}

/** What stands in messages for a state. */
const wanted: Readonly<Record<number, string>> = {
  [expected.array]: 'the "[" of an array',
  [expected.firstElement]: 'an element or "]"',
  [expected.element]: 'an element',
  [expected.commaOrEnd]: '"," or "]"',
  [expected.nothing]: 'the end of the input, behind its array,',
  [expected.object]: 'the "{" of an object',
  [expected.gap]: 'white space between two objects',
}

/** Returns whether a byte cannot be a part of a number or a word. */
function endsBare(byte: number): boolean {
  return isWhiteSpace(byte) || bareEnds.has(byte)
}

const bareEnds: ReadonlySet<number> = new Set([...'",:[]{}\\'].map((character) => character.charCodeAt(0)))
