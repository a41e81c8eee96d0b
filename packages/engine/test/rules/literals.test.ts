// Literals and bounds: what may stand without quotes, and what text each stands for.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileRuleSet } from '#src/rules/compile.js'
import type { PlanPredicate } from '#src/rules/program.js'
import { compileOne, issuesOf, readLists, ruleSetOf, shown, yamlOf } from './rule-sets.js'

function entryOf(source: Parameters<typeof compileRuleSet>[0]): string {
  const [list] = readLists(compileRuleSet(source).program)
  assert.ok(list?.kind === 'set')
  assert.equal(list.entries.length, 1)
  return String(list.entries[0])
}

function jsonOf(operator: string): { text: string; format: 'json' } {
  const when = `{"field":"a",${operator}}`
  return { text: `{"version":1,"default":"drop","rules":[{"id":"a","when":${when},"then":"keep"}]}`, format: 'json' }
}

test('integers and booleans without quotes stand for their text as written', () => {
  const kept = ['0', '-0', '7', '-12', '503', '12345678901234567890123456789', 'true', 'false']
  for (const literal of kept) {
    assert.equal(entryOf(yamlOf(`{ field: a, equals: ${literal} }`)), literal)
    assert.equal(entryOf(jsonOf(`"equals":${literal}`)), literal)
  }
})

test('other unquoted values are refused, with the quotes to write', () => {
  const refused = ['0777', '+5', '1.5', '1e3', '0x1F', '0o17', '.inf', '-.INF', '.nan', 'True', 'FALSE', '1.']
  for (const literal of refused) {
    const [issue, ...rest] = issuesOf(yamlOf(`{ field: a, equals: ${literal} }`))
    assert.equal(rest.length, 0)
    assert.deepEqual(
      [issue?.path, issue?.line, issue?.column, issue?.suggestion],
      ['rules[0].when.equals', 5, 31, `write "${literal}"`],
    )
  }
  for (const literal of ['1.5', '1e3', '-0.0']) {
    assert.equal(issuesOf(jsonOf(`"equals":${literal}`))[0]?.suggestion, `write "${literal}"`)
  }
  for (const literal of ['null', '~', 'Null']) {
    assert.deepEqual(
      issuesOf(yamlOf(`{ field: a, equals: ${literal} }`)).map((issue) => issue.suggestion),
      [`write "${literal}" for that text, or \`exists: false\` for no value`],
    )
  }
  assert.match(issuesOf(yamlOf('{ field: a, equals: }'))[0]?.message ?? '', /A text to compare with is missing/)
})

test('what YAML 1.2 calls text is text, though YAML 1.1 did not', () => {
  for (const literal of ['yes', 'no', 'on', 'Off', '2001-01-01', '12:30:45', '1_000', '5xx', '0b11', '1,5', '=']) {
    assert.equal(entryOf(yamlOf(`{ field: a, equals: ${literal.includes(',') ? `"${literal}"` : literal} }`)), literal)
  }
})

test('quoted text is taken as it is, whatever it looks like', () => {
  for (const literal of ['0777', 'null', '', ' ', '~', '\u0000', '\u{1F600}', '\n']) {
    assert.equal(entryOf(yamlOf(`{ field: a, equals: ${JSON.stringify(literal)} }`)), literal)
    assert.equal(entryOf(jsonOf(`"equals":${JSON.stringify(literal)}`)), literal)
  }
})

test('objects of a program may hold strings, booleans, safe integers and bigints', () => {
  assert.equal(entryOf(ruleSetOf({ field: 'a', equals: 42 })), '42')
  assert.equal(entryOf(ruleSetOf({ field: 'a', equals: true })), 'true')
  assert.equal(entryOf(ruleSetOf({ field: 'a', equals: 2n ** 80n })), String(2n ** 80n))
  assert.equal(entryOf(ruleSetOf({ field: 'a', equals: Number.MAX_SAFE_INTEGER })), '9007199254740991')
  assert.match(issuesOf(ruleSetOf({ field: 'a', equals: 2 ** 53 }))[0]?.suggestion ?? '', /bigint/)
  for (const value of [1.5, Number.NaN, Number.POSITIVE_INFINITY, null, () => 1, Symbol.iterator, new Map()]) {
    assert.equal(issuesOf(ruleSetOf({ field: 'a', equals: value })).length, 1)
  }
})

test('lone surrogates are refused wherever a text stands', () => {
  for (const key of ['equals', 'search', 'prefix', 'contains', 'cidr']) {
    assert.match(issuesOf(yamlOf(`{ field: a, ${key}: "\\ud800" }`))[0]?.message ?? '', /half of a surrogate pair/)
    assert.match(issuesOf(jsonOf(`"${key}":"\\udc00"`))[0]?.message ?? '', /half of a surrogate pair/)
  }
  assert.equal(entryOf(jsonOf('"equals":"\\ud83d\\ude00"')), '\u{1F600}')
})

function boundOf(source: Parameters<typeof compileRuleSet>[0]): string | undefined {
  const [predicate] = compileRuleSet(source).program.plan.predicates
  return (predicate as Extract<PlanPredicate, { op: 'compare' }>).gte
}

test('bounds keep the text of the rule file, never a double', () => {
  const kept = [
    '0',
    '-0',
    '500',
    '9223372036854775807',
    '18446744073709551616123',
    '0.5',
    '-1.50',
    '1e3',
    '1E+400',
    '0.1e-9',
  ]
  for (const bound of kept) {
    assert.equal(boundOf(yamlOf(`{ field: a, gte: ${bound} }`)), bound)
    assert.equal(boundOf(jsonOf(`"gte":${bound}`)), bound)
    assert.equal(boundOf(yamlOf(`{ field: a, gte: "${bound}" }`)), bound)
  }
  for (const bound of ['007', '-00.5', '00e1']) assert.equal(boundOf(yamlOf(`{ field: a, gte: "${bound}" }`)), bound)
})

test('bounds of a program are finite numbers, bigints or such text', () => {
  assert.equal(boundOf(ruleSetOf({ field: 'a', gte: 0.5 })), '0.5')
  assert.equal(boundOf(ruleSetOf({ field: 'a', gte: 1e21 })), '1e+21')
  assert.equal(boundOf(ruleSetOf({ field: 'a', gte: 2n ** 64n })), '18446744073709551616')
  for (const bound of [Number.NaN, Number.NEGATIVE_INFINITY, true, null, '', 'x', ' 5', '5 ', [5]]) {
    assert.equal(issuesOf(ruleSetOf({ field: 'a', gte: bound })).length, 1, String(bound))
  }
})

test('what is no JSON number is no bound, and the likely number is suggested', () => {
  const cases: readonly [string, string][] = [
    ['0x10', 'write 16'],
    ['0o17', 'write 15'],
    ['0777', 'write 777'],
    ['+5', 'write 5'],
    ['.5', 'write 0.5'],
    ['5.', 'write 5'],
    ['"1_000"', 'write 1000'],
    ['" 5"', 'write 5'],
    ['"+1"', 'write 1'],
    ['.inf', 'write a number such as 500 or 0.5'],
    ['true', 'write a number such as 500 or 0.5'],
    ['"5ms"', 'write a number such as 500 or 0.5'],
  ]
  for (const [bound, suggestion] of cases) {
    assert.deepEqual(
      issuesOf(yamlOf(`{ field: a, lt: ${bound} }`)).map((issue) => issue.suggestion),
      [suggestion],
      bound,
    )
  }
})

test('several bounds of one predicate become one comparison', () => {
  const { plan } = compileOne({ field: 'a', gte: 1, lt: 5, gt: '0' }).program
  assert.deepEqual(plan.predicates, [{ op: 'compare', field: 0, lt: '5', gt: '0', gte: '1' }])
})

test('missing values are texts too', () => {
  const { plan } = compileRuleSet({
    text: 'version: 1\ndefault: keep\nrules: []\nmissing: ["-", 0, false, "-"]',
  }).program
  assert.deepEqual(plan.missing, ['-', '0', 'false'])
  assert.deepEqual(shown(issuesOf({ text: 'version: 1\ndefault: keep\nrules: []\nmissing: ["-", null, 1.0]' })), [
    '4:16 missing[1]: `null` needs quotes: only integers, `true` and `false` go without. [write "null" for that text, or `exists: false` for no value]',
    '4:22 missing[2]: `1.0` needs quotes: only integers, `true` and `false` go without. [write "1.0"]',
  ])
})
