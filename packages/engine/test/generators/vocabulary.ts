// The words, keys and paths that generated rule sets and records share, so that predicates often hold, and nearly
// hold. Used by records.ts and rule-sets.ts beside it.

import * as fc from 'fast-check'

/** Texts that rules ask for and records hold; each stands for something that a kernel might read wrongly. */
const words: readonly string[] = [
  ['x', 'ab', 'abc', 'X', 'Chrome', 'chrome', 'Firefox', 'Chrome Firefox', 'GET', 'BR', 'US', ''],
  ['503', '500', '200', '5030', '007', '-0', '0', '1e5', '1E5', '1e400', '-1e400', '0.1', '500.0', '5e2', '-', '^'],
  ['9007199254740993', '9007199254740992', '18446744073709551615', '18446744073709551616'],
  ['-9223372036854775808', '9223372036854775807', '123456789012345678901234567890', 'true', 'false', 'null'],
  ['10.1.2.3', '10.1.2.03', '11.0.0.1', '2001:db8::1', '::ffff:10.0.0.1', '::10.0.0.1', '::', 'fe80::1%eth0'],
  ['é', 'É', 'e\u0301', 'Straße', 'STRAẞE', 'k', 'K', '\u212a', 'ſ', 's', 'Σ', 'ς', 'ı', 'İ', '日本', '😀', '\uFFFD'],
  ['%41', 'a%20b', 'a+b', '%C3%A9', '%c3', '%FF', '%EF%BB%BFx', '%ED%A0%80', '%', '%zz', '%2541', '%00', '100%25'],
  ['"', '\\', '\\u0041', '\n', '\u0000', '\u007f', '\u2028', '\uFEFF', '/', '{"a":"x"}', '","UA":"Chrome', ']}'],
].flat()

/** Keys of records. */
export const keys: readonly string[] = ['a', 'b', 'UA', 'statusCode', 'a.b', 'é', '', 'aa', 'ua', 'x"y', 'k\uFFFD', 'c']
/** Paths of rules: to the keys, near them and past them. */
export const paths: readonly string[] = [
  ['a', 'a', 'b', 'UA', 'UA', 'statusCode', 'a.b', 'a.b.c', 'a[0]', 'a[1].b', 'a[0][0]', 'b.a', '["a.b"]', 'é', '[""]'],
  ['a[""]', '["x\\"y"]', 'k\uFFFD', 'c', 'nowhere', 'country', 'cliIP', 'reqTimeMs'],
].flat()

/** The words that rules and records meet in most often. */
const common: readonly string[] = ['x', 'ab', 'Chrome', '503', 'K', 'é', '10.1.2.3', '%41', '-', '', '"', '1e5']

/** One of the words. */
export const word = fc.oneof(
  { weight: 2, arbitrary: fc.constantFrom(...common) },
  { weight: 1, arbitrary: fc.constantFrom(...words) },
)
/** Addresses, and what nearly is one. */
export const addressTexts: readonly string[] = [
  ['10.1.2.3', '10.1.2.03', '11.0.0.1', '10.1.2', '10.255.255.255', '9.255.255.255', '0.0.0.0', '255.255.255.255', '-'],
  [
    '2001:db8::1',
    '2001:DB8:0:0:0:0:0:1',
    '2001:db9::',
    '::ffff:10.0.0.1',
    '::ffff:a00:1',
    '::10.0.0.1',
    '::',
    '1::2::3',
  ],
  ['fe80::1%eth0', '[::1]', '::1', '1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7', '10.1.2.3%20', '2001%3Adb8%3A%3A1'],
].flat()

/** Numbers at the edges of what compares exactly, as texts; also the bounds of comparisons. */
export const numberTexts: readonly string[] = [
  ['0', '-0', '5', '007', '500', '503', '5e2', '0.1', '1e400', '-1e5', '9007199254740992', '9007199254740993'],
  ['9223372036854775807', '9223372036854775808', '-9223372036854775808', '-9223372036854775809'],
  [
    '18446744073709551614',
    '18446744073709551615',
    '18446744073709551616',
    '18446744073709551615.0',
    '99999999999999999999',
  ],
  // Times around those that the differential test takes for now, and at the edges of what is a time.
  ['1600000000', '1600000000.25', '1600000000.5004', '1600000000500', '1.6e9', '1600000001', '159e7'],
  ['99999999', '100000000', '99999999999', '1e11', '99999999999999', '1e14'],
].flat()

/** A word, two words on end, or anything else. */
export const text = fc.oneof(
  { weight: 8, arbitrary: word },
  { weight: 3, arbitrary: fc.tuple(word, word).map((pair) => pair.join('')) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 8 }) },
)
