// The costs of the operators: the program runs, and the table in docs/rules.md has its rows. The times are no test's.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { ruleSetSchema } from '@weir/engine'
import { skipWithout } from './required.ts'

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url))
const addon = at('../../packages/engine/native/build/Release/weir.node')
const skip = skipWithout('native', existsSync(addon), 'npm run build:native')

/** First two cells of each row that begins with code, which name what was measured. */
function subjects(text: string): string[] {
  const rows = text.split('\n').filter((line) => /^\| `\w+` +\| [^|]* +\| +[<\d]/.test(line))
  return rows.map((row) =>
    row
      .split('|')
      .slice(1, 3)
      .map((cell) => cell.trim())
      .join(', '),
  )
}

test(
  'every operator and modifier is measured, and docs/rules.md has the rows that the program prints',
  { skip },
  () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [at('../dist/operators.js'), '--quick'], {
      encoding: 'utf8',
    })
    assert.equal(status, 0, stderr)
    const printed = subjects(stdout)
    const rules = readFileSync(at('../../docs/rules.md'), 'utf8')
    assert.deepEqual(subjects(rules.slice(rules.indexOf('## What it costs'))), printed)
    const measured = new Set(printed.map((row) => /`(\w+)`/.exec(row)?.[1]))
    const operators = [
      ...rules.slice(rules.indexOf('## Operators'), rules.indexOf('## Literals')).matchAll(/^### `(\w+)`$/gm),
    ]
    assert.ok(operators.length > 10)
    const words = JSON.stringify(ruleSetSchema())
    for (const [, name = ''] of operators) {
      assert.ok(measured.has(name), `${name} is not measured`)
      assert.ok(words.includes(`"${name}"`), `${name} is no operator`)
    }
  },
)
