// Generated rule sets: of one seed always the same, accepted by the engine without a warning, and over all operators.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileRules } from '@weir/engine'
import { generateRules } from '#src/rule-sets/operators.js'
import { generateWordRule } from '#src/rule-sets/words.js'

const operators = [
  ...['matches', 'search', 'equals', 'in', 'prefix', 'suffix', 'contains', 'exists', 'lt', 'lte', 'gt', 'gte', 'cidr'],
  ...['ignoreCase', 'decode', 'all', 'any', 'not'],
]

function uses(rules: object): string[] {
  const text = JSON.stringify(rules)
  return operators.filter((operator) => text.includes(`"${operator}":`))
}

test('a seed always makes the same rules, and another seed others', () => {
  assert.deepEqual(generateRules({ rules: 100, seed: 4 }), generateRules({ rules: 100, seed: 4 }))
  assert.notDeepEqual(generateRules({ rules: 100, seed: 4 }), generateRules({ rules: 100, seed: 5 }))
})

for (const count of [1, 10, 100, 1000]) {
  test(`${count} rules of any seed are accepted without a warning`, () => {
    for (const seed of [0, 1, 2, 3, 2 ** 31]) {
      const rules = generateRules({ rules: count, seed })
      assert.equal(rules.rules.length, count)
      assert.deepEqual(compileRules(rules).warnings, [], `seed ${seed}`)
    }
  })
}

test('a thousand rules of any seed use every operator', () => {
  for (let seed = 0; seed < 20; seed++) assert.deepEqual(uses(generateRules({ rules: 1000, seed })), operators)
})

test('ten rules are of ten families, over most operators', () => {
  for (let seed = 0; seed < 20; seed++) {
    const rules = generateRules({ rules: 10, seed })
    assert.equal(new Set(rules.rules.map(({ id }) => id.replace(/-\d+$/, ''))).size, 10)
    assert.ok(uses(rules).length >= 9, `seed ${seed}: ${uses(rules).join()}`)
  }
})

test('plain rules neither decode nor ignore case by a modifier', () => {
  const used = uses(generateRules({ rules: 1000, seed: 3, operators: 'plain' }))
  assert.deepEqual(
    operators.filter((operator) => !used.includes(operator)),
    ['ignoreCase', 'decode'],
  )
})

test('rules on few fields ask for no others, and where none can be made that is said', () => {
  const fields = ['UA', 'reqPath', 'reqHost', 'reqMethod', 'cliIP', 'statusCode']
  for (const [count, seed] of [
    [10, 1],
    [100, 2],
    [1000, 3],
  ] as const) {
    const rules = generateRules({ rules: count, seed, fields, keepShare: 0.02 })
    assert.equal(rules.rules.length, count)
    const asked = JSON.stringify(rules.rules.slice(0, -1)).matchAll(/"field":"(\w+)"/g)
    assert.deepEqual(
      Array.from(new Set(Array.from(asked, ([, field]) => field))).filter((field) => !fields.includes(field!)),
      [],
    )
    assert.deepEqual(compileRules(rules).warnings, [])
  }
  assert.throws(() => generateRules({ rules: 10, seed: 1, fields: ['customField'] }), /no rules can be made/)
})

test('the last rule keeps the wanted share, to the last digit', () => {
  for (const share of [1, 0.5, 0.1, 0.02, 0.001, 1 / 16 ** 4]) {
    const { rules } = generateRules({ rules: 1, seed: 1, keepShare: share })
    const { when } = rules[0]!
    assert.ok('prefix' in when && Array.isArray(when.prefix))
    const prefixes = when.prefix as string[]
    const kept = Array.from({ length: 16 ** 4 }, (_, i) => i.toString(16).padStart(4, '0')).filter((id) =>
      prefixes.some((prefix) => id.startsWith(prefix)),
    )
    assert.equal(kept.length, Math.round(share * 16 ** 4))
    assert.deepEqual(compileRules({ version: 1, default: 'drop', rules }).warnings, [])
  }
})

test('a list of words has as many as it should, none twice, two of them such as paths have', () => {
  for (const words of [2, 10, 2500]) {
    const rules = generateWordRule({ words, seed: 1 })
    const { when } = rules.rules[0]!
    assert.ok('contains' in when && Array.isArray(when.contains))
    assert.equal(new Set(when.contains as string[]).size, words)
    assert.ok(['invoices', 'wishlist'].every((word) => (when.contains as string[]).includes(word)))
    assert.deepEqual(compileRules(rules).warnings, [])
    assert.deepEqual(generateWordRule({ words, seed: 1 }), rules)
  }
})
