// What an input is taken for by its first bytes, and how few of them it takes.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { detectBytes, detectShape } from '#src/shapes/detect.js'

const detect = (text: string, isAll = true) => detectShape(Buffer.from(text), isAll)

test('the first bytes tell what an input is', () => {
  for (const [shape, texts] of [
    ['array', ['[]', '[{', ' \r\n[\n  {"a":1}]', '\ufeff[{}]', '[ ]']],
    ['object', ['{\n', '{\n"a":1\n}', '{\n}', '{"a": [\n1]}', '{ "a": 1,\r\n  "b": 2 }', '\n\n {\n\n\n  "a"']],
    [
      'ndjson',
      ['', ' \n', '{}', '{"a":1}\n{\n', '{"a":1', 'null', '"a"\n', '[1,2]', '[[]]', '["a"]', '[', '[warning] x'],
    ],
    // A line that was cut, and the next record: one malformed record, and not the end of the input.
    ['ndjson', ['{"a":1,\n{"a":2}\n', '{"a":"x\n{"a":2}\n', '{"a":{\n{}\n', '{"a":"\\\n', '{"a":1}}\n{']],
  ] as const) {
    for (const text of texts) {
      const expected = shape === 'object' && text === '{\n' ? 'ndjson' : shape
      assert.equal(detect(text), expected, JSON.stringify(text))
    }
  }
})

test('more is asked for only as long as the answer could change', () => {
  for (const text of ['', ' ', '[', '[ \n', '{', '{"a":1', '{\n', '{"a":1,\n '])
    assert.equal(detect(text, false), undefined)
  for (const [text, shape] of [
    ['[{', 'array'],
    ['[1', 'ndjson'],
    ['{}', 'ndjson'],
    ['{"a":{}}', 'ndjson'],
    ['{\n"', 'object'],
    ['{\n{', 'ndjson'],
    ['x', 'ndjson'],
  ] as const) {
    assert.equal(detect(text, false), shape, text)
  }
  assert.equal(detect(' '.repeat(detectBytes), false), 'ndjson')
  assert.equal(detect(`{"a":"${'x'.repeat(detectBytes)}`, false), 'ndjson')
})
