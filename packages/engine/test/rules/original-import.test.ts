// What filters of the original become in Weir's own language: the rule set, its file and the report; and that both judge
// alike where the report names no difference.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { compileRules } from '#src/compiled-rules.js'
import { compileRuleSet } from '#src/rules/compile.js'
import { importFilters } from '#src/rules/original-import.js'
import type { OriginalSettings } from '#src/rules/rule-set.js'
import { originalSettings } from '../generators/original-filters.ts'
import { word } from '../generators/vocabulary.ts'
import { errorOf } from './rule-sets.ts'

const settings: OriginalSettings = {
  filters: [
    { fieldName: 'status', regex: '5\\d\\d', include: true },
    { fieldName: 'a.b', regex: '.*"x\ny\u2028' },
    { fieldName: 'UA', regex: '.*\\bbot' },
  ],
}

test('the file holds the rule set, which has the plan of the filters', () => {
  for (const filters of [settings.filters, []]) {
    const { yaml, ruleSet } = importFilters({ filters }, 'a name\nof two lines')
    const { program } = compileRuleSet({ text: yaml })
    assert.deepEqual(program.plan, compileRuleSet(ruleSet).program.plan)
    const original = compileRuleSet({ filters }).program.plan
    assert.deepEqual([program.plan.fields, program.plan.predicates], [original.fields, original.predicates])
    assert.deepEqual(program.plan.rules, original.rules.slice(0, filters.length))
  }
})

test('the report names what differs, for all filters and for those that it concerns', () => {
  const { filters, differences } = importFilters(settings)
  assert.deepEqual(
    filters.map(({ rule, regex, include, differences: own }) => [rule, regex, include, own]),
    [
      ['filters[0]:status', '5\\d\\d', true, []],
      ['filters[1]:a.b', '.*"x\ny\u2028', false, ['dotted-names']],
      ['filters[2]:UA', '.*\\bbot', false, ['word-edges']],
    ],
  )
  assert.deepEqual(
    differences.map(({ name }) => name),
    [
      'repeated-keys',
      'text-behind',
      'value-text',
      'encoding',
      'empty-lines',
      'null-lines',
      'sizes',
      'dotted-names',
      'word-edges',
    ],
  )
  assert.deepEqual(
    importFilters({ filters: [] }).differences.map(({ name }) => name),
    ['no-filters'],
  )
})

test('filters with problems are refused, and so is a rule set', () => {
  assert.throws(
    () => importFilters({ filters: [{ fieldName: 'a', regex: '(?=a)' }] }),
    errorOf({ filters: [{ fieldName: 'a', regex: '(?=a)' }] }),
  )
  const long = { fieldName: 'a', regex: '.'.repeat(200) }
  compileRuleSet({ filters: [long] })
  assert.throws(() => importFilters({ filters: [long] }), { code: 'ERR_RULESET_INVALID', message: /at most 4096/ })
  assert.throws(() => importFilters({ version: 1, default: 'keep', rules: [] }), {
    code: 'ERR_RULESET_INVALID',
    message: /rule set already/,
  })
})

/** Records of which the report says nothing: distinct keys, and values that both see the same text of. */
const scalar = fc.oneof(
  { weight: 5, arbitrary: word.filter((text) => Buffer.from(text).toString() === text) },
  { weight: 1, arbitrary: fc.integer({ min: -999, max: 999 }) },
  { weight: 1, arbitrary: fc.boolean() },
)
const ordinary = fc.record(
  {
    a: fc.oneof(scalar, fc.record({ b: fc.oneof(scalar, fc.record({ c: scalar })), a: fc.record({ a: scalar }) })),
    b: fc.oneof(scalar, fc.constant(null)),
    ...{ UA: scalar, statusCode: scalar, é: scalar, 'x"y': scalar, '': fc.record({ a: scalar }) },
  },
  { requiredKeys: [] },
)

/** Whether the report's names of differences concern the record. */
function isConcerned(record: Readonly<Record<string, unknown>>, { filters }: OriginalSettings): boolean {
  return filters.some(({ fieldName }) => {
    const steps = fieldName === '' ? [''] : fieldName.replace(/\.+$/, '').split('.')
    let value: unknown = record
    for (const step of steps.slice(0, -1)) {
      value = (value as Readonly<Record<string, unknown>>)[step] ?? null
      // dotted-names
      if (value === null) return true
      if (typeof value !== 'object') return false
    }
    // value-text
    const last = (value as Readonly<Record<string, unknown>>)[steps.at(-1)!]
    return Object.is(last, -0) || (typeof last === 'object' && last !== null)
  })
}

test('where no difference is named, the rule set judges records as the filters do', () => {
  let compared = 0
  for (const set of fc.sample(originalSettings, { seed: 5, numRuns: 200 })) {
    const { yaml } = importFilters(set)
    const [rules, filters] = [compileRules({ text: yaml }), compileRules(set)]
    for (const record of fc.sample(ordinary, { seed: 7 + compared, numRuns: 30 })) {
      if (isConcerned(record, set)) continue
      compared++
      const { version: _, ...found } = rules.test(record)
      const { version: __, ...expected } = filters.test(record)
      assert.deepEqual(found, expected, `${JSON.stringify(record)} by ${JSON.stringify(set)}`)
    }
    rules.release()
    filters.release()
  }
  assert.ok(compared > 3000, `only ${compared} records compared`)
})
