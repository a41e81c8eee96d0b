// Settings as text: what they hold, where each value stands, and what is told of text that is no YAML.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { readDocument } from '#src/config/document.js'

test('values and keys have a line and a column; what is missing has that of what stands above it', () => {
  const document = readDocument('a:\n  b: 1\n  c: [x, y]\nd: &d { e: 5 }\nf: *d\ng:\n')
  assert.deepEqual(document.value, { a: { b: 1, c: ['x', 'y'] }, d: { e: 5 }, f: { e: 5 }, g: null })
  const places = [
    document.locate(['a', 'b'], false),
    document.locate(['a', 'b'], true),
    document.locate(['a', 'c', 1], false),
    document.locate(['a', 'z'], false),
    document.locate(['f', 'e'], false),
    document.locate(['g'], false),
  ]
  assert.deepEqual(
    places.map((place) => [place?.line, place?.column]),
    [[2, 6], [2, 3], [3, 10], [2, 3], [4, 12], [6, 1]], // prettier-ignore
  )
})

test('text that is no YAML is refused with its place, and slips that settings invite with a cure', () => {
  const firstOf = (text: string) => {
    const [{ line, column, message, suggestion } = { message: '' }] = readDocument(text).problems
    return [line, column, message, suggestion]
  }
  assert.deepEqual(firstOf('a: 1\nb: 2\na: 3\n'), [3, 1, 'The same name stands above.', 'keep one of the two'])
  assert.deepEqual(firstOf('a: 1\n---\nb: 2\n').slice(0, 3), [2, 1, 'There is more than one document.'])
  assert.deepEqual(firstOf('a:\n\tb: 1\n').at(-1), 'indent with spaces')
  assert.match(String(firstOf('listen: [::1]:9880\n').at(-1)), /quote an address/)
  assert.deepEqual(firstOf('a: !secret b\n').at(-1), 'drop the tag')
  assert.deepEqual(firstOf(''), [1, 1, 'There is nothing in it.', 'begin with `pipelines:`; `weir config show` prints what holds without settings']) // prettier-ignore
  assert.deepEqual(firstOf('- a\n').slice(0, 3), [1, 1, 'Settings are an object, with `pipelines` in it.'])
  assert.match(String(firstOf('a: "b')[2]), /quote/)
})

test('text that would exhaust its reader is refused', () => {
  const bomb =
    'a: &a [x,x,x,x,x,x,x,x,x,x]\n' +
    'bcdefghi'.replace(/./g, (c) => {
      const before = String.fromCharCode(c.charCodeAt(0) - 1)
      return `${c}: &${c} [${Array.from({ length: 10 }, () => `*${before}`).join(',')}]\n`
    })
  assert.match(readDocument(bomb).problems[0]?.message ?? '', /aliases/)
  for (const opening of ['[', '{a: ', '- ', '? ']) {
    assert.equal(readDocument(opening.repeat(100_000)).problems[0]?.message, 'The text nests too deeply.', opening)
  }
  assert.match(readDocument(' '.repeat((16 << 20) + 1)).problems[0]?.message ?? '', /16 MiB/)
})
