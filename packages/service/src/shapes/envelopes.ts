// Takes the lines out of FluentD's envelopes: one JSON object on each line of the input, whose `message` holds NDJSON as
// text. Only one at a time is held, and open-envelope.ts reads it; of the records in it nothing is known. Called by
// ../sources.

import type { Place, Places, Reject } from '../ports/source.ts'
import { ascii } from './detect.ts'
import { openEnvelope } from './open-envelope.ts'
import { PlaceNotes } from './places.ts'
import type { Shape, ShapedBytes } from './shape.ts'

/**
 * Longest envelope, in bytes without its line end: what the broker of the original takes as one message. A longest
 * record beyond that raises it, so that a line above both is a record that is too long.
 */
export const envelopeBytes = 16 << 20

/** What `Envelopes` is made with. */
export interface EnvelopeOptions {
  /** Position in the input of the first byte that will be pushed, behind a byte order mark. */
  readonly startByte?: number
  /** An envelope may have so many bytes at least. */
  readonly leastBytes?: number
}

/**
 * The messages of envelopes, each with a line feed at its end. Values beside `message` may be of any kind but object and
 * array; a `message` that is a number, `true` or `false` is its text, and without one, or with `null`, an envelope holds
 * nothing. Of several `message`s the last counts, and text behind an envelope does not. All as the original has it, which
 * loses malformed envelopes; here they are set aside.
 */
export class Envelopes implements Shape {
  readonly fault = undefined
  private readonly notes = new PlaceNotes()
  private readonly most: number
  /** The beginning of a line whose end has not come. */
  private held: Buffer[] = []
  private heldBytes = 0
  private isTooLong = false
  /** Of a too-long envelope, so far. */
  private tooLongBytes = 0
  /** Of the line that is being read. */
  private place: Place

  constructor({ startByte = 0, leastBytes = 0 }: EnvelopeOptions = {}) {
    this.most = Math.max(envelopeBytes, leastBytes)
    this.place = { line: 1, byte: startByte }
  }

  *push(chunk: Uint8Array): Generator<ShapedBytes, void, undefined> {
    for (let from = 0; from < chunk.length;) {
      const lineEnd = chunk.indexOf(ascii.lineFeed, from)
      const end = lineEnd < 0 ? chunk.length : lineEnd + 1
      // A chunk is used again by whoever gave it, and what is held or set aside outlives it.
      const part = Buffer.from(chunk.subarray(from, end))
      from = end
      if (this.isTooLong || this.heldBytes + part.length > this.most + lineEndBytes) yield this.passTooLong(part)
      else if (lineEnd < 0) this.hold(part)
      else yield* this.take(this.held.length === 0 ? part : Buffer.concat([...this.held, part]))
    }
  }

  *end(): Generator<ShapedBytes, void, undefined> {
    const lineFeed = Buffer.from([ascii.lineFeed])
    if (this.isTooLong) yield this.passTooLong(lineFeed)
    else if (this.heldBytes > 0) yield* this.take(Buffer.concat([...this.held, lineFeed]))
  }

  private hold(part: Buffer): void {
    this.held.push(part)
    this.heldBytes += part.length
  }

  /** Sets a part of a too-long envelope aside, and what was held of it before. */
  private passTooLong(part: Buffer): ShapedBytes {
    const isRest = this.isTooLong
    const bytes = Buffer.concat([...this.held, part])
    const reject = { ...this.place, bytes, reason: 'too-long', ...(isRest ? { isRest } : {}) } as const
    this.isTooLong = true
    this.tooLongBytes += bytes.length
    this.held = []
    this.heldBytes = 0
    if (part[part.length - 1] === ascii.lineFeed) {
      this.isTooLong = false
      this.goOn(this.tooLongBytes)
      this.tooLongBytes = 0
    }
    return { bytes: nothing, places: this.noPlaces(), rejects: [reject] }
  }

  /** Opens one envelope: a line with its line feed. */
  private *take(line: Buffer): Generator<ShapedBytes, void, undefined> {
    this.held = []
    this.heldBytes = 0
    const opened = openEnvelope(line)
    const { place } = this
    this.goOn(line.length)
    if (opened === undefined) return
    if ('reason' in opened) {
      const reject: Reject = { ...place, bytes: line, reason: opened.reason }
      yield { bytes: nothing, places: this.noPlaces(), rejects: [reject] }
    } else {
      yield { bytes: opened.message, places: this.notePlaces(opened.message, place) }
    }
  }

  private goOn(bytes: number): void {
    this.place = { line: this.place.line + 1, byte: this.place.byte + bytes }
  }

  private notePlaces(message: Buffer, { line, byte }: Place): Places {
    this.notes.begin(byte, line - 1)
    for (let at = 0; at >= 0 && at < message.length;) {
      this.notes.add(at, byte, line - 1)
      at = message.indexOf(ascii.lineFeed, at) + 1
      if (at === 0) break
    }
    return this.notes.end()
  }

  private noPlaces(): Places {
    this.notes.begin(this.place.byte, this.place.line - 1)
    return this.notes.end()
  }
}

const nothing = new Uint8Array(0)
/** A carriage return and a line feed, which are no part of an envelope. */
const lineEndBytes = 2
