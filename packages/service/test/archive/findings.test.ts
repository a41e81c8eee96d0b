// Holds docs/archive.md to the kinds of findings.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'

import { findingKinds } from '#src/archive/findings.js'

test('the table of kinds is the one of the code', () => {
  const document = readFileSync(new URL('../../../../docs/archive.md', import.meta.url), 'utf8')
  const rows = document.slice(document.indexOf('| Kind ')).split('\n').slice(2)
  const end = rows.findIndex((row) => !row.startsWith('|'))
  const found = rows.slice(0, end).map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
  assert.deepEqual(
    found,
    Object.entries(findingKinds).map(([kind, meaning]) => [`\`${kind}\``, meaning]),
  )
})
