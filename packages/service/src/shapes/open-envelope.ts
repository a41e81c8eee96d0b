// Reads one of FluentD's envelopes, as the original converter does by Jackson 2.18: the first JSON value of a line, an
// object of texts and scalars, whose last `message` counts. Walks over the members of that object and no deeper; what a
// text or a number is, JSON.parse says. Called by envelopes.ts.

import { isUtf8 } from 'node:buffer'

import { limits } from '@weir/engine'
import type { MalformedReason } from '@weir/engine'

import { ascii, isWhiteSpace } from './detect.ts'

/** What an envelope comes to: its message as lines, or why it is malformed. */
export type OpenedEnvelope = { readonly message: Buffer } | { readonly reason: MalformedReason }

/** More than a number can have: its digits, a zero before the point, two signs, the point and the exponent's letter. */
const mostWordUnits = limits.originalNumberDigits + 8

/** Ends a walk. */
class Malformed extends Error {
  readonly reason: MalformedReason

  constructor(reason: MalformedReason) {
    super(reason)
    this.reason = reason
  }
}

/**
 * Returns what is in an envelope, or undefined when there is nothing: the line is blank, or it has no message. Bytes of a
 * message that are not UTF-8 stay what they are, so that only the lines they stand in are about them; a half of a
 * surrogate pair, which only an escape can give, becomes U+FFFD.
 */
export function openEnvelope(line: Buffer): OpenedEnvelope | undefined {
  if (line.every(isWhiteSpace)) return undefined
  try {
    const message = new EnvelopeReader(line).readMessage()
    return message === undefined || message.length === 0 ? undefined : { message: endLine(message) }
  } catch (error) {
    if (error instanceof Malformed) return { reason: error.reason }
    throw error
  }
}

function endLine(message: Buffer): Buffer {
  return message.at(-1) === ascii.lineFeed ? message : Buffer.concat([message, Buffer.from('\n')])
}

/** A text or another value of an envelope as it is written: [from, to) of its line. */
interface Span {
  readonly from: number
  readonly to: number
}

class EnvelopeReader {
  readonly #line: Buffer
  #at = 0

  constructor(line: Buffer) {
    this.#line = line
  }

  readMessage(): Buffer | undefined {
    this.#skipSpace()
    if (!this.#isAt('{')) throw new Malformed(isJson(this.#line.toString('latin1')) ? 'not-object' : 'syntax')
    let message: Buffer | undefined
    this.#step()
    if (this.#isAt('}')) return undefined
    for (;;) {
      const isMessage = this.#isMessage(this.#string(limits.originalKeyUnits))
      this.#skipSpace()
      if (!this.#isAt(':')) throw new Malformed('syntax')
      this.#step()
      const value = this.#value(isMessage)
      // The last one counts, also when it is null.
      if (isMessage) message = value
      this.#skipSpace()
      // What stands behind the object is not looked at: Jackson reads the first value, and no more.
      if (this.#isAt('}')) return message
      if (!this.#isAt(',')) throw new Malformed('syntax')
      this.#step()
    }
  }

  #isAt(character: string): boolean {
    return this.#line[this.#at] === character.charCodeAt(0)
  }

  #skipSpace(): void {
    while (this.#at < this.#line.length && isWhiteSpace(this.#line[this.#at]!)) this.#at++
  }

  #step(): void {
    this.#at++
    this.#skipSpace()
  }

  /** Reads a value. Returns its text where it is wanted, and undefined for `null`. */
  #value(isWanted: boolean): Buffer | undefined {
    if (this.#isAt('{') || this.#isAt('[')) throw new Malformed('not-object')
    if (!this.#isAt('"')) return this.#word()
    const span = this.#string(limits.originalStringUnits)
    if (isWanted) return this.#decode(span)
    this.#check(span)
    return undefined
  }

  /** Reads a number, `true`, `false` or `null`. */
  #word(): Buffer | undefined {
    const from = this.#at
    while (this.#at - from < mostWordUnits && isOfWord(this.#line[this.#at])) this.#at++
    const word = this.#latin1({ from, to: this.#at })
    // Zeros before a point do not count.
    const digits = word.replace(/^-?0(?=[.eE])/, '').replaceAll(/[^0-9]/g, '').length
    // Without a bracket or quote, what JSON.parse takes is one of them.
    if (!isJson(word) || digits > limits.originalNumberDigits) throw new Malformed('syntax')
    return word === 'null' ? undefined : this.#line.subarray(from, this.#at)
  }

  /** Finds the end of a string; more UTF-16 units than `mostUnits` are malformed. What is within is not checked. */
  #string(mostUnits: number): Span {
    if (!this.#isAt('"')) throw new Malformed('syntax')
    const line = this.#line
    const from = this.#at
    let at = from + 1
    while (at < line.length && line[at] !== ascii.quote) at += line[at] === ascii.backslash ? 2 : 1
    if (at >= line.length) throw new Malformed('syntax')
    const to = at + 1
    this.#at = to
    // A unit takes a byte at least.
    if (to - from - 2 > mostUnits) {
      this.#check({ from, to })
      if ((JSON.parse(line.toString('utf8', from, to)) as string).length > mostUnits) throw new Malformed('syntax')
    }
    return { from, to }
  }

  #isMessage(key: Span): boolean {
    this.#check(key)
    // No escape takes more than six bytes.
    return key.to - key.from <= 2 + 6 * 'message'.length && JSON.parse(this.#latin1(key)) === 'message'
  }

  /** Refuses a string that is none. All that JSON asks of one is about its ASCII. */
  #check(span: Span): void {
    if (!isJson(this.#latin1(span))) throw new Malformed('syntax')
  }

  #latin1({ from, to }: Span): string {
    return this.#line.toString('latin1', from, to)
  }

  #decode(span: Span): Buffer {
    const written = this.#line.subarray(span.from, span.to)
    if (isUtf8(written)) {
      try {
        return Buffer.from(JSON.parse(written.toString()) as string)
      } catch {
        throw new Malformed('syntax')
      }
    }
    this.#check(span)
    // Escapes are put in place as UTF-8; halves of a pair stand side by side. All other bytes are taken as they are.
    const decoded = this.#latin1(span)
      .slice(1, -1)
      .replaceAll(/(?:\\u[0-9A-Fa-f]{4})+|\\[^u]/g, (escapes) => {
        return Buffer.from(JSON.parse(`"${escapes}"`) as string).toString('latin1')
      })
    return Buffer.from(decoded, 'latin1')
  }
}

/** Whether a byte may be of a number or a word. */
function isOfWord(byte: number | undefined): boolean {
  return byte !== undefined && /[-+.0-9A-Za-z]/.test(String.fromCharCode(byte))
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
