// Ways to spoil a well-formed record, so that no reader of JSON may accept it: what generators put among good
// records when they are asked for errors. Called by the generators beside it.

import type { Random } from './random.ts'

/** Deeper than any record may be nested. */
const deepValue = '['.repeat(1100) + ']'.repeat(1100)

/** Byte sequences that are not UTF-8: a lone byte, an overlong form, a surrogate, beyond U+10FFFF, a cut character. */
const notUtf8 = ['\xff', '\x80', '\xc0\xaf', '\xed\xa0\x80', '\xf5\x80\x80\x80', '\xe2\x82']

/** Inserts text behind the opening quote of a value, which a record of string values has after `":"`. */
function insertInValue(record: string, text: string, random: Random): string {
  const from = random.below(record.length)
  const found = record.indexOf('":"', from)
  const at = (found === -1 ? record.indexOf('":"') : found) + 3
  return record.slice(0, at) + text + record.slice(at)
}

const ways: readonly ((record: string, random: Random) => string)[] = [
  // Cut off, as by a writer that died.
  (record, random) => record.slice(0, 1 + random.below(record.length - 1)),
  (record, random) => insertInValue(record, random.pick(notUtf8), random),
  // A control character, or an escape that does not exist, within a string.
  (record, random) => insertInValue(record, random.pick(['\t', '\x00', '\x1b[0m']), random),
  (record, random) => insertInValue(record, random.pick(['\\x41', '\\u12g4', '\\ ']), random),
  // A quote that should have been escaped.
  (record, random) => insertInValue(record, 'say "hello" ', random),
  // JSON, but no object.
  (record, random) => random.pick([`[${record}]`, '"' + 'x'.repeat(40) + '"', 'null', '42']),
  // Something behind the object.
  (record, random) => record + random.pick([' trailing', ',', record, '}']),
  // The grammar of other languages.
  (record, random) =>
    record.slice(0, -1) + random.pick([',}', ',"n":NaN}', ',"n":01}', ",'n':1}", ',"n":1.}', ',n:1}']),
  (record) => record.slice(0, -1) + ',"trace":' + deepValue + '}',
]

/**
 * Returns the record, an object of string values without its line end, made malformed in one of several ways.
 * *Shape*: each character is one byte; no line feed is added.
 */
export function spoil(record: string, random: Random): string {
  return random.pick(ways)(record, random)
}
