// Generated records: of one seed always the same, as long as they should be, and in the shape that was asked for. Read back
// with JSON.parse, which knows nothing of how they were written.

import assert from 'node:assert/strict'
import { isUtf8 } from 'node:buffer'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { loadCase } from '#src/cases.js'
import { prepareInput, recordsFor } from '#src/inputs.js'
import { readRecord } from '#src/plain-json.js'
import { pathStart } from '#src/records/decoys.js'
import { bytesOfRecord, isSpelledPlainly, nameOfInput } from '#src/records/shape.js'
import type { InputDescription, RecordShape } from '#src/records/shape.js'

const folder = mkdtempSync(join(tmpdir(), 'weir-bench-records-'))
after(() => rmSync(folder, { recursive: true }))
const records = 600

function describe(shape: RecordShape): InputDescription {
  return { generator: 'records', ...shape }
}

function bytesOf(shape: RecordShape, seed = 1, count = records): Buffer {
  return readFileSync(prepareInput(folder, describe(shape), count, seed).path)
}

function linesOf(shape: RecordShape): string[] {
  return bytesOf(shape).toString('utf8').trimEnd().split('\n')
}

type Json = Record<string, unknown>

function parsed(shape: RecordShape): Json[] {
  return linesOf(shape).map((line) => JSON.parse(line) as Json)
}

const shapes: readonly RecordShape[] = [
  {},
  { size: 'small' },
  { size: 'large' },
  { values: 'unique' },
  { escapes: 'half' },
  { escapes: 'all' },
  { keys: 'shuffled' },
  { keys: 'misleading' },
  { values: 'alternating' },
  { paths: 'common-start' },
  { whiteSpace: 'spaced' },
  { nesting: 'nested' },
  { size: 'small', values: 'unique' },
  { nesting: 'nested', keys: 'shuffled', escapes: 'all', whiteSpace: 'spaced' },
]

for (const shape of [...shapes, { malformedEvery: 3 }]) {
  test(`${nameOfInput(describe(shape))}: equal seeds give equal bytes, others others, and few records begin many`, () => {
    const all = bytesOf(shape)
    assert.ok(all.subarray(0, bytesOf(shape, 1, 100).length).equals(bytesOf(shape, 1, 100)))
    assert.ok(!all.equals(bytesOf(shape, 2)))
    rmSync(prepareInput(folder, describe(shape), records, 1).path)
    assert.ok(all.equals(bytesOf(shape)))
    assert.equal(all.toString('latin1').split('\n').length, records + 1)
  })

  test(`${nameOfInput(describe(shape))}: a wanted size is met`, () => {
    const description = describe(shape)
    const input = prepareInput(folder, description, recordsFor(description, 500_000), 3)
    assert.ok(Math.abs(input.bytes / 500_000 - 1) < 0.1, `${input.bytes / input.records} bytes a record`)
  })
}

for (const shape of shapes) {
  test(`${nameOfInput(describe(shape))}: every record is well-formed, without equal keys`, () => {
    for (const line of linesOf(shape)) {
      const read = readRecord(Buffer.from(line))
      assert.ok(read !== undefined, line)
      assert.equal(read.size, Object.keys(JSON.parse(line) as Json).length)
    }
  })

  test(`${nameOfInput(describe(shape))}: it is told whether a writer of JSON gives the bytes back`, () => {
    const isSame = linesOf(shape).every((line) => JSON.stringify(JSON.parse(line)) === line)
    assert.equal(isSpelledPlainly(describe(shape)), isSame)
  })
}

test('records of the first shape have the keys of weir generate ds2, and values that repeat', () => {
  const [sample] = readFileSync(prepareInput(folder, { generator: 'ds2' }, 1, 1).path, 'utf8').split('\n')
  const all = parsed({})
  assert.deepEqual(Object.keys(all[0]!), Object.keys(JSON.parse(sample!) as Json))
  const different = (key: string): number => new Set(all.map((record) => record[key])).size
  for (const key of ['UA', 'country', 'reqHost', 'statusCode']) assert.ok(different(key) < records / 4, key)
  assert.equal(different('reqId'), records)
})

test('unique values are alike in no field, and keep what rules look at', () => {
  const [repeated, unique] = [parsed({}), parsed({ values: 'unique' })]
  for (const key of Object.keys(unique[0]!).filter((name) => name !== 'version')) {
    assert.equal(new Set(unique.map((record) => record[key])).size, records, key)
  }
  for (const [i, record] of unique.entries()) {
    const other = repeated[i]!
    for (const key of ['UA', 'country', 'reqMethod', 'statusCode', 'queryStr'])
      assert.ok(String(record[key]).startsWith(String(other[key])), key)
    assert.ok(String(record['reqHost']).endsWith(String(other['reqHost'])))
    assert.equal(Math.floor(Number(record['statusCode'])), Number(other['statusCode']))
  }
})

test('escapes that nothing demands are in all records, or in every second', () => {
  const isEscaped = (line: string): boolean => JSON.stringify(JSON.parse(line)) !== line
  assert.ok(linesOf({ escapes: 'all' }).every(isEscaped))
  assert.ok(linesOf({ escapes: 'half' }).every((line, i) => isEscaped(line) === (i % 2 === 1)))
  assert.ok(!linesOf({}).some(isEscaped))
  const all = linesOf({ escapes: 'all' }).join('\n')
  // In a key; a quote; a letter beyond ASCII as it is.
  for (const form of [/[,{]"[^"]*\\u00..[^"]*":"/, /\\"/, /é/, /🌊/]) assert.match(all, form)
})

test('shuffled keys stand in another order in every record, and say the same', () => {
  const [ordered, shuffled] = [parsed({}), parsed({ keys: 'shuffled' })]
  assert.deepEqual(shuffled, ordered)
  assert.equal(new Set(shuffled.map((record) => Object.keys(record).join())).size, records)
})

test('misleading keys look like those of the record, which say what they always say', () => {
  const [plain, misled] = [parsed({}), parsed({ keys: 'misleading' })]
  const right = new Set(Object.keys(plain[0]!))
  const decoys = misled.map((record) => Object.keys(record).filter((key) => !right.has(key)))
  assert.ok(misled.every((record) => [...right].every((key) => key in record)))
  assert.ok(decoys.some((keys) => keys.length === 0) && decoys.some((keys) => keys.length > 10))
  const all = decoys.flat()
  for (const like of ['statusCodf', 'ttatusCode', 'StatusCode', 'statusCod', 'statusCode_'])
    assert.ok(all.includes(like), like)
  assert.ok(all.some((key) => key.length > 40))
  assert.ok(all.some((key) => /^statusCode[0-9a-f]{8}$/.test(key)))
  assert.equal(new Set(misled.map((record) => Object.keys(record).join())).size, records)
})

test('alternating values repeat for 5,000 records, and are alike in no field for 5,000 more', () => {
  const shape = { values: 'alternating' } as const
  const lines = bytesOf(shape, 1, 10_100).toString('utf8').split('\n')
  const agents = (from: number, to: number): number =>
    new Set(lines.slice(from, to).map((line) => (JSON.parse(line) as Json)['UA'])).size
  assert.ok(agents(0, 5000) < 1000)
  assert.equal(agents(5000, 10_000), 5000)
  assert.ok(agents(10_000, 10_100) < 90)
})

test('paths with a common start repeat the folder that the words of hostile-prefixes begin with', () => {
  const paths = parsed({ paths: 'common-start' }).map((record) => String(record['reqPath']))
  const times = paths.map((path) => path.split(pathStart).length - 1)
  assert.ok(paths.every((path) => path.startsWith(pathStart.repeat(2))))
  assert.deepEqual([Math.min(...times), Math.max(...times)], [2, 11])
  const [rule] = loadCase(fileURLToPath(new URL('../../cases/hostile-prefixes.json', import.meta.url))).rules.rules
  const { contains } = rule!.when as { readonly contains: readonly string[] }
  assert.ok(contains.length === 5000 && contains.every((word) => word.startsWith(pathStart)))
})

test('white space stands behind every colon and comma between members, and nowhere else', () => {
  const [plain, spaced] = [linesOf({}), linesOf({ whiteSpace: 'spaced' })]
  assert.deepEqual(
    spaced.map((line) => line.replaceAll('": ', '":').replaceAll(', "', ',"')),
    plain,
  )
  assert.ok(!spaced.some((line) => /":[^ ]|[^\\]",[^ ]/.test(line)))
})

test('nested records have numbers, booleans, null, arrays, and objects four deep', () => {
  const all = parsed({ nesting: 'nested' })
  const text = JSON.stringify(all)
  for (const form of [/:null/, /:true/, /:false/, /:\d+\.\d+/, /\[\{"note"/, /"request":\{[^}]*"headers":\{/])
    assert.match(text, form)
  assert.ok(all.every((record) => typeof (record['client'] as { geo: { country: unknown } }).geo.country === 'string'))
})

test('every so many records one is malformed, at fixed places, in every way there is', () => {
  const lines = bytesOf({ malformedEvery: 3 }).toString('latin1').trimEnd().split('\n')
  const bytes = lines.map((line) => Buffer.from(line, 'latin1'))
  assert.ok(bytes.every((line, i) => (readRecord(line) === undefined) === (i % 3 === 2)))
  const spoiled = bytes.filter((_, i) => i % 3 === 2)
  assert.ok(spoiled.some((line) => !isUtf8(line)))
  const parses = (line: Buffer): boolean => {
    try {
      return JSON.parse(line.toString('utf8')) !== undefined
    } catch {
      return false
    }
  }
  const wellFormed = spoiled.filter((line) => isUtf8(line) && parses(line)).map(String)
  // JSON that is no object, and what is nested too deep.
  assert.ok(wellFormed.some((line) => !line.startsWith('{')))
  assert.ok(wellFormed.some((line) => line.includes('"deep"')))
  // The others are what they are without.
  const plain = linesOf({})
  assert.ok(lines.every((line, i) => i % 3 === 2 || line === plain[i]))
})

test('names of descriptions tell them apart, and do not tell defaults', () => {
  const names = shapes.map((shape) => nameOfInput(describe(shape)))
  assert.equal(new Set(names).size, names.length)
  assert.equal(nameOfInput(describe({ size: 'ordinary', keys: 'ordered' })), nameOfInput(describe({})))
  assert.equal(bytesOfRecord({ generator: 'ds2' }), bytesOfRecord(describe({})))
})
