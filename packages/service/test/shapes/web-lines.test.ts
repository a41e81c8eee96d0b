// Lines in batches, each beside its record: cut anywhere, blank, too long, and without an end.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { LineBatcher, lineReasons } from '#src/shapes/web-lines.js'
import type { LineBatch } from '#src/shapes/web-lines.js'
import { chunkings } from './shaping.js'

const line = (status: number) => `h - - [23/Apr/2024:01:31:39 +0545] "GET / HTTP/1.1" ${status} 1`

function batchesOf(input: Buffer, sizes: readonly number[], batchBytes = 200, maxRecordBytes = 100): LineBatch[] {
  const batcher = new LineBatcher({ format: 'common', batchBytes, maxRecordBytes })
  const batches: LineBatch[] = []
  for (let at = 0, index = 0; at < input.length; index++) {
    const size = sizes[Math.min(index, sizes.length - 1)] ?? 1
    batches.push(...batcher.add(input.subarray(at, at + size)))
    at += size
  }
  const last = batcher.end()
  return last === undefined ? batches : [...batches, last]
}

/** One entry for each line: where it is in the input, why it is no record, and its bytes. */
function described(batches: readonly LineBatch[]) {
  const lines: { line: number; byte: number; reason: string | undefined; text: string }[] = []
  let records = 0
  for (const batch of batches) {
    records += batch.records.toString().split('\n').length - 1
    for (let i = 0; i < batch.starts.length; i++) {
      const text = batch.bytes.toString('utf8', batch.starts[i], batch.ends[i])
      const last = lines.at(-1)
      if (i === 0 && batch.continues && last !== undefined) last.text += text
      else lines.push({ line: 1 + batch.linesBefore + (batch.numbers[i] ?? 0), byte: batch.byteAt + (batch.starts[i] ?? 0), reason: lineReasons[batch.reasons[i] ?? 0], text }) // prettier-ignore
    }
  }
  return { lines, records, inputBytes: batches.reduce((sum, { inputBytes }) => sum + inputBytes, 0) }
}

test('lines keep their bytes, places and order, however they come', () => {
  const long = 'x'.repeat(1000)
  const texts = ['\ufeff' + line(200), '', `${line(404)}\r`, ' \t', 'garbage', long, line(500), long.slice(0, 101), long.slice(0, 100), line(200)] // prettier-ignore
  const input = Buffer.from(texts.join('\n'))
  const reasons = [undefined, undefined, 'syntax', 'too-long', undefined, 'too-long', 'syntax', undefined]
  let byte = 0
  const expected: unknown[] = []
  texts.forEach((text, index) => {
    const reason = reasons[expected.length]
    if (text.trim() !== '') expected.push({ line: index + 1, byte, reason, text: `${text}\n` })
    byte += Buffer.byteLength(text) + 1
  })
  for (const sizes of chunkings(3)) {
    const { lines, records, inputBytes } = described(batchesOf(input, sizes))
    assert.deepEqual(lines, expected)
    assert.equal(records, 4)
    assert.equal(inputBytes, input.length)
  }
})

test('whole lines can be had before a batch is full, and nothing is no batch', () => {
  const batcher = new LineBatcher({ format: 'common', batchBytes: 1000, maxRecordBytes: 100 })
  assert.deepEqual([...batcher.add(Buffer.from(`${line(200)}\nhalf`))], [])
  assert.equal(batcher.seal()?.starts.length, 1)
  assert.equal(batcher.heldBytes, 4)
  assert.equal(batcher.seal(), undefined)
  assert.equal(batcher.end()?.bytes.toString(), 'half\n')
  assert.equal(batcher.end(), undefined)
})

test('of an input that ended too early, a last line without its end is malformed, however well it reads', () => {
  const endOf = (input: string): LineBatch | undefined => {
    const batcher = new LineBatcher({ format: 'common', batchBytes: 200, maxRecordBytes: 100 })
    assert.deepEqual([...batcher.add(Buffer.from(input))], [])
    return batcher.end(true)
  }
  const cut = described([endOf(`${line(200)}\n${line(404)}`)!])
  assert.deepEqual(
    cut.lines.map(({ reason }) => reason),
    [undefined, 'syntax'],
  )
  assert.equal(cut.records, 1)
  for (const whole of [`${line(200)}\n`, `${line(200)}\n  `]) {
    const { lines, records } = described([endOf(whole)!])
    assert.deepEqual(
      lines.map(({ reason }) => reason),
      [undefined],
    )
    assert.equal(records, 1)
  }
  assert.equal(described([endOf(line(200))!]).records, 0)
})
