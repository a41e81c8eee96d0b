// List files that a rule file names are not written over, however they are written down and by whatever name.

import assert from 'node:assert/strict'
import { link, readFile, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'

import { folder, shell, weir } from '../running.js'

const ruleFiles: Readonly<Record<string, string>> = {
  'flow.yaml':
    'version: 1\ndefault: drop\nrules:\n  - { id: a, when: { field: h, in: { file: hosts.txt } }, then: keep }\n',
  'block.yaml':
    'version: 1\ndefault: drop\nrules:\n  - id: a\n    when:\n      not:\n        any:\n          - field: h\n            in:\n              file: hosts.txt # all of them\n    then: keep\n',
  'quoted.yaml':
    "version: 1\ndefault: drop\nrules:\n  - { id: a, when: { all: [{ field: h, contains: { file: './hosts.txt' } }] }, then: keep }\n",
  'rules.json':
    '{"version":1,"default":"drop","rules":[{"id":"a","when":{"field":"h","in":{"file":"\\u0068osts.txt"}},"then":"keep"}]}',
}

for (const [name, rules] of Object.entries(ruleFiles)) {
  test(`an output that is a list file of ${name} is refused, links included`, async (t) => {
    const directory = await folder(t)
    const at = (file: string) => path.join(directory, file)
    await writeFile(at(name), rules)
    await writeFile(at('hosts.txt'), 'a.example\n')
    await symlink('hosts.txt', at('soft'))
    await link(at('hosts.txt'), at('hard'))
    for (const output of ['hosts.txt', 'soft', 'hard']) {
      const run = await weir(['filter', '--rules', name, '-o', output], { cwd: directory, stdin: '{}\n' })
      assert.equal(run.code, 2, output)
      assert.match(run.stderr, /-o \w+(\.txt)? is the list file (\.\/)?hosts\.txt: write to another file\./)
      assert.equal(await readFile(at('hosts.txt'), 'utf8'), 'a.example\n')
    }
  })
}

test('a file that only a record of a test names may be written', async (t) => {
  const directory = await folder(t)
  const record = '{ h: x, file: out.ndjson }'
  await writeFile(
    path.join(directory, 'rules.yaml'),
    `version: 1\ndefault: keep\nrules: []\ntests:\n  - { name: a file, record: ${record}, expect: keep }\n`,
  )
  await writeFile(path.join(directory, 'out.ndjson'), 'old')
  const run = await weir('filter --rules rules.yaml -o out.ndjson'.split(' '), { cwd: directory, stdin: '{"h":1}\n' })
  assert.equal(run.code, 0, run.stderr)
  assert.equal(await readFile(path.join(directory, 'out.ndjson'), 'utf8'), '{"h":1}\n')
})

test('rules from a pipe are read once, and an existing output is replaced', async (t) => {
  const directory = await folder(t)
  await writeFile(path.join(directory, 'flow.yaml'), ruleFiles['flow.yaml'] ?? '')
  await writeFile(path.join(directory, 'hosts.txt'), 'a.example\n')
  await writeFile(path.join(directory, 'in'), '{"h":"a.example"}\n')
  await writeFile(path.join(directory, 'out'), 'old')
  const run = await shell('sed s:hosts:$PWD/hosts: flow.yaml | weir filter --rules /dev/stdin -o out in', directory)
  assert.equal(run.code, 0, run.stderr)
  assert.equal(await readFile(path.join(directory, 'out'), 'utf8'), '{"h":"a.example"}\n')
})
