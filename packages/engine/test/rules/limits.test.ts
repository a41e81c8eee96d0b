// Each bound that the rules check, one step inside it and one step outside.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { limits } from '#src/limits.js'
import { compileOne, compileSeveral, errorOf, issuesOf, nested, rulesOf, ruleSetOf, shown } from './rule-sets.js'

const condition = { field: 'a', exists: true }

test('a rule set has at most as many rules as the limit says', () => {
  assert.doesNotThrow(() => compileSeveral(rulesOf(limits.rules, () => ({ when: condition }))))
  assert.deepEqual(
    shown(issuesOf({ version: 1, default: 'keep', rules: rulesOf(limits.rules + 1, () => ({ when: condition })) })),
    [
      'rules: The rule set has 1001 rules; at most 1000 are allowed. [join rules with the same action by `any`, or move values to a list file]',
    ],
  )
})

test('a rule set with too many rules shows their problems as well, in bounded number', () => {
  const rules = rulesOf(limits.rules + 1000, () => ({ whn: condition }) as unknown as { when: unknown })
  const issues = issuesOf({ version: 1, default: 'keep', rules })
  assert.equal(issues.length, 101)
  assert.match(issues[0]!.message, /2000 rules; at most 1000/)
  assert.match(issues[1]!.message, /`whn` is unknown/)
  assert.deepEqual(shown(issues.slice(-1)), ['rules[99].whn: 1901 more problems follow from here on.'])
  const text = JSON.stringify({ rules, default: 'keep', version: 1 })
  const error = errorOf({ text, format: 'json', name: 'many.json' })
  assert.match(
    error.message,
    /^many\.json has 2001 problems; the first at rules, line 1, column 2: The rule set has 2000/,
  )
  assert.equal(error.issues.length, 101)
})

test('a hundred problems are listed one by one, and of more their number', () => {
  const missing = (count: number): readonly string[] =>
    shown(issuesOf({ version: 1, default: 'keep', rules: [], missing: Array(count).fill(null) }))
  assert.equal(missing(100).length, 100)
  assert.match(missing(100).at(-1)!, /^missing\[99\]: `null` needs quotes/)
  assert.deepEqual(missing(101).slice(100), ['missing[100]: 1 more problem follows here.'])
  assert.deepEqual(missing(1_000_000).slice(100), ['missing[100]: 999900 more problems follow from here on.'])
})

test('a rule set names at most as many routes as the limit says', () => {
  const routed = (count: number): ReturnType<typeof rulesOf> =>
    rulesOf(count, (i) => ({ when: condition, then: { route: `r${i}` } }))
  const { program } = compileSeveral(routed(limits.namedRoutes))
  assert.equal(program.plan.routes.length, limits.namedRoutes + 3)
  assert.deepEqual(shown(issuesOf({ version: 1, default: 'keep', rules: routed(limits.namedRoutes + 1) })), [
    'rules: The rules name 251 routes; at most 250 are allowed.',
  ])
})

test('conditions nest at most as deep as the limit says', () => {
  assert.doesNotThrow(() => compileOne(nested(limits.conditionDepth)))
  const [issue, ...rest] = issuesOf(ruleSetOf(nested(limits.conditionDepth + 1)))
  assert.equal(rest.length, 0)
  assert.match(issue?.message ?? '', /nest more than 64 deep/)
  assert.doesNotThrow(() => issuesOf(ruleSetOf(nested(5000))))
})

test('a rule set has at most as many different predicates as the limit says', () => {
  const anyOf = (count: number): object => ({
    any: Array.from({ length: count }, (_, i) => ({ field: 'a', gt: i })),
  })
  assert.equal(compileOne(anyOf(limits.predicates)).program.plan.predicates.length, limits.predicates)
  assert.deepEqual(shown(issuesOf(ruleSetOf(anyOf(limits.predicates + 1)))), [
    'rules: The rules have 65536 different predicates; at most 65535 are allowed. [use `in` or `contains` with a list]',
  ])
})

test('a field path has at most as many steps as the limit says', () => {
  const path = (steps: number): string => Array(steps).fill('a').join('.')
  assert.doesNotThrow(() => compileOne({ field: path(limits.fieldPathSteps), exists: true }))
  assert.match(
    issuesOf(ruleSetOf({ field: path(limits.fieldPathSteps + 1), exists: true }))[0]?.message ?? '',
    /65 steps/,
  )
})

test('all patterns together have at most as many instructions as the limit says', () => {
  const anyOf = (count: number): object => ({
    any: Array.from({ length: count }, (_, i) => ({ field: 'a', search: `x{900}y{900}${i}` })),
  })
  assert.doesNotThrow(() => compileOne(anyOf(270)))
  const [issue, ...rest] = issuesOf(ruleSetOf(anyOf(290)))
  assert.equal(rest.length, 0)
  assert.match(issue?.message ?? '', /All patterns together compile to \d{6} instructions; at most 500000/)
})

test('the text of a rule set is at most as long as the limit says', () => {
  const text = `version: 1\ndefault: keep\nrules: []\n#${' '.repeat(limits.ruleFileBytes)}`
  assert.deepEqual(shown(issuesOf({ text })), [
    ': The rule set is larger than 16777216 bytes. [move long lists to list files]',
  ])
})

test('a list file is at most as long as the limit says', () => {
  const path = join(mkdtempSync(join(tmpdir(), 'weir-limits-')), 'long.txt')
  writeFileSync(path, '')
  // A file with a hole: long, and hardly there.
  truncateSync(path, limits.listBytes + 1)
  assert.deepEqual(shown(issuesOf(ruleSetOf({ field: 'a', in: { file: path } }))), [
    `rules[0].when.in.file: The file ${path} is larger than 536870912 bytes.`,
  ])
  rmSync(dirname(path), { recursive: true })
})
