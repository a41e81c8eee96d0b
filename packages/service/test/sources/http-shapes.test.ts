// What a body is taken for, and what comes of it; against the obvious way, JSON.parse, where that knows.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Random } from '#src/generators/random.js'
import { createStructureIndex } from '#src/shapes/structure-vectors.js'
import { shapeBody } from '#src/sources/http-shapes.js'

const structure = createStructureIndex()

interface Settings {
  readonly unwrapEnvelopes?: boolean
  readonly envelopeBytes?: number
  /** Sizes of the chunks. */
  readonly size?: number
}

async function shaped(body: Uint8Array | string, settings: Settings = {}): Promise<string> {
  const { unwrapEnvelopes = true, envelopeBytes = 16 << 20, size = 1 << 30 } = settings
  const bytes = Buffer.from(body)
  const chunks: Uint8Array[] = []
  for (let at = 0; at < bytes.length; at += size) chunks.push(Uint8Array.from(bytes.subarray(at, at + size)))
  const parts: Buffer[] = []
  let wasLast = false
  const pause = () => Promise.resolve()
  for await (const piece of shapeBody(chunks, { unwrapEnvelopes, envelopeBytes, structure, pause })) {
    assert.ok(!wasLast, 'something follows the last piece')
    assert.ok(piece.bytes.length > 0, 'a piece is empty')
    wasLast = piece.isLast
    parts.push(Buffer.from(piece.bytes))
  }
  assert.equal(wasLast, parts.length > 0, 'the last piece is known as such')
  assert.ok(
    chunks.every((chunk) => chunk.length === 0),
    'the memory is let go',
  )
  return Buffer.concat(parts).toString()
}

const asItIs: Readonly<Record<string, string>> = {
  NDJSON: '{"a":1}\n{"a":2}\n',
  'carriage returns and blank lines': '{"a":1}\r\n\r\n\n{"a":2}\n',
  'white space alone': ' \n\t\n',
  'an object that is not closed': '{"a":1,\n"b":2\n',
  'an object with a line in a string': '{"a":"1\n2"}\n',
  'a good line behind an open one': '{"a":{"b":1\n{"c":1}\n}\n',
  'two pretty-printed objects': '{\n"a":1\n}\n{\n"a":2\n}\n',
  'an object and an array': '{"a":1}\n[1]\n',
  'lines that are arrays': '[1]\n[2]\n',
  'an array that is not closed': '[{"a":1},\n{"a":2}\n',
  'an array with something behind it': '[{"a":1}]\n{"a":2}\n',
  'an array that ends within a string': '[{"a":1},"b\n',
  words: 'no json\nat all\n',
  'an envelope beside another line': '{"message":"{}"}\n{"message":"{}"}\n',
  'an envelope with another key': '{"message":"{}","time":1}\n',
  'an envelope with two messages': '{"message":"{}","message":"{}"}\n',
  'a message that is no text': '{"message":1}\n',
  'a message with other lines': '{"message":"{}\\nno"}\n',
  'a message with lines that are indented': '{"message":" {}"}\n',
  'an empty message': '{"message":""}\n',
  'a message with a wrong escape': '{"message":"{\\x}"}\n',
}

test('NDJSON in pieces is handed on without copying more than a few bytes of it', async (t) => {
  const chunks = [60_000, 60_000, 9_000].map((length) => Buffer.from(`${'{"a":1}'.padEnd(length - 1)}\n`))
  const memory = chunks.map(({ buffer }) => buffer)
  const concat = t.mock.method(Buffer, 'concat')
  const handedOn: ArrayBufferLike[] = []
  const options = { unwrapEnvelopes: true, envelopeBytes: 16 << 20, structure, pause: () => Promise.resolve() }
  for await (const { bytes } of shapeBody(chunks, options)) handedOn.push(bytes.buffer)
  assert.deepEqual(handedOn, memory)
  const copied = concat.mock.calls.map(({ result }) => result?.length ?? 0)
  assert.ok(Math.max(0, ...copied) < 1024, copied.join(' '))
})

for (const [what, body] of Object.entries(asItIs)) {
  test(`${what}: handed on as it is, however it is cut`, async () => {
    for (const size of [1, 2, 3, 7, 1 << 20]) {
      assert.equal(await shaped(body, { size }), body)
      assert.equal(await shaped(`\ufeff${body.slice(0, -1)}`, { size }), body)
    }
  })
}

const turned: Readonly<Record<string, readonly [body: string, lines: string]>> = {
  'an array': ['[{"a":1},{"b":[2,"]"]}]', '{"a":1}\n{"b":[2,"]"]}\n'],
  'an array over several lines': [' [\n {"a":\n1},\r\n {"b":2}\n]\n', '{"a":1}\n{"b":2}\n'],
  'an array of other values': ['[1,"a",null]', '1\n"a"\nnull\n'],
  'an empty array': ['[ ]\n', ''],
  'one pretty-printed object': ['{\n  "a": [\n    {"b": "{ }"}\n  ]\n}\n', '{  "a": [    {"b": "{ }"}  ]}\n'],
  'an envelope': ['{"message":"{\\"a\\":1}\\n\\n{\\"b\\":\\"\\u00e4\\"}"}', '{"a":1}\n\n{"b":"ä"}\n'],
  'an envelope that is pretty-printed': ['{\n "message" : "{}\\n"\n}\n', '{}\n'],
}

for (const [what, [body, lines]] of Object.entries(turned)) {
  test(`${what}: turned into lines, however it is cut`, async () => {
    for (const size of [1, 2, 3, 7, 1 << 20]) {
      assert.equal(await shaped(body, { size }), lines)
      assert.equal(await shaped(`\ufeff${body}`, { size }), lines)
    }
  })
}

test('an envelope is a record like others where it is not to be unwrapped, or too long', async () => {
  const body = '{"message":"{}"}\n'
  assert.equal(await shaped(body, { unwrapEnvelopes: false }), body)
  assert.equal(await shaped(body, { envelopeBytes: 10 }), body)
})

test('a body that is broken within a string does not disturb the one after it', async () => {
  for (const broken of ['[{"a', '[{"a\\', '[{"a":"\\', '[{"a":1}', '{\n"a']) {
    await shaped(broken)
    assert.equal(await shaped('[{"a":"]"},{}]'), '{"a":"]"}\n{}\n')
  }
})

test('a long pretty-printed object and a long array keep every value', async () => {
  const values = Array.from({ length: 60_000 }, (_, index) => ({ n: index, text: `line ${index} "[{` }))
  const lines = values.map((value) => `${JSON.stringify(value)}\n`).join('')
  assert.ok((await shaped(JSON.stringify(values), { size: 65_536 })) === lines)
  assert.ok((await shaped(JSON.stringify(values, undefined, 2), { size: 65_536 })).length > lines.length)
  const object = { values: values.slice(0, 1000) }
  const compact = await shaped(JSON.stringify(object, undefined, 1), { size: 4096 })
  assert.equal(compact.indexOf('\n'), compact.length - 1)
  assert.deepEqual(JSON.parse(compact), object)
})

test('drawn texts are arrays and objects exactly where JSON.parse says so', async () => {
  const random = new Random(Number(process.env['WEIR_SEED'] ?? 7))
  const parts = ['[', ']', '{', '}', ',', ':', '"a"', '1', '\n', ' ', '"\\""', '"[{"', 'true']
  for (let round = 0; round < 4000; round++) {
    const isArray = random.below(2) === 0
    const drawn = Array.from({ length: random.below(8) }, () => parts[random.below(parts.length)]).join('')
    const text = isArray ? `[${drawn}]` : `{\n${drawn}}`
    let value: unknown
    try {
      value = JSON.parse(text)
    } catch {
      // An array with a broken element is one all the same; an object is one by the grammar only.
      if (!isArray) assert.equal(await shaped(text), `${text}\n`, JSON.stringify(text))
      continue
    }
    const lines = (await shaped(text, { size: 1 + random.below(9) })).split('\n').filter((line) => line !== '')
    const expected = Array.isArray(value) ? value : [value]
    assert.deepEqual(
      lines.map((line) => JSON.parse(line) as unknown),
      expected,
      JSON.stringify(text),
    )
  }
})
