// Delays as the engine shows them: from one call, from pieces, streams and files, added up, and as percentiles. What
// counts as a time is in fixtures/cases/delays.json; here are the bounds of the buckets, on every kernel.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { delayBoundsMs } from '#src/batch/batch.js'
import { Engine } from '#src/engine.js'
import type { EngineOptions } from '#src/options.js'
import { compileRuleSet } from '#src/rules/compile.js'
import { addCounts, delayPercentileMs, noCounts } from '#src/stats.js'
import type { Counts, DelayCounts } from '#src/verdict/verdict.js'
import { otherRules, smallRules } from './engine-harness.js'
import { kernels } from './judge.js'
import { runKernel } from './kernel-run.js'

const nowMs = 1_700_000_000_000

/** Returns an engine whose clock stands still. */
function createEngine(options: Partial<EngineOptions> = {}): Promise<Engine> {
  const all = { rules: smallRules, threads: 2, batchBytes: 4096, timeField: 't', ...options }
  return Engine.create(all, { now: () => nowMs })
}

/** Returns `count` records, of which one in three is kept, one dropped and one routed; all but each tenth have a time. */
function timedRecords(count: number): { input: Buffer; expected: Omit<DelayCounts, 'buckets'> } {
  let [sumMs, measured, missing] = [0, 0, 0]
  const lines = Array.from({ length: count }, (_, i) => {
    const delayMs = i * 7
    const goesOn = i % 3 !== 0
    if (goesOn && i % 10 === 0) missing++
    if (goesOn && i % 10 !== 0) [sumMs, measured] = [sumMs + delayMs, measured + 1]
    return `{"k":${i % 3},${i % 10 === 0 ? '' : `"t":"${(nowMs - delayMs) / 1000}",`}"n":${i}}\n`
  })
  return { input: Buffer.from(lines.join('')), expected: { sumMs, measured, ahead: 0, missing, unreadable: 0 } }
}

function sums(counts: Counts): Omit<DelayCounts, 'buckets'> | undefined {
  if (counts.delays === undefined) return undefined
  const { buckets, ...rest } = counts.delays
  assert.equal(
    buckets.reduce((sum, count) => sum + count, 0),
    rest.measured,
  )
  assert.equal(rest.measured + rest.ahead + rest.missing + rest.unreadable, counts.kept)
  return rest
}

for (const [name, loaded] of Object.entries(kernels)) {
  test(`${name}: each bound is the last delay of its bucket`, { skip: loaded.skip ?? false }, () => {
    assert.ok(loaded.skip === undefined)
    const rules = { version: 1, default: 'keep', rules: [] } as const
    const evaluator = loaded.kernel.load(compileRuleSet(rules, 't').program)
    const bucketOf = (delayMs: number): number => {
      const answer = runKernel(evaluator, Buffer.from(`{"t":${nowMs - delayMs}}`), 0, { nowMs })
      assert.equal(answer.delays.sumMs, delayMs)
      return answer.delays.buckets.indexOf(1)
    }
    assert.equal(bucketOf(0), 0)
    for (const [i, bound] of delayBoundsMs.entries()) {
      assert.deepEqual([bucketOf(bound), bucketOf(bound + 1)], [i, i + 1], `${bound} ms`)
    }
  })
}

test('bounds ascend, and there are as many buckets as there are words for them', () => {
  assert.deepEqual(
    delayBoundsMs.toSorted((a, b) => a - b),
    [...delayBoundsMs],
  )
  assert.equal(new Set(delayBoundsMs).size, 31)
})

for (const [where, count] of [
  ['on the calling thread', 100],
  ['in pieces on workers', 3000],
] as const) {
  test(`a verdict counts delays of what is kept and routed: ${where}`, async () => {
    const engine = await createEngine()
    try {
      const { input, expected } = timedRecords(count)
      assert.deepEqual(sums((await engine.evaluate(input)).counts), expected)
      assert.deepEqual(sums((await engine.evaluateMany([input, null])).counts), expected)
    } finally {
      await engine.close()
    }
  })
}

test('a verdict that stays in its slab counts them, too', async () => {
  const engine = await createEngine({ batchBytes: 1 << 20 })
  try {
    const { input, expected } = timedRecords(2000)
    const verdict = await engine.evaluate(input)
    assert.deepEqual(sums(verdict.counts), expected)
    verdict.release()
  } finally {
    await engine.close()
  }
})

test('batches of a stream and of a file have delays, and totals have their sum', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'weir-delays-'))
  const engine = await createEngine()
  try {
    const { input, expected } = timedRecords(5000)
    let seen = noCounts(compileRuleSet(smallRules, 't').program.plan)
    const onBatch = ({ counts }: { counts: Counts }): void => void (seen = addCounts(seen, counts))
    const totals = await engine.filterBatches([input], { onBatch })
    assert.deepEqual([sums(totals.counts), sums(seen)], [expected, expected])
    assert.deepEqual(totals.counts.delays, seen.delays)

    const path = join(folder, 'input')
    writeFileSync(path, input)
    const file = await open(path)
    const ofFile = await engine.filterFile(file, { onBatch: () => undefined })
    await file.close()
    assert.deepEqual(ofFile.counts.delays, totals.counts.delays)
  } finally {
    await engine.close()
    rmSync(folder, { recursive: true })
  }
})

test('without a time field there are no delays, and with one the version is the same', async () => {
  const plain = await Engine.create({ rules: smallRules, threads: 1 })
  const timed = await createEngine({ threads: 1 })
  try {
    const input = Buffer.from(`{"k":1,"t":${nowMs}}\n`)
    assert.equal((await plain.evaluate(input)).counts.delays, undefined)
    assert.equal(plain.version, timed.version)
    await timed.load(otherRules)
    const { counts } = await timed.evaluate(Buffer.from(`{"k":2,"t":${nowMs}}\n{"k":1}\n`))
    assert.equal(counts.delays?.measured, 1, 'a rule set that is loaded later has the time field as well')
  } finally {
    await Promise.all([plain.close(), timed.close()])
  }
})

test('delays are measured to the clock of the system', async () => {
  const engine = await Engine.create({ rules: smallRules, threads: 1, timeField: 't' })
  try {
    const before = Date.now()
    const { counts } = await engine.evaluate(Buffer.from(`{"k":1,"t":${before - 60_000}}\n`))
    const delayMs = counts.delays?.sumMs ?? 0
    assert.ok(delayMs >= 60_000 && delayMs <= 60_000 + (Date.now() - before), `${delayMs} ms`)
  } finally {
    await engine.close()
  }
})

test('a time field that is no field path is refused, and so is an index where filters of the original know none', async () => {
  const refuses = (timeField: unknown, message: RegExp, rules: EngineOptions['rules'] = smallRules): Promise<void> =>
    assert.rejects(Engine.create({ rules, threads: 1, timeField: timeField as string }), {
      name: 'ConfigError',
      code: 'ERR_CONFIG_INVALID',
      message,
    })
  await refuses('', /`timeField` cannot be "": The field path is empty, at character 1 of the path\. Give the path/)
  await refuses('a..b', /A key is missing.*Suggestion: an empty key is written/)
  await refuses('[0]', /cannot begin with an index/)
  await refuses(7, /`timeField` cannot be of type number: It is not a text\. Give the path/)
  const original = { filters: [{ fieldName: 'a', regex: 'x', include: true }] }
  await refuses('a[0]', /Filters of the original know no indexes/, original)
  const engine = await createEngine({ threads: 1 })
  try {
    await engine.load(original)
    const { counts } = await engine.evaluate(Buffer.from(`{"a":"x","t":"${nowMs / 1000 - 1}"}\n`))
    assert.equal(counts.delays?.sumMs, 1000)
  } finally {
    await engine.close()
  }
})

function delaysOf(entries: Readonly<Record<number, number>>): DelayCounts {
  const buckets = Array.from({ length: 32 }, (_, i) => entries[delayBoundsMs[i] ?? Infinity] ?? 0)
  const measured = buckets.reduce((sum, count) => sum + count, 0)
  return { buckets, measured, sumMs: 0, ahead: 5, missing: 5, unreadable: 5 }
}

test('percentiles lie within the bucket that holds them', () => {
  const delays = delaysOf({ 2: 50, 20_000: 49, 60_000: 1 })
  assert.equal(delayPercentileMs(delays, 0.5), 2)
  assert.equal(delayPercentileMs(delays, 0.25), 1.5)
  assert.equal(delayPercentileMs(delays, 0.99), 20_000)
  assert.equal(delayPercentileMs(delays, 0.995), 52_500)
  assert.equal(delayPercentileMs(delays, 1), 60_000)
  assert.equal(delayPercentileMs(delays, 0), 1, 'where the first of them may lie')
  assert.equal(delayPercentileMs(delaysOf({}), 0.5), undefined)
  assert.equal(delayPercentileMs(delaysOf({ 1: 1, [Infinity]: 3 }), 0.5), 604_800_000, 'nothing is known beyond')
})
