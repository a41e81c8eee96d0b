// One owner for a folder, in one process and in several, also after a process was killed.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, symlink, utimes, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { lockFile, lockFolder } from '#src/folder-lock.js'
import { folder, names } from './running.js'
import { openFolder } from './sinks/folders.js'

const holder = fileURLToPath(new URL('folder-holder.js', import.meta.url))

/** A process that holds the lock, or has told why not. */
async function hold(directory: string): Promise<{ pid: number; answer: string; kill(): Promise<void> }> {
  const child = spawn(process.execPath, [holder, directory], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  const [chunk] = (await once(child.stdout, 'data')) as [Buffer]
  const kill = async () => {
    child.kill('SIGKILL')
    await exited
  }
  return { pid: child.pid ?? 0, answer: chunk.toString().trim(), kill }
}

test('two outputs of one process never share a folder, by whatever path', async (t) => {
  const directory = await folder(t)
  const alias = path.join(await folder(t), 'alias')
  await symlink(directory, alias)
  const sink = await openFolder(directory)
  for (const name of [directory, alias]) {
    await assert.rejects(openFolder(name), {
      code: 'ERR_CONNECTOR_LOCKED',
      retryable: true,
      message: /it belongs to another part of this process/,
    })
  }
  await sink.finish()
  await (await openFolder(alias)).discard()
  assert.deepEqual(await names(directory), ['.weir-journal'])
})

test('another process is refused, with the owner’s number, until the owner is killed', async (t) => {
  const directory = await folder(t)
  const owner = await hold(directory)
  t.after(owner.kill)
  assert.equal(owner.answer, 'held')
  await assert.rejects(lockFolder(directory), {
    code: 'ERR_CONNECTOR_LOCKED',
    details: { output: directory, pid: owner.pid },
  })
  await owner.kill()
  const lock = await lockFolder(directory)
  const other = await hold(directory)
  t.after(other.kill)
  assert.match(other.answer, new RegExp(`ERR_CONNECTOR_LOCKED .*process ${process.pid}\\.`))
  await lock.release()
  assert.deepEqual(await names(directory), [])
})

test('of many that come at once at most one owns the folder, and one that comes later does', async (t) => {
  const directory = await folder(t)
  for (let round = 0; round < 20; round++) {
    const claims = await Promise.allSettled(Array.from({ length: 8 }, () => lockFolder(directory)))
    const owners = claims.flatMap((claim) => (claim.status === 'fulfilled' ? [claim.value] : []))
    assert.equal(owners.length, 1)
    for (const claim of claims) {
      if (claim.status === 'rejected') assert.equal((claim.reason as { code: string }).code, 'ERR_CONNECTOR_LOCKED')
    }
    await owners[0]?.release()
  }
  await (await lockFolder(directory)).release()
})

test('a folder may lie deeper than the path of a socket may be long', async (t) => {
  const directory = path.join(await folder(t), 'd'.repeat(100), 'e'.repeat(100))
  await mkdir(directory, { recursive: true })
  const lock = await lockFolder(directory)
  await assert.rejects(lockFolder(directory), { code: 'ERR_CONNECTOR_LOCKED' })
  await lock.release()
  assert.deepEqual(await names(directory), [])
})

test('what dead processes left is cleared away, and nothing else', async (t) => {
  const directory = await folder(t)
  const old = `.weir-unlisted-${(Date.now() - 3_600_000).toString(36)}-1-aa`
  const young = `.weir-unlisted-${Date.now().toString(36)}-1-aa`
  for (const name of [old, young, '.weir', 'file']) await writeFile(path.join(directory, name), '')
  await utimes(path.join(directory, young), 0, 0)
  const dead = await hold(directory)
  await dead.kill()
  assert.equal((await names(directory)).length, 4)
  await (await lockFolder(directory)).release()
  assert.deepEqual(await names(directory), ['.weir', young, 'file'].sort())
})

test('files of one folder have an owner each, and so has the folder', async (t) => {
  const directory = await folder(t)
  const at = (name: string) => path.join(directory, name)
  // The last name is as long as names may be, and one begins with another.
  const files = [at('a'), at('a-b'), at('n'.repeat(255))]
  const locks = [await lockFolder(directory), ...(await Promise.all(files.map((file) => lockFile(file))))]
  for (const file of files) {
    await assert.rejects(lockFile(file), {
      code: 'ERR_CONNECTOR_LOCKED',
      message: `Cannot write to ${file}: it belongs to another part of this process.`,
      details: { output: file, pid: process.pid },
    })
  }
  for (const lock of locks) await lock.release()
  await (await lockFile(at('a'))).release()
  assert.deepEqual(await names(directory), [])
  const nowhere = at('missing/a')
  await assert.rejects(lockFile(nowhere), {
    code: 'ERR_CONNECTOR_CREATE',
    message: `Cannot create the lock of ${nowhere}: no such file or directory (ENOENT).`,
  })
})
