// Workers that die, hang, or cannot be loaded: the batch is tried again, the error has its code, and the engine goes
// on with all of its threads. Everything is waited for by its condition.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { SlabStore } from '#src/batch/slab.js'
import type { WeirError } from '#src/errors.js'
import { deadlineFor } from '#src/pool/deadlines.js'
import type { FailingEngine } from '../engine-harness.js'
import {
  failingEngine,
  heldDeadlineMs,
  holdDeadlines,
  keptRecords,
  otherRules,
  records,
  smallRules,
  textOf,
  until,
} from '../engine-harness.js'
import { controlWord } from './failing-worker.js'

const count = 3000
const held = { batchDeadlineMs: heldDeadlineMs } as const
const quick = { startDeadlineMs: 60_000, closeDeadlineMs: 2_000 } as const

function hasCode(code: string): (error: unknown) => boolean {
  return (error) => (error as WeirError).code === code
}

/** Asserts that the engine works on all of its threads: so many tasks block at the same time. */
async function assertAllThreadsWork(failing: FailingEngine): Promise<void> {
  const { engine, control } = failing
  const threads = engine.stats().threads
  Atomics.store(control, controlWord.gate, 0)
  Atomics.store(control, controlWord.blocked, 0)
  failing.fail('block', threads)
  const pending = Array.from({ length: threads }, () => engine.evaluate(records(2000)))
  await until(() => Atomics.load(control, controlWord.blocked) === threads)
  failing.free()
  for (const verdict of await Promise.all(pending)) assert.equal(verdict.records, 2000)
}

for (const how of ['exit', 'throw'] as const) {
  test(`a batch whose worker dies (${how}) is tried once more, and nothing is lost`, async () => {
    const failing = await failingEngine({}, quick)
    failing.fail(how, 1)
    assert.equal(await textOf(failing.engine.filter([records(count)])), keptRecords(count))
    const { retries, workersLost, workersHung, slabsInUse } = failing.engine.stats()
    assert.deepEqual([retries, workersLost, workersHung, slabsInUse], [1, 1, 0, 0])
    await assertAllThreadsWork(failing)
    await failing.engine.close()
  })

  test(`a batch whose worker dies twice (${how}) is ERR_ENGINE_WORKER_LOST, and the engine goes on`, async () => {
    const failing = await failingEngine({ threads: 1 }, quick)
    failing.fail(how, 2)
    await assert.rejects(failing.engine.evaluate(records(2000)), hasCode('ERR_ENGINE_WORKER_LOST'))
    assert.equal((await failing.engine.evaluate(records(2000))).records, 2000)
    assert.equal(failing.engine.stats().workersLost, 2)
    await assertAllThreadsWork(failing)
    await failing.engine.close()
  })
}

for (const how of ['exit', 'throw'] as const) {
  test(`a span of a file whose worker dies (${how}) is tried again in another slab: the old one may be read into`, async (t) => {
    const failing = await failingEngine({ threads: 1 }, quick)
    const place = mkdtempSync(join(tmpdir(), 'weir-pool-'))
    t.after(() => rmSync(place, { recursive: true }))
    const input = join(place, 'input')
    writeFileSync(input, records(count))
    const handle = await open(input)
    const setAside = t.mock.method(SlabStore.prototype, 'setAside')
    failing.fail(how, 1)
    let kept = ''
    await failing.engine.filterFile(handle, {
      routes: ['keep'],
      onBatch: ({ segments }) => {
        for (const { bytes } of segments) kept += Buffer.from(bytes).toString()
      },
    })
    await handle.close()
    assert.equal(kept, keptRecords(count))
    assert.equal(setAside.mock.callCount(), 1)
    const { retries, slabsInUse } = failing.engine.stats()
    assert.deepEqual([retries, slabsInUse], [1, 0])
    await failing.engine.close()
  })
}

test('a batch whose worker dies half-way is tried again from its start', async () => {
  const failing = await failingEngine({ threads: 1 }, quick)
  failing.fail('spoil', 1)
  assert.equal(await textOf(failing.engine.filter([records(count)])), keptRecords(count))
  const { retries, records: judged, slabsInUse } = failing.engine.stats()
  assert.deepEqual([retries, judged, slabsInUse], [1, count, 0])
  await failing.engine.close()
})

test('a batch whose worker hangs is tried again on a new worker, from a copy', async (t) => {
  const deadlines = holdDeadlines()
  t.after(deadlines.restore)
  const failing = await failingEngine(held, quick)
  failing.fail('block', 1)
  const kept = textOf(failing.engine.filter([records(count)]))
  await deadlines.pass(failing, 1)
  assert.equal(await kept, keptRecords(count))
  const { retries, workersHung, slabsInUse } = failing.engine.stats()
  assert.deepEqual([retries, workersHung, slabsInUse], [1, 1, 0])
  failing.free()
  await failing.engine.close()
})

test('a batch that hangs twice is ERR_ENGINE_WORKER_HUNG, and the engine goes on', async (t) => {
  const deadlines = holdDeadlines()
  t.after(deadlines.restore)
  const failing = await failingEngine({ ...held, threads: 1 }, quick)
  failing.fail('block', 2)
  const rejected = assert.rejects(failing.engine.evaluate(records(2000)), hasCode('ERR_ENGINE_WORKER_HUNG'))
  for (const blocked of [1, 2]) await deadlines.pass(failing, blocked)
  await rejected
  assert.equal(failing.engine.stats().workersHung, 2)
  assert.equal((await failing.engine.evaluate(records(2000))).records, 2000)
  failing.free()
  await assertAllThreadsWork(failing)
  await failing.engine.close()
})

test('a new worker has its program ready before its first batch, which has no more time than others', async (t) => {
  const deadlines = holdDeadlines()
  t.after(deadlines.restore)
  const failing = await failingEngine({ ...held, threads: 1 }, { ...quick, startDeadlineMs: 100 * heldDeadlineMs })
  failing.fail('blockWhole', 2)
  const rejected = assert.rejects(failing.engine.evaluate(records(2000)), hasCode('ERR_ENGINE_WORKER_HUNG'))
  for (const blocked of [1, 2]) {
    await until(() => Atomics.load(failing.control, controlWord.blocked) === blocked)
    assert.deepEqual(deadlines.pending(), [deadlineFor(0, heldDeadlineMs, failing.engine.kernel.name)])
    await deadlines.pass(failing, blocked)
  }
  await rejected
  assert.equal(failing.engine.stats().workersHung, 2)
  failing.free()
  await failing.engine.close()
})

test('a deadline that passes while the calling thread is busy is no hang: the answer that has come is heard', async (t) => {
  const deadlines = holdDeadlines()
  t.after(deadlines.restore)
  const failing = await failingEngine({ ...held, threads: 1 }, quick)
  const { engine, control } = failing
  // A worker that had to wait for a processor may not have answered by then, so it has more than one try.
  let isHeard = false
  for (let attempt = 0; attempt < 20 && !isHeard; attempt++) {
    const { workersHung } = engine.stats()
    for (const word of [controlWord.gate, controlWord.blocked]) Atomics.store(control, word, 0)
    failing.fail('block', 1)
    const evaluated = engine.evaluate(records(2000))
    await until(() => Atomics.load(control, controlWord.blocked) === 1)
    failing.free()
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200)
    await deadlines.pass(failing, 1)
    assert.equal((await evaluated).records, 2000)
    isHeard = engine.stats().workersHung === workersHung
  }
  assert.ok(isHeard)
  await engine.close()
})

test('the deadline grows with the bytes that a worker is given, and with the slowness of its kernel', async (t) => {
  assert.equal(deadlineFor(0, 1000, 'native'), 1000)
  assert.equal(deadlineFor(2 << 20, 1000, 'native'), 1000)
  assert.equal(deadlineFor((2 << 20) + 1, 1000, 'native'), 2000)
  assert.equal(deadlineFor(16 << 20, 1000, 'portable'), 160_000)
  assert.equal(deadlineFor(256 << 20, 0x7fff_ffff, 'portable'), 0x7fff_ffff)
  const { engine } = await failingEngine({ kernel: 'portable', threads: 1, batchDeadlineMs: 4321 })
  const timers = t.mock.method(globalThis, 'setTimeout')
  await engine.evaluate(records(2000))
  const set = timers.mock.calls.map((call) => call.arguments[1])
  assert.ok(set.includes(20 * 4321), `timers: ${set.join()}`)
  assert.ok(!set.includes(4321))
  await engine.close()
})

test('closing ends workers that were out of use, and settles what they had to do', async (t) => {
  const deadlines = holdDeadlines()
  t.after(deadlines.restore)
  const own = { ...held, batchBytes: 16 << 20, threads: 2, kernel: 'auto' } as const
  const failing = await failingEngine(own, { ...quick, closeDeadlineMs: 300 })
  failing.fail('block', 2)
  const small = failing.engine.evaluate(records(2000))
  let outcome: unknown = 'none'
  // So many bytes have a longer deadline, which does not pass.
  const large = failing.engine.evaluate(Buffer.alloc(15 << 20, '\n')).catch((error: unknown) => (outcome = error))
  await deadlines.pass(failing, 2, 2)
  assert.equal((await small).records, 2000, 'a new worker took it over')
  await failing.engine.close()
  await new Promise((resolve) => setImmediate(resolve))
  assert.ok(hasCode('ERR_ENGINE_CLOSED')(outcome), String(outcome))
  await large
})

test('closing does not wait for a worker that hangs', async () => {
  const failing = await failingEngine({ threads: 1 }, { ...quick, closeDeadlineMs: 200 })
  failing.fail('block', 1)
  const pending = failing.engine.evaluate(records(2000))
  const rejected = assert.rejects(pending, hasCode('ERR_ENGINE_CLOSED'))
  await until(() => Atomics.load(failing.control, controlWord.blocked) === 1)
  await failing.engine.close()
  await rejected
  failing.free()
})

test('a thread that cannot be ended costs a call neither its answer nor close() its end', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'weir-pool-'))
  const pipe = join(folder, 'pipe')
  execFileSync('mkfifo', [pipe])
  t.after(() => {
    // Both threads wait for a writer; with one they end, also the one that comes late.
    openSync(pipe, 'r+')
    rmSync(folder, { recursive: true })
  })
  const deadlines = holdDeadlines()
  t.after(deadlines.restore)
  const failing = await failingEngine({ ...held, threads: 1 }, { ...quick, closeDeadlineMs: 300 }, { pipe })
  failing.fail('stick', 1)
  const evaluated = failing.engine.evaluate(records(2000))
  await deadlines.pass(failing, 1)
  assert.equal((await evaluated).records, 2000)
  assert.equal(failing.engine.stats().workersHung, 1)
  failing.fail('stick', 1)
  const rejected = assert.rejects(failing.engine.evaluate(records(2000)), hasCode('ERR_ENGINE_CLOSED'))
  await until(() => Atomics.load(failing.control, controlWord.blocked) === 2)
  await failing.engine.close()
  await rejected
})

test('a worker file that cannot be loaded is ERR_ENGINE_WORKER_LOAD, with the reason', async () => {
  const failLoad = new SharedArrayBuffer(4)
  new Int32Array(failLoad)[0] = 1
  await assert.rejects(failingEngine({}, quick, { failLoad }), (error: unknown) => {
    assert.equal((error as WeirError).code, 'ERR_ENGINE_WORKER_LOAD')
    assert.match((error as WeirError).message, /cannot be loaded/)
    return true
  })
})

test('when dead workers cannot be replaced the call fails, and works again as soon as they can', async () => {
  const failLoad = new SharedArrayBuffer(4)
  const failing = await failingEngine({ threads: 1 }, quick, { failLoad })
  Atomics.store(new Int32Array(failLoad), 0, 1)
  failing.fail('exit', 1)
  await assert.rejects(failing.engine.evaluate(records(2000)), (error: unknown) => {
    assert.equal((error as WeirError).code, 'ERR_ENGINE_WORKER_LOST')
    assert.match((error as WeirError).message, /cannot be loaded/)
    return true
  })
  await assert.rejects(failing.engine.evaluate(records(2000)), hasCode('ERR_ENGINE_WORKER_LOAD'))
  Atomics.store(new Int32Array(failLoad), 0, 0)
  assert.equal((await failing.engine.evaluate(records(2000))).records, 2000)
  await assertAllThreadsWork(failing)
  await failing.engine.close()
})

for (const how of ['failWarm', 'exitWarm'] as const) {
  test(`a rule set that one worker cannot make ready (${how}) is put in force on none`, async () => {
    const failing = await failingEngine({}, quick)
    const before = failing.engine.version
    failing.fail(how, 1)
    await assert.rejects(failing.engine.load(otherRules), (error: unknown) => {
      const { code } = error as WeirError
      return code === (how === 'failWarm' ? 'ERR_ENGINE_KERNEL_FAULT' : 'ERR_ENGINE_WORKER_LOST')
    })
    assert.equal(failing.engine.version, before)
    assert.equal(await textOf(failing.engine.filter([records(count)])), keptRecords(count))
    failing.fail('none', 0)
    const after = await failing.engine.load(otherRules)
    assert.notEqual(after, before)
    assert.equal(failing.engine.version, after)
    assert.equal(await failing.engine.load(smallRules), before, 'the version depends on the meaning alone')
    await failing.engine.close()
  })
}
