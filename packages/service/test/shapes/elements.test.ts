// Elements of an array and rows of objects: what becomes of each, where it lies in the input, and where an input breaks.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Random } from '#src/generators/random.js'
import { Elements } from '#src/shapes/elements.js'
import { createStructureIndex } from '#src/shapes/structure-vectors.js'
import { PlainStructureIndex } from '#src/shapes/structure.js'
import { chunkings, shapeAll } from './shaping.js'

type Name = ConstructorParameters<typeof Elements>[0]

/** What the shape makes of the text, which must be the same however it comes. */
function shaped(name: Name, text: string | Buffer) {
  const input = Buffer.from(text)
  const results = chunkings(input.length).flatMap((sizes) =>
    [new PlainStructureIndex(), createStructureIndex()].map((index) =>
      shapeAll(new Elements(name, index), input, sizes),
    ),
  )
  const [first] = results as [(typeof results)[0]]
  // Where a fault follows at once, there may be no room for the last line feed, which is then the engine's to add.
  const linesOf = (text: string) => (first.fault === undefined ? text : text.trimEnd())
  for (const each of results) assert.deepEqual([linesOf(each.text), each.fault], [linesOf(first.text), first.fault])
  return first
}

test('each element leaves as one line, with its own bytes', () => {
  for (const [array, lines] of [
    ['[]', ''],
    [' \n[ ]\n', ''],
    ['[{}]', '{}\n'],
    ['[{"a":1},{"b":[{},[]]}]', '{"a":1}\n{"b":[{},[]]}\n'],
    ['[\n{"a":1} ,\r\n\t{"b": 2}\n]\n', '{"a":1}\n{"b": 2}\n'],
    ['[{"a":"},{\\"[","\\\\":"\\\\"},{}]', '{"a":"},{\\"[","\\\\":"\\\\"}\n{}\n'],
    ['[{\n  "a": 1,\r\n  "b": [\n    2\n  ]\n}]', '{  "a": 1,  "b": [    2  ]}\n'],
    ['[1, "a,]\\"", null,true,-1.5e3 ,[1,[2]],""]', '1\n"a,]\\""\nnull\ntrue\n-1.5e3\n[1,[2]]\n""\n'],
    ['[\u0000, +x.]', '\u0000\n+x.\n'],
    ['[{"ü":"€😀"},{}]', '{"ü":"€😀"}\n{}\n'],
  ] as const) {
    const { text, fault } = shaped('array', array)
    assert.equal(text, lines, array)
    assert.equal(fault, undefined, array)
  }
})

test('objects may follow one another with white space between them', () => {
  for (const [objects, lines] of [
    ['', ''],
    ['{\n  "a": 1\n}\n', '{  "a": 1}\n'],
    ['{\n"a":1}\n{"b":\n2} {}', '{"a":1}\n{"b":2}\n{}\n'],
  ] as const) {
    const { text, fault } = shaped('object', objects)
    assert.equal(text, lines)
    assert.equal(fault, undefined)
  }
})

test('a line break in a string, which JSON forbids, stays one malformed line', () => {
  const { text, fault } = shaped('array', '[{"a":"x\ny\r\nz"},"p\nq",{}]')
  assert.equal(text, '{"a":"x\ry\r\rz"}\n"p\rq"\n{}\n')
  assert.equal(fault, undefined)
  assert.throws(() => JSON.parse(text.split('\n')[0] ?? '') as unknown)
})

test('brackets that do not fit each other are one malformed line, when there are as many of each', () => {
  assert.equal(shaped('array', '[{"a":[1}],{}]').text, '{"a":[1}]\n{}\n')
})

test('where an input breaks, what came before is there and the place is told', () => {
  for (const [name, input, before, line, byte, problem] of [
    ['array', '', '', 1, 0, /holds no array/],
    ['array', '{}', '', 1, 0, /has "\{" where the "\[" of an array is expected/],
    ['array', '[{}', '{}\n', 1, 3, /ends before its array is closed/],
    ['array', '[{},\n', '{}\n', 2, 5, /ends before its array is closed/],
    ['array', '[{},\n{"a":[1', '{}\n{"a":[1\n', 2, 12, /ends within the value that begins at byte 5 in line 2/],
    ['array', '[{},"ab', '{}\n"ab\n', 1, 7, /ends within the value that begins at byte 4/],
    ['array', '[{},12', '{}\n12\n', 1, 6, /ends before its array is closed/],
    ['array', '[{},,{}]', '{}\n', 1, 4, /has "," where an element is expected/],
    ['array', '[{},]', '{}\n', 1, 4, /has "\]" where an element/],
    ['array', '[,{}]', '', 1, 1, /has "," where an element or "\]"/],
    ['array', '[{}\n{}]', '{}\n', 2, 4, /has "\{" where "," or "\]"/],
    ['array', '[{}]\n x', '{}\n', 2, 6, /has "x" where the end of the input, behind its array, is expected/],
    ['array', '[tru e]', 'tru\n', 1, 5, /has "e" where "," or "\]"/],
    ['array', '[{},}', '{}\n', 1, 4, /has "\}" where an element/],
    ['array', '[1"a",{}]', '1\n', 1, 2, /has """ where "," or "\]"/],
    ['array', '[{} \u0000]', '{}\n', 1, 4, /has the byte 0x0 where/],
    ['object', '{\n}\n,{}', '{}\n', 3, 4, /has "," where the "\{" of an object/],
    ['object', '{}{}', '{}\n', 1, 2, /has "\{" where white space between two objects/],
    ['object', '{\n"a":', '{"a":\n', 2, 6, /ends within the value that begins at byte 0 in line 1/],
  ] as const) {
    const { text, fault } = shaped(name, input)
    assert.equal(text.trimEnd(), before.trimEnd(), input)
    assert.equal(fault?.line, line, input)
    assert.equal(fault?.byte, byte, input)
    assert.match(fault?.problem ?? '', problem)
  }
})

test('a byte order mark that was taken off counts in places', () => {
  const elements = new Elements('array', new PlainStructureIndex(), 3)
  const { locate } = shapeAll(elements, Buffer.from('[1]'), [10])
  assert.deepEqual(locate(0), { line: 1, byte: 4 })
})

/** White space as writers put it, or none. */
function space(random: Random): string {
  return random.chance(600) ? '' : random.pick([' ', '\n', '\r\n', '\t', '  \n    '])
}

/** A JSON value, written with white space between its tokens; a string of anything where it matters. */
function drawValue(random: Random, depth: number): string {
  const gap = () => space(random)
  const string = () => JSON.stringify(Array.from({ length: random.below(6) }, () => random.pick(['"', '\\', '{', ']', ',', '\n', 'a', 'é', '😀'])).join('')) // prettier-ignore
  const many = (one: () => string) => Array.from({ length: random.below(4) }, one).join(`${gap()},${gap()}`)
  const kind = random.below(depth > 3 ? 3 : 5)
  if (kind === 0) return string()
  if (kind === 1) return random.pick(['0', '-1.5e+3', 'true', 'null'])
  if (kind === 2) return '{}'
  if (kind === 3) return `[${gap()}${many(() => drawValue(random, depth + 1))}${gap()}]`
  return `{${gap()}${many(() => `${string()}${gap()}:${gap()}${drawValue(random, depth + 1)}`)}${gap()}}`
}

/** The slow way, for valid JSON: what is left of a value without its line breaks. */
const onOneLine = (value: string) => value.replace(/[\r\n]/g, '')

test('drawn arrays give their elements, each where it lies in the input, however they come', () => {
  for (let seed = 0; seed < 150; seed++) {
    const random = new Random(seed)
    const values = Array.from({ length: random.below(12) }, () => drawValue(random, 0))
    let input = `${space(random)}[${space(random)}`
    const starts: number[] = []
    values.forEach((value, index) => {
      starts.push(Buffer.byteLength(input))
      input += value + space(random) + (index + 1 < values.length ? ',' : '') + space(random)
    })
    input += `]${space(random)}`
    const { text, fault, locate } = shaped('array', input)
    assert.equal(fault, undefined, `seed ${seed}`)
    assert.deepEqual(text.split('\n').slice(0, -1), values.map(onOneLine), `seed ${seed}`)
    const parsed = JSON.parse(input) as unknown[]
    assert.deepEqual(text.split('\n').slice(0, -1).map((line) => JSON.parse(line) as unknown), parsed) // prettier-ignore
    let at = 0
    values.forEach((value, index) => {
      const byte = starts[index] ?? -1
      const line = Buffer.from(input).subarray(0, byte).toString().split('\n').length
      assert.deepEqual(locate(at), { line, byte }, `seed ${seed}, element ${index}`)
      at += Buffer.byteLength(onOneLine(value)) + 1
    })
  }
})

test('an array that is cut anywhere gives its whole elements, and tells where it ends', () => {
  const input = Buffer.from('[{"a":[1,{}]},\n "x\\"y", {"b":"}"} , 7 ]\n')
  const whole = ['{"a":[1,{}]}', '"x\\"y"', '{"b":"}"}', '7']
  for (let end = 0; end < input.length - 2; end++) {
    const { text, fault } = shaped('array', input.subarray(0, end))
    const lines = text.split('\n').slice(0, -1)
    assert.equal(fault?.byte, end)
    assert.deepEqual(lines.slice(0, -1), whole.slice(0, Math.max(0, lines.length - 1)))
    assert.ok(lines.length === 0 || whole[lines.length - 1]?.startsWith(lines.at(-1) ?? '-'))
  }
})

test('values longer than a piece, and many of them, pass', () => {
  const long = JSON.stringify({ a: 'x'.repeat(100_000), b: [['\n', '\\']] }, null, 1)
  const { text, fault } = shapeAll(new Elements('array', createStructureIndex()), Buffer.from(`[${long},${long}]`), [70_000]) // prettier-ignore
  assert.equal(fault, undefined)
  assert.ok(text === `${onOneLine(long)}\n${onOneLine(long)}\n`)
})
