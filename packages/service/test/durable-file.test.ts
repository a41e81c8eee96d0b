// Files that are replaced as a whole or not at all.

import assert from 'node:assert/strict'
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'

import { replaceDurably, writeAside } from '#src/durable-file.js'
import { folder, names } from './running.js'
import { diskFault, traceSyncs, withoutTraces } from './traced-syncs.js'

const content = (text: string, aside: string) => ({
  aside,
  mode: 0o600,
  write: (handle: { writeFile(text: string): Promise<void> }) => handle.writeFile(text),
})

test('a file is made or replaced, and nothing is left beside it, also of a process that died', async (t) => {
  const directory = await folder(t)
  const [file, aside] = [path.join(directory, 'file'), path.join(directory, 'file.new')]
  await replaceDurably(file, content('one', aside))
  assert.equal((await stat(file)).mode & 0o777, 0o600)
  await writeFile(aside, 'half of something longer')
  await replaceDurably(file, content('two', aside))
  assert.equal(await readFile(file, 'utf8'), 'two')
  assert.deepEqual(await names(directory), ['file'])
})

test(
  'the content is synced before it has the name, and the name before anybody is told',
  { skip: withoutTraces },
  async (t) => {
    const directory = await folder(t)
    const file = path.join(directory, 'file')
    const seen = await traceSyncs(t)
    const written = await writeAside(file, content('one', path.join(directory, 'aside')))
    assert.deepEqual([seen.splice(0), written.isInPlace, await names(directory)], [['aside'], false, ['aside']])
    await written.putInPlace()
    assert.deepEqual([seen.splice(0), written.isInPlace, await names(directory)], [[path.basename(directory)], true, ['file']]) // prettier-ignore
    await written.close()
  },
)

test(
  'whatever fails before the file has its name leaves the one before, and nothing beside it',
  { skip: withoutTraces },
  async (t) => {
    const directory = await folder(t)
    const [file, aside] = [path.join(directory, 'file'), path.join(directory, 'aside')]
    await writeFile(file, 'one')
    const broken = { aside, mode: 0o600, write: () => Promise.reject(diskFault()) }
    await assert.rejects(replaceDurably(file, broken), { code: 'EIO' })
    let victim = 'aside'
    await traceSyncs(t, (name) => (name === victim ? diskFault() : undefined))
    await assert.rejects(replaceDurably(file, content('two', aside)), { code: 'EIO' })
    assert.equal(await readFile(file, 'utf8'), 'one')
    const taken = path.join(directory, 'taken')
    await mkdir(taken)
    victim = ''
    await assert.rejects(replaceDurably(taken, content('two', aside)), { code: 'EISDIR' })
    assert.deepEqual(await names(directory), ['file', 'taken'])
    victim = path.basename(directory)
    await assert.rejects(replaceDurably(file, content('two', aside)), { code: 'EIO' })
    assert.equal(await readFile(file, 'utf8'), 'two')
    assert.deepEqual(await names(directory), ['file', 'taken'])
  },
)
