// `weir rules check` and `weir rules schema` as their users run them.

import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'

import { folder, weir } from '../running.js'
import { rules } from './sample.js'

test('a good rule set is described, its own tests are run, and the exit code is 0', async (t) => {
  const directory = await folder(t)
  await writeFile(path.join(directory, 'rules.yaml'), rules)
  const run = await weir(['rules', 'check', 'rules.yaml'], { cwd: directory })
  assert.equal(run.code, 0, run.stderr)
  assert.match(
    run.stdout.toString(),
    /^rules\.yaml: ok\nversion  [0-9a-f]{16}\nrules    2\nroutes   keep, drop, slow\n/,
  )
  assert.match(run.stdout.toString(), /^fields   status, ms\ntests    3 of 3 pass$/m)
  const json = await weir(['rules', 'check', '--json', 'rules.yaml'], { cwd: directory })
  const result = JSON.parse(json.stdout.toString()) as { ok: boolean; fields: string[]; tests: unknown[] }
  assert.equal(result.ok, true)
  assert.deepEqual(result.fields, ['status', 'ms'])
  assert.deepEqual(result.tests[0], {
    name: 'a failure',
    passed: true,
    expected: { route: 'keep', rule: 'failures' },
    actual: { route: 'keep', rule: 'failures' },
  })
})

test('a test that fails is shown with what decided, and the exit code is 1', async (t) => {
  const directory = await folder(t)
  const failing = rules.replace('expect: slow }', 'expect: drop }')
  await writeFile(path.join(directory, 'rules.yaml'), failing)
  const run = await weir(['rules', 'check', 'rules.yaml'], { cwd: directory })
  assert.equal(run.code, 1)
  assert.match(run.stdout.toString(), /failed {3}a slow answer\n {9}expected drop\n {9}actual {3}slow \(rule slow\)\n/)
})

test('every problem of a rule set is a line, or an issue of the JSON, and the exit code is 2', async (t) => {
  const directory = await folder(t)
  await writeFile(path.join(directory, 'rules.yaml'), rules.replace('gte: 500', 'gte: many').replace('keep\n', 'kep\n'))
  const run = await weir(['rules', 'check', 'rules.yaml'], { cwd: directory })
  assert.equal(run.code, 2)
  assert.equal(run.stdout.length, 0)
  const problems = run.stderr.trimEnd().split('\n')
  assert.ok(problems.length >= 2)
  for (const problem of problems) assert.match(problem, /^rules\.yaml:\d+:\d+: \S+: /)
  const json = await weir(['rules', 'check', '--json', 'rules.yaml'], { cwd: directory })
  assert.equal(json.code, 2)
  const result = JSON.parse(json.stdout.toString()) as { ok: boolean; issues: { line: number }[] }
  assert.equal(result.ok, false)
  assert.equal(result.issues.length, problems.length)
})

test('the schema is JSON and describes rule sets', async () => {
  const run = await weir(['rules', 'schema'])
  assert.equal(run.code, 0)
  const schema = JSON.parse(run.stdout.toString()) as { required: string[]; properties: object }
  assert.ok(Object.hasOwn(schema.properties, 'rules'))
  assert.ok(schema.required.includes('version'))
})

test('what only looks wrong is told beside the problems', async (t) => {
  const directory = await folder(t)
  const wrong = 'version: 1\ndefault: drop\nrules:\n  - { id: a, when: { field: statsCode, equals: x }, then: kep }\n'
  await writeFile(path.join(directory, 'rules.yaml'), wrong)
  const run = await weir(['rules', 'check', 'rules.yaml'], { cwd: directory })
  assert.equal(run.code, 2)
  assert.match(run.stderr, /^rules\.yaml:4:\d+: rules\[0\]\.then: .*$/m)
  assert.match(run.stderr, /^warning: rules\.yaml:4:\d+: .*statusCode/m)
  const json = await weir(['rules', 'check', '--json', 'rules.yaml'], { cwd: directory })
  const result = JSON.parse(json.stdout.toString()) as { issues: unknown[]; warnings: unknown[] }
  assert.deepEqual([result.issues.length, result.warnings.length], [1, 1])
})
