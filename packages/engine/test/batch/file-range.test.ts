// Ranges of files: every byte is evaluated once, whatever the ranges, and a file that shrinks is reported.

import assert from 'node:assert/strict'
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { slabFlag } from '#src/batch/batch.js'
import { fillFromFile } from '#src/batch/file-range.js'
import { batchShape, createSlab } from '#src/batch/slab.js'
import type { Slab } from '#src/batch/slab.js'
import { EngineError } from '#src/errors.js'
import { checkCuts, textsOver } from './cut-check.js'
import type { CutText } from './cut-check.js'

let folder: string
let fd: number
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'weir-range-'))
  fd = openSync(join(folder, 'input'), 'w+')
})
after(() => {
  closeSync(fd)
  rmSync(folder, { recursive: true })
})

function write(text: string): number {
  ftruncateSync(fd, 0)
  return writeSync(fd, text, 0)
}

function readRanges(slab: Slab, size: number, step: number, maxRecordBytes: number, first = 0): CutText[] {
  const pieces: CutText[] = []
  for (let from = first; from < size; from += step) {
    const range = { fd, from, to: Math.min(size, from + step), end: size, maxRecordBytes }
    const { start, end, flags } = fillFromFile(slab, range)
    if (start === end) continue
    pieces.push({
      bytes: slab.input.subarray(start, end).toString(),
      continues: (flags & slabFlag.continues) !== 0,
      open: (flags & slabFlag.open) !== 0,
    })
  }
  return pieces
}

test('every text over a small alphabet is read once, in ranges of every size', () => {
  for (const text of textsOver('a\r\n', 6)) {
    const size = write(text)
    for (const [step, maxRecordBytes] of [
      [1, 1],
      [2, 1],
      [1, 3],
      [3, 2],
    ] as const) {
      const slab = createSlab(batchShape(step, maxRecordBytes))
      checkCuts(text, readRanges(slab, size, step, maxRecordBytes), maxRecordBytes)
    }
  }
})

test('lines longer than what is looked at first are read whole, and too-long ones in parts', () => {
  const lines = [10, 9_000, 30_000, 1, 50_000, 12_345, 12_346, 20_000, 3]
  const text = lines.map((length, i) => String(i).repeat(length)).join('\n')
  const size = write(text)
  for (const maxRecordBytes of [12_345, 20_000, 40_000]) {
    for (const step of [1_000, 4_096, 16_384, 200_000]) {
      const slab = createSlab(batchShape(step, maxRecordBytes))
      checkCuts(text, readRanges(slab, size, step, maxRecordBytes), maxRecordBytes)
    }
  }
})

test('a byte order mark at the start of the file is no part of the first line', () => {
  const size = write('\ufeffabcd\nx\n')
  for (const step of [3, 4, 5, 100]) {
    const slab = createSlab(batchShape(step, 4))
    checkCuts('abcd\nx\n', readRanges(slab, size, step, 4), 4)
  }
})

test('a file that is nothing but a byte order mark has no lines, and its bytes are skipped', () => {
  const size = write('\ufeff')
  const range = { fd, from: 0, to: size, end: size, maxRecordBytes: 4 }
  assert.deepEqual(fillFromFile(createSlab(batchShape(4, 4)), range), { start: 3, end: 3, flags: 0 })
})

test('ranges need not begin at the start of the file', () => {
  const text = 'aaaa\nbbbb\ncccc\n'
  const size = write(text)
  const slab = createSlab(batchShape(4, 8))
  for (let first = 0; first < size; first++) {
    const expected = first === 0 ? text : text.slice(text.indexOf('\n', first - 1) + 1)
    checkCuts(expected, readRanges(slab, size, 4, 8, first), 8)
  }
})

test('a file that became shorter is an error that says which byte is missing', () => {
  const size = write('aaaa\nbbbb\n')
  ftruncateSync(fd, 6)
  const slab = createSlab(batchShape(8, 8))
  assert.throws(
    () => readRanges(slab, size, 8, 8),
    (error: unknown) =>
      error instanceof EngineError && error.code === 'ERR_ENGINE_READ' && error.details['position'] === 6,
  )
})

test('a file that cannot be read is an error that names the reason', () => {
  const slab = createSlab(batchShape(8, 8))
  const closed = openSync(join(folder, 'input'), 'r')
  closeSync(closed)
  assert.throws(
    () => fillFromFile(slab, { fd: closed, from: 0, to: 8, end: 8, maxRecordBytes: 8 }),
    (error: unknown) =>
      error instanceof EngineError && error.code === 'ERR_ENGINE_READ' && error.details['systemCode'] === 'EBADF',
  )
})
