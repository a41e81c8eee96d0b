// Records and values as the original converter saw them, in the most obvious way: a line becomes text, the first JSON
// value in it objects, and a value the text that Java's toString gives. docs/original.md says what of this differs
// from Weir's own language. portable.ts calls it; native/original_record.cc is its counterpart.

import { malformedReason } from '../batch/batch.ts'
import { limits } from '../limits.ts'
import { halfPair } from '../rules/java-classes.ts'
import { isUtf8, readText } from './portable-json.ts'

/** A value of a record. Equal keys of an object: the last one's value, at the first one's place. */
export type JavaValue = string | boolean | null | JavaNumber | readonly JavaValue[] | ReadonlyMap<string, JavaValue>

/** A number, as its text in Java. */
export interface JavaNumber {
  readonly text: string
}

/** The object of a record, `null`, or the number of the reason why it is malformed. */
export type OriginalRecord = ReadonlyMap<string, JavaValue> | null | number

class Malformed extends Error {
  readonly reason: number

  constructor(reason: number) {
    super()
    this.reason = reason
  }
}

/** Returns what the original reads of a line: its first JSON value, whatever follows. */
export function readOriginal(bytes: Uint8Array, start: number, end: number): OriginalRecord {
  try {
    return new LineReader(decodeUtf8(bytes, start, end)).read()
  } catch (error) {
    if (error instanceof Malformed) return error.reason
    throw error
  }
}

/**
 * Returns bytes as text, with U+FFFD for what is not UTF-8: one for each maximal subpart, but one for a whole encoded
 * half of a surrogate pair, as Java's decoder counts.
 */
export function decodeUtf8(bytes: Uint8Array, start: number, end: number): string {
  if (isUtf8(bytes, start, end)) return readText(bytes, start, end)
  // No lead byte ever continues a sequence, so these halves can be replaced wherever they stand.
  const latin1 = Buffer.from(bytes.subarray(start, end)).toString('latin1')
  const replaced = latin1.replaceAll(/\u00ed[\u00a0-\u00bf][\u0080-\u00bf]?/g, '\u00ef\u00bf\u00bd')
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(Buffer.from(replaced, 'latin1'))
}

/** JSON as RFC 8259 has it, with the limits of Jackson 2.18. */
class LineReader {
  readonly #text: string
  #at = 0
  #depth = 0

  constructor(text: string) {
    this.#text = text
  }

  read(): OriginalRecord {
    this.#skipSpace()
    if (this.#text[this.#at] === '[') throw new Malformed(malformedReason['not-object'])
    const value = this.#value()
    if (value === null || value instanceof Map) return value as OriginalRecord
    throw new Malformed(malformedReason['not-object'])
  }

  #skipSpace(): void {
    while (' \t\n\r'.includes(this.#text[this.#at] ?? 'x')) this.#at++
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)?.[0]
    if (found === undefined) throw new Malformed(malformedReason.syntax)
    this.#at += found.length
    return found
  }

  #value(): JavaValue {
    switch (this.#text[this.#at]) {
      case '{':
        return this.#object()
      case '[':
        return this.#array()
      case '"':
        return this.#string(limits.originalStringUnits)
      case 't':
      case 'f':
      case 'n': {
        // A letter or digit behind the word would make it another. Beyond ASCII Java asks its tables of Unicode which
        // characters are; here all are, so behind `null` on its own more is malformed, and nothing else differs.
        const word = this.#match(/(?:true|false|null)(?![0-9A-Za-z_\u007f-\uffff])/y)
        return word === 'null' ? null : word === 'true'
      }
      default:
        return this.#number()
    }
  }

  #number(): JavaNumber {
    const text = this.#match(/-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?/y)
    // A zero before the point does not count.
    const digits = text.replace(/^-?0(?=[.eE])/, '').replaceAll(/[^0-9]/g, '')
    if (digits.length > limits.originalNumberDigits) throw new Malformed(malformedReason.syntax)
    // A number that ends here has to be followed by something that JSON knows; what does, is seen by those who asked.
    if (this.#depth === 0 && !/^[ \t\n\r]?$/.test(this.#text[this.#at] ?? ''))
      throw new Malformed(malformedReason.syntax)
    if (/^-?[0-9]+$/.test(text)) return { text: text === '-0' ? '0' : text }
    return { text: javaDouble(Number(text)) }
  }

  #string(mostUnits: number): string {
    // oxlint-disable-next-line no-control-regex -- these are what a string may not hold
    const source = this.#match(/"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4}))*"/y)
    const text = JSON.parse(source) as string
    if (text.length > mostUnits) throw new Malformed(malformedReason.syntax)
    return text
  }

  #enter(): void {
    this.#at++
    if (++this.#depth > limits.originalDepth) throw new Malformed(malformedReason.depth)
    this.#skipSpace()
  }

  /** Whether a further member follows; steps over the comma, or over `close`. */
  #continues(close: string): boolean {
    this.#skipSpace()
    const isEnd = this.#text[this.#at] === close
    if (!isEnd && this.#text[this.#at] !== ',') throw new Malformed(malformedReason.syntax)
    this.#at++
    if (isEnd) this.#depth--
    else this.#skipSpace()
    return !isEnd
  }

  #isEmpty(close: string): boolean {
    if (this.#text[this.#at] !== close) return false
    this.#at++
    this.#depth--
    return true
  }

  #object(): ReadonlyMap<string, JavaValue> {
    this.#enter()
    const members = new Map<string, JavaValue>()
    if (this.#isEmpty('}')) return members
    do {
      const key = this.#string(limits.originalKeyUnits)
      this.#skipSpace()
      this.#match(/:/y)
      this.#skipSpace()
      members.set(key, this.#value())
    } while (this.#continues('}'))
    return members
  }

  #array(): JavaValue[] {
    this.#enter()
    const items: JavaValue[] = []
    if (this.#isEmpty(']')) return items
    do items.push(this.#value())
    while (this.#continues(']'))
    return items
  }
}

/**
 * Returns the value that a filter's path leads to, undefined where there is none. Where a key on the way is absent or
 * null, the last key is looked for in the object that was reached: the original does so.
 */
export function findOriginal(record: ReadonlyMap<string, JavaValue>, path: readonly string[]): JavaValue | undefined {
  let object = record
  for (const step of path.slice(0, -1)) {
    const value = object.get(step) ?? null
    if (value === null) break
    if (!(value instanceof Map)) return undefined
    object = value as ReadonlyMap<string, JavaValue>
  }
  return object.get(path.at(-1)!)
}

/** Returns the text of a value by Java's toString. */
export function javaText(value: JavaValue): string {
  if (value === null || typeof value === 'boolean') return String(value)
  if (typeof value === 'string') return value
  if (Array.isArray(value)) return `[${(value as readonly JavaValue[]).map(javaText).join(', ')}]`
  if (value instanceof Map) {
    const members = [...(value as ReadonlyMap<string, JavaValue>)].map(([key, member]) => `${key}=${javaText(member)}`)
    return `{${members.join(', ')}}`
  }
  return (value as JavaNumber).text
}

/** Returns the text with what patterns take for halves of surrogate pairs in place of those. */
export function markHalfPairs(text: string): string {
  return text.replaceAll(/\p{Surrogate}/gu, String.fromCodePoint(halfPair))
}

/**
 * Returns a number by Double.toString of Java 19 and later: the shortest digits that read back as it, but two at
 * least, and then those nearest to it.
 */
export function javaDouble(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? 'Infinity' : '-Infinity'
  const sign = value < 0 || Object.is(value, -0) ? '-' : ''
  const size = Math.abs(value)
  if (size === 0) return `${sign}0.0`
  const shortest = size.toExponential()
  const [mantissa, power] = (shortest.includes('.') ? shortest : size.toExponential(1)).split('e') as [string, string]
  const digits = mantissa.replace('.', '')
  const exponent = Number(power)
  if (exponent >= 7 || exponent < -3) return `${sign}${digits[0]}.${digits.slice(1)}E${exponent}`
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${trimmed(digits)}`
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0')
  return `${sign}${whole}.${trimmed(digits.slice(exponent + 1)) || '0'}`
}

/** Zeros at the end of a fraction say nothing; of digits in scientific form they are the second of two. */
function trimmed(fraction: string): string {
  return fraction.replace(/0+$/, '')
}
