// What the checks of settings ask of the system.

import assert from 'node:assert/strict'
import { mkdir, realpath, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'

import { realPath, unreadable } from '#src/config/file-answers.js'
import { folder } from '../running.js'

test('a path is followed through links as far as it exists', async (t) => {
  const base = await realpath(await folder(t))
  await mkdir(path.join(base, 'real'))
  await symlink('real', path.join(base, 'link'))
  await symlink('loop', path.join(base, 'loop'))
  assert.equal(realPath(path.join(base, 'link', 'later', 'deep')), path.join(base, 'real', 'later', 'deep'))
  assert.equal(realPath(path.join(base, 'none')), path.join(base, 'none'))
  assert.equal(realPath(path.join(base, 'loop', 'x')), path.join(base, 'loop', 'x'))
})

test('a file that cannot be read is told by its reason alone', async (t) => {
  const base = await folder(t)
  await writeFile(path.join(base, 'file'), '')
  assert.equal(unreadable(path.join(base, 'file')), undefined)
  assert.equal(unreadable(base), 'it is a folder')
  assert.equal(unreadable(path.join(base, 'none')), 'no such file or directory (ENOENT)')
})
