// Holds docs/settings.md to the settings: its tables have every setting as the schema has it, its examples go through the
// loader, and what it says of the built-in settings and of the original is what holds.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { importCompiled, readText } from './checkout.ts'
import { readMarkdown } from './markdown.ts'

const document = 'docs/settings.md'
const { blocks, rows } = readMarkdown(readText(document))

interface SettingRow {
  readonly path: string
  readonly type: string
  readonly standard?: string
  readonly isRequired: boolean
  readonly unit?: string
  readonly environmentName: string
  readonly meaning: string
}

interface Loaded {
  readonly original?: Readonly<Record<string, unknown>>
}

type Load = (sources: Record<string, unknown>) => Loaded

async function loader(): Promise<Load> {
  const { loadSettings } = await importCompiled('packages/service/dist/config/load.js')
  return (sources) => (loadSettings as Load)({ environment: {}, sets: [], cwd: '/', ...sources })
}

test('docs/settings.md holds every setting, once, with its type, default, unit, variable and meaning', async () => {
  const { settingRows } = await importCompiled('packages/service/dist/config/outline.js')
  const expected = (settingRows as () => SettingRow[])().map((row) => {
    const standard = row.standard === undefined ? '' : `\`${row.standard}\``
    const cells = [`\`${row.path}\``, row.type, row.isRequired ? 'required' : standard, row.unit ?? '']
    return [...cells, `\`${row.environmentName}\``, row.meaning]
  })
  const documented = rows.filter(({ table, cells }) => table === 'Setting' && cells[0]?.startsWith('`') === true)
  assert.ok(documented.length > 40)
  const byName = ([a = '']: readonly string[], [b = '']: readonly string[]) => (a < b ? -1 : 1)
  assert.deepEqual(documented.map(({ cells }) => [...cells]).sort(byName), expected.sort(byName))
})

test('every example of settings in docs/settings.md goes through the loader', async () => {
  const load = await loader()
  const examples = blocks.filter(({ info }) => info === 'yaml')
  assert.ok(examples.length >= 4)
  for (const { text, line } of examples) {
    const file = { name: `${document}:${line}`, text }
    assert.doesNotThrow(() => load({ file }), JSON.stringify(errorsOf(() => load({ file }))))
  }
})

function errorsOf(run: () => unknown): unknown {
  try {
    return run() === undefined
  } catch (error) {
    return (error as { issues?: unknown }).issues ?? error
  }
}

test('docs/settings.md shows the built-in settings as they are', async () => {
  const { defaultSettingsText } = await importCompiled('packages/service/dist/config/defaults.js')
  const text = (defaultSettingsText as (rules: string) => string)('rules.yaml').trimEnd()
  assert.ok(blocks.some((block) => block.text === text))
})

test('the defaults of the original in docs/settings.md are those that its settings get', async () => {
  const load = await loader()
  const { original = {} } = load({ original: { name: 'settings.json', text: '{}' } })
  const found = rows.filter(({ table, cells }) => table.startsWith('Original') && cells[0]?.startsWith('`') === true)
  assert.equal(found.length, 6)
  for (const { cells, line } of found) {
    const path = (cells[0] ?? '').replaceAll('`', '').split('.')
    const value = path.reduce<unknown>((object, step) => (object as Record<string, unknown>)[step], original)
    const written = typeof value === 'string' ? value : JSON.stringify(value)
    assert.equal(cells[1], `\`${written}\``, `${document}:${line}`)
  }
})
