// The stream batcher and the joining of values: what goes in comes out, cut where it may be.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { joinedLength, joinValues, StreamBatcher } from '#src/batch/batcher.js'
import type { SealedBatch } from '#src/batch/batcher.js'
import { batchShape, SlabStore } from '#src/batch/slab.js'
import { checkCuts, textsOver } from './cut-check.js'
import type { CutText } from './cut-check.js'

class Harness {
  readonly store: SlabStore
  readonly batcher: StreamBatcher
  readonly pieces: CutText[] = []
  readonly starts: number[] = []

  constructor(batchBytes: number, maxRecordBytes: number, store?: SlabStore) {
    this.store = store ?? new SlabStore(batchShape(batchBytes, maxRecordBytes), 4)
    this.batcher = new StreamBatcher({ batchBytes, maxRecordBytes }, () => this.store.take())
  }

  /** `isEager`: seals after every chunk, as an age of zero would. */
  run(chunks: readonly Uint8Array[], isEager: boolean): this {
    for (const chunk of chunks) {
      for (let at = 0; at < chunk.length;) {
        at = this.batcher.add(chunk, at)
        if (this.batcher.isFull) this.#keep(this.batcher.seal(), true)
      }
      if (isEager) this.#keep(this.batcher.seal(), false)
    }
    this.#keep(this.batcher.end(), false)
    const left = this.batcher.abandon()
    if (left !== undefined) this.store.give(left)
    return this
  }

  #keep(batch: SealedBatch | undefined, isExpected: boolean): void {
    if (isExpected) assert.ok(batch, 'a full batcher can be sealed')
    if (batch === undefined) return
    const { slab, start, end, continues, open, streamAt } = batch
    this.pieces.push({ bytes: slab.input.subarray(start, end).toString(), continues, open })
    this.starts.push(streamAt + start)
    this.store.give(slab)
  }
}

function chunksOf(text: string, size: number): Buffer[] {
  const bytes = Buffer.from(text)
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size))
}

test('every text over a small alphabet comes out whole, however it arrives', () => {
  for (const [batchBytes, maxRecordBytes] of [
    [2, 1],
    [4, 1],
    [2, 3],
  ] as const) {
    const store = new SlabStore(batchShape(batchBytes, maxRecordBytes), 4)
    for (const text of textsOver('a\r\n', 7)) {
      for (const size of [1, 3, 100]) {
        for (const isEager of [false, true]) {
          const { pieces } = new Harness(batchBytes, maxRecordBytes, store).run(chunksOf(text, size), isEager)
          checkCuts(text, pieces, maxRecordBytes)
        }
      }
    }
    assert.equal(store.taken, 0, 'every slab was given back')
  }
})

test('a byte order mark at the start of the stream is skipped, even when its bytes come one by one', () => {
  for (const size of [1, 2, 100]) {
    const harness = new Harness(8, 4).run(chunksOf('\ufeffab\ncd', size), false)
    assert.equal(harness.pieces.map((piece) => piece.bytes).join(''), 'ab\ncd')
    assert.equal(harness.starts[0], 3)
    const only = new Harness(8, 4).run(chunksOf('\ufeff', size), true)
    assert.deepEqual([only.pieces.map((piece) => piece.bytes), only.starts], [[''], [3]])
    assert.equal(only.store.taken, 0)
  }
})

test('a byte order mark does not count towards the length of the first record', () => {
  const { pieces } = new Harness(1, 4).run(chunksOf('\ufeffabcd\nx\n', 1), true)
  assert.ok(pieces.every((piece) => !piece.open))
})

test('batches are full before they are sealed, and the rest of a line goes to the next', () => {
  const { pieces, starts } = new Harness(10, 100).run(chunksOf('aaaa\nbbbb\ncccc\ndddd\n', 7), false)
  assert.deepEqual(
    pieces.map((piece) => piece.bytes),
    ['aaaa\nbbbb\n', 'cccc\ndddd\n'],
  )
  assert.deepEqual(starts, [0, 10])
})

test('a record of any length passes through slabs of one size', () => {
  const text = `a\n${'x'.repeat(5000)}\nb\n`
  const { pieces } = new Harness(16, 32).run(chunksOf(text, 1000), false)
  checkCuts(text, pieces, 32)
  assert.ok(pieces.length > 100)
})

test('nothing is sealed while no line is complete', () => {
  const batcher = new StreamBatcher({ batchBytes: 64, maxRecordBytes: 64 }, () =>
    new SlabStore(batchShape(64, 64), 1).take(),
  )
  batcher.add(Buffer.from('{"a":'))
  assert.equal(batcher.seal(), undefined)
  batcher.add(Buffer.from('1}\n{'))
  assert.equal(batcher.seal()?.end, 8)
  assert.equal(batcher.heldBytes, 1)
})

test('values are joined so that neighbours never share a line', () => {
  const values = ['{"a":1}', null, '{"a":2}\n', '', '\ufeff{"a":3}\r\n{"a":4}', '\ufeff'].map((value) =>
    value === null ? null : Buffer.from(value),
  )
  const { bytes, valueStarts } = joinValues(values)
  assert.equal(bytes.toString(), '{"a":1}\n{"a":2}\n{"a":3}\r\n{"a":4}\n')
  assert.deepEqual([...valueStarts], [0, 8, 8, 16, 16, 33, 33])
  assert.equal(
    values.reduce((sum, value) => sum + (value === null ? 0 : joinedLength(value)), 0),
    bytes.length,
  )
})
