// Files that are none, where a file is expected: nobody waits for them.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { truncate, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'

import { openRegularFile, readRegularFile } from '#src/regular-file.js'
import { folder } from './running.js'

test('a regular file is read whole', async (t) => {
  const file = path.join(await folder(t), 'file')
  await writeFile(file, 'text')
  assert.equal((await readRegularFile(file, 4)).toString(), 'text')
})

test('a pipe without a writer, a device, a folder and what is too large are refused at once', async (t) => {
  const directory = await folder(t)
  const pipe = path.join(directory, 'pipe')
  execFileSync('mkfifo', [pipe])
  await assert.rejects(openRegularFile(pipe), { message: 'it is no regular file' })
  await assert.rejects(readRegularFile('/dev/zero', 1e6), { message: 'it is no regular file' })
  await assert.rejects(openRegularFile(directory), { code: 'EISDIR' })
  const file = path.join(directory, 'large')
  await writeFile(file, '')
  await truncate(file, 5 * 2 ** 30)
  await assert.rejects(readRegularFile(file, 1 << 20), { message: 'it is larger than 1048576 bytes' })
  await assert.rejects(openRegularFile(path.join(directory, 'none')), { code: 'ENOENT' })
})
