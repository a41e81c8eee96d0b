// The settings as a list: names in the environment, and paths as text.

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { notSettings } from '#src/config/assignments.js'
import { environmentNameOf, formatPath, leavesOf, nodeAt, pathOf, settingRows } from '#src/config/outline.js'
import { load } from './loading.js'

test('every setting has a meaning, and a variable that no other setting has', () => {
  const rows = settingRows()
  assert.ok(rows.length > 40, String(rows.length))
  assert.equal(new Set(rows.map(({ environmentName }) => environmentName)).size, rows.length)
  for (const { path: place, meaning, environmentName } of rows) {
    assert.match(meaning, /^[A-Z].*\.$/, place)
    assert.match(environmentName, /^WEIR(_{1,2}[A-Z0-9]+)+$/)
    assert.ok(!notSettings.has(environmentName))
  }
})

test('a quantity’s name ends in its unit, and says so', () => {
  for (const { path: place, unit } of settingRows()) {
    const endings = { Bytes: 'bytes', BytesPerSecond: 'bytes/s', Ms: 'ms' }
    const ending = Object.entries(endings).find(([each]) => place.endsWith(each))?.[1]
    assert.equal(unit, ending, place)
  }
})

test('a path as text is read back as the path', () => {
  for (const steps of [
    ['log', 'level'],
    ['pipelines', 'a-b', 'routes', 'c.d'],
    ['x', 'a"b]'],
    ['a', ''],
  ]) {
    assert.deepEqual(pathOf(formatPath(steps)), steps)
  }
  for (const text of ['', '.', 'a..b', 'a[b]', 'a["b]', 'a b', 'a["\\x"]']) assert.equal(pathOf(text), undefined, text)
  assert.equal(
    environmentNameOf(['pipelines', 'a-b', 'source', 'http', 'maxBodyBytes']),
    'WEIR_PIPELINES__A_B__SOURCE__HTTP__MAX_BODY_BYTES',
  )
})

test('every setting that is given has its place in the outline', () => {
  const leaves = leavesOf(load(undefined).settings)
  assert.ok(leaves.length > 25)
  for (const { path: steps, node } of leaves) assert.equal(nodeAt(steps), node)
})

test('no test, build or benchmark reads a variable that settings would refuse', () => {
  const root = fileURLToPath(new URL('../../../../', import.meta.url))
  const folders = [
    'packages/service/test',
    'packages/engine/test',
    'packages/engine/native',
    'packages/engine/src',
    'test',
    '.ci',
    'benchmarks',
  ]
  const unknown = new Set<string>()
  for (const folder of folders) {
    for (const entry of readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })) {
      if (/(^|\/)(node_modules|dist|dist-test|build)\//.test(entry) || !/\.(ts|mjs)$/.test(entry)) continue
      const text = readFileSync(path.join(root, folder, entry), 'utf8')
      for (const [, name = ''] of text.matchAll(/\benv(?:ironment)?(?:\.|\[['"])(WEIR_\w+)/g)) {
        if (!notSettings.has(name)) unknown.add(`${folder}/${entry}: ${name}`)
      }
    }
  }
  assert.deepEqual([...unknown], [], 'name them in notSettings of config/assignments.ts')
})
