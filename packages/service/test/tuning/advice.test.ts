// Changes that may make rules cheaper: each is proposed where it applies and not elsewhere, and those that promise to
// change no outcome change none, on records made to tell them apart.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { compileRules } from '@weir/engine'
import type { Condition, Rule, RuleSet } from '@weir/engine'

import { proposalsFor } from '#src/tuning/advice.js'
import type { Proposal, ProposalKind } from '#src/tuning/advice.js'
import { predicateText, withFullPaths } from '#src/tuning/rule-sets.js'

function ruleSet(...rules: readonly (Condition | Rule)[]): RuleSet {
  return {
    version: 1,
    default: 'drop',
    rules: rules.map((each, i): Rule => ('then' in each ? each : { id: `r${i}`, when: each, then: 'keep' })),
  }
}

function kindsOf(set: RuleSet, decided: readonly number[] = set.rules.map(() => 1)): ProposalKind[] {
  return proposalsFor(set, decided, 100).map(({ kind }) => kind)
}

function only(set: RuleSet, kind: ProposalKind, decided: readonly number[] = set.rules.map(() => 1)): Proposal {
  const found = proposalsFor(set, decided, 100).filter((proposal) => proposal.kind === kind)
  assert.equal(found.length, 1, JSON.stringify(found))
  return found[0]!
}

const records = ['a', 'b', 'c', 'd', 'abc', 'xay', 'A', '10.1.2.3', '10.9.9.9', '', '%61'].flatMap((f) => [
  { f },
  { f, g: 'a' },
  { g: f },
])

function assertSame(before: RuleSet, after: RuleSet): void {
  const [one, other] = [compileRules(before), compileRules(after)]
  for (const record of records) assert.equal(other.test(record).route, one.test(record).route, JSON.stringify(record))
}

test('good rules get no proposals', () => {
  const set = ruleSet(
    { field: 'f', in: ['a', 'b'] },
    {
      all: [
        { field: 'g', prefix: ['x'] },
        { field: 'f', gte: '5' },
      ],
    },
  )
  assert.deepEqual(kindsOf(set), [])
})

test('a plain pattern is said by the operator for it, in the one predicate that has it', () => {
  const set = ruleSet({
    all: [{ field: 'f', search: 'abc|xay' }, { not: { field: 'g', matches: 'a', ignoreCase: true } }],
  })
  const proposals = proposalsFor(set, [1], 100)
  assert.deepEqual(
    proposals.map(({ kind }) => kind),
    ['plain-pattern', 'plain-pattern'],
  )
  const [first, second] = proposals
  assert.match(first!.text, /write \{ field: f, contains: \[abc, xay\] \}/)
  assert.equal(first!.caveat, undefined)
  assert.deepEqual(second!.changed.rules[0]!.when, {
    all: [{ field: 'f', search: 'abc|xay' }, { not: { field: 'g', ignoreCase: true, equals: 'a' } }],
  })
  for (const { changed } of proposals) assertSame(set, changed)
})

test('a pattern beside another text operator stays: `ignoreCase` would reach both', () => {
  assert.deepEqual(kindsOf(ruleSet({ field: 'f', search: '(?i)abc', prefix: ['x'] })), [])
})

test('what `.` does not match is told as a caveat', () => {
  assert.match(only(ruleSet({ field: 'f', matches: 'a.*' }), 'plain-pattern').caveat ?? '', /line break/)
  assert.equal(only(ruleSet({ field: 'f', matches: '(?s)a.*' }), 'plain-pattern').caveat, undefined)
})

test('a search that begins with `.*` is proposed without it', () => {
  const set = ruleSet({ field: 'f', search: '.*[0-9]+.*abc' })
  const { text, changed } = only(set, 'open-search')
  assert.match(text, /\{ field: f, search: '\[0-9\]\+\.\*abc' \}/)
  assertSame(set, changed)
  assert.ok(!kindsOf(ruleSet({ field: 'f', matches: '.*[0-9]+' })).includes('open-search'))
})

test('a pattern without a text that it requires is named, and what it may cost at most can be measured', () => {
  const set = ruleSet({ field: 'f', matches: '[a-z]+[0-9]+', decode: 'url' })
  const { partOnly, changed, text } = only(set, 'no-literal')
  assert.deepEqual(partOnly?.rules, set.rules)
  assert.match(text, /matches: '\[a-z\]\+\[0-9\]\+'/)
  assert.deepEqual(changed.rules[0]!.when, { exists: true, field: 'f', decode: 'url' })
})

test('`decode` is proposed to be left out, with what that risks', () => {
  const { caveat, changed } = only(ruleSet({ field: 'f', decode: 'url', equals: 'a' }), 'decode')
  assert.match(caveat ?? '', /hide it behind percent escapes/)
  assert.deepEqual(changed.rules[0]!.when, { field: 'f', equals: 'a' })
})

test('three and more predicates that test one field alike become one with a list, two stay', () => {
  const any = (...texts: readonly string[]): Condition => ({ any: texts.map((equals) => ({ field: 'f', equals })) })
  const set = ruleSet({ all: [any('a', 'b', 'c', 'a'), { field: 'g', exists: true }] })
  const { changed } = only(set, 'one-list')
  assert.deepEqual(changed.rules[0]!.when, {
    all: [
      { field: 'f', in: ['a', 'b', 'c'] },
      { field: 'g', exists: true },
    ],
  })
  assertSame(set, changed)
  assert.deepEqual(kindsOf(ruleSet(any('a', 'b'))), [])
})

test('predicates are joined by field, operator and modifiers, and the others stay beside them', () => {
  const set = ruleSet({
    any: [
      { field: 'f', equals: 'a' },
      { field: 'f', in: ['b', 'c'] },
      { field: 'g', equals: 'a' },
      { field: 'f', equals: 'x', ignoreCase: true },
      { field: 'f', equals: 'd' },
      { field: 'f', cidr: ['10.1.0.0/16'] },
      { field: 'f', equals: 'q', exists: true },
    ],
  })
  const { changed } = only(set, 'one-list')
  assert.deepEqual((changed.rules[0]!.when as { any: unknown }).any, [
    { field: 'f', in: ['a', 'b', 'c', 'd'] },
    { field: 'g', equals: 'a' },
    { field: 'f', equals: 'x', ignoreCase: true },
    { field: 'f', cidr: ['10.1.0.0/16'] },
    { field: 'f', equals: 'q', exists: true },
  ])
  assertSame(set, changed)
})

test('networks of several predicates are joined, lists in files are not', () => {
  const networks = ['10.1.0.0/16', '10.2.0.0/16', '10.9.0.0/16']
  const set = ruleSet({ any: networks.map((cidr) => ({ field: 'f', cidr })) })
  assertSame(set, only(set, 'one-list').changed)
  const files = ['a', 'b', 'c'].map((file) => ({ field: 'f', in: { file } }))
  assert.deepEqual(kindsOf(ruleSet({ any: files })), [])
})

test('rules that follow each other and do the same become one, and those behind another action do not', () => {
  const keep = (id: string, equals: string): Rule => ({ id, when: { field: 'f', equals }, then: 'keep' })
  const drop: Rule = { id: 'no', when: { field: 'g', equals: 'a' }, then: 'drop' }
  const set = ruleSet(keep('a', 'a'), keep('b', 'b'), keep('c', 'c'), drop, keep('d', 'd'))
  const { rules, changed, caveat } = only(set, 'one-rule')
  assert.deepEqual(rules, ['a', 'b', 'c'])
  assert.match(caveat ?? '', /one rule/)
  assert.deepEqual(
    changed.rules.map(({ id }) => id),
    ['a', 'no', 'd'],
  )
  assertSame(set, changed)
  assert.deepEqual(kindsOf(ruleSet(keep('a', 'a'), keep('b', 'b'), drop, keep('c', 'c'))), [])
})

test('rules are sorted by what they decide among those that do the same, so that no outcome changes', () => {
  const rule = (id: string, equals: string, then: Rule['then']): Rule => ({
    id,
    when: { field: 'f', contains: equals },
    then,
  })
  const set = ruleSet(
    rule('one', 'x', 'keep'),
    rule('two', 'a', 'keep'),
    rule('three', 'b', 'drop'),
    rule('four', 'c', { route: 'r' }),
    rule('five', 'd', { route: 'r' }),
  )
  const { rules, changed } = only(set, 'order', [1, 50, 60, 5, 4])
  assert.deepEqual(rules, ['two'])
  assert.deepEqual(
    changed.rules.map(({ id }) => id),
    ['two', 'one', 'three', 'four', 'five'],
  )
  assertSame(set, changed)
  assert.deepEqual(kindsOf(set, [50, 1, 60, 5, 4]), [])
})

test('rules that decided nothing are named together, with the number of records', () => {
  const set = ruleSet({ field: 'f', equals: 'a' }, { field: 'g', equals: 'b' }, { field: 'g', contains: 'x' })
  const { rules, text, changed, caveat } = only(set, 'idle-rule', [3, 0, 0])
  assert.deepEqual(rules, ['r1', 'r2'])
  assert.match(text, /`r1`, `r2` decided none of 100 records/)
  assert.match(caveat ?? '', /may need them/)
  assert.deepEqual(
    changed.rules.map(({ id }) => id),
    ['r0'],
  )
})

test('many changes of one kind are one proposal, those without `decode` by field, and parts stay apart', () => {
  const many = Array.from({ length: 7 }, (_, i): Condition => ({
    field: `f${i % 2}`,
    decode: 'url',
    search: `abc${i}`,
  }))
  const set = ruleSet(...many, { field: 'f', search: '[a-z]+' }, { field: 'f', search: '[b-z]+' })
  const { rules, text, changed } = only(set, 'plain-pattern')
  assert.equal(rules.length, 7)
  assert.match(text, /^7 rules alike, of which the first: `search` on `f0`/)
  assert.deepEqual(
    changed.rules.slice(0, 7).map(({ when }) => 'contains' in when && when.contains),
    many.map((_, i) => `abc${i}`),
  )
  assert.equal(kindsOf(set).filter((kind) => kind === 'decode').length, 7)
  assert.equal(kindsOf(set).filter((kind) => kind === 'no-literal').length, 2)
  const one = ruleSet(...many.map((each) => ({ ...each, field: 'f' })))
  assert.equal(only(one, 'decode').rules.length, 7)
})

test('list files are named in full, wherever they stand', () => {
  const set = ruleSet({
    all: [{ field: 'f', in: { file: 'lists/a.txt' } }, { not: { field: 'f', cidr: { file: '/b.txt' } } }],
  })
  assert.deepEqual(withFullPaths(set, '/rules').rules[0]!.when, {
    all: [{ field: 'f', in: { file: '/rules/lists/a.txt' } }, { not: { field: 'f', cidr: { file: '/b.txt' } } }],
  })
})

test('a predicate is shown as it may be written, and reads back as what it is', () => {
  const texts = ['plain', "it's", 'true', '5', 'a: b', '#x', '', 'tab\there', '[x]', 'back\\slash', 'ü']
  const predicate = { field: 'a.b', ignoreCase: true, in: texts }
  const text = `{ version: 1, default: drop, rules: [{ id: r, when: ${predicateText(predicate)}, then: keep }] }`
  const { ruleSet: read } = compileRules({ text, format: 'yaml' })
  assert.deepEqual(read.rules[0]!.when, predicate)
})
