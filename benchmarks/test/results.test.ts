// Committed result files: what they must not hold.

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'

const folder = new URL('../results/', import.meta.url)

test('committed results name no place of the machine that they were taken on', () => {
  const files = readdirSync(folder).filter((name) => name.endsWith('.json') && !name.endsWith('-quick.json'))
  assert.ok(files.length > 0)
  for (const file of files) {
    const places = readFileSync(new URL(file, folder), 'utf8').match(/(?<=[\s"'=])\/\w[\w.-]*\/[\w./-]*/g) ?? []
    assert.deepEqual(places, [], file)
  }
})
