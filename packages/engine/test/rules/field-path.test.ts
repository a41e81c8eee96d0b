// Field paths as people write them: what each form means, and where a wrong one is pointed at.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { limits } from '#src/limits.js'
import { formatFieldPath, parseFieldPath } from '#src/rules/field-path.js'

function stepsOf(text: string): readonly (string | number)[] {
  const result = parseFieldPath(text)
  assert.ok('steps' in result, JSON.stringify(result))
  return result.steps
}

function faultOf(text: string): { message: string; position: number; suggestion?: string } {
  const result = parseFieldPath(text)
  assert.ok('message' in result, JSON.stringify(result))
  return result
}

test('dots, quoted keys and indexes make steps', () => {
  assert.deepEqual(stepsOf('statusCode'), ['statusCode'])
  assert.deepEqual(stepsOf('a.b.c'), ['a', 'b', 'c'])
  assert.deepEqual(stepsOf('a["b.c"].d'), ['a', 'b.c', 'd'])
  assert.deepEqual(stepsOf('["a.b"]'), ['a.b'])
  assert.deepEqual(stepsOf('[""]'), [''])
  assert.deepEqual(stepsOf('a[0][12].b'), ['a', 0, 12, 'b'])
  assert.deepEqual(stepsOf('a[4294967295]'), ['a', 4294967295])
  assert.deepEqual(stepsOf('user agent.größe'), ['user agent', 'größe'])
  assert.deepEqual(stepsOf('["\\u0055A\\n\\"]"]'), ['UA\n"]'])
  assert.deepEqual(stepsOf('a.0'), ['a', '0'])
  assert.deepEqual(stepsOf('@timestamp.$x-y/z'), ['@timestamp', '$x-y/z'])
})

test('what is no path is refused with its place and a cure', () => {
  const faults: readonly [string, number, RegExp, RegExp?][] = [
    ['', 1, /empty/],
    ['.a', 1, /key is missing/],
    ['a.', 3, /key is missing/],
    ['a..b', 3, /key is missing/],
    ['a.[0]', 2, /dot stands before `\[`/, /drop the dot/],
    ['[0].a', 1, /cannot begin with an index/, /\["0"\]/],
    ['a[0]b', 5, /`\.` or `\[` is expected/],
    ["['a.b']", 1, /double quotes/, /\["a\.b"\]/],
    ['a[01]', 2, /leading zeros/, /\[1\]/],
    ['a[-1]', 2, /not negative/],
    ['a[4294967296]', 2, /at most 4294967295/],
    ['a[*]', 2, /index or a key/, /\["\*"\]/],
    ['a[]', 2, /index or a key/, /\[0\]/],
    ['a[0', 2, /never closed/],
    ['a["b]', 2, /not a JSON string/],
    ['a["\\x"]', 2, /not a JSON string/],
    ['a"b', 2, /cannot stand/, /\["a\\"b"\]/],
    ['a]', 2, /cannot stand/],
    [' a', 1, /space/, /\[" a"\]/],
    ['a .b', 1, /space/],
    ['é\u{1F600}..b', 4, /key is missing/],
    ['["\\ud800"]', 1, /surrogate/],
  ]
  for (const [text, position, message, suggestion] of faults) {
    const fault = faultOf(text)
    assert.equal(fault.position, position, text)
    assert.match(fault.message, message, text)
    assert.match(fault.message, new RegExp(`at character ${position} of the path\\.$`))
    if (suggestion !== undefined) assert.match(fault.suggestion ?? '', suggestion, text)
  }
})

test('every quoted path reads back as the keys and indexes it was made of', () => {
  const key = fc.string({ unit: 'grapheme' })
  fc.assert(
    fc.property(key, fc.array(fc.oneof(key, fc.nat())), (first, rest) => {
      const steps = [first, ...rest]
      const text = steps.map((step) => `[${JSON.stringify(step)}]`).join('')
      assert.deepEqual(stepsOf(text), steps)
    }),
  )
})

test('steps are written as a path that reads back as the same, with quotes where they must be', () => {
  for (const text of [
    'a',
    'a b.c',
    'a[0].b',
    '["a.b"].c',
    '[" a"]',
    'x["[0]"][7]',
    'é.\u{1F600}',
    '["\\n"]',
    'a[""]',
  ]) {
    assert.equal(formatFieldPath(stepsOf(text)), text)
  }
  const key = fc.string({ unit: 'grapheme' })
  fc.assert(
    fc.property(key, fc.array(fc.oneof(key, fc.nat())), (first, rest) => {
      assert.deepEqual(stepsOf(formatFieldPath([first, ...rest])), [first, ...rest])
    }),
  )
})

test('a path has at most as many steps as the limit says', () => {
  assert.equal(stepsOf(Array(limits.fieldPathSteps).fill('a').join('.')).length, limits.fieldPathSteps)
  assert.match(
    faultOf(
      Array(limits.fieldPathSteps + 1)
        .fill('a')
        .join('.'),
    ).message,
    /65 steps; at most 64/,
  )
})
