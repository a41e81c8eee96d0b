// What is written of rules: their file, and the audit file beside it.

import assert from 'node:assert/strict'
import { chmod, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'

import { appendAudit, prepareReplacement } from '#src/config/rule-file.js'
import { folder, names } from '../running.js'
import { diskFault, traceSyncs, withoutTraces } from '../traced-syncs.js'

test(
  'a new audit file has its name synced before its first line, and later lines only themselves',
  { skip: withoutTraces },
  async (t) => {
    const directory = await folder(t)
    const file = path.join(directory, 'audit.ndjson')
    const isOfFolder = (name: string) => name === path.basename(directory)
    let isBroken = true
    const seen = await traceSyncs(t, (name) => (isBroken && isOfFolder(name) ? diskFault() : undefined))
    await assert.rejects(appendAudit(file, { n: 0 }), { code: 'ERR_CONNECTOR_WRITE', message: /i\/o error \(EIO\)/ })
    isBroken = false
    seen.length = 0
    await appendAudit(file, { n: 1 })
    await appendAudit(file, { n: 2 })
    assert.deepEqual(seen, [path.basename(directory), 'audit.ndjson', 'audit.ndjson'])
    assert.equal(await readFile(file, 'utf8'), '{"n":1}\n{"n":2}\n')
  },
)

test('a replacement keeps permissions and links, and one that is abandoned leaves nothing', async (t) => {
  const directory = await folder(t)
  const [file, link] = [path.join(directory, 'rules.yaml'), path.join(directory, 'link.yaml')]
  await writeFile(file, 'one')
  await chmod(file, 0o604)
  await symlink('rules.yaml', link)
  const abandoned = await prepareReplacement(link, 'two')
  assert.equal((await names(directory)).length, 3)
  await abandoned.abandon()
  const replacement = await prepareReplacement(link, 'three')
  assert.equal(await readFile(file, 'utf8'), 'one')
  await replacement.commit()
  await replacement.abandon()
  assert.equal(await readFile(file, 'utf8'), 'three')
  assert.equal((await stat(file)).mode & 0o777, 0o604)
  assert.deepEqual(await names(directory), ['link.yaml', 'rules.yaml'])
})
