// The tests that a rule set brings along, and what else is for tests and benchmarks.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileRules } from '#src/compiled-rules.js'
import { prepareKernelRun, testRules } from '#src/testing.js'
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
