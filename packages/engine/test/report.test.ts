// What an engine reports of its kernel's techniques: the sums over threads, calls and rule sets.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createEngine, prepareRules } from '#src/index.js'
import { techniques } from '#src/kernel/techniques.js'
import { limits } from '#src/limits.js'
import { failingEngine, keptRecords, otherRules, records, smallRules, textOf } from './engine-harness.ts'
import { kernels } from './judge.ts'

const skip = kernels.native.skip ?? false

test(
  'values are counted over all threads, the calling one among them, and still told after close',
  { skip },
  async () => {
    const engine = await createEngine({ rules: smallRules, threads: 2, batchBytes: 4096, kernel: 'native' })
    assert.deepEqual([engine.report().fields[0]?.values, engine.report().version], [0, engine.version])
    const input = records(5000)
    assert.ok(input.length > limits.inlineBytes)
    assert.equal(await textOf(engine.filter([input])), keptRecords(5000))
    assert.equal(engine.report().fields[0]?.values, 5000)
    // So few are evaluated on this thread.
    await engine.evaluate(records(7))
    assert.equal(engine.report().fields[0]?.values, 5007)
    await engine.evaluate(records(9))
    await engine.close()
    const { fields, techniques: used } = engine.report()
    assert.deepEqual([fields.length, fields[0]?.field, fields[0]?.values], [1, 'k', 5016])
    assert.deepEqual(
      used.map(({ technique }) => technique),
      techniques,
    )
    assert.deepEqual(engine.report(), engine.report())
  },
)

test('a rule set that is loaded again goes on counting, and another one begins', { skip }, async () => {
  await using engine = await createEngine({ rules: smallRules, threads: 1, kernel: 'native' })
  const values = async (count: number): Promise<number | undefined> => {
    const verdict = await engine.evaluate(records(count))
    verdict.release()
    return engine.report().fields[0]?.values
  }
  assert.equal(await values(3000), 3000)
  await engine.load({ ...smallRules })
  assert.equal(await values(3000), 6000)
  assert.equal(await values(10), 6010)
  const version = await engine.load(otherRules)
  assert.deepEqual([await values(3000), engine.report().version], [3000, version])
})

test(
  'engines that share prepared rules count apart, and one counts them on when they come again',
  { skip },
  async () => {
    const prepared = await prepareRules(smallRules)
    await using one = await createEngine({ rules: prepared, threads: 1, kernel: 'native' })
    await using other = await createEngine({ rules: prepared, threads: 1, kernel: 'native' })
    ;(await one.evaluate(records(3000))).release()
    assert.deepEqual(
      [one, other].map((engine) => engine.report().fields[0]?.values),
      [3000, 0],
    )
    await one.load(otherRules)
    await one.load(prepared)
    ;(await one.evaluate(records(3000))).release()
    assert.equal(one.report().fields[0]?.values, 6000)
  },
)

test('what a worker counted is not lost with it', { skip }, async () => {
  const { engine, fail } = await failingEngine({ kernel: 'native', batchBytes: 1 << 20 })
  ;(await engine.evaluate(records(3000))).release()
  fail('exit', 1)
  ;(await engine.evaluate(records(3000))).release()
  assert.equal(engine.stats().workersLost, 1)
  assert.equal(engine.report().fields[0]?.values, 6000)
  await engine.close()
})

test('an engine with the portable kernel reports no techniques', async () => {
  await using engine = await createEngine({ rules: smallRules, threads: 1, kernel: 'portable' })
  await engine.evaluate(records(10))
  assert.deepEqual(engine.report(), { version: engine.version, techniques: [], fields: [], cacheBytes: 0 })
})
