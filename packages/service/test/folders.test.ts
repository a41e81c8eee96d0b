// Folders that are made with those above them, and why some cannot be.

import assert from 'node:assert/strict'
import { mkdir, stat, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'

import { makeFolders } from '#src/folders.js'
import { folder } from './running.js'
import { skipWithout } from './required.js'

test('folders are made with those above them, and what is there is left as it is', async (t) => {
  const directory = await folder(t)
  const made = await makeFolders(path.join(directory, 'a/b/c'), 0o700)
  assert.equal(made, path.join(directory, 'a'))
  for (const name of ['a', 'a/b', 'a/b/c']) {
    assert.equal((await stat(path.join(directory, name))).mode & 0o777, 0o700)
  }
  assert.equal(await makeFolders(path.join(directory, 'a/b'), 0o755), undefined)
  await symlink('a', path.join(directory, 'link'))
  assert.equal(await makeFolders(path.join(directory, 'link/d'), 0o700), path.join(directory, 'link/d'))
  assert.equal(await makeFolders('/', 0o700), undefined)
})

test('two who make the same folders at once are both content', async (t) => {
  const deep = path.join(await folder(t), 'a/b/c/d')
  await Promise.all(Array.from({ length: 8 }, () => makeFolders(deep, 0o700)))
  assert.ok((await stat(deep)).isDirectory())
})

test('what is in the way is named, with what can be done', async (t) => {
  const directory = await folder(t)
  const at = (name: string) => path.join(directory, name)
  await writeFile(at('file'), '')
  await symlink('nowhere', at('dangling'))
  await symlink('circle', at('circle'))
  await mkdir(at('real'))
  for (const [name, code, message] of [
    ['file/a/b', 'ENOTDIR', `not a directory at ${at('file')}; give another path, or move what is there away`],
    ['file', 'ENOTDIR', `not a directory at ${at('file')}; give another path, or move what is there away`],
    ['dangling/a', 'EEXIST', `file already exists at ${at('dangling')}; it is a link that leads nowhere, so remove it`],
    [
      'circle/a',
      'ELOOP',
      `too many symbolic links encountered at ${at('circle/a')}; mend the links, which lead in a circle`,
    ],
    [`real/${'n'.repeat(300)}`, 'ENAMETOOLONG', `name too long at ${at(`real/${'n'.repeat(300)}`)}`],
  ] as const) {
    await assert.rejects(makeFolders(at(name), 0o700), { code, message })
  }
})

test(
  'a file system that makes no folders is an error and not a wait without end',
  { skip: skipWithout('linux', process.platform === 'linux', 'the folder is in /proc') },
  async () => {
    for (const name of ['/proc/weir-test', '/proc/weir-test/a/b']) {
      const message = 'no such file or directory at /proc; what is mounted there takes no folders, so give another path'
      await assert.rejects(makeFolders(name, 0o700), { code: 'ENOENT', message })
    }
    // Of whoever asks, nobody may write there, or it is mounted to be read.
    const refused = /^(operation not permitted|permission denied|read-only file system) at \/sys; (let the user|give a)/
    await assert.rejects(makeFolders('/sys/weir-test/a', 0o700), { message: refused })
  },
)
