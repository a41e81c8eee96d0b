// Records and values as the original saw them, from hand-written expectations; original-java.test.ts asks Java.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { malformedReason } from '#src/batch/batch.js'
import type { JavaValue } from '#src/kernel/portable-original.js'
import {
  decodeUtf8,
  findOriginal,
  javaDouble,
  javaText,
  markHalfPairs,
  readOriginal,
} from '#src/kernel/portable-original.js'

const read = (text: string) => readOriginal(Buffer.from(text), 0, Buffer.byteLength(text))

test('a line is its first value, null, or a reason', () => {
  assert.deepEqual(read('{"a":1} x'), new Map([['a', { text: '1' }]]))
  assert.equal(read(' null x'), null)
  assert.equal(read('[}'), malformedReason['not-object'])
  assert.equal(read('{"a":}'), malformedReason.syntax)
  assert.equal(read(''), malformedReason.syntax)
})

test('an equal key takes the value of the last one and the place of the first', () => {
  assert.equal(javaText(read('{"a":1,"b":2,"\\u0061":3}') as JavaValue), '{a=3, b=2}')
})

test('a path leads through objects, and from where it breaks to the last key', () => {
  const record = read('{"a":{"c":"in a"},"b":1,"c":"at root"}') as ReadonlyMap<string, JavaValue>
  assert.equal(findOriginal(record, ['a', 'b', 'c']), 'in a')
  assert.equal(findOriginal(record, ['x', 'b', 'c']), 'at root')
  assert.equal(findOriginal(record, ['b', 'x', 'c']), undefined)
})

test('doubles have at least two digits, and exponents outside of 10^-3 to 10^7', () => {
  const texts: readonly (readonly [number, string])[] = [
    [1, '1.0'],
    [100, '100.0'],
    [1e7, '1.0E7'],
    [9999999, '9999999.0'],
    [12345678, '1.2345678E7'],
    [1e10, '1.0E10'],
    [0.001, '0.001'],
    [0.00099, '9.9E-4'],
    [0.1 + 0.2, '0.30000000000000004'],
    [-0, '-0.0'],
    [0, '0.0'],
    [-1.5, '-1.5'],
    [Infinity, 'Infinity'],
    [-Infinity, '-Infinity'],
    [5e-324, '4.9E-324'],
    [2e-323, '2.0E-323'],
    [2e23, '2.0E23'],
    [123.456, '123.456'],
  ]
  for (const [value, text] of texts) assert.equal(javaDouble(value), text)
})

test('bytes that are not UTF-8 are replaced as Java does', () => {
  const decode = (...bytes: number[]) => decodeUtf8(Uint8Array.from(bytes), 0, bytes.length)
  assert.equal(decode(0x61, 0xff, 0x62), 'a\ufffdb')
  // A whole encoded half of a pair is one character, as is one that is cut off.
  assert.equal(decode(0xed, 0xa0, 0x80, 0x61), '\ufffda')
  assert.equal(decode(0xed, 0xa0, 0x61), '\ufffda')
  assert.equal(decode(0xe2, 0x82, 0x61), '\ufffda')
  assert.equal(decode(0xc0, 0x80), '\ufffd\ufffd')
  assert.equal(decode(0xf0, 0x9f, 0x98, 0x80), '😀')
  assert.equal(decode(0xef, 0xbb, 0xbf), '\ufeff')
})

test('halves of surrogate pairs become what patterns take for them', () => {
  assert.equal(markHalfPairs('a\ud800b\udc00😀'), 'a\u{10ffff}b\u{10ffff}😀')
})
