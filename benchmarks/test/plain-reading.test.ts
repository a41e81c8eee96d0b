// The judge of the suite, on records whose verdict is plain to see; and the compiled rules of the JavaScript contenders
// on the same ones.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Condition, RuleSet } from '@weir/engine'
import { compileDecider } from '#src/contenders/compiled-rules.js'
import { decidingRule } from '#src/plain-reading.js'

function ruleSet(...conditions: Condition[]): RuleSet {
  const rules = conditions.map((when, i) => ({ id: `r${i}`, when, then: 'keep' as const }))
  return { version: 1, missing: ['-'], default: 'drop', rules }
}

const lines: readonly (readonly [Condition, string, boolean])[] = [
  [{ field: 's', matches: '5\\d\\d' }, '{"s":"503"}', true],
  [{ field: 's', matches: '5\\d\\d' }, '{"s":"1503"}', false],
  [{ field: 's', matches: 'a|b' }, '{"s":"ac"}', false],
  [{ field: 's', search: '(?i)chrome' }, '{"s":"x CHROME y"}', true],
  [{ field: 's', search: '(?i)chrome' }, '{"s":"chrom"}', false],
  [{ field: 's', equals: '1' }, '{"s":1}', true],
  [{ field: 's', equals: 'null' }, '{"s":null}', false],
  [{ field: 's', in: ['a', 'b'] }, '{"s":"b"}', true],
  [{ field: 's', in: ['a', 'b'] }, '{"s":"ab"}', false],
  [{ field: 's', prefix: ['ab', 'cd'] }, '{"s":"cde"}', true],
  [{ field: 's', suffix: 'de' }, '{"s":"cde"}', true],
  [{ field: 's', contains: ['x', 'd'] }, '{"s":"cde"}', true],
  [{ field: 's', contains: 'D' }, '{"s":"cde"}', false],
  [{ field: 's', gte: '500' }, '{"s":"0700"}', true],
  [{ field: 's', gte: '500' }, '{"s":"499"}', false],
  [{ field: 's', gt: '1', lt: '3' }, '{"s":"2"}', true],
  [{ field: 's', gt: '1', lt: '3' }, '{"s":"3"}', false],
  [{ field: 's', lte: '5' }, '{"s":"-"}', false],
  [{ field: 's', exists: true }, '{"s":"-"}', false],
  [{ field: 's', exists: true }, '{"s":""}', true],
  [{ field: 's', exists: false }, '{}', true],
  [{ not: { field: 's', equals: 'a' } }, '{}', true],
  [{ field: 's', cidr: '10.16.0.0/12' }, '{"s":"10.31.255.255"}', true],
  [{ field: 's', cidr: '10.16.0.0/12' }, '{"s":"10.32.0.0"}', false],
  [{ field: 's', cidr: '2001:db8::/32' }, '{"s":"2001:db8:1::5"}', true],
  [{ field: 's', cidr: '2001:db8::/32' }, '{"s":"2001:db9::1"}', false],
  [{ field: 's', cidr: '10.0.0.0/8' }, '{"s":"::1"}', false],
  [
    {
      all: [
        { field: 's', equals: 'a' },
        { field: 't', equals: 'b' },
      ],
    },
    '{"s":"a","t":"c"}',
    false,
  ],
  [
    {
      any: [
        { field: 's', equals: 'a' },
        { field: 't', equals: 'b' },
      ],
    },
    '{"s":"x","t":"b"}',
    true,
  ],
]

test('a plain reading finds what is plain to see', () => {
  for (const [when, line, holds] of lines) {
    assert.equal(decidingRule(ruleSet(when), line), holds ? 0 : 1, `${JSON.stringify(when)} on ${line}`)
  }
})

test('the compiled rules of contenders decide the same', () => {
  for (const [when, line, holds] of lines) {
    const decide = compileDecider(ruleSet(when), (pattern, whole) => {
      const plain = pattern.replace('(?i)', '')
      const regex = new RegExp(whole ? `^(?:${plain})$` : plain, plain === pattern ? '' : 'i')
      return (text) => regex.test(text)
    })
    const record = JSON.parse(line) as Record<string, unknown>
    assert.equal(
      decide((field) => record[field]),
      holds ? 0 : 1,
      `${JSON.stringify(when)} on ${line}`,
    )
  }
})

test('the first rule that holds decides', () => {
  const rules = ruleSet({ field: 's', equals: 'b' }, { field: 's', prefix: 'a' }, { field: 's', equals: 'a' })
  assert.deepEqual(
    ['{"s":"b"}', '{"s":"a"}', '{"s":"c"}'].map((line) => decidingRule(rules, line)),
    [0, 1, 3],
  )
})

test('what it does not know it refuses instead of guessing', () => {
  assert.throws(() => decidingRule(ruleSet({ field: 'a.b', equals: '1' }), '{}'), /knows no/)
  assert.throws(() => decidingRule(ruleSet({ field: 's', search: '(?P<n>a)' }), '{"s":"a"}'), /may differ/)
  assert.throws(() => decidingRule(ruleSet({ field: 's', in: { file: 'x' } }), '{"s":{}}'), /no objects/)
})
