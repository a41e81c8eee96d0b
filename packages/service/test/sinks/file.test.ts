// What only files have: a name that appears at the end, links, modes, interrupts.

import assert from 'node:assert/strict'
import { chmod, lstat, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'

import { Interrupts } from '#src/interrupts.js'
import { openFileSink } from '#src/sinks/file.js'
import { findTarget } from '#src/sinks/target.js'
import { createError } from '#src/sinks/write-error.js'
import { folder, names } from '../running.js'

const bytes = (text: string) => Buffer.from(text)

test('the file appears with finish() and not before', async (t) => {
  const directory = await folder(t)
  const file = path.join(directory, 'out')
  const sink = await openFileSink(await findTarget(file), new Interrupts())
  await sink.write([bytes('a\n'), bytes(''), bytes('b\n')])
  assert.equal((await names(directory)).includes('out'), false)
  await sink.finish()
  assert.equal(await readFile(file, 'utf8'), 'a\nb\n')
  assert.deepEqual(await names(directory), ['out'])
})

test('discard() leaves what was there', async (t) => {
  const directory = await folder(t)
  const file = path.join(directory, 'out')
  await writeFile(file, 'old')
  const sink = await openFileSink(await findTarget(file), new Interrupts())
  await sink.write([bytes('new')])
  await sink.discard()
  assert.equal(await readFile(file, 'utf8'), 'old')
  assert.deepEqual(await names(directory), ['out'])
})

test('an interrupt removes the temporary file, and a finished file is out of its reach', async (t) => {
  const directory = await folder(t)
  const interrupts = new Interrupts()
  await openFileSink(await findTarget(path.join(directory, 'one')), interrupts)
  const two = await openFileSink(await findTarget(path.join(directory, 'two')), interrupts)
  await two.finish()
  interrupts.run()
  assert.deepEqual(await names(directory), ['two'])
})

test('a link is followed: the file behind it is replaced and the link stays', async (t) => {
  const directory = await folder(t)
  const [link, dangling] = [path.join(directory, 'link'), path.join(directory, 'dangling')]
  await writeFile(path.join(directory, 'real'), 'old')
  await chmod(path.join(directory, 'real'), 0o600)
  await symlink('real', link)
  await symlink('not-yet', dangling)
  for (const file of [link, dangling]) {
    const sink = await openFileSink(await findTarget(file), new Interrupts())
    await sink.write([bytes('new')])
    await sink.finish()
    assert.ok((await lstat(file)).isSymbolicLink())
  }
  assert.equal(await readFile(path.join(directory, 'real'), 'utf8'), 'new')
  assert.equal(await readFile(path.join(directory, 'not-yet'), 'utf8'), 'new')
  assert.equal((await stat(link)).mode & 0o777, 0o600)
})

test('two paths of one file have one identity, also before it exists; devices have none', async (t) => {
  const directory = await folder(t)
  await writeFile(path.join(directory, 'file'), '')
  await symlink('file', path.join(directory, 'link'))
  const identity = async (name: string) => (await findTarget(name)).identity
  assert.equal(await identity(path.join(directory, 'file')), await identity(path.join(directory, 'link')))
  assert.equal(await identity(path.join(directory, 'new')), await identity(path.join(directory, '.', 'new')))
  assert.notEqual(await identity(path.join(directory, 'new')), await identity(path.join(directory, 'file')))
  assert.equal(await identity('/dev/null'), undefined)
})

test('a folder, a path into nothing and a loop of links cannot be written', async (t) => {
  const directory = await folder(t)
  await symlink('loop', path.join(directory, 'loop'))
  for (const name of [directory, path.join(directory, 'no', 'file'), path.join(directory, 'new') + '/', 'loop']) {
    await assert.rejects(findTarget(name === 'loop' ? path.join(directory, 'loop') : name), {
      code: 'ERR_CONNECTOR_CREATE',
    })
  }
})

test('an output that cannot be created is worth another try where what stands in the way may pass', async (t) => {
  const refused = (code: string) => createError('out', Object.assign(new Error('No.'), { code }))
  for (const code of ['ENOSPC', 'EMFILE', 'EBUSY']) assert.equal(refused(code).retryable, true, code)
  for (const code of ['EACCES', 'EROFS', 'ENOENT']) assert.equal(refused(code).retryable, false, code)
  const missing = path.join(await folder(t), 'no', 'file')
  await assert.rejects(findTarget(missing), { code: 'ERR_CONNECTOR_CREATE', retryable: false })
})

test('a full device is reported with the system’s reason', async () => {
  const sink = await openFileSink(await findTarget('/dev/full'), new Interrupts())
  await assert.rejects(sink.write([bytes('x')]), {
    code: 'ERR_CONNECTOR_WRITE',
    retryable: false,
    message: 'Cannot write /dev/full: no space left on device (ENOSPC).',
  })
  await sink.discard()
})
