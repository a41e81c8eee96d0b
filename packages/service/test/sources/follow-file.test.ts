// A followed file, or what it was rotated to, that is not there, or cannot be read, for a moment: nothing is passed over, and
// nothing ends for good.

import assert from 'node:assert/strict'
import { appendFile, mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { gzipSync } from 'node:zlib'

import { readError } from '#src/sources/follow-file.js'
import { folder } from '../running.js'
import { Follower } from './follower.js'

async function log(t: TestContext): Promise<{ directory: string; file: string }> {
  const directory = await folder(t)
  return { directory, file: path.join(directory, 'access.log') }
}

const lines = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => `{"n":${from + index},"filler":"${'x'.repeat(60)}"}\n`).join('')

test('what cannot be read for a moment is told, waited for and read, and so is what comes after it', async (t) => {
  const { directory, file } = await log(t)
  await writeFile(file, lines(0, 3))
  const follower = await new Follower(directory).start()
  await rename(file, `${file}.1`)
  await mkdir(file)
  await follower.poll(5)
  await rm(file, { recursive: true })
  await writeFile(file, gzipSync(lines(90, 91)))
  await follower.poll(5)
  // Nobody has told its writer yet.
  await appendFile(`${file}.1`, lines(3, 4))
  await follower.poll(3)
  assert.equal(follower.text, lines(0, 4))
  assert.equal(follower.notices.length, 2)
  assert.match(
    follower.notices[0]!,
    /access\.log cannot be read at the moment, and is waited for: it is no regular file\.$/,
  )
  assert.match(follower.notices[1]!, /access\.log cannot be read at the moment, and is waited for: it is compressed, /)
  await writeFile(file, lines(4, 6))
  await follower.poll(4)
  assert.equal(follower.text, lines(0, 6))
  await follower.stop()
})

test('a log that comes later is read from its start, also when its first batch fails and it is rotated', async (t) => {
  for (const from of ['start', 'end'] as const) {
    const { directory, file } = await log(t)
    const follower = await new Follower(directory, { from }).start(false)
    await writeFile(file, lines(0, 3))
    await follower.poll(2)
    assert.equal(follower.text, lines(0, 3))
    await follower.end()
    await rename(file, `${file}.1`)
    await writeFile(file, lines(3, 4))
    follower.iterate()
    await follower.poll(4)
    assert.equal(follower.text, lines(0, 3) + lines(0, 4))
    await follower.stop()
  }
})

test('a restart finds its file unreadable, or what was rotated, and loses nothing of either', async (t) => {
  const { directory, file } = await log(t)
  await writeFile(file, lines(0, 3))
  await (await new Follower(directory).start()).stop()
  await rename(file, `${file}.aside`)
  await mkdir(file)
  const follower = await new Follower(directory).start()
  await follower.poll(2)
  assert.equal(follower.text, '')
  await rm(file, { recursive: true })
  await rename(`${file}.aside`, file)
  await appendFile(file, lines(3, 4))
  await follower.poll(2)
  assert.equal(follower.text, lines(3, 4))
  await follower.stop()
})

test('what the system refuses of rotated files ends a session, and the next one reads them', async (t) => {
  const { directory, file } = await log(t)
  await writeFile(file, lines(0, 3))
  const follower = await new Follower(directory).start()
  await rename(file, `${file}.1`)
  await writeFile(file, lines(3, 4))
  await symlink('access.log.2', `${file}.2`)
  await assert.rejects(follower.poll(4), { code: 'ERR_CONNECTOR_READ', retryable: true, message: /ELOOP/ })
  await rm(`${file}.2`)
  await follower.again()
  await follower.poll(4)
  assert.equal(follower.text, lines(0, 4))
  await follower.stop()
})

test('what the system refuses while a followed file is read may pass; damage and what is read once may not', () => {
  const refused = Object.assign(new Error('i/o error'), { code: 'EIO' })
  assert.equal(readError('a', refused, true).retryable, true)
  assert.equal(readError('a', refused, false).retryable, false)
  assert.equal(readError('a', new Error('a fault of ours'), true).retryable, false)
})
