// Case folding: the table equals the vendored one, and folding has RE2's meaning.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import fc from 'fast-check'
import { RE2JS } from 're2js'
import { foldBytes, foldMap, foldText } from '#src/rules/fold.js'
import { compileOne, readFolds, readLists } from './rule-sets.js'

const engineFolder = dirname(createRequire(import.meta.url).resolve('@weir/engine/package.json'))

test('the fold table is the one that the RE2 sources hold', async () => {
  const script = pathToFileURL(join(engineFolder, 'native', 'fold-table.mjs')).href
  const { readFoldPairs } = (await import(script)) as { readFoldPairs: () => [number, number][] }
  const pairs = readFoldPairs()
  assert.ok(pairs.length > 1400)
  assert.deepEqual([...foldMap()], pairs)
})

test('text folds to the smallest code point of each orbit', () => {
  assert.equal(foldText('straße K\u212a s\u017f ΣσςÅ\u212b'), 'STRAßE KK SS ΣΣΣÅÅ')
  assert.equal(foldText('ẞß'), 'ßß')
  assert.equal(foldText('\u{10428}\u{1F600}'), '\u{10400}\u{1F600}')
})

test('texts that fold alike are those that match each other under (?i)', () => {
  for (const [a, b] of [
    ['K', '\u212a'],
    ['s', '\u017f'],
    ['ß', 'ẞ'],
    ['σ', 'ς'],
    ['é', 'É'],
    ['\u{10400}', '\u{10428}'],
    ['a', 'b'],
    ['ß', 's'],
    ['ı', 'i'],
    ['İ', 'i'],
  ] as const) {
    assert.equal(foldText(a) === foldText(b), RE2JS.compile(`(?i)${a}`).matches(b), `${a} ${b}`)
  }
})

test('folding bytes in place agrees with folding text, and never needs more room', () => {
  const text = fc.string({ unit: 'binary', maxLength: 20 })
  const special = fc.constantFrom('\u212a', 'ſ', 'ẞ', 'Ⱥ', 'ⱥ', 'K', 'a', 'z', '{', '`', '\u{1E943}')
  fc.assert(
    fc.property(fc.array(fc.oneof(text, special)), (parts) => {
      const whole = parts.join('')
      const bytes = Buffer.from(`##${whole}`, 'utf8')
      const end = foldBytes(bytes, 2, bytes.length, 1)
      assert.equal(bytes.toString('utf8', 1, end), foldText(whole))
      assert.ok(end <= bytes.length - 1)
      assert.equal(foldText(foldText(whole)), foldText(whole))
    }),
  )
})

test('a program carries the fold table only when a predicate folds', () => {
  assert.deepEqual(readFolds(compileOne({ field: 'a', equals: 'x' }).program), [])
  assert.deepEqual(readFolds(compileOne({ field: 'a', search: 'x', ignoreCase: true }).program), [])
  assert.deepEqual(readFolds(compileOne({ field: 'a', equals: 'x', ignoreCase: true }).program), [...foldMap()])
})

test('entries that fold alike become one', () => {
  const { program } = compileOne({ field: 'a', in: ['Kilo', 'kilo', '\u212aILO', 'other'], ignoreCase: true })
  const [list] = readLists(program)
  assert.ok(list?.kind === 'set')
  assert.deepEqual(list.entries.map(String).toSorted(), ['KILO', 'OTHER'])
})

test('prefixes and suffixes are folded in the plan', () => {
  const { program } = compileOne({ field: 'a', prefix: ['Ab', 'AB'], suffix: 'é', ignoreCase: true })
  assert.deepEqual(program.plan.predicates, [
    { op: 'prefix', field: 0, texts: ['AB'], fold: true },
    { op: 'suffix', field: 0, texts: ['É'], fold: true },
  ])
})
