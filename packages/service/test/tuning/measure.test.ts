// Measurements of real engines: not how fast they are, but that what is said to be measured is done, and ends.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { prepareRules } from '@weir/engine'

import { calibrate } from '#src/tuning/calibration.js'
import { countSample } from '#src/tuning/counts.js'
import { measurePoint } from '#src/tuning/measure.js'
import type { MeasureOptions, Workload } from '#src/tuning/measure.js'
import { workFile } from '#src/tuning/sample.js'
import type { Sample } from '#src/tuning/sample.js'

const rules = { text: "{ version: 1, default: drop, rules: [{ id: a, when: { field: n, equals: '3' }, then: keep }] }" }
const line = (i: number) => `{"n":${i % 10},"text":"${'x'.repeat(100)}"}\n`
const bytes = Buffer.from(Array.from({ length: 5000 }, (_, i) => line(i)).join(''))
const point = { threads: 2, batchBytes: 64 << 10, validation: 'kept' } as const
const sampleOf = (text: string | Buffer): Sample => {
  const chunk = Buffer.from(text)
  return { name: 'sample', chunks: [chunk], bytes: chunk.length, isCut: false }
}

async function options(signal = new AbortController().signal): Promise<MeasureOptions> {
  const prepared = await prepareRules(rules)
  return { rules: prepared, kernel: 'auto', sampleMs: 1, signal, onHung: () => assert.fail('a worker hangs') }
}

test('files and values of Kafka batches are measured: a speed, and a latency', async (t) => {
  const file = await workFile({ chunks: [bytes], bytes: bytes.length, repeats: 1 })
  t.after(() => file.close())
  const workloads: Workload[] = [
    { purpose: 'filter', file, bytes: bytes.length },
    { purpose: 'kafka', bytes },
  ]
  for (const workload of workloads) {
    const seen = await measurePoint(point, workload, await options())
    assert.ok(seen !== undefined && seen.bytesPerSecond > 1e3 && seen.bytesPerSecond < 1e12, workload.purpose)
    assert.ok(seen.p99Ms > 0 && seen.p99Ms < 60_000)
  }
})

test('a measurement that is aborted, before or on the way, has no answer', async () => {
  const before = new AbortController()
  before.abort()
  assert.equal(await measurePoint(point, { purpose: 'kafka', bytes }, await options(before.signal)), undefined)
  const controller = new AbortController()
  const endless = { ...(await options(controller.signal)), sampleMs: 600_000 }
  const pending = measurePoint(point, { purpose: 'kafka', bytes }, endless)
  setTimeout(() => controller.abort(), 50)
  assert.equal(await pending, undefined)
})

test('the sample is counted, each record checked in full', async () => {
  const {
    kernel,
    counts,
    fields,
    bytes: counted,
    bytesPerSecond,
  } = await countSample(sampleOf(Buffer.concat([bytes, Buffer.from('{"n":3,}\n')])), await prepareRules(rules), 'auto')
  assert.deepEqual([counts.records, counts.kept, counts.malformed], [5001, 500, 1])
  assert.equal(counted, bytes.length + 9)
  const read = fields.map(({ field, values }) => [field, values >= 5000 && values <= 5001])
  assert.deepEqual(read, kernel.name === 'native' ? [['n', true]] : [])
  assert.ok(bytesPerSecond > 0)
})

test('counting ends between lines when its time is over', async () => {
  let calls = 0
  const sample: Sample = { ...sampleOf(''), chunks: [bytes, bytes, bytes], bytes: 3 * bytes.length }
  // The first two questions are asked at 0, when it begins and before the first chunk.
  const now = () => (calls++ < 2 ? 0 : 10_000)
  const { counts, bytes: counted } = await countSample(sample, await prepareRules(rules), 'auto', now)
  assert.equal(counted, bytes.length + line(0).length)
  assert.deepEqual([counts.records, counts.malformed], [5001, 0])
})

test('a sample of blank lines, or of nothing but malformed records, is refused', async () => {
  const prepared = await prepareRules(rules)
  const blank = countSample(sampleOf('\n\r\n\n'), prepared, 'auto')
  await assert.rejects(blank, { code: 'ERR_CONFIG_SAMPLE', message: /every line is blank/ })
  const malformed = countSample(sampleOf('x\nnull\n{"a":\n'), prepared, 'auto')
  await assert.rejects(malformed, { code: 'ERR_CONFIG_SAMPLE', message: /is malformed, all 3/ })
})

test('the calibration compares one loop with two, or says why not', async () => {
  const { signal } = new AbortController()
  const input = { rules, kernel: 'portable', bytes: bytes.subarray(0, 10 * line(0).length) } as const
  const calibration = await calibrate(input, signal, 2)
  assert.ok('ratio' in calibration, JSON.stringify(calibration))
  assert.ok(calibration.ratio.middle > 0.1 && calibration.ratio.middle < 10)
  assert.equal(calibration.ratio.samples, 4)
  assert.deepEqual(await calibrate(input, signal, 1), { reason: 'this process may use one processor only' })
  const broken = await calibrate({ ...input, rules: { text: 'no rules' } }, signal, 2)
  assert.ok('reason' in broken && broken.reason !== '')
  const aborted = await calibrate(input, AbortSignal.abort(), 2)
  assert.deepEqual(aborted, { reason: 'it was interrupted' })
})
