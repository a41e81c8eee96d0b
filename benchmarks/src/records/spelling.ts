// Ways to write a record down: as a fast writer of JSON does, compiled from a schema by fast-json-stringify, and as other
// programs do, with escapes that nothing demands, keys in any order, and spaces. Called by generate.ts.

import build from 'fast-json-stringify'
import type { Schema } from 'fast-json-stringify'
import type { RecordShape } from './shape.ts'
import type { Random, RecordValue, Value } from './values.ts'

/** Returns a record as one line of JSON, without its line feed; its number is that of its line. */
export type Speller = (record: RecordValue, number: number) => string

/** Returns a function that writes records as the shape wants it. `first` has the keys and types that all of them have. */
export function createSpeller(shape: RecordShape, first: RecordValue, random: Random): Speller {
  const { escapes = 'needed', keys = 'ordered', whiteSpace = 'none' } = shape
  if (escapes === 'needed' && keys === 'ordered' && whiteSpace === 'none') return compiledSpeller(shape, first)
  const style = { gap: whiteSpace === 'spaced' ? ' ' : '', isShuffled: keys !== 'ordered', random }
  const plain: Style = { ...style, isEscaped: false }
  const escaped: Style = { ...style, isEscaped: true }
  return (record, number) =>
    writeValue(record, escapes === 'all' || (escapes === 'half' && number % 2 === 1) ? escaped : plain)
}

function compiledSpeller(shape: RecordShape, first: RecordValue): Speller {
  // A nested field is text in one record, a number or null in the next; a flat one is always text.
  const text = shape.nesting === 'nested' ? { type: ['string', 'number', 'null'] } : { type: 'string' }
  return build(schemaOf(first, text) as Schema)
}

function schemaOf(value: Value, text: object): object {
  if (typeof value === 'boolean') return { type: 'boolean' }
  if (value === null || typeof value !== 'object') return text
  if (isList(value)) return { type: 'array', items: schemaOf(value[0]!, text) }
  const properties = Object.entries(value).map(([key, each]) => [
    key,
    key === 'version' ? { type: 'integer' } : schemaOf(each, text),
  ])
  return { type: 'object', properties: Object.fromEntries(properties) }
}

function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value)
}

interface Style {
  /** What stands behind a colon and a comma. */
  readonly gap: string
  readonly isEscaped: boolean
  readonly isShuffled: boolean
  readonly random: Random
}

function writeValue(value: Value, style: Style): string {
  if (typeof value === 'string') return style.isEscaped ? escapedText(value, style.random) : JSON.stringify(value)
  if (value === null || typeof value !== 'object') return String(value)
  const comma = `,${style.gap}`
  if (isList(value)) return `[${value.map((each) => writeValue(each, style)).join(comma)}]`
  const keys = Object.keys(value)
  if (style.isShuffled) shuffle(keys, style.random)
  let text = '{'
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i]!
    if (i > 0) text += comma
    text += `${style.isEscaped ? escapedKey(key, style.random) : `"${key}"`}:${style.gap}${writeValue(value[key]!, style)}`
  }
  return `${text}}`
}

/** Mixes the items, each order as likely as the others. */
function shuffle(items: string[], random: Random): void {
  for (let i = items.length - 1; i > 0; i--) {
    const j = random(i + 1)
    const item = items[i]!
    items[i] = items[j]!
    items[j] = item
  }
}

/** Texts that some values have at their end: what JSON demands escapes for, and letters beyond ASCII. */
const endings = [' "quoted"', ' C:\\logs', '\ttab', ' line\nfeed', ' café', ' 東京', ' 🌊']

/** A string with escapes: every slash, in one of eight values something new at the end, in one of eight a letter as `\u`. */
function escapedText(text: string, random: Random): string {
  const draw = random(64)
  const whole = draw < 8 ? text + endings[draw % endings.length]! : text
  const written = JSON.stringify(whole).replaceAll('/', '\\/')
  return draw >= 8 && draw < 16 ? withCodeUnit(written, random) : written
}

/** A key, one in sixteen with a letter as `\u`. */
function escapedKey(key: string, random: Random): string {
  return random(16) === 0 ? withCodeUnit(`"${key}"`, random) : `"${key}"`
}

/** Writes one letter or digit of a JSON string as `\u00xx`; none where the drawn place has neither. */
function withCodeUnit(written: string, random: Random): string {
  const at = 1 + random(Math.max(1, written.length - 2))
  const unit = written.charCodeAt(at)
  // Not behind a backslash, nor among the digits of an escape.
  const isFree = /[0-9A-Za-z%.]/.test(written[at]!) && !written.slice(Math.max(0, at - 5), at).includes('\\')
  return isFree ? `${written.slice(0, at)}\\u00${unit.toString(16).padStart(2, '0')}${written.slice(at + 1)}` : written
}
