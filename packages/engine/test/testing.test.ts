// The tests that a rule set brings along.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testRules } from '#src/testing.js'
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
