// The judge of the suite, on records whose verdict is plain to see; and the compiled rules of the JavaScript contenders
// on the same ones.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Condition, RuleSet } from '@weir/engine'
import { compileDecider } from '#src/contenders/compiled-rules.js'
import { compileField, compilePattern } from '#src/contenders/json-parse.js'
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
  [{ field: 's', cidr: ['10.0.0.0/8', '2001:db8::/29'] }, '{"s":"2001:db7:ffff::"}', false],
  [{ field: 's', cidr: ['10.0.0.0/8', '2001:db8::/29'] }, '{"s":"2001:dbf::1:2:3"}', true],
  [{ field: 's', cidr: '203.0.113.7' }, '{"s":"203.0.113.7"}', true],
  [{ field: 's', cidr: '0.0.0.0/0' }, '{"s":"10.1.2"}', false],
  [{ field: 's', cidr: '0.0.0.0/0' }, '{"s":"-"}', false],
  [{ field: 's', ignoreCase: true, equals: 'Chrome' }, '{"s":"cHROME"}', true],
  [{ field: 's', ignoreCase: true, in: ['a', 'B.c'] }, '{"s":"b.C"}', true],
  [{ field: 's', ignoreCase: true, in: ['a', 'B.c'] }, '{"s":"bxc"}', false],
  [{ field: 's', ignoreCase: true, prefix: 'AB' }, '{"s":"abc"}', true],
  [{ field: 's', ignoreCase: true, suffix: ['AB', 'BC'] }, '{"s":"abc"}', true],
  [{ field: 's', ignoreCase: true, contains: '(B)' }, '{"s":"a(b)c"}', true],
  [{ field: 's', ignoreCase: true, search: 'b+$' }, '{"s":"aBB"}', true],
  [{ field: 's', ignoreCase: true, matches: 'b+' }, '{"s":"aBB"}', false],
  [{ field: 's', decode: 'url', equals: 'a b/c+' }, '{"s":"a+b%2Fc%2b"}', true],
  [{ field: 's', decode: 'url', equals: '%zz 1%' }, '{"s":"%zz+1%"}', true],
  [{ field: 's', decode: 'url', equals: 'x\uFFFDy' }, '{"s":"x%ffy"}', true],
  [{ field: 's', decode: 'url', contains: 'é' }, '{"s":"caf%C3%A9"}', true],
  [{ field: 's', decode: 'url', equals: '-' }, '{"s":"-"}', false],
  [{ field: 's', decode: 'url', ignoreCase: true, contains: 'A B' }, '{"s":"xa%20bx"}', true],
  [{ field: 's', search: 'a.b' }, '{"s":"a\\nb"}', false],
  [{ field: 's', search: '[.]b' }, '{"s":"a.b"}', true],
  [{ field: 's', search: '[.]b' }, '{"s":"axb"}', false],
  [{ field: 's', gte: 500 }, '{"s":503.25}', true],
  [{ field: 's', gte: 500 }, '{"s":"503.00000012"}', true],
  [{ field: 's', lt: 1 }, '{"s":1e-8}', true],
  [{ field: 's', gt: 0 }, '{"s":""}', false],
  [{ field: 's', lt: 5 }, '{"s":""}', false],
  [{ field: 's', lt: 5 }, '{"s":"abc"}', false],
  [{ field: 's', equals: true }, '{"s":true}', true],
  [{ field: 's', equals: 'a"\u00e9/' }, '{"s":"a\\"\\u00e9\\/"}', true],
  [{ field: 'sa', equals: '1' }, '{"s\\u0061":"1"}', true],
  [{ field: 'a.b.c', equals: '1' }, '{"a":{"b":{"c":"1"}}}', true],
  [{ field: 'a.b.c', exists: true }, '{"a":{"b":"c"}}', false],
  [{ field: 'a.b', exists: true }, '{"a":{"b":{}}}', true],
  [{ field: 'a.b', exists: true, equals: '1' }, '{"a":{"b":[]}}', false],
  [{ field: 'a.b', exists: true, prefix: '1' }, '{"a":{"b":12}}', true],
  [{ field: 'a[1].b', equals: '1' }, '{"a":[0,{"b":1}]}', true],
  [{ field: 'a[2]', exists: true }, '{"a":[0,1]}', false],
  [{ not: { any: [{ field: 's', equals: 'a' }, { not: { field: 't', exists: true } }] } }, '{"s":"b","t":0}', true],
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
    assert.equal(decidingRule(ruleSet(when), Buffer.from(line)), holds ? 0 : 1, `${JSON.stringify(when)} on ${line}`)
  }
})

test('the compiled rules of contenders decide the same', () => {
  for (const [when, line, holds] of lines) {
    const decide = compileDecider(ruleSet(when), { compileField, compilePattern })
    const record = JSON.parse(line) as Record<string, unknown>
    assert.equal(decide(record), holds ? 0 : 1, `${JSON.stringify(when)} on ${line}`)
  }
})

test('what is compared once is not taken for another record', () => {
  const decide = compileDecider(ruleSet({ field: 's', decode: 'url', ignoreCase: true, equals: 'A b' }), {
    compileField,
    compilePattern,
  })
  assert.deepEqual([decide({ s: 'a+B' }), decide({ s: 'b' }), decide({}), decide({ s: 'a%20b' })], [0, 1, 1, 0])
})

test('of equal keys the first counts, at every level, and numbers are as they were written', () => {
  const decide = (when: Condition, line: string): number | undefined => decidingRule(ruleSet(when), Buffer.from(line))
  assert.equal(decide({ field: 's', equals: 'a' }, '{"s":"a","s":"b"}'), 0)
  assert.equal(decide({ field: 's', equals: 'a' }, '{"\\u0073":"a","s":"b"}'), 0)
  assert.equal(decide({ field: 'a.s', equals: 'a' }, '{"a":{"s":"a","s":"b"},"a":{"s":"c"}}'), 0)
  assert.equal(decide({ field: 's', equals: '1.50' }, '{"s":1.50}'), 0)
  assert.equal(decide({ field: 's', gt: '9007199254740992' }, '{"s":9007199254740993}'), 0)
  assert.equal(decide({ field: 's', equals: 'x\uFFFDy' }, '{"s":"x\\ud800y"}'), 0)
})

test('a malformed record is decided by no rule', () => {
  const decide = (line: Buffer): number | undefined => decidingRule(ruleSet({ field: 's', exists: true }), line)
  const nested = (levels: number): Buffer => Buffer.from(`{"s":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`)
  assert.deepEqual([decide(nested(1024)), decide(nested(1025))], [0, undefined])
  for (const line of ['{"s":"1"', '{"s":"1"},', '[{"s":"1"}]', 'null', '{"s":"\\x"}', '{"s":"\t"}', '{"s":1,}']) {
    assert.equal(decide(Buffer.from(line)), undefined, line)
  }
  assert.equal(decide(Buffer.from('{"s":"\xff"}', 'latin1')), undefined)
})

test('the first rule that holds decides', () => {
  const rules = ruleSet({ field: 's', equals: 'b' }, { field: 's', prefix: 'a' }, { field: 's', equals: 'a' })
  assert.deepEqual(
    ['{"s":"b"}', '{"s":"a"}', '{"s":"c"}'].map((line) => decidingRule(rules, Buffer.from(line))),
    [0, 1, 3],
  )
})

test('what it does not know it refuses instead of guessing', () => {
  const decide = (when: Condition) => () => decidingRule(ruleSet(when), Buffer.from('{"s":"a"}'))
  assert.throws(decide({ field: '["a.b"]', equals: '1' }), /knows no path/)
  assert.throws(decide({ field: 's', search: '(?P<n>a)' }), /may differ/)
  assert.throws(decide({ field: 's', search: 'a\\s' }), /may differ/)
  assert.throws(decide({ field: 's', search: '(?i)a\\b' }), /may differ/)
  assert.throws(decide({ field: 's', in: { file: 'x' } }), /no list files/)
})
