// FluentD's envelopes: whose lines come out, which envelopes are malformed, and where both lie in the input.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Random } from '#src/generators/random.js'
import { Envelopes, envelopeBytes } from '#src/shapes/envelopes.js'
import { chunkings, shapeAll } from './shaping.js'

function shaped(text: string | Buffer, options?: ConstructorParameters<typeof Envelopes>[0]) {
  const input = Buffer.from(text)
  const results = chunkings(1).map((sizes) => shapeAll(new Envelopes(options), input, sizes))
  const [first] = results as [(typeof results)[0]]
  for (const each of results) assert.deepEqual([each.text, each.rejects], [first.text, first.rejects])
  return first
}

test('the lines of messages come out, one envelope after the other', () => {
  for (const [input, lines] of [
    ['{"message":"{\\"a\\":1}\\n{\\"b\\":2}\\n","host":"x","n":1,"t":true,"z":null}', '{"a":1}\n{"b":2}\n'],
    ['{"message":"{}"}\n\n \t\n{"message":"[]"}\r\n', '{}\n[]\n'],
    ['{"message":"a\\r\\nb\\n\\nc"}', 'a\r\nb\n\nc\n'],
    ['{"message":"x","message":"y"}', 'y\n'],
    ['{"m\\u0065ssage":"\\u00e9\\ud83d\\ude00\\/"}', 'é😀/\n'],
    ['{"message":"\\ud800x\\udc00"}', '\ufffdx\ufffd\n'],
    ['{"message":1.50e0}\n{"a":"message","message":true,"b":"\\"message\\":3"}', '1.50e0\ntrue\n'],
    ['{"message":"x"} and {more', 'x\n'],
    ['{}\n{"message":null}\n{"message":""}\n{"mess":"a"}', ''],
  ] as const) {
    assert.equal(shaped(input).text, lines, input)
  }
})

test('an envelope that is none is set aside as it came, with its place and reason', () => {
  const bad = [
    ['{"message":"a"', 'syntax'],
    ['{"message":"a","o":{}}', 'not-object'],
    ['{"message":["a"]}', 'not-object'],
    ['[]', 'not-object'],
    ['"a"', 'not-object'],
    ['{"message":7,"message":08}', 'syntax'],
    ['{"message":{},"message":"a"}', 'not-object'],
    [`{"message":"a","n":${'1'.repeat(1001)}}`, 'syntax'],
    [`{"message":"a","${'k'.repeat(50_001)}":1}`, 'syntax'],
    ['[] {', 'syntax'],
  ] as const
  const good = '{"message":"ok"}'
  const input = Buffer.from(bad.flatMap(([line]) => [line, good]).join('\n'), 'latin1')
  const { text, rejects } = shaped(input)
  assert.equal(text, 'ok\n'.repeat(bad.length))
  let byte = 0
  bad.forEach(([line, reason], index) => {
    const bytes = Buffer.from(`${line}\n`, 'latin1')
    assert.deepEqual(rejects[index], { line: 1 + 2 * index, byte, bytes, reason })
    byte += line.length + good.length + 2
  })
  assert.equal(rejects.length, bad.length)
})

test('bytes that are not UTF-8 stay in the lines that they stand in, and spoil no other', () => {
  for (const [input, lines] of [
    ['{"message":"a\\n\xff\\nb","\xfe":"\xff"}', 'a\n\xff\nb\n'],
    [
      '{"message":"\xe2\x82\\u00e9\\ud83d\\ude00\\ud800\\\\u\\"\xc3\xa9"}',
      '\xe2\x82\xc3\xa9\xf0\x9f\x98\x80\xef\xbf\xbd\\u"\xc3\xa9\n',
    ],
  ] as const) {
    const shape = new Envelopes()
    const parts = [...shape.push(Buffer.from(`${input}\n`, 'latin1'))].map(({ bytes }) => Buffer.from(bytes))
    assert.equal(Buffer.concat(parts).toString('latin1'), lines)
  }
})

test('a line of a message lies in the line of its envelope, and has a number there', () => {
  const { text, locate } = shaped('{"message":"a\\nb\\nc"}\n\n{"message":"d"}\n')
  assert.equal(text, 'a\nb\nc\nd\n')
  assert.deepEqual([0, 2, 4].map(locate), [1, 2, 3].map((messageLine) => ({ line: 1, byte: 0, messageLine }))) // prettier-ignore
  assert.deepEqual(locate(6), { line: 3, byte: 23 })
})

test('an envelope above the limit is malformed and its neighbours live', () => {
  const long = JSON.stringify({ message: 'x'.repeat(envelopeBytes) })
  const input = Buffer.from(`{"message":"a"}\n${long}\n{"message":"b"}`)
  for (const sizes of [[1 << 30], [1 << 16]]) {
    const { text, rejects } = shapeAll(new Envelopes(), input, sizes)
    assert.equal(text, 'a\nb\n')
    assert.ok(Buffer.concat(rejects.map(({ bytes }) => bytes)).equals(Buffer.from(`${long}\n`)))
    assert.deepEqual(rejects.map(({ isRest = false }) => isRest), rejects.map((_, index) => index > 0)) // prettier-ignore
    assert.ok(rejects.every(({ reason, line, byte }) => reason === 'too-long' && line === 2 && byte === 16))
  }
  const raised = shapeAll(new Envelopes({ leastBytes: 2 * envelopeBytes }), input, [1 << 16])
  assert.equal(raised.rejects.length, 0)
  assert.equal(raised.text.length, envelopeBytes + 5)
})

test('drawn envelopes give what JSON.parse gives', () => {
  for (let seed = 0; seed < 100; seed++) {
    const random = new Random(seed)
    const draw = () => Array.from({ length: random.below(12) }, () => random.pick(['"', '\\', '\n', '\r', 'é', '\u2028', '😀', '\ud800', 'a', '{'])).join('') // prettier-ignore
    const messages = Array.from({ length: 1 + random.below(5) }, draw)
    const input = messages.map((message) => JSON.stringify({ a: draw(), message, b: 1 })).join('\n')
    const expected = messages.filter((text) => text !== '').map((text) => (text.endsWith('\n') ? text : `${text}\n`))
    assert.equal(shaped(input).text, Buffer.from(expected.join('')).toString(), `seed ${seed}`)
  }
})
