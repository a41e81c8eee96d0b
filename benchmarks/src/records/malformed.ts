// Ways to spoil a record, so that no reader of JSON may accept it, each with what is wrong with it. Of every kind that
// the rules name: not UTF-8, not JSON, no object, too deep. Called by generate.ts.

import type { Random } from './values.ts'

/** Deeper than a record may be nested. */
const deep = '['.repeat(1030) + ']'.repeat(1030)

/** Bytes that are not UTF-8, as characters of latin1: a lone byte, an overlong form, a surrogate, beyond U+10FFFF. */
const notUtf8 = ['\xff', '\x80', '\xc0\xaf', '\xed\xa0\x80', '\xf5\x80\x80\x80']

/** Puts text behind the opening quote of a value. */
function within(record: string, text: string, random: Random): string {
  const opening = /": ?"/g
  opening.lastIndex = random(record.length)
  // None behind the drawn place: the first one, to which the search returns.
  const found = opening.exec(record) ?? opening.exec(record)!
  const at = found.index + found[0].length
  return record.slice(0, at) + text + record.slice(at)
}

function pick(texts: readonly string[], random: Random): string {
  return texts[random(texts.length)]!
}

const ways: readonly ((record: string, random: Random) => string)[] = [
  // Cut off, as by a writer that was ended.
  (record, random) => record.slice(0, 1 + random(record.length - 1)),
  (record, random) => within(record, pick(notUtf8, random), random),
  // A control character as it is, an escape that does not exist, a quote without one.
  (record, random) => within(record, pick(['\t', '\x01', '\x1b[0m'], random), random),
  (record, random) => within(record, pick(['\\x2f', '\\u00g0', '\\ '], random), random),
  (record, random) => within(record, 'a "word" ', random),
  // JSON, and no object.
  (record, random) => pick([`[${record}]`, '"a line of text"', 'null', '503'], random),
  // Something behind the object, or between its members.
  (record, random) => record + pick([',', '}', ' and more', record], random),
  (record, random) => record.slice(0, -1) + pick([',}', ',"n":NaN}', ',"n":007}', ",'n':1}", ',n:1}'], random),
  (record) => `${record.slice(0, -1)},"deep":${deep}}`,
]

/** Returns the record made malformed. *Shape*: a character is a byte, before and after; no line feed. */
export function spoil(record: string, random: Random): string {
  return ways[random(ways.length)]!(record, random)
}
