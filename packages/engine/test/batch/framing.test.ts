// Where inputs may be cut: line ends, byte order marks, and pieces of a whole input.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { afterLastLine, cutLines, firstLineFeed, hasByteOrderMark, recordLength } from '#src/batch/framing.js'
import { checkCuts, textsOver } from './cut-check.js'

test('a byte order mark is three bytes at the very start', () => {
  assert.equal(hasByteOrderMark(Buffer.from('\ufeff{}')), true)
  assert.equal(hasByteOrderMark(Buffer.from(' \ufeff{}')), false)
  assert.equal(hasByteOrderMark(Buffer.from([0xef, 0xbb])), false)
  assert.equal(hasByteOrderMark(Buffer.from('\ufeff'), 2), false)
})

test('line ends are found within the bounds and nowhere else', () => {
  const bytes = Buffer.from('a\nb\nc')
  assert.equal(afterLastLine(bytes, 0, 5), 4)
  assert.equal(afterLastLine(bytes, 0, 3), 2)
  assert.equal(afterLastLine(bytes, 2, 3), -1)
  assert.equal(afterLastLine(bytes, 3, 3), -1)
  assert.equal(firstLineFeed(bytes, 2, 5), 3)
  assert.equal(firstLineFeed(bytes, 4, 5), -1)
})

test('one carriage return at the end of a line is no part of its length', () => {
  assert.equal(recordLength(Buffer.from('ab\r'), 0, 3), 2)
  assert.equal(recordLength(Buffer.from('ab\r\r'), 0, 4), 3)
  assert.equal(recordLength(Buffer.from('\r'), 1, 1), 0)
})

test('every text over a small alphabet is cut after lines, and inside too-long ones only', () => {
  for (const text of textsOver('a\r\n', 8)) {
    const bytes = Buffer.from(text)
    for (const [batchBytes, maxRecordBytes] of [
      [1, 1],
      [3, 1],
      [3, 2],
      [2, 4],
    ] as const) {
      const cuts = [...cutLines(bytes, 0, batchBytes, maxRecordBytes)]
      for (const cut of cuts) assert.ok(cut.end - cut.start <= batchBytes + maxRecordBytes + 2)
      checkCuts(
        text,
        cuts.map((cut) => ({ ...cut, bytes: bytes.subarray(cut.start, cut.end).toString() })),
        maxRecordBytes,
      )
    }
  }
})
