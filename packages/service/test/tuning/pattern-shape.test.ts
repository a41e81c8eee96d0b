// Plain patterns, by hand, and each against the engine: what is called plain decides every value as the pattern does.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { compileRules } from '@weir/engine'
import type { Predicate } from '@weir/engine'

import { plainPattern, requiresNoText, withoutAnyAround } from '#src/tuning/pattern-shape.js'
import { proposalsFor } from '#src/tuning/advice.js'

const show = (pattern: string, isSearch: boolean): string | undefined => {
  const plain = plainPattern(pattern, isSearch)
  if (plain === undefined) return undefined
  const { texts, isOpenBefore, isOpenBehind, ignoresCase, isWithinLine } = plain
  const text = `${isOpenBefore ? '…' : ''}${texts.join('|')}${isOpenBehind ? '…' : ''}`
  return text + (ignoresCase ? ' i' : '') + (isWithinLine ? ' line' : '')
}

test('whole values, starts, ends and parts are told apart', () => {
  for (const [pattern, matches, search] of [
    ['abc', 'abc', '…abc…'],
    ['^abc', 'abc', 'abc…'],
    ['abc$', 'abc', '…abc'],
    ['^abc$', 'abc', 'abc'],
    ['\\Aabc\\z', 'abc', 'abc'],
    ['abc.*', 'abc… line', '…abc…'],
    ['.*abc', '…abc line', '…abc…'],
    ['.*?abc.*?', '…abc… line', '…abc…'],
    ['(?s).*abc.*', '…abc…', '…abc…'],
    ['(?i)abc|def', 'abc|def i', '…abc|def… i'],
    ['(?:a.b|c)', undefined, undefined],
    ['(?:ab|c)', 'ab|c', '…ab|c…'],
    ['(ab|c)', 'ab|c', '…ab|c…'],
    ['a\\.b\\/c', 'a.b/c', '…a.b/c…'],
    ['^.*abc', '…abc line', '…abc… line'],
    ['^abc|def', 'abc|def', undefined],
    ['^abc|^def', 'abc|def', 'abc|def…'],
  ] as const) {
    assert.equal(show(pattern, false), matches, `matches ${pattern}`)
    assert.equal(show(pattern, true), search, `search ${pattern}`)
  }
})

test('what has operators, classes, other flags or nothing in it is not plain', () => {
  const patterns = ['a.c', 'a+', '[ab]', '\\d', 'a\\b', 'a{2}', '(a)(b)', '(a|b)c', '(?m)^a', '(?U)a', '(?i:a)', '']
  for (const pattern of [...patterns, 'a|', '.*', 'a|.*b', 'a$|b', '\\Qa\\E', 'a\\', 'x|y|z*', '(?P<n>a)', 'a\\.*']) {
    assert.equal(show(pattern, pattern === 'a$|b'), undefined, pattern)
  }
})

/** Values around the texts that the patterns below are about. */
const values = [
  '',
  'abc',
  'ABC',
  'xabc',
  'abcx',
  'xabcx',
  'x\nabc',
  'abc\nx',
  'a.b',
  'axb',
  'def',
  'ſ',
  's',
  'k',
  '\u212a',
]

test('every operator that stands for a pattern decides each value as the pattern does, but for what its caveat says', () => {
  const patterns = [
    'abc',
    '^abc',
    'abc$',
    '.*abc',
    'abc.*',
    '.*abc.*',
    '(?i)abc',
    '(?s)abc.*',
    'a\\.b',
    'abc|def',
    '(?i)s|k',
  ]
  let compared = 0
  for (const pattern of patterns) {
    for (const operator of ['matches', 'search'] as const) {
      const predicate = { field: 'f', [operator]: pattern } as unknown as Predicate
      const ruleSet = { version: 1, default: 'drop', rules: [{ id: 'r', when: predicate, then: 'keep' }] } as const
      const [proposal] = proposalsFor(ruleSet, [1], 1)
      assert.equal(proposal?.kind, 'plain-pattern', pattern)
      const [before, after] = [compileRules(ruleSet), compileRules(proposal.changed)]
      for (const value of values) {
        if (proposal.caveat !== undefined && value.includes('\n')) continue
        compared++
        const record = { f: value }
        assert.equal(
          after.test(record).route,
          before.test(record).route,
          `${operator} ${pattern} on ${JSON.stringify(value)}`,
        )
      }
    }
  }
  assert.ok(compared > 200)
})

test('a search without what it does not need matches the same', () => {
  for (const [pattern, shorter] of [
    ['.*a[0-9]+', 'a[0-9]+'],
    ['a[0-9]+.*', 'a[0-9]+'],
    ['(?i).*?a[0-9]+.*', '(?i)a[0-9]+'],
    ['.*(ab|cd)', '(ab|cd)'],
    ['a[0-9]+\\.*', undefined],
    ['a\\\\.*', 'a\\\\'],
    ['.*a|b.*', undefined],
    ['.*', undefined],
    ['a[.*]', undefined],
    ['a.*b', undefined],
  ] as const) {
    assert.equal(withoutAnyAround(pattern), shorter, pattern)
    if (shorter === undefined) continue
    const routes = [pattern, shorter].map((search) => {
      const when = { field: 'f', search }
      const compiled = compileRules({ version: 1, default: 'drop', rules: [{ id: 'r', when, then: 'keep' }] })
      return [...values, 'a1', 'xA77y', '\na1\n', 'ab', 'a\\', 'a\\x'].map((f) => compiled.test({ f }).route)
    })
    assert.deepEqual(routes[0], routes[1], pattern)
  }
})

test('only a pattern that surely requires no text of three characters is said to require none', () => {
  for (const pattern of ['[a-z]+', '\\d{3}', 'ab', '.*', '[a-z]{30}', 'a.b.c', '[abc]d', '(?i)[a-z]|foo', '[\\d.]+']) {
    assert.equal(requiresNoText(pattern), true, pattern)
  }
  for (const pattern of [
    'abc',
    'x[a-z]+foo',
    '(?:foo)+',
    'foo|bar',
    '\\.\\.\\.',
    '\\Qa b\\E',
    '\\pN+',
    '(?U)a',
    'foo\\d',
  ]) {
    assert.equal(requiresNoText(pattern), false, pattern)
  }
})
