// The table: what stands in its cells, and that no ratio crosses models or cases.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digits, markdownTable, peakOf, ratioTo, renderResults, withSpread } from '#src/table.js'
import { makeResult, took } from './results.ts'

/** The cells of the row of a contender. */
function cells(table: string, label: string): string[] {
  const row = table.split('\n').find((line) => line.includes(`| ${label} `))
  assert.ok(row !== undefined, `no row for ${label} in\n${table}`)
  return row.split(/(?<!\\)\|/).map((cell) => cell.trim())
}

test('numbers have about three digits, and large ones separate their thousands', () => {
  assert.deepEqual([0, 0.00345, 0.129, 9.994, 12.34, 99.94, 123.4, 1234567].map(digits), [
    '0.00',
    '0.0034',
    '0.13',
    '9.99',
    '12.3',
    '99.9',
    '123',
    '1,234,567',
  ])
})

test('a median stands with its spread, a single sample without, and nothing is empty', () => {
  assert.equal(withSpread({ median: 2, least: 1, most: 3, count: 3 }), '2.00 (1.00–3.00)')
  assert.equal(withSpread({ median: 2, least: 2, most: 2, count: 1 }), '2.00')
  assert.equal(withSpread(undefined), '')
})

test('a Markdown table escapes bars and has as many cells in every row', () => {
  const table = markdownTable(
    ['a', 'b'],
    [
      ['x | y', '1'],
      ['z', '22'],
    ],
    ['b'],
  )
  assert.deepEqual(table.split('\n'), ['| a      |   b |', '| ------ | --: |', '| x \\| y |   1 |', '| z      |  22 |'])
})

test('a row has speed, records, time a record and the ratio to its baseline', () => {
  const baseline = makeResult({ id: 'json-parse', model: 'kernel', samples: took(0.1, 0.2) })
  const native = makeResult({ id: 'native', model: 'kernel', samples: took(0.01, 0.01) })
  const table = renderResults([baseline, native])
  assert.deepEqual(cells(table, 'native').slice(1, 13), [
    'c', 'kernel', 'native', '1', '100 (100–100)', '100,000', '10,000', '15.0 (10.0–20.0)', '', '', '', '2',
  ]) // prettier-ignore
  assert.equal(cells(table, 'json-parse')[8], 'baseline')
})

test('a contender with a wrong answer, a failed one and a skipped one are shown with the reason and no number', () => {
  const table = renderResults([
    makeResult({ id: 'rg', model: 'command', status: 'skipped', reason: 'no agreeing command' }),
    makeResult({ id: 'jq', model: 'command', status: 'wrong', reason: 'keeps 2 records, not 3' }),
    makeResult({ id: 'weir-1', model: 'command', status: 'failed', reason: 'ended with 1' }),
    makeResult({ id: 'rg-2', model: 'command', status: 'skipped', reason: 'no agreeing command' }),
  ])
  assert.equal(cells(table, 'rg').at(-2), 'skipped (1)')
  assert.equal(cells(table, 'jq').at(-2), 'WRONG, not timed (2)')
  assert.equal(cells(table, 'weir-1').at(-2), 'FAILED, not timed (3)')
  assert.equal(cells(table, 'rg-2').at(-2), 'skipped (1)')
  assert.ok(table.endsWith('\n\n1. no agreeing command\n2. keeps 2 records, not 3\n3. ended with 1'))
  assert.deepEqual(cells(table, 'jq').slice(5, 12), ['', '', '', '', '', '', ''])
})

test('a ratio is taken within a case and a model only', () => {
  const native = makeResult({ id: 'native', model: 'kernel', samples: took(1) })
  const otherModel = makeResult({ id: 'json-parse', model: 'command', samples: took(1) })
  const otherCase = makeResult({ id: 'json-parse', model: 'kernel', case: 'd', samples: took(1) })
  assert.equal(ratioTo(native, 'json-parse', [native, otherModel, otherCase]), undefined)
})

test('ratios of commands compare speeds, so that a part of the input is no advantage', () => {
  const jq = makeResult({ id: 'jq', model: 'command', bytes: 100_000, records: 100, samples: took(1) })
  const weir = makeResult({ id: 'weir-2', model: 'command', threads: 2, samples: took(1) })
  const rg = makeResult({ id: 'rg-2', model: 'command', threads: 2, samples: took(0.5) })
  const table = renderResults([jq, weir, rg])
  assert.equal(cells(table, 'weir-2')[8], '10.0')
  assert.equal(cells(table, 'weir-2')[9], '0.50')
  assert.equal(cells(table, 'jq').at(-2), 'on the first 0.10 MB')
})

test('the peak is the largest of all samples', () => {
  const samples = [5, 9, 7].map((peakBytes, round) => ({ round, seconds: 1, peakBytes }))
  assert.equal(peakOf(makeResult({ id: 'weir-1', model: 'command', samples })), 9)
  assert.equal(peakOf(makeResult({ id: 'weir-1', model: 'command', samples: took(1) })), undefined)
})
