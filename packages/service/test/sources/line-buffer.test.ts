// Lines out of pieces, against the text they were cut from.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { LineBuffer } from '#src/sources/line-buffer.js'

test('pieces of any size give the text back, and a line never leaves before its end unless it is too long', () => {
  const text = Buffer.from(Array.from({ length: 3000 }, (_, n) => 'z'.repeat((n * 37) % 400) + '\n').join('') + 'end')
  for (const pieceBytes of [1, 7, 4096, 100_000, 1 << 20]) {
    const lines = new LineBuffer(100)
    const out: Buffer[] = []
    for (let at = 0; at < text.length;) {
      assert.equal(lines.nextByte, 100 + at)
      const taken = text.copy(lines.room(), 0, at, at + pieceBytes)
      at += taken
      const got = lines.add(taken)
      if (got === undefined) continue
      out.push(Buffer.from(got.bytes))
      assert.equal(got.bytes.at(-1), 0x0a)
      assert.equal(got.nextLine, 100 + Buffer.concat(out).length)
    }
    assert.ok(lines.isWithinLine)
    const rest = lines.rest(true)
    assert.equal(Buffer.from(rest?.bytes ?? []).toString(), 'end\n')
    assert.equal(rest?.nextLine, 100 + text.length)
    assert.equal(lines.rest(true), undefined)
    assert.ok(Buffer.concat(out).equals(text.subarray(0, -3)))
  }
})
