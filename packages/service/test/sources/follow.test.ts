// A file that is followed: while it grows, through every kind of rotation, and over restarts. Long, for there are many.

import assert from 'node:assert/strict'
import {
  appendFile,
  copyFile,
  mkdir,
  readFile,
  rename,
  rm,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { gzipSync } from 'node:zlib'

import { openFollowSource } from '#src/sources/follow.js'
import type { FollowSourceOptions } from '#src/sources/follow.js'
import type { FollowPosition } from '#src/sources/follow-state.js'
import { HeldTime } from '../held-time.js'
import { folder } from '../running.js'
import { Follower, pollMs } from './follower.js'

async function log(t: TestContext): Promise<{ directory: string; file: string }> {
  const directory = await folder(t)
  return { directory, file: path.join(directory, 'access.log') }
}

/** Lines with their number, longer than a fingerprint needs. */
const lines = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => `{"n":${from + index},"filler":"${'x'.repeat(60)}"}\n`).join('')

test('lines come as they are written, and a line without its end waits for it', async (t) => {
  const { directory, file } = await log(t)
  await writeFile(file, lines(0, 3) + '{"half":')
  const follower = await new Follower(directory).start()
  assert.equal(follower.text, lines(0, 3))
  await follower.poll()
  assert.equal(follower.text, lines(0, 3))
  await appendFile(file, '1}\n' + lines(3, 5))
  await follower.poll()
  assert.equal(follower.text, lines(0, 3) + '{"half":1}\n' + lines(3, 5))
  await follower.stop()
})

test('a file that is missing at first is waited for, and said to be by no error', async (t) => {
  const { directory, file } = await log(t)
  const follower = await new Follower(directory, { from: 'end' }).start()
  await follower.poll(2)
  await writeFile(file, lines(0, 2))
  await follower.poll()
  assert.equal(follower.text, lines(0, 2))
  await follower.stop()
})

test('from the end, only what comes is read: also a line that was half written, and also after a restart', async (t) => {
  const { directory, file } = await log(t)
  await writeFile(file, lines(0, 2000) + '{"half":')
  const follower = await new Follower(directory, { from: 'end' }).start(false)
  await appendFile(file, '1}\n')
  await follower.poll()
  assert.equal(follower.text, '{"half":1}\n')
  await follower.stop()
  // Nothing was committed but where it began.
  await appendFile(file, lines(0, 1))
  const again = await new Follower(directory, { from: 'end' }).start()
  assert.equal(again.text, '{"half":1}\n' + lines(0, 1))
  await again.stop()
})

test('a restart goes on behind what was committed, and an iteration that was ended too', async (t) => {
  const { directory, file } = await log(t)
  await writeFile(file, lines(0, 10))
  const follower = await new Follower(directory).start()
  await follower.end()
  await appendFile(file, lines(10, 12))
  follower.iterate(false)
  await follower.idle()
  assert.equal(follower.text, lines(0, 12))
  await follower.end()
  follower.text = ''
  follower.iterate()
  await follower.idle()
  assert.equal(follower.text, lines(10, 12))
  await follower.stop()
  await appendFile(file, lines(12, 13))
  const again = await new Follower(directory).start()
  assert.equal(again.text, lines(12, 13))
  await again.stop()
})

test('renamed and made anew: the rest of the old file comes first, and its last line gets an end', async (t) => {
  const { directory, file } = await log(t)
  await writeFile(file, lines(0, 3))
  const follower = await new Follower(directory).start()
  await rename(file, `${file}.1`)
  await follower.poll(3)
  await appendFile(`${file}.1`, lines(3, 4))
  await writeFile(file, lines(6, 8))
  await follower.poll()
  // Its writer has not noticed yet.
  await appendFile(`${file}.1`, lines(4, 5) + '{"torn":')
  await follower.poll()
  assert.equal(follower.text, lines(0, 5))
  await follower.poll(3)
  assert.equal(follower.text, lines(0, 5) + '{"torn":\n' + lines(6, 8))
  assert.deepEqual(follower.notices, [])
  await follower.stop()
})

test('copied and emptied: what the copy has more comes first, and a copy that is not there is told', async (t) => {
  const { directory, file } = await log(t)
  await writeFile(file, lines(0, 20))
  const follower = await new Follower(directory).start()
  await appendFile(file, lines(20, 22))
  await copyFile(file, `${file}.1`)
  await truncate(file, 0)
  await appendFile(file, lines(30, 31))
  await follower.poll(2)
  assert.equal(follower.text, lines(0, 22) + lines(30, 31))
  assert.deepEqual(follower.notices, [])
  await rm(`${file}.1`)
  await truncate(file, 0)
  await follower.poll()
  assert.match(follower.notices.join(), /access\.log was emptied; what was written after byte \d+ and before that/)
  await appendFile(file, lines(40, 41))
  await follower.poll()
  assert.equal(follower.text, lines(0, 22) + lines(30, 31) + lines(40, 41))
  await follower.stop()
})

test('emptied and longer than before already: the first bytes tell', async (t) => {
  const { directory, file } = await log(t)
  await writeFile(file, lines(0, 2))
  const follower = await new Follower(directory).start()
  await writeFile(file, lines(50, 60))
  await follower.poll(2)
  assert.equal(follower.text, lines(0, 2) + lines(50, 60))
  assert.equal(follower.notices.length, 1)
  // Also when it is as long as before.
  await writeFile(file, lines(60, 70))
  await follower.poll(2)
  assert.equal(follower.text, lines(0, 2) + lines(50, 70))
  await follower.stop()
})

test('a link that leads elsewhere is a rotation', async (t) => {
  const { directory, file } = await log(t)
  await writeFile(path.join(directory, 'one'), lines(0, 2))
  await writeFile(path.join(directory, 'two'), lines(2, 4))
  await symlink('one', file)
  const follower = await new Follower(directory).start()
  await symlink('two', path.join(directory, 'next'))
  await rename(path.join(directory, 'next'), file)
  await appendFile(path.join(directory, 'one'), '{"last":1}\n')
  await follower.poll(4)
  assert.equal(follower.text, lines(0, 2) + '{"last":1}\n' + lines(2, 4))
  await follower.stop()
})

test('rotated several times while nobody followed, everything is read, in order', async (t) => {
  const { directory, file } = await log(t)
  await writeFile(file, lines(0, 3))
  await (await new Follower(directory).start()).stop()
  await appendFile(file, lines(3, 4))
  await rename(file, `${file}.3`)
  await writeFile(`${file}.2`, lines(4, 6))
  await writeFile(`${file}.1`, lines(6, 8))
  await writeFile(`${file}.old`, 'not a rotated file\n')
  await writeFile(`${file}.4.gz`, gzipSync(lines(90, 91)))
  await writeFile(`${file}.4`, 'rotated before\n')
  await writeFile(file, lines(8, 9))
  for (const [name, seconds] of [['.4', 50], ['.3', 100], ['.2', 200], ['.1', 300], ['.4.gz', 250]] as const) await utimes(file + name, seconds, seconds) // prettier-ignore
  const follower = await new Follower(directory).start()
  await follower.poll(4)
  assert.equal(follower.text, lines(3, 9))
  assert.match(follower.notices.join(), /access\.log\.4\.gz was written while .* is skipped: it is compressed/)
  await follower.stop()
})

test('copied and emptied while nobody followed: the copy goes on where it stood', async (t) => {
  const { directory, file } = await log(t)
  await writeFile(file, lines(0, 20))
  await (await new Follower(directory).start()).stop()
  await appendFile(file, lines(20, 21))
  await copyFile(file, `${file}-20260304`)
  await writeFile(file, lines(21, 22))
  const follower = await new Follower(directory).start()
  await follower.poll(4)
  assert.equal(follower.text, lines(20, 22))
  await follower.stop()
})

test('a copy is found by few bytes only if no other file begins alike', async (t) => {
  for (const others of [[], ['.2']]) {
    const { directory, file } = await log(t)
    const first = '{"first":"line of a log"}\n'
    await writeFile(file, first)
    await (await new Follower(directory).start()).stop()
    await appendFile(file, lines(1, 6))
    await copyFile(file, `${file}.1`)
    for (const other of others) await writeFile(file + other, first + lines(90, 91))
    await writeFile(file, lines(6, 7))
    const follower = await new Follower(directory).start()
    await follower.poll(4)
    assert.equal(follower.text, others.length === 0 ? lines(1, 7) : lines(6, 7))
    assert.equal(follower.notices.length, others.length)
    await follower.stop()
  }
})

test('when the rest is nowhere, that is told and the file is read from its start', async (t) => {
  const { directory, file } = await log(t)
  await writeFile(file, lines(0, 20))
  await (await new Follower(directory).start()).stop()
  await rm(file)
  const follower = await new Follower(directory).start()
  await follower.poll(2)
  assert.deepEqual(follower.notices, [])
  await writeFile(file, lines(50, 52))
  await follower.poll(2)
  assert.equal(follower.text, lines(50, 52))
  assert.match(follower.notices.join(), /The rest of what was read of .*access\.log is gone/)
  await follower.stop()
})

test('a line longer than any buffer comes in pieces, whose position is where it begins', async (t) => {
  const { directory, file } = await log(t)
  const long = 'y'.repeat(700_000)
  await writeFile(file, '{}\n' + long)
  const follower = await new Follower(directory).start()
  assert.ok(follower.text.length > 500_000 && `{}\n${long}`.startsWith(follower.text))
  await follower.stop()
  assert.equal((JSON.parse(await readFile(path.join(directory, 'state.json'), 'utf8')) as FollowPosition).byte, 3)
  const again = await new Follower(directory).start()
  await appendFile(file, '\n{}\n')
  await again.poll()
  assert.ok(again.text === `${long}\n{}\n`)
  await again.stop()
})

test('drained, it ends by itself, also while it waits, and its half line is read after a restart', async (t) => {
  const { directory, file } = await log(t)
  await writeFile(file, lines(0, 2) + '{"half":')
  const follower = await new Follower(directory).start()
  await follower.drain()
  assert.equal(follower.text, lines(0, 2))
  await follower.stop()
  await appendFile(file, '1}\n')
  const again = await new Follower(directory).start()
  assert.equal(again.text, '{"half":1}\n')
  await again.stop()
})

test('a file that is read once is read to its end, then never again, and what is new after a restart', async (t) => {
  const { directory, file } = await log(t)
  await writeFile(file, lines(0, 3) + 'last')
  for (const [more, expected] of [
    ['', lines(0, 3) + 'last'],
    ['', ''],
    ['\n' + lines(3, 4), '\n' + lines(3, 4)],
  ] as const) {
    await appendFile(file, more)
    const once = await new Follower(directory, { follow: false }).start()
    assert.equal(once.text, expected)
    await once.stop()
  }
  await rm(file)
  await writeFile(file, 'other\n')
  const other = await new Follower(directory, { follow: false }).start()
  assert.equal(other.text, 'other\n')
  assert.equal(other.notices.length, 1)
  await other.stop()
})

test('a gzip file that is read once goes on in the middle, and damage is told', async (t) => {
  const { directory, file } = await log(t)
  const text = lines(0, 10_000)
  await writeFile(file, gzipSync(text))
  const source = await openFollowSource(once(directory))
  let first = ''
  for await (const value of source.values()) {
    assert.ok(value.kind === 'bytes')
    first += Buffer.from(value.bytes).toString()
    await source.commit(value.position)
    break
  }
  await source.close()
  assert.ok(first.length > 0 && first.length < text.length)
  const rest = await new Follower(directory, { follow: false }).start()
  assert.ok(first + rest.text === text)
  await rest.stop()
  await rm(path.join(directory, 'state.json'))
  await writeFile(file, gzipSync(text).subarray(0, -20))
  await assert.rejects(new Follower(directory, { follow: false }).start(), { code: 'ERR_CONNECTOR_GZIP' })
})

function once(directory: string): FollowSourceOptions {
  const { startTimer } = new HeldTime()
  const stateFile = path.join(directory, 'state.json')
  return { path: path.join(directory, 'access.log'), from: 'start', follow: false, stateFile, pollMs, startTimer }
}

test('what cannot be read or followed is an error that says why', async (t) => {
  const { directory, file } = await log(t)
  const refused = async (message: RegExp, options: Partial<FollowSourceOptions> = {}) => {
    const follower = new Follower(directory, options)
    await assert.rejects(follower.start(), { code: 'ERR_CONNECTOR_OPEN', message })
    await follower.stop()
  }
  await refused(/ENOENT/, { follow: false })
  await assert.rejects(openFollowSource({ ...once(directory), from: 'end' }), { code: 'ERR_CONFIG_OPTION' })
  await writeFile(file, gzipSync('{}\n'))
  await refused(/can be read once but not followed/)
  await rm(file)
  if (Number(process.versions.node.split('.')[0]) < 22) {
    await writeFile(file, Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0]))
    await refused(/zstd, which takes Node 22\.15 or newer/, { follow: false })
    await rm(file)
  }
  await mkdir(file)
  await refused(/EISDIR/)
})

test('a state file that is damaged, of another input or not to be written is an error', async (t) => {
  const { directory, file } = await log(t)
  const stateFile = path.join(directory, 'state.json')
  await writeFile(file, lines(0, 1))
  await (await new Follower(directory).start()).stop()
  await assert.rejects(openFollowSource({ ...once(directory), path: `${file}.x` }), {
    code: 'ERR_CONNECTOR_STATE',
    message: /is of another input, .*access\.log\./,
  })
  for (const text of ['', '{}', 'x', '{"state":"weir-follow","format":2}']) {
    await writeFile(stateFile, text)
    await assert.rejects(openFollowSource(once(directory)), { code: 'ERR_CONNECTOR_STATE', message: /is damaged/ })
  }
  await rm(stateFile)
  await mkdir(stateFile)
  await assert.rejects(openFollowSource(once(directory)), { code: 'ERR_CONNECTOR_STATE', message: /EISDIR/ })
})

test('the folder of a state file is made, and one that cannot be is an error before anything is read', async (t) => {
  const { directory, file } = await log(t)
  await writeFile(file, lines(0, 1))
  const stateFile = path.join(directory, 'new', 'folder', 'state')
  await (await new Follower(directory, { stateFile }).start()).stop()
  assert.match(await readFile(stateFile, 'utf8'), /weir-follow/)
  const below = { ...once(directory), stateFile: path.join(file, 'state') }
  await assert.rejects(openFollowSource(below), {
    code: 'ERR_CONNECTOR_STATE',
    message: /cannot be written: not a directory at .*access\.log; .* \(ENOTDIR\)\.$/,
  })
})

test('while the state file cannot be written, what was committed does not come again, nor anything new', async (t) => {
  const { directory, file } = await log(t)
  await writeFile(file, lines(0, 2))
  const source = await openFollowSource({ ...once(directory), follow: true })
  t.after(() => source.close())
  const first = source.values()[Symbol.asyncIterator]()
  const { value } = await first.next()
  const stateFile = path.join(directory, 'state.json')
  await rm(stateFile, { force: true })
  await mkdir(stateFile)
  await assert.rejects(async () => source.commit((value as { position: FollowPosition }).position), {
    code: 'ERR_CONNECTOR_STATE',
  })
  await first.return?.()
  await appendFile(file, lines(2, 3))
  for (let attempt = 0; attempt < 3; attempt++) {
    await assert.rejects(source.values()[Symbol.asyncIterator]().next(), { code: 'ERR_CONNECTOR_STATE' })
  }
  await rm(stateFile, { recursive: true })
  const next = await source.values()[Symbol.asyncIterator]().next()
  assert.equal(Buffer.from((next.value as { bytes: Uint8Array }).bytes).toString(), lines(2, 3))
  assert.match(await readFile(stateFile, 'utf8'), /weir-follow/)
})

test('a log that is rotated before anything of it was committed is read all the same, also after a restart', async (t) => {
  const { directory, file } = await log(t)
  await writeFile(file, lines(0, 100))
  const follower = await new Follower(directory).start(false)
  await follower.stop()
  await rename(file, `${file}.1`)
  await writeFile(file, lines(100, 101))
  const again = await new Follower(directory).start()
  await again.poll(4)
  assert.equal(again.text, lines(0, 101))
  assert.deepEqual(again.notices, [])
  await again.stop()
})

test('a state file has one owner, until that is closed', async (t) => {
  const { directory, file } = await log(t)
  await writeFile(file, lines(0, 1))
  const follower = await new Follower(directory).start()
  const stateFile = path.join(directory, 'state.json')
  await assert.rejects(openFollowSource(once(directory)), {
    code: 'ERR_CONNECTOR_LOCKED',
    message: `Cannot write to ${stateFile}: it belongs to another part of this process.`,
  })
  // Another input of the same folder.
  await (await new Follower(directory, { stateFile: `${stateFile}.other` }).start()).stop()
  await follower.stop()
  await writeFile(stateFile, 'x')
  for (let count = 0; count < 2; count++) {
    await assert.rejects(openFollowSource(once(directory)), { code: 'ERR_CONNECTOR_STATE' })
  }
})
