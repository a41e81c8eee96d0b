// The engine's public face but for streams and files: evaluate, evaluateMany, load, close, compileRules.

import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { after, before, test } from 'node:test'
import { compileRules } from '#src/compiled-rules.js'
import type { Engine } from '#src/engine.js'
import { createEngine } from '#src/engine.js'
import type { WeirError } from '#src/errors.js'
import { failingEngine, keptRecords, otherRules, records, smallRules, until } from './engine-harness.js'
import { controlWord } from './pool/failing-worker.js'

let engine: Engine
before(async () => {
  engine = await createEngine({ rules: smallRules, threads: 2, batchBytes: 4096, validation: 'full' })
})
after(async () => {
  await engine.close()
})

const text = '{"k":1}\n\n{"k":2}\r\nnonsense\n{"k":0}\n{"k":1,"n":"last"}'

test('a verdict has counts, columns, ranges and bytes of each route', async () => {
  const verdict = await engine.evaluate(Buffer.from(text))
  assert.deepEqual(verdict.counts, {
    records: 5,
    kept: 3,
    dropped: 1,
    malformed: 1,
    malformedByReason: { 'too-long': 0, utf8: 0, syntax: 1, 'not-object': 0, depth: 0 },
    byRule: [2, 1],
    byDefault: 1,
    byRoute: { keep: 2, side: 1 },
  })
  assert.equal(verdict.version, engine.version)
  assert.deepEqual([...verdict.recordStarts], [0, 9, 18, 27, 35])
  assert.deepEqual([...verdict.recordEnds], [8, 18, 27, 35, 53])
  assert.deepEqual(
    [...verdict.routes].map((route) => verdict.routeNames[route]),
    ['keep', 'side', 'malformed', 'drop', 'keep'],
  )
  assert.deepEqual(
    [...verdict.rules].map((rule) => verdict.ruleNames[rule]),
    ['one', 'two', undefined, 'default', 'one'],
  )
  assert.deepEqual(
    [0, 2].map((record) => verdict.reasonOf(record)),
    [undefined, 'syntax'],
  )
  assert.deepEqual([...verdict.ranges('keep')], [0, 8, 35, 53])
  assert.equal(Buffer.from(verdict.gather('keep')).toString(), '{"k":1}\n{"k":1,"n":"last"}\n')
  assert.equal(Buffer.from(verdict.gather('side')).toString(), '{"k":2}\r\n')
  assert.deepEqual([...verdict.valueStarts], [0, 53])
})

test('neighbours of one route are one range, and blank lines part them', async () => {
  const verdict = await engine.evaluate(Buffer.from('{"k":1}\n{"k":1}\n\n{"k":1}\n'))
  assert.deepEqual([...verdict.ranges('keep')], [0, 16, 17, 25])
  assert.deepEqual([...verdict.ranges('drop')], [])
  assert.equal(verdict.gather('drop').length, 0)
})

for (const [size, count] of [
  ['on the calling thread', 100],
  ['in one batch', 250_000],
  ['in many batches', 3000],
] as const) {
  test(`the input may be changed as soon as evaluate() returned: ${size}`, async () => {
    const own = count > 10_000 ? await createEngine({ rules: smallRules, threads: 1, batchBytes: 32 << 20 }) : engine
    const input = records(count)
    const pending = own.evaluate(input)
    input.fill(0x78)
    const verdict = await pending
    assert.equal(Buffer.from(verdict.gather('keep')).toString(), keptRecords(count))
    assert.equal(verdict.ranges('keep').length, 2 * Math.floor((count + 1) / 3))
    if (own !== engine) await own.close()
  })
}

test('no input, and input without records, have empty verdicts', async () => {
  for (const input of ['', '\n', '\ufeff', '\r\n \t\n']) {
    const verdict = await engine.evaluate(Buffer.from(input))
    assert.equal(verdict.records, 0)
    assert.equal(verdict.recordStarts.length, 0)
    assert.equal(verdict.gather('keep').length, 0)
  }
  assert.equal((await engine.evaluateMany([])).records, 0)
  assert.deepEqual([...(await engine.evaluateMany([null, new Uint8Array(0)])).valueStarts], [0, 0, 0])
})

test('a hole among the values is refused, as undefined is, and not taken for a value', async () => {
  const sparse: Uint8Array[] = []
  sparse[0] = Buffer.from('{"k":1}\n')
  sparse[2] = Buffer.from('{"k":1}\n')
  const refused = { code: 'ERR_CONFIG_INVALID', message: /`values\[1\]` cannot be undefined/ }
  await assert.rejects(engine.evaluateMany(sparse), refused)
  await assert.rejects(engine.evaluateMany([sparse[0], undefined as unknown as null]), refused)
})

test('each of several values is text of its own, and its records can be told from its neighbours’', async () => {
  const verdict = await engine.evaluateMany([
    Buffer.from('{"k":1}\n{"k":0}'),
    null,
    Buffer.from('\ufeff{"k":2}'),
    Buffer.from('{"k"'),
    Buffer.from(':1}\n'),
  ])
  assert.equal(Buffer.from(verdict.bytes).toString(), '{"k":1}\n{"k":0}\n{"k":2}\n{"k"\n:1}\n')
  assert.deepEqual([...verdict.valueStarts], [0, 16, 16, 24, 29, 33])
  assert.deepEqual(
    [0, 1, 2, 3, 4].map((value) => verdict.recordsOf(value)),
    [
      [0, 2],
      [2, 2],
      [2, 3],
      [3, 4],
      [4, 5],
    ],
  )
  assert.equal(verdict.counts.malformed, 2)
  assert.throws(() => verdict.recordsOf(5), RangeError)
})

test('verdicts that nobody releases do not keep later ones from being right', async () => {
  const held = []
  for (let i = 0; i < 20; i++) held.push(await engine.evaluate(records(2000 + i)))
  held.forEach((verdict, i) => {
    assert.equal(Buffer.from(verdict.gather('keep')).toString(), keptRecords(2000 + i))
  })
  for (const verdict of held) verdict.release()
  assert.equal(engine.stats().slabsInUse, 0)
})

test('a verdict in a slab gives it back when released, and not twice', async () => {
  const own = await createEngine({ rules: smallRules, threads: 1, batchBytes: 1 << 20 })
  const value = records(5000)
  const asked = Array.from({ length: 10 }, (_, i) => (i % 2 === 0 ? own.evaluate(value) : own.evaluateMany([value])))
  const verdicts = await Promise.all(asked)
  assert.equal(own.stats().slabsInUse, 8, 'eight verdicts hold slabs, the others are copies')
  for (const verdict of verdicts) {
    assert.equal(Buffer.from(verdict.gather('keep')).toString(), keptRecords(5000))
    verdict.release()
    verdict.release()
    assert.equal(verdict.counts.records, 5000)
  }
  assert.equal(own.stats().slabsInUse, 0)
  await own.close()
})

test('a rule set is swapped between batches: each batch has one version, and none is lost', async () => {
  const own = await createEngine({ rules: smallRules, threads: 2, batchBytes: 4096 })
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
        // Kept and dropped change places with the rule set, so a batch of two versions would show.
        assert.equal(counts.byRule.length, 2)
        out += segments.reduce((sum, { bytes }) => sum + bytes.length, 0)
        if (versions.length === 10) await (swap = own.load(otherRules))
      },
    },
  )
  const second = await swap!
  assert.notEqual(first, second)
  assert.deepEqual(totals.versions, [first, second])
  assert.ok(versions.lastIndexOf(first) < versions.indexOf(second))
  assert.equal(out, 60 * records(300).length)
  assert.equal(own.stats().loads, 2)
  await own.close()
})

test('loads that overlap take effect in the order they were asked for', async () => {
  const own = await createEngine({ rules: smallRules, threads: 2 })
  const versions = await Promise.all([own.load(otherRules), own.load(smallRules), own.load(otherRules)])
  assert.equal(versions[0], versions[2])
  assert.equal(own.version, versions[2])
  assert.equal((await own.evaluate(records(30))).version, versions[2])
  await own.close()
})

test('a rule set with problems leaves the old one in force', async () => {
  const before = engine.version
  await assert.rejects(engine.load({ ...smallRules, rules: [{ id: 'x', when: { field: 'k' }, then: 'keep' }] }), {
    code: 'ERR_RULESET_INVALID',
  })
  assert.equal(engine.version, before)
  assert.equal((await engine.evaluate(records(3))).counts.byRoute['keep'], 1)
})

test('closing lets evaluations finish, and refuses what comes later', async () => {
  const failing = await failingEngine({ threads: 1 })
  failing.fail('block', 1)
  const pending = failing.engine.evaluate(records(3000))
  await until(() => Atomics.load(failing.control, controlWord.blocked) === 1)
  const closing = failing.engine.close()
  await assert.rejects(failing.engine.evaluate(records(3)), { code: 'ERR_ENGINE_CLOSED' })
  failing.free()
  assert.equal((await pending).records, 3000)
  await closing
  await failing.engine.close()
})

test('closing ends a stream after what was read is delivered', async () => {
  const own = await createEngine({ rules: smallRules, threads: 1, batchBytes: 4096 })
  const source = new Readable({ read: () => undefined })
  source.push(records(3000))
  let kept = ''
  let closing: Promise<void> | undefined
  const done = own.filterBatches(source, {
    routes: ['keep'],
    onBatch: ({ segments }) => {
      closing ??= own.close()
      for (const { bytes } of segments) kept += Buffer.from(bytes).toString()
    },
  })
  await assert.rejects(done, (error: unknown) => (error as WeirError).code === 'ERR_ENGINE_CLOSED')
  assert.ok(kept.length > 0 && keptRecords(3000).startsWith(kept))
  assert.equal(source.destroyed, true)
  await closing
})

test('an engine can be disposed of at the end of a block', async () => {
  const own = await createEngine({ rules: smallRules, threads: 1 })
  await own[Symbol.asyncDispose]()
  await assert.rejects(own.load(otherRules), { code: 'ERR_ENGINE_CLOSED' })
})

test('both kernels can be asked for, and the one in use is told', async () => {
  const own = await createEngine({ rules: smallRules, threads: 1, kernel: 'portable' })
  assert.deepEqual(own.kernel, { name: 'portable' })
  assert.equal((await own.evaluate(records(3000))).counts.byRoute['keep'], 1000)
  await own.close()
  assert.ok(engine.kernel.name === 'native' || engine.kernel.fallback !== undefined)
})

test('many calls at once share the workers, also from within onBatch', async () => {
  const inputs = Array.from({ length: 40 }, (_, i) => records(1500 + i))
  const verdicts = await Promise.all(inputs.map((input) => engine.evaluate(input)))
  verdicts.forEach((verdict, i) => assert.equal(verdict.records, 1500 + i))
  let nested = 0
  await engine.filterBatches([records(5000)], {
    onBatch: async () => {
      nested += (await engine.evaluate(records(3000))).records
      nested += (await engine.filterBatches([records(2000)], { onBatch: () => undefined })).counts.records
    },
  })
  assert.ok(nested > 0 && nested % 5000 === 0)
  for (const verdict of verdicts) verdict.release()
})

test('a compiled rule set judges single records, as object, text or bytes', () => {
  const rules = compileRules(smallRules)
  assert.deepEqual(rules.test({ k: 1 }), { route: 'keep', rule: 'one', reason: undefined, version: engine.version })
  assert.equal(rules.test('{"k":2}\n').route, 'side')
  assert.deepEqual(rules.test(Buffer.from('{"k":3}')).rule, 'default')
  assert.deepEqual(rules.test('{"k":}'), {
    route: 'malformed',
    rule: undefined,
    reason: 'syntax',
    version: engine.version,
  })
  assert.equal(rules.test({ k: 1, fill: 'x'.repeat(100_000) }).route, 'keep')
  assert.equal(rules.test({ k: 1, fill: 'x'.repeat(2 << 20) }).reason, 'too-long')
  for (const wrong of ['', '{}\n{}', ' ', { k: 1n }]) {
    assert.throws(() => rules.test(wrong), { code: 'ERR_CONFIG_INVALID' })
  }
})
