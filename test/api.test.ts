// Compares the public names of the engine with docs/api.txt, so that a new or lost name shows in review. Behaviour is
// tested in the package. To accept a change: WEIR_UPDATE_API=1 npm test -- api.test

import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import * as engine from '@weir/engine'
import * as testing from '@weir/engine/testing'
import { readText, root } from './checkout.ts'

const entries = [
  { name: '@weir/engine', source: 'packages/engine/src/index.ts', module: engine },
  { name: '@weir/engine/testing', source: 'packages/engine/src/testing.ts', module: testing },
] as const

interface Names {
  readonly values: readonly string[]
  readonly types: readonly string[]
}

/** Names that a hand-listed barrel exports. `export *` is refused: it would make what is public invisible here. */
function exportedNames(path: string): Names {
  const text = readText(path).replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')
  assert.doesNotMatch(text, /export\s*\*/, `${path}: list the names`)
  const values: string[] = []
  const types: string[] = []
  for (const [, onlyTypes, list = ''] of text.matchAll(/export\s+(type\s+)?\{([^}]*)\}/g)) {
    for (const item of list.split(',').map((each) => each.trim())) {
      if (item === '') continue
      const name = item.split(/\s+as\s+/).at(-1) ?? item
      const isType = onlyTypes !== undefined || item.startsWith('type ')
      ;(isType ? types : values).push(name.replace(/^type\s+/, ''))
    }
  }
  for (const [, name = ''] of text.matchAll(/export\s+(?:async\s+)?(?:const|function|class)\s+(\w+)/g))
    values.push(name)
  for (const [, name = ''] of text.matchAll(/export\s+(?:interface|type)\s+(\w+)/g)) types.push(name)
  return { values: values.sort(), types: types.sort() }
}

for (const { name, source, module } of entries) {
  test(`${name} exports at run time what its barrel lists`, () => {
    assert.deepEqual(Object.keys(module).sort(), exportedNames(source).values)
  })
}

test('the public names are those of docs/api.txt', () => {
  const listed = entries.map(({ name, source }) => {
    const { values, types } = exportedNames(source)
    return [name, ...values.map((each) => `  ${each}`), ...types.map((each) => `  type ${each}`)].join('\n')
  })
  const text = listed.join('\n\n') + '\n'
  if (process.env['WEIR_UPDATE_API'] === '1') writeFileSync(join(root, 'docs/api.txt'), text)
  assert.equal(text, readText('docs/api.txt'), 'if the change is meant: WEIR_UPDATE_API=1 npm test -- api.test')
})
