// Requests that take several kernel calls, and files that take several batches: the answers are added up as if one call
// had given them.

import assert from 'node:assert/strict'
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { answerEnd, maxSegments, slabFlag, slabWord } from '#src/batch/batch.js'
import type { FileSpan } from '#src/batch/file-range.js'
import { createSlab } from '#src/batch/slab.js'
import type { Slab } from '#src/batch/slab.js'
import type { Evaluator } from '#src/kernel/kernel.js'
import { limits } from '#src/limits.js'
import { evaluateSlab, evaluateSpan, evaluateSpanAhead } from '#src/pool/evaluate.js'

/** A kernel that takes one line per call, and sends it to route `line[0] - '0'`; lines with a `!` are malformed too. */
function lineByLine(slab: Slab): Evaluator & { calls: number } {
  return {
    calls: 0,
    report: () => new Float64Array(),
    release: () => undefined,
    evaluate() {
      this.calls++
      const { words } = slab
      const start = words[slabWord.start]!
      const limit = words[slabWord.end]!
      // Behind the end lies what an earlier batch left there.
      const input = Buffer.from(slab.buffer, words[slabWord.inputAt], limit)
      const feed = input.indexOf('\n', start)
      const end = feed < 0 ? limit : feed + 1
      words.fill(0, slabWord.consumed, answerEnd)
      words[slabWord.consumed] = end
      words[slabWord.records] = 1
      words[slabWord.lines] = feed < 0 ? 0 : 1
      const route = input[start]! - 48
      words[slabWord.byRoute + route] = 1
      slab.counts[route]!++
      slab.bytes.set(input.subarray(start, end), words[slabWord.gatherAt])
      words[slabWord.gathered] = end - start
      words[slabWord.segments] = 1
      words.set([route, 0, end - start], slabWord.segment)
      if (input.subarray(start, end).includes('!')) {
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

test('delays of several calls are added up, and their sum has more than 32 bits', () => {
  const slab = requested('0a\n0b\n0c\n')
  const lines = lineByLine(slab)
  evaluateSlab(
    {
      report: () => new Float64Array(),
      release: () => undefined,
      evaluate: () => {
        lines.evaluate(slab.bytes)
        const counted = [slabWord.delay, slabWord.delay + 31, slabWord.timeAhead, slabWord.timeMissing]
        for (const word of [...counted, slabWord.timeUnreadable]) slab.words[word] = lines.calls
        slab.words.set([0xffff_fffe, 1], slabWord.delaySum)
      },
    },
    slab,
  )
  const { delay, timeAhead, timeUnreadable, delaySum } = slabWord
  assert.deepEqual([slab.words[delay], slab.words[delay + 1], slab.words[delay + 31]], [6, 0, 6])
  assert.deepEqual([...slab.words.subarray(timeAhead, timeUnreadable + 1)], [6, 6, 6])
  assert.equal(slab.words[delaySum + 1]! * 2 ** 32 + slab.words[delaySum]!, 3 * (2 ** 32 + 0xffff_fffe))
})

/** Like `lineByLine`, but the call with this number fails. */
function failingAt(call: number, slab: Slab): Evaluator {
  const lines = lineByLine(slab)
  return {
    evaluate: () => {
      if (lines.calls === call - 1) throw new Error('out of memory')
      lines.evaluate(slab.bytes)
    },
    report: () => new Float64Array(),
    release: () => undefined,
  }
}

test('a kernel that fails half-way leaves the request as it was', () => {
  const slab = requested('0a\n1!\n0c\n', slabFlag.continues)
  const request = slab.words.slice(0, slabWord.consumed)
  for (const call of [1, 2, 3]) {
    assert.throws(() => evaluateSlab(failingAt(call, slab), slab), /out of memory/)
    assert.deepEqual(slab.words.slice(0, slabWord.consumed), request)
  }
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

/**
 * Returns a span over a file that holds `text`, in batches of one line where lines have three bytes. Time stands still,
 * so that a busy machine does not end the span; a test may have it go on afterwards.
 */
function spanOver(t: TestContext, text: string, from = 0): FileSpan {
  t.mock.method(process.hrtime, 'bigint', () => 0n)
  const folder = mkdtempSync(join(tmpdir(), 'weir-span-'))
  const path = join(folder, 'input')
  writeFileSync(path, text)
  const fd = openSync(path, 'r')
  t.after(() => {
    closeSync(fd)
    rmSync(folder, { recursive: true })
  })
  return { fd, from, to: text.length, end: text.length, maxRecordBytes: 64, batchBytes: 3 }
}

/** Returns a slab for batches of up to 70 bytes, whose request asks for a file. */
function requestedForFile(gatherBytes: number): Slab {
  const slab = createSlab({ inputBytes: 70, recordCapacity: 4, gatherBytes, hasSpare: true })
  slab.request({ start: 0, end: 0, flags: 0, validation: 'full', maxRecordBytes: 64, gather: [0, 1] })
  return slab
}

/** Both ways to evaluate a span: one batch after the other, and with the next one being read meanwhile. */
const ways = [
  ['', evaluateSpan],
  [', which is read ahead', evaluateSpanAhead],
] as const

for (const [way, evaluate] of ways) {
  test(`the batches of a span leave one answer, as if all of it had been the input${way}`, async (t) => {
    const slab = requestedForFile(100)
    const { words } = slab
    const [gatherAt, gatherCapacity] = [words[slabWord.gatherAt], words[slabWord.gatherCapacity]]
    const outcome = await evaluate(lineByLine(slab), slab, spanOver(t, '1#\n0a\n1!\n0c\n0!', 3))
    assert.equal(outcome.fileAt, 14)
    assert.equal(slab.isWhole, true)
    assert.equal(words[slabWord.consumed]! - words[slabWord.start]!, 11)
    assert.equal(words[slabWord.records], 4)
    assert.equal(words[slabWord.lines], 3)
    assert.deepEqual([...slab.counts.subarray(0, 2)], [3, 1])
    assert.equal(Buffer.from(slab.gather.subarray(0, words[slabWord.gathered])).toString(), '0a\n1!\n0c\n0!')
    const segments = [...words.subarray(slabWord.segment, slabWord.segment + 3 * words[slabWord.segments]!)]
    assert.deepEqual(segments, [0, 0, 3, 1, 3, 6, 0, 6, 9, 0, 9, 11])
    const samples = [...words.subarray(slabWord.sample, slabWord.sample + 3 * words[slabWord.sampleCount]!)]
    assert.deepEqual(samples, [3, 1, 3, 9, 3, 3], 'positions count from where the span begins')
    assert.deepEqual([words[slabWord.gatherAt], words[slabWord.gatherCapacity]], [gatherAt, gatherCapacity])
  })

  test(`a span stops before records that might not fit, and goes on from there${way}`, async (t) => {
    const text = '0a\n0b\n0c\n0d\n0e\n'
    const slab = requestedForFile(8)
    const evaluator = lineByLine(slab)
    let span = spanOver(t, text)
    const parts: string[] = []
    while (span.from < span.to) {
      const { fileAt } = await evaluate(evaluator, slab, span)
      parts.push(Buffer.from(slab.gather.subarray(0, slab.words[slabWord.gathered])).toString())
      assert.equal(slab.words[slabWord.records], parts.at(-1)!.length / 3)
      slab.requestRest()
      span = { ...span, from: fileAt }
    }
    assert.deepEqual(parts, ['0a\n0b\n', '0c\n0d\n', '0e\n'])
  })

  test(`a batch whose line reaches far behind it is left for the next task when it does not fit${way}`, async (t) => {
    const text = `0a\n0${'b'.repeat(40)}\n0c\n`
    const slab = requestedForFile(45)
    const span = spanOver(t, text)
    const first = await evaluate(lineByLine(slab), slab, span)
    assert.equal(first.fileAt, 3)
    assert.equal(slab.words[slabWord.gathered], 3)
    slab.requestRest()
    const second = await evaluate(lineByLine(slab), slab, { ...span, from: first.fileAt })
    assert.equal(slab.words[slabWord.gathered], 42)
    slab.requestRest()
    const third = await evaluate(lineByLine(slab), slab, { ...span, from: second.fileAt })
    assert.equal(third.fileAt, text.length)
    assert.equal(slab.words[slabWord.gathered], 3)
  })

  test(`a span whose batches take long ends after one of them${way}`, async (t) => {
    const slab = requestedForFile(100)
    const span = spanOver(t, '0a\n0b\n0c\n')
    let nowNs = 0n
    t.mock.method(process.hrtime, 'bigint', () => (nowNs += BigInt(limits.fileSpanMs) * 1_000_000n))
    const outcome = await evaluate(lineByLine(slab), slab, span)
    assert.equal(outcome.fileAt, 3)
    assert.equal(slab.words[slabWord.records], 1)
  })

  test(`a span whose segments do not fit stops at a batch, which is counted once${way}`, async (t) => {
    const lines = maxSegments + 20
    const slab = requestedForFile(3 * lines + 1)
    const span = spanOver(t, '0a\n'.repeat(lines))
    const { fileAt } = await evaluate(lineByLine(slab), slab, span)
    assert.equal(fileAt, 3 * maxSegments)
    assert.deepEqual([slab.words[slabWord.records], slab.counts[0]], [maxSegments, maxSegments])
    slab.requestRest()
    assert.equal((await evaluate(lineByLine(slab), slab, { ...span, from: fileAt })).fileAt, 3 * lines)
    assert.deepEqual([slab.words[slabWord.records], slab.counts[0]], [20, 20])
  })

  test(`a single batch with more segments than fit is evaluated in parts${way}`, async (t) => {
    const lines = maxSegments + 20
    const span = { ...spanOver(t, '0a\n'.repeat(lines)), batchBytes: 3 * lines }
    const slab = createSlab({
      inputBytes: 3 * lines + 70,
      recordCapacity: 4,
      gatherBytes: 3 * lines + 71,
      hasSpare: true,
    })
    slab.request({ start: 0, end: 0, flags: 0, validation: 'full', maxRecordBytes: 64, gather: [0, 1] })
    assert.equal((await evaluate(lineByLine(slab), slab, span)).fileAt, span.to)
    assert.equal(slab.isWhole, false)
    assert.equal(slab.words[slabWord.records], maxSegments)
    slab.requestRest()
    evaluateSlab(lineByLine(slab), slab)
    assert.equal(slab.isWhole, true)
    assert.equal(slab.words[slabWord.records], 20)
  })

  test(`a span whose second batch fails gathers from the start again the next time${way}`, async (t) => {
    const slab = requestedForFile(100)
    const { gatherAt, gatherCapacity } = slabWord
    const [at, capacity] = [slab.words[gatherAt], slab.words[gatherCapacity]]
    await assert.rejects(async () => evaluate(failingAt(2, slab), slab, spanOver(t, '0a\n0b\n')), /out of memory/)
    assert.deepEqual([slab.words[gatherAt], slab.words[gatherCapacity]], [at, capacity])
  })
}

test('a file that becomes shorter fails the span at the batch that lacks bytes, and nothing is read afterwards', async (t) => {
  const slab = requestedForFile(100)
  const span = spanOver(t, '0a\n0b\n0c\n')
  const longer = { ...span, to: 12, end: 12 }
  await assert.rejects(evaluateSpanAhead(lineByLine(slab), slab, longer), {
    code: 'ERR_ENGINE_READ',
    details: { position: 9 },
  })
})

test('what is read ahead and cannot be read is no fault of a span that ends before it', async (t) => {
  // A second batch would not fit beside the first, and the file lacks it.
  const slab = requestedForFile(5)
  const span = spanOver(t, '0a\n')
  const outcome = await evaluateSpanAhead(lineByLine(slab), slab, { ...span, to: 6, end: 6 })
  assert.equal(outcome.fileAt, 3)
  assert.equal(slab.words[slabWord.records], 1)
})

test('a slab without a second input region is read one batch after the other', async (t) => {
  const slab = createSlab({ inputBytes: 70, recordCapacity: 4, gatherBytes: 100 })
  slab.request({ start: 0, end: 0, flags: 0, validation: 'full', maxRecordBytes: 64, gather: [0, 1] })
  const { fileAt } = await evaluateSpanAhead(lineByLine(slab), slab, spanOver(t, '0a\n0b\n'))
  assert.deepEqual([fileAt, slab.words[slabWord.records]], [6, 2])
})
