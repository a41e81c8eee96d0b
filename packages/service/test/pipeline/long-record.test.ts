// Records that are too long, from the pieces in which batches bring them.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'

import { OpenRecord } from '#src/pipeline/long-record.js'
import type { MalformedBytes } from '#src/pipeline/long-record.js'
import { headBytes } from '#src/ports/dead-letters.js'

const take = (open: OpenRecord, ...texts: string[]): MalformedBytes => open.take(texts.map((text) => Buffer.from(text)))
const textOf = ({ whole }: MalformedBytes) => Buffer.concat(whole).toString()

test('whole records pass as they are, and a batch without malformed bytes changes nothing', () => {
  const open = new OpenRecord()
  const chunks = [Buffer.from('a\n'), Buffer.from('b\n')]
  assert.deepEqual(open.take(chunks), { whole: chunks, begins: false })
  assert.deepEqual(open.take([]), { whole: [], begins: false })
})

for (const [what, batches] of [
  ['in two batches', [['a\nxx'], ['xx\nb\n']]],
  ['in many', [['xx'], ['x', 'x'], ['xx'], ['x\n']]],
  ['its last byte a line feed alone', [['a\n', 'xxxxx'], ['\n']]],
  ['with a batch between that has no malformed bytes', [['xxx'], [], ['x\n']]],
  ['longer than what is kept', [['x'.repeat(headBytes - 1)], ['xyz'], [`${'y'.repeat(10_000)}\n`]]],
] as const) {
  test(`pieces are one record with its length and checksum: ${what}`, () => {
    const open = new OpenRecord()
    const came = batches.map((texts) => take(open, ...texts))
    const all = batches.flat().join('')
    const long = all.replaceAll(/^[ab]\n|b\n$/g, '')
    assert.equal(came.map(textOf).join(''), all.replace(long, ''))
    assert.deepEqual(came.map(({ begins }) => begins), came.map((_, i) => i === 0)) // prettier-ignore
    const ended = came.map((each) => each.ended)
    assert.ok(ended.slice(0, -1).every((each) => each === undefined))
    const sha256 = createHash('sha256').update(long).digest('hex')
    const { head, ...about } = ended.at(-1)!
    assert.deepEqual(about, { bytes: long.length, sha256 })
    assert.equal(Buffer.from(head).toString(), long.slice(0, headBytes))
  })
}

test('where one ends the next may begin', () => {
  const open = new OpenRecord()
  take(open, 'xx')
  const between = take(open, 'xx\na\nyy')
  assert.equal(between.ended?.bytes, 5)
  assert.equal(textOf(between), 'a\n')
  assert.equal(between.begins, true)
  assert.equal(take(open, 'y\n').ended?.bytes, 4)
})
