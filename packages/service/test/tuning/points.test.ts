// Which settings are tried, and the memory that they are taken to need.

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'

import { limits } from '@weir/engine'

import { expectedBytes, gridOf, standardThreads } from '#src/tuning/points.js'

test('few processors are all tried, many in powers of two, and one less than all', () => {
  assert.deepEqual(standardThreads(1), [1])
  assert.deepEqual(standardThreads(2), [1, 2])
  assert.deepEqual(standardThreads(4), [1, 2, 3, 4])
  assert.deepEqual(standardThreads(6), [1, 2, 3, 4, 5, 6])
  assert.deepEqual(standardThreads(8), [1, 2, 3, 4, 7, 8])
  assert.deepEqual(standardThreads(64), [1, 2, 3, 4, 8, 16, 32, 63, 64])
  assert.equal(standardThreads(1000).at(-1), limits.threads.most)
})

test('a grid has every combination once, whatever was given twice', () => {
  const points = gridOf('filter', { threads: [2, 1, 2], batchBytes: [8192, 4096], validations: ['kept', 'full'] })
  assert.equal(points.length, 8)
  assert.deepEqual(points[0], { threads: 1, batchBytes: 4096, validation: 'kept' })
  assert.equal(new Set(points.map((point) => JSON.stringify(point))).size, 8)
})

test('every standard batch size is one that the engine takes', () => {
  for (const purpose of ['filter', 'kafka'] as const) {
    for (const { batchBytes } of gridOf(purpose, { threads: [1], validations: ['kept'] })) {
      assert.ok(batchBytes >= limits.batchBytes.least && batchBytes <= limits.batchBytes.most)
    }
  }
})

test('the memory of slabs is what docs/engine.md says of them', async () => {
  const text = await readFile(new URL('../../../../docs/engine.md', import.meta.url), 'utf8')
  assert.match(text, /2\.2 × \(2 × `batchBytes` \+ `maxRecordBytes`\)/)
  assert.match(text, /at most 2 × `threads` batches in flight, and one that fills/)
  const at = (threads: number, batchBytes: number) => expectedBytes({ threads, batchBytes, validation: 'kept' })
  const mib = 1 << 20
  assert.equal(Math.round((at(3, 5 * mib) - at(3, 4 * mib)) / mib), Math.round(7 * 2.2 * 2))
  assert.ok(at(2, mib) > at(1, mib))
})
