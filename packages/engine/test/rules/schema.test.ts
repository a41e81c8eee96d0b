// The JSON Schema takes what the parser takes and refuses what it refuses.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import ajvModule from 'ajv/dist/2020.js'
import { operatorNames } from '#src/rules/operators.js'
import { ruleSetSchema } from '#src/rules/schema.js'
import { compileRuleSet } from '#src/rules/compile.js'
import type { RuleSet } from '#src/rules/rule-set.js'
import { ruleSetOf } from './rule-sets.js'

const Ajv = ajvModule.default
// allErrors off: only the verdict counts. strictTypes would refuse `type` lists, which the draft allows.
const validate = new Ajv({ strict: true, allowUnionTypes: true, strictRequired: false, strictTypes: false }).compile(
  ruleSetSchema(),
)

function isAccepted(ruleSet: unknown): boolean {
  try {
    compileRuleSet(ruleSet as RuleSet)
    return true
  } catch {
    return false
  }
}

const tests = [
  { name: 'a', record: { a: 1 }, expect: 'keep', rule: 'only' },
  { name: 'b', record: '{}', expect: 'drop' },
]

test('the schema accepts what the compiler accepts', () => {
  const good: unknown[] = [
    { version: 1, default: 'keep', rules: [] },
    { version: 1, default: { route: 'a.b' }, rules: [], missing: ['-', 0, true], tests: [] },
    ruleSetOf({ field: 'a', equals: 5 }, { tests }),
    ruleSetOf({ all: [{ any: [{ not: { field: 'a', exists: false } }] }] }),
    ruleSetOf({ field: 'a', decode: 'url', ignoreCase: true, matches: 'x', search: 'y', in: ['z', 1], gte: 1 }),
    ruleSetOf({ field: 'a', ignoreCase: false, gte: 1.5, lt: '007', gt: '-1e3', lte: 0 }),
    ruleSetOf({ field: 'a', prefix: 'x', suffix: ['y'], contains: ['z', true] }),
    ruleSetOf({ field: 'a', cidr: '10.0.0.0/8' }),
    ruleSetOf({ field: 'a', cidr: ['10.0.0.0/8', '::1'] }),
  ]
  for (const ruleSet of good) {
    assert.ok(isAccepted(ruleSet), JSON.stringify(ruleSet))
    assert.ok(validate(ruleSet), JSON.stringify([ruleSet, validate.errors]))
  }
})

test('the schema refuses the shapes that the compiler refuses', () => {
  const bad: unknown[] = [
    [],
    {},
    { version: 2, default: 'keep', rules: [] },
    { version: 1, default: 'alerts', rules: [] },
    { version: 1, default: { route: 'keep' }, rules: [] },
    { version: 1, default: { route: '-x' }, rules: [] },
    { version: 1, default: { route: 'a', more: 1 }, rules: [] },
    { version: 1, default: 'keep', rules: {} },
    { version: 1, default: 'keep', rules: [], missing: '-' },
    { version: 1, default: 'keep', rules: [], more: 1 },
    { version: 1, default: 'keep', rules: [{ id: 'drop', when: { field: 'a', exists: true }, then: 'keep' }] },
    { version: 1, default: 'keep', rules: [{ id: 'a', then: 'keep' }] },
    ruleSetOf({}),
    ruleSetOf({ field: 'a' }),
    ruleSetOf({ equals: 'a' }),
    ruleSetOf({ all: [] }),
    ruleSetOf({ any: {} }),
    ruleSetOf({ not: [] }),
    ruleSetOf({ all: [{ field: 'a', exists: true }], field: 'b', exists: true }),
    ruleSetOf({ field: 'a', equals: 1.5 }),
    ruleSetOf({ field: 'a', equals: null }),
    ruleSetOf({ field: 'a', equals: ['x'] }),
    ruleSetOf({ field: 'a', in: 'x' }),
    ruleSetOf({ field: 'a', in: [] }),
    ruleSetOf({ field: 'a', in: { path: 'x' } }),
    ruleSetOf({ field: 'a', prefix: { file: 'x' } }),
    ruleSetOf({ field: 'a', matches: 5 }),
    ruleSetOf({ field: 'a', gte: 'x' }),
    ruleSetOf({ field: 'a', exists: 'true' }),
    ruleSetOf({ field: 'a', decode: 'base64', exists: true }),
    ruleSetOf({ field: 'a', ignoreCase: true, exists: true }),
    ruleSetOf({ field: 'a', equal: 'x' }),
    ruleSetOf({ field: 'a', exists: true }, { tests: [{ name: 'a', record: {} }] }),
    ruleSetOf({ field: 'a', exists: true }, { tests: [{ name: 'a', record: [], expect: 'keep' }] }),
  ]
  for (const ruleSet of bad) {
    assert.ok(!isAccepted(ruleSet), JSON.stringify(ruleSet))
    assert.ok(!validate(ruleSet), JSON.stringify(ruleSet))
  }
})

test('every operator is described, with an example that the schema itself accepts', () => {
  const schema = ruleSetSchema() as {
    $defs: { predicate: { properties: Record<string, { description?: string; examples?: unknown[] }> } }
  }
  for (const name of operatorNames) {
    const property = schema.$defs.predicate.properties[name]
    assert.ok((property?.description ?? '').length > 10, name)
    for (const example of property?.examples ?? [undefined]) {
      assert.ok(validate(ruleSetOf({ field: 'a', [name]: example })), `${name} ${JSON.stringify(example)}`)
    }
  }
})
