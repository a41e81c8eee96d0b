// The version hash: the same for the same meaning, another for another.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileRuleSet } from '#src/rules/compile.js'
import { compileOne, yamlOf } from './rule-sets.js'

function versionOf(when: unknown, more: object = {}): string {
  return compileOne(when, more).program.plan.version
}

test('a version is 16 hexadecimal digits', () => {
  assert.match(versionOf({ field: 'a', equals: 'b' }), /^[0-9a-f]{16}$/)
})

test('formatting, comments, key order, tests and the format do not change the version', () => {
  const texts = [
    yamlOf('{ field: a, equals: "5", gte: 1 }').text,
    'rules:\n- then: keep # yes\n  when:\n    gte: "1"\n    equals: 5\n    field: \'["a"]\'\n  id: a\ndefault: drop\nversion: 1\n',
    '{"version":1,"default":"drop","rules":[{"id":"a","when":{"field":"a","equals":5,"gte":1},"then":"keep"}]}',
    `${yamlOf('{ field: a, equals: "5", gte: 1 }').text}tests: [{ name: x, record: {}, expect: drop }]\n`,
  ]
  assert.equal(new Set(texts.map((text) => compileRuleSet({ text }).program.plan.version)).size, 1)
})

const same: readonly (readonly [string, unknown, unknown])[] = [
  [
    'order inside all',
    {
      all: [
        { field: 'a', equals: 'x' },
        { field: 'b', gt: 1 },
      ],
    },
    {
      all: [
        { field: 'b', gt: 1 },
        { field: 'a', equals: 'x' },
      ],
    },
  ],
  ['order of list entries', { field: 'a', in: ['x', 'y'] }, { field: 'a', in: ['y', 'x', 'y'] }],
  ['order of prefixes', { field: 'a', prefix: ['x', 'y'] }, { field: 'a', prefix: ['y', 'x'] }],
  ['a list of one and equals', { field: 'a', in: ['x'] }, { field: 'a', equals: 'x' }],
  [
    'several operators and all',
    { field: 'a', equals: 'x', lt: 5, gt: 1 },
    {
      all: [
        { field: 'a', gt: 1 },
        { field: 'a', lt: 5 },
        { field: 'a', equals: 'x' },
      ],
    },
  ],
  [
    'nested forms of one kind',
    { any: [{ field: 'a', equals: 'x' }, { any: [{ field: 'b', equals: 'y' }] }] },
    {
      any: [
        { field: 'a', equals: 'x' },
        { field: 'b', equals: 'y' },
      ],
    },
  ],
  ['exists: false and not', { field: 'a', exists: false }, { not: { field: 'a', exists: true } }],
  ['double negation', { not: { not: { field: 'a', exists: true } } }, { field: 'a', exists: true }],
  [
    'case that is ignored',
    { field: 'a', equals: 'X', ignoreCase: true },
    { field: 'a', equals: 'x', ignoreCase: true },
  ],
  ['case ignored by either way', { field: 'a', search: 'x', ignoreCase: true }, { field: 'a', search: '(?i)x' }],
  ['networks that join', { field: 'a', cidr: ['10.0.0.0/9', '10.128.0.0/9'] }, { field: 'a', cidr: '10.0.0.0/8' }],
  ['leading zeros of a bound', { field: 'a', lt: '007' }, { field: 'a', lt: 7 }],
]

test('rule sets that mean the same have the same version', () => {
  for (const [name, one, other] of same) assert.equal(versionOf(one), versionOf(other), name)
})

test('the order of missing values does not change the version', () => {
  assert.equal(
    versionOf({ field: 'a', exists: true }, { missing: ['-', '^'] }),
    versionOf({ field: 'a', exists: true }, { missing: ['^', '-', '-'] }),
  )
})

test('every change of meaning changes the version', () => {
  const rule = { id: 'only', when: { field: 'a', equals: 'x' }, then: 'keep' as const }
  const versions = [
    versionOf({ field: 'a', equals: 'x' }),
    versionOf({ field: 'a', equals: 'y' }),
    versionOf({ field: 'b', equals: 'x' }),
    versionOf({ field: 'a.b', equals: 'x' }),
    versionOf({ field: '["a.b"]', equals: 'x' }),
    versionOf({ field: 'a[0]', equals: 'x' }),
    versionOf({ field: 'a["0"]', equals: 'x' }),
    versionOf({ field: 'a', equals: 'x', decode: 'url' }),
    versionOf({ field: 'a', equals: 'x', ignoreCase: true }),
    versionOf({ field: 'a', contains: 'x' }),
    versionOf({ field: 'a', prefix: 'x' }),
    versionOf({ field: 'a', suffix: 'x' }),
    versionOf({ field: 'a', matches: 'x' }),
    versionOf({ field: 'a', search: 'x' }),
    versionOf({ field: 'a', in: ['x', 'y'] }),
    versionOf({ field: 'a', in: ['xy'] }),
    versionOf({ field: 'a', lt: 5 }),
    versionOf({ field: 'a', lte: 5 }),
    versionOf({ field: 'a', exists: true }),
    versionOf({ field: 'a', exists: false }),
    versionOf({ field: 'a', cidr: '10.0.0.0/8' }),
    versionOf({ field: 'a', cidr: '10.0.0.0/9' }),
    versionOf({
      all: [
        { field: 'a', equals: 'x' },
        { field: 'b', equals: 'x' },
      ],
    }),
    versionOf({
      any: [
        { field: 'a', equals: 'x' },
        { field: 'b', equals: 'x' },
      ],
    }),
    versionOf({ not: { field: 'a', equals: 'x' } }),
    versionOf({ field: 'a', equals: 'x' }, { missing: ['-'] }),
    versionOf({ field: 'a', equals: 'x' }, { default: 'keep' }),
    versionOf({ field: 'a', equals: 'x' }, { rules: [{ ...rule, id: 'other' }] }),
    versionOf({ field: 'a', equals: 'x' }, { rules: [{ ...rule, then: 'drop' }] }),
    versionOf({ field: 'a', equals: 'x' }, { rules: [{ ...rule, then: { route: 'r' } }] }),
    versionOf({ field: 'a', equals: 'x' }, { rules: [rule, { ...rule, id: 'two' }] }),
    versionOf({ field: 'a', equals: 'x' }, { rules: [{ ...rule, id: 'two' }, rule] }),
  ]
  assert.equal(new Set(versions).size, versions.length)
})
