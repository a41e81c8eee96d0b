// Sets of code points: the operations, and how RE2 writes a set.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { charactersOf, complement, intersection, union, writeRanges } from '#src/rules/code-points.js'

test('a union joins ranges that overlap or touch, in whatever order they come', () => {
  assert.deepEqual(union([[5, 9]], [[1, 2]], [[3, 3]], [[8, 12]], [[20, 20]]), [
    [1, 3],
    [5, 12],
    [20, 20],
  ])
  assert.deepEqual(union([[1, 10]], [[2, 3]]), [[1, 10]])
  assert.deepEqual(union(), [])
})

test('a complement of a complement is the set', () => {
  const set = charactersOf('ab😀\0\u{10ffff}')
  assert.deepEqual(complement(complement(set)), set)
  assert.deepEqual(complement([]), [[0, 0x10ffff]])
  assert.deepEqual(complement([[0, 0x10ffff]]), [])
})

test('an intersection has what is in both', () => {
  assert.deepEqual(
    intersection(
      [
        [1, 5],
        [10, 20],
      ],
      [[4, 12]],
    ),
    [
      [4, 5],
      [10, 12],
    ],
  )
  assert.deepEqual(intersection([[1, 5]], [[6, 7]]), [])
})

test('ranges are written so that RE2 reads them as such', () => {
  assert.equal(writeRanges(charactersOf('abc-]\\ \n\u00e9😀')), '\\n\\x20\\-\\\\\\]a-c\\xe9\\x{1f600}')
  assert.equal(writeRanges(charactersOf('ab^')), '\\^ab')
})
