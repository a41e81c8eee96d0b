// `weir rules import` and filters of the original as their users run them.

import assert from 'node:assert/strict'
import { readFile, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'

import { folder, weir } from '../running.js'

const settings = JSON.stringify({
  kafka: { brokers: ['b:9092'], inboundTopic: 'raw', outboundTopic: 'processed' },
  count: 1,
  workers: 10,
  filters: [
    { fieldName: 'status', regex: '5\\d\\d', include: true },
    { fieldName: 'agent', regex: '(?i).*bot.*' },
  ],
})
const records = '{"status":"503","agent":"x"} y\n{"status":"503","agent":"Bot"}\n{"status":200}\n\n'

test('a rule set is written, which checks out, and the report says what differs', async (t) => {
  const cwd = await folder(t)
  await writeFile(path.join(cwd, 'settings.json'), settings)
  const run = await weir(['rules', 'import', 'settings.json', '-o', 'rules.yaml'], { cwd })
  assert.equal(run.code, 0, run.stderr)
  assert.equal(run.stdout.length, 0)
  assert.match(run.stderr, /^settings\.json: 2 filters imported$/m)
  assert.match(run.stderr, /^filters\[0\]:status: 5\\d\\d is 5\[0-9\]\[0-9\]; translated exactly$/m)
  assert.match(run.stderr, /^ {2}text-behind: /m)
  assert.equal((await weir(['rules', 'check', 'rules.yaml'], { cwd })).code, 0)
  const written = await weir(['rules', 'import', 'settings.json'], { cwd })
  assert.equal(written.stdout.toString(), await readFile(path.join(cwd, 'rules.yaml'), 'utf8'))
})

test('with --json the report is one object', async (t) => {
  const cwd = await folder(t)
  await writeFile(path.join(cwd, 'settings.json'), settings)
  const run = await weir(['rules', 'import', '--json', 'settings.json', '-o', 'rules.yaml'], { cwd })
  const report = JSON.parse(run.stderr) as {
    output: string
    filters: { rule: string }[]
    differences: { name: string }[]
  }
  assert.equal(report.output, 'rules.yaml')
  assert.deepEqual(
    report.filters.map(({ rule }) => rule),
    ['filters[0]:status', 'filters[1]:agent'],
  )
  assert.ok(report.differences.some(({ name }) => name === 'repeated-keys'))
})

test('filters that cannot be translated leave no file, and the exit code is 2', async (t) => {
  const cwd = await folder(t)
  await writeFile(
    path.join(cwd, 'settings.json'),
    '{"filters":[{"fieldName":"a","regex":"(?!b).*"},{"fieldName":"b","regx":"x"}]}',
  )
  const run = await weir(['rules', 'import', 'settings.json', '-o', 'rules.yaml'], { cwd })
  assert.equal(run.code, 2)
  assert.match(
    run.stderr,
    /^settings\.json:1:38: filters\[0\]\.regex: .* looks ahead, .*at character 1\. \(say what must not/m,
  )
  assert.match(run.stderr, /^settings\.json:1:66: filters\[1\]\.regx: .*did you mean `regex`/m)
  await assert.rejects(readFile(path.join(cwd, 'rules.yaml')))
  await writeFile(path.join(cwd, 'rules.yaml'), 'version: 1\ndefault: keep\nrules: []\n')
  const ready = await weir(['rules', 'import', 'rules.yaml'], { cwd })
  assert.equal(ready.code, 2)
  assert.match(ready.stderr, /rule set already/)
})

test('neither the settings nor a file that would be read as JSON is written over', async (t) => {
  const cwd = await folder(t)
  await writeFile(path.join(cwd, 'settings'), settings)
  await symlink('settings', path.join(cwd, 'linked'))
  for (const output of ['settings', './linked']) {
    const run = await weir(['rules', 'import', 'settings', '-o', output], { cwd })
    assert.equal(run.code, 2)
    assert.match(run.stderr, /is the rule file settings: write to another file/)
  }
  assert.equal(await readFile(path.join(cwd, 'settings'), 'utf8'), settings)
  const run = await weir(['rules', 'import', '--json', 'settings', '-o', 'rules.JSON'], { cwd })
  assert.equal(run.code, 2)
  assert.match(run.stderr, /^\{"error":\{"code":"ERR_CONFIG_OPTION".*name it \.yaml/)
  await assert.rejects(readFile(path.join(cwd, 'rules.JSON')))
})

test('a settings.json is a rule set as it is', async (t) => {
  const cwd = await folder(t)
  await writeFile(path.join(cwd, 'settings.json'), settings)
  const run = await weir(['filter', '--rules', 'settings.json', '--validation', 'full', '--json'], {
    cwd,
    stdin: records,
  })
  assert.equal(run.stdout.toString(), '{"status":"503","agent":"x"} y\n')
  const check = await weir(['rules', 'check', 'settings.json'], { cwd })
  assert.equal(check.code, 0)
  assert.match(check.stdout.toString(), /^dialect {2}filters of the original converter\nrules {4}2$/m)
})
