// The tests that a rule set brings along, and what else is for tests and benchmarks.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileRules } from '#src/compiled-rules.js'
import { prepareCompileRun, prepareKernelInput, prepareKernelRun, testRules } from '#src/testing.js'
import { smallRules } from './engine-harness.js'

test('a rule set’s own tests pass or fail by route and by rule', () => {
  const results = testRules({
    ...smallRules,
    tests: [
      { name: 'kept', record: { k: 1 }, expect: 'keep' },
      { name: 'routed by two', record: '{"k":"2"}', expect: 'side', rule: 'two' },
      { name: 'wrong route', record: { k: 2 }, expect: 'drop' },
      { name: 'wrong rule', record: { k: 0 }, expect: 'drop', rule: 'two' },
      { name: 'malformed', record: '{', expect: 'malformed' },
    ],
  })
  assert.deepEqual(
    results.map(({ name, passed }) => [name, passed]),
    [
      ['kept', true],
      ['routed by two', true],
      ['wrong route', false],
      ['wrong rule', false],
      ['malformed', true],
    ],
  )
  assert.deepEqual(results[2]?.expected, { route: 'drop' })
  assert.deepEqual([results[2]?.actual.route, results[2]?.actual.rule], ['side', 'two'])
  assert.deepEqual([results[3]?.expected.rule, results[3]?.actual.rule], ['two', 'default'])
  assert.equal(results[4]?.actual.reason, 'syntax')
})

test('a rule set without tests has no results', () => {
  assert.deepEqual(testRules(smallRules), [])
})

test('what was released gives its native memory back, and evaluates no more', async () => {
  const rules = compileRules(smallRules, { kernel: 'native' })
  assert.equal(rules.test({ k: 1 }).route, 'keep')
  rules.release()
  rules.release()
  assert.throws(() => rules.test({ k: 1 }), { code: 'ERR_ENGINE_KERNEL_FAULT' })
  const run = await prepareKernelRun(smallRules, Buffer.from('{"k":1}\n'), { kernel: 'native' })
  run.evaluate()
  assert.equal(run.counts().kept, 1)
  run.release()
  assert.throws(() => run.evaluate(), { code: 'ERR_ENGINE_KERNEL_FAULT' })
})

test('batches that are prepared once serve several runs in turn, whole or in part', async () => {
  const lines = Array.from({ length: 2000 }, (_, i) => `{"k":${i % 4},"text":"${'x'.repeat(100)}"}\n`)
  const input = prepareKernelInput(Buffer.from(lines.join('')), { batchBytes: 65_536 })
  assert.ok(input.batches >= 3)
  const rulesFor = (equals: number) =>
    ({ version: 1, default: 'drop', rules: [{ id: 'r', when: { field: 'k', equals }, then: 'keep' }] }) as const
  for (const kernel of ['native', 'portable'] as const) {
    const runs = await Promise.all([1, 2].map((k) => prepareKernelRun(rulesFor(k), input, { kernel })))
    for (const [i, run] of runs.entries()) {
      assert.equal(run.batches, input.batches)
      run.evaluate()
      assert.deepEqual([run.counts().records, run.counts().kept], [2000, 500])
      assert.equal(
        Buffer.concat(run.kept()).toString(),
        lines.filter((line) => line.includes(`"k":${i + 1},`)).join(''),
      )
    }
    const [run] = runs
    const parts = [0, 1, 2].map((batch) => {
      run!.evaluate(batch, batch === 2 ? input.batches : batch + 1)
      assert.equal(run!.kept().length, batch === 2 ? input.batches - 2 : 1)
      return run!.counts().records
    })
    assert.ok(parts.every((records) => records > 0))
    assert.equal(parts[0]! + parts[1]! + parts[2]!, 2000)
    runs.forEach((each) => each.release())
  }
})

test('compiling and loading can be taken apart, on either kernel, again and again', async () => {
  for (const kernel of ['portable', 'native'] as const) {
    const run = await prepareCompileRun({ text: JSON.stringify(smallRules), format: 'json' }, { kernel })
    assert.equal(run.kernel, kernel)
    for (let i = 0; i < 3; i++) {
      run.compile()
      const release = run.load()
      release()
    }
  }
  const wrong = { text: '{"version": 1, "rules": [{"id": "a"}]}', format: 'json' } as const
  await assert.rejects(prepareCompileRun(wrong, { kernel: 'portable' }), { code: 'ERR_RULESET_INVALID' })
})
