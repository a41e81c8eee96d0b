// Requests that take several kernel calls: the answers are added up as if one call had given them.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { maxSegments, slabFlag, slabWord } from '#src/batch/batch.js'
import { createSlab } from '#src/batch/slab.js'
import type { Slab } from '#src/batch/slab.js'
import type { Evaluator } from '#src/kernel/kernel.js'
import { evaluateSlab } from '#src/pool/evaluate.js'

/** A kernel that takes one line per call, and sends it to route `line[0] - '0'`; lines with a `!` are malformed too. */
function lineByLine(slab: Slab): Evaluator & { calls: number } {
  return {
    calls: 0,
    evaluate() {
      this.calls++
      const { words } = slab
      const start = words[slabWord.start]!
      const feed = slab.input.indexOf('\n', start)
      const end = Math.min(feed < 0 ? Infinity : feed + 1, words[slabWord.end]!)
      words.fill(0, slabWord.consumed, slabWord.sample + 48)
      words[slabWord.consumed] = end
      words[slabWord.records] = 1
      words[slabWord.lines] = feed < 0 ? 0 : 1
      const route = slab.input[start]! - 48
      words[slabWord.byRoute + route] = 1
      slab.counts[route]!++
      slab.bytes.set(slab.input.subarray(start, end), words[slabWord.gatherAt])
      words[slabWord.gathered] = end - start
      words[slabWord.segments] = 1
      words.set([route, 0, end - start], slabWord.segment)
      if (slab.input.subarray(start, end).includes('!')) {
        words[slabWord.malformed] = 1
        words[slabWord.sampleCount] = 1
        words.set([start, 0, 3], slabWord.sample)
      }
    },
  }
}

function requested(text: string, flags = 0): Slab {
  const slab = createSlab({ inputBytes: text.length, recordCapacity: 4, gatherBytes: text.length + 1 })
  slab.input.write(text)
  slab.request({ start: 0, end: text.length, flags, validation: 'full', maxRecordBytes: 64, gather: [0, 1] })
  return slab
}

test('a kernel that stops early is called until it reaches the end', () => {
  const slab = requested('0a\n1!\n0c\n0!')
  const gatherAt = slab.words[slabWord.gatherAt]
  const evaluator = lineByLine(slab)
  evaluateSlab(evaluator, slab)
  const { words } = slab
  assert.equal(evaluator.calls, 4)
  assert.equal(slab.isWhole, true)
  assert.equal(words[slabWord.start], 0, 'the request stands as it was')
  assert.equal(words[slabWord.gatherAt], gatherAt)
  assert.equal(words[slabWord.records], 4)
  assert.equal(words[slabWord.lines], 3)
  assert.deepEqual([...words.subarray(slabWord.byRoute, slabWord.byRoute + 2)], [3, 1])
  assert.deepEqual([...slab.counts.subarray(0, 2)], [3, 1])
  assert.equal(words[slabWord.gathered], 11)
  const segments = [...words.subarray(slabWord.segment, slabWord.segment + 3 * words[slabWord.segments]!)]
  assert.deepEqual(segments, [0, 0, 3, 1, 3, 6, 0, 6, 9, 0, 9, 11])
  assert.equal(Buffer.from(slab.gather.subarray(0, 11)).toString(), '0a\n1!\n0c\n0!')
  const samples = [...words.subarray(slabWord.sample, slabWord.sample + 3 * words[slabWord.sampleCount]!)]
  assert.deepEqual(samples, [3, 1, 3, 9, 3, 3])
})

test('only as many malformed records are described as fit', () => {
  const slab = requested('0!\n'.repeat(40))
  evaluateSlab(lineByLine(slab), slab)
  assert.equal(slab.words[slabWord.malformed], 40)
  assert.equal(slab.words[slabWord.sampleCount], 16)
  const last = slabWord.sample + 15 * 3
  assert.deepEqual([...slab.words.subarray(last, last + 3)], [45, 15, 3])
})

test('when no more segments fit, the answer ends there and the rest can be asked for', () => {
  const slab = requested('0x\n'.repeat(maxSegments + 10))
  evaluateSlab(lineByLine(slab), slab)
  assert.equal(slab.isWhole, false)
  assert.equal(slab.words[slabWord.records], maxSegments)
  assert.equal(slab.words[slabWord.segments], maxSegments)
  assert.equal(slab.words[slabWord.consumed], maxSegments * 3)
  assert.equal(slab.counts[0], maxSegments)
  slab.requestRest()
  evaluateSlab(lineByLine(slab), slab)
  assert.equal(slab.isWhole, true)
  assert.equal(slab.words[slabWord.records], 10)
  assert.equal(slab.counts[0], 10)
})

test('where verdict arrays are wanted the kernel is called once, for the next call would overwrite them', () => {
  const slab = requested('0a\n0b\n', slabFlag.records)
  const evaluator = lineByLine(slab)
  evaluateSlab(evaluator, slab)
  assert.equal(evaluator.calls, 1)
  assert.equal(slab.isWhole, false)
})

test('nothing to evaluate is an empty answer without a kernel call', () => {
  const slab = requested('0a\n')
  slab.words.fill(7, slabWord.consumed, slabWord.sample)
  slab.words[slabWord.start] = 3
  const evaluator = lineByLine(slab)
  evaluateSlab(evaluator, slab)
  assert.equal(evaluator.calls, 0)
  assert.equal(slab.isWhole, true)
  assert.equal(slab.words[slabWord.records], 0)
  assert.equal(slab.words[slabWord.segments], 0)
})
