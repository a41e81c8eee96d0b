// Rule sets that take long to make ready: new workers come with them, and the old ones evaluate until then. What holds for
// those that are made ready in place is in engine.test.ts, and holds here, too.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Engine } from '#src/engine.js'
import { prepareRules } from '#src/index.js'
import { failingEngine, keptRecords, otherRules, records, smallRules, textOf, until } from './engine-harness.js'
import { controlWord } from './pool/failing-worker.js'

/** Every rule set counts as one that takes long. */
const beside = { readyInPlaceMs: -1 }

test('a rule set that comes with new workers is swapped between batches as well', async () => {
  const own = await Engine.create({ rules: smallRules, threads: 2, batchBytes: 4096 }, beside)
  const first = own.version
  const versions: string[] = []
  let swap: Promise<string> | undefined
  let out = 0
  const totals = await own.filterBatches(
    Array.from({ length: 60 }, () => records(300)),
    {
      routes: ['keep', 'drop', 'side'],
      onBatch: async ({ version, counts, segments }) => {
        versions.push(version)
        assert.deepEqual([counts.byRule.length, counts.malformed], [2, 0])
        out += segments.reduce((sum, { bytes }) => sum + bytes.length, 0)
        if (versions.length === 10) await (swap = own.load(otherRules))
      },
    },
  )
  assert.deepEqual(totals.versions, [first, await swap!])
  assert.ok(versions.lastIndexOf(first) < versions.indexOf(own.version))
  assert.equal(out, 60 * records(300).length)
  const { retries, workersLost, workersHung } = own.stats()
  assert.deepEqual([retries, workersLost, workersHung], [0, 0, 0])
  await own.close()
})

test('while it is made ready on new workers, a batch that blocks the old one holds up neither', async () => {
  const failing = await failingEngine({ threads: 1 }, beside)
  failing.fail('block', 1)
  const blocked = failing.engine.evaluate(records(3000))
  await until(() => Atomics.load(failing.control, controlWord.blocked) === 1)
  const before = failing.engine.version
  const version = await failing.engine.load(otherRules)
  failing.free()
  assert.equal((await blocked).version, before)
  assert.equal((await blocked).counts.byRoute['keep'], 1000)
  assert.equal((await failing.engine.evaluate(records(3000))).version, version)
  await failing.engine.close()
})

test('while a rule set is compiled, batches go on under the old one', async () => {
  const url = new URL('./unusual-thread.js?how=stuck', import.meta.url)
  const own = await Engine.create({ rules: smallRules, threads: 1 }, { rulesThread: { url } })
  const before = own.version
  const loading = assert.rejects(own.load(otherRules), { code: 'ERR_ENGINE_CLOSED' })
  for (const count of [3, 3000]) assert.equal((await own.evaluate(records(count))).version, before)
  assert.equal(await textOf(own.filter([records(3000)])), keptRecords(3000))
  await own.close()
  await loading
})

test('when a new worker fails, the old ones stay, with the old rules', async () => {
  for (const how of ['failWarm', 'exitWarm'] as const) {
    const failing = await failingEngine({}, beside)
    const { engine } = failing
    const before = engine.version
    failing.fail(how, 1)
    await assert.rejects(engine.load(otherRules), {
      code: how === 'failWarm' ? 'ERR_ENGINE_KERNEL_FAULT' : 'ERR_ENGINE_WORKER_LOST',
    })
    failing.fail('none', 0)
    assert.equal(engine.version, before)
    assert.equal(await textOf(engine.filter([records(3000)])), keptRecords(3000))
    assert.notEqual(await engine.load(otherRules), before)
    await engine.close()
  }
})

test('closing waits for new workers that come up, and ends them', async () => {
  const own = await Engine.create({ rules: smallRules, threads: 2 }, beside)
  const prepared = await prepareRules(otherRules)
  const [version] = await Promise.all([own.load(prepared), own.close()])
  assert.equal(version, prepared.version)
})
