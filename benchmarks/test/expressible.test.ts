// The table of what peers can express: that which METHODOLOGY.md shows is that of the translations.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { loadCases } from '#src/cases.js'
import { expressible, renderExpressible } from '#src/peers/expressible.js'

const cases = loadCases(fileURLToPath(new URL('../cases', import.meta.url)))
const methodology = readFileSync(new URL('../METHODOLOGY.md', import.meta.url), 'utf8')

/** Rows of a Markdown table, without the spaces that line its columns up. */
function rowsOf(table: string): string[] {
  return table
    .split('\n')
    .filter((line) => line.startsWith('|') && !/^[|\s:-]+$/.test(line))
    .map((line) =>
      line
        .split('|')
        .map((cell) => cell.trim())
        .join('|'),
    )
}

test('the table of what peers can express is that of the translations', () => {
  const shown = methodology.split('<!-- expressible -->')[1] ?? ''
  const table = renderExpressible(expressible(cases))
  assert.deepEqual(rowsOf(shown), rowsOf(table), 'npm run bench:peers -- --table prints it')
})

test('every case can be expressed by some peer, and every peer can express some case', () => {
  const { cases: names, peers } = expressible(cases)
  for (const [i, name] of names.entries())
    assert.ok(
      peers.some(({ faults }) => faults[i] === undefined),
      name,
    )
  for (const { label, faults } of peers) assert.ok(faults.includes(undefined), label)
})
