// Holds docs/archive.md to the kinds of findings: what each means, and what to do about it.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'

import { findingKinds } from '#src/archive/findings.js'

test('the table of kinds is the one of the code', () => {
  assert.deepEqual(
    rowsOf('| Kind '),
    Object.entries(findingKinds).map(([kind, meaning]) => [`\`${kind}\``, meaning]),
  )
})

test('for each kind it is said how it comes about, and what to do', () => {
  const rows = rowsOf('| Finding ')
  assert.deepEqual(
    rows.map(([kind]) => kind),
    Object.keys(findingKinds).map((kind) => `\`${kind}\``),
  )
  for (const row of rows) assert.deepEqual([row.length, row.includes('')], [3, false])
})

/** Returns the cells of a table of the page, without its head. */
function rowsOf(head: string): string[][] {
  const document = readFileSync(new URL('../../../../docs/archive.md', import.meta.url), 'utf8')
  const rows = document.slice(document.indexOf(head)).split('\n').slice(2)
  const end = rows.findIndex((row) => !row.startsWith('|'))
  return rows.slice(0, end).map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
}
