// Credentials: what the file may hold, that it is read again, and that no path through a check is shorter than another.

import assert from 'node:assert/strict'
import { scryptSync } from 'node:crypto'
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'

import { ConfigError } from '#src/errors.js'
import { hashPassword, openCredentials } from '#src/sources/credentials.js'
import type { Credentials } from '#src/sources/credentials.js'
import type { WatchedNews } from '#src/watched-value.js'
import { HeldTime, lookTwice } from '../held-time.js'
import { folder } from '../running.js'
import { openSource, post, read, until } from './http-client.js'

/** Hashes that take no time. */
const quick = { N: 16, r: 1, p: 1 }

function basic(name: string, password: string): string {
  return `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`
}

interface Opened {
  readonly credentials: Credentials
  readonly file: string
  /** Why a file is refused, or that it is in force. */
  readonly reported: (ConfigError | 'in force')[]
  readonly time: HeldTime
}

async function open(t: TestContext, lines: readonly string[], concurrentHashes = 2): Promise<Opened> {
  const file = path.join(await folder(t), 'users')
  await writeFile(file, `${lines.join('\n')}\n`)
  const reported: Opened['reported'] = []
  const time = new HeldTime()
  const report = ({ error }: WatchedNews) => reported.push((error as ConfigError | undefined) ?? 'in force')
  const credentials = await openCredentials({
    path: file,
    startTimer: time.startTimer,
    pollMs: 1000,
    concurrentHashes,
    report,
  })
  t.after(() => credentials.close())
  return { credentials, file, reported, time }
}

test('a hashed password is a line of the file, hashed as RFC 7914 has it', async (t) => {
  const line = await hashPassword('cdn', 'pass:wörd', quick)
  const [name, method, N, r, p, salt = '', hash = ''] = line.split(':')
  assert.deepEqual([name, method, N, r, p], ['cdn', 'scrypt', '16', '1', '1'])
  const expected = scryptSync('pass:wörd', Buffer.from(salt, 'base64'), 32, quick)
  assert.ok(Buffer.from(hash, 'base64').equals(expected))
  assert.match(await hashPassword('cdn', 'x'), /^cdn:scrypt:16384:8:1:/)
  const { credentials } = await open(t, [line])
  assert.deepEqual(await credentials.verify(basic('cdn', 'pass:wörd')), { name: 'cdn' })
  for (const [bad, password] of [
    ['', 'x'],
    ['a:b', 'x'],
    ['a', ''],
    ['a', 'b\n'],
  ] as const) {
    await assert.rejects(hashPassword(bad, password), { code: 'ERR_CONFIG_USERS' })
  }
})

test('several credentials are valid at once, also of one name and of different cost', async (t) => {
  const { credentials } = await open(t, [
    '# senders',
    '',
    await hashPassword('a', 'old', quick),
    await hashPassword('a', 'new', { N: 32, r: 2, p: 1 }),
    await hashPassword('b', 'other', quick),
  ])
  assert.deepEqual(await credentials.verify(basic('a', 'old')), { name: 'a' })
  assert.deepEqual(await credentials.verify(basic('a', 'new')), { name: 'a' })
  assert.deepEqual(await credentials.verify(basic('b', 'other')), { name: 'b' })
  const wrong = [
    basic('b', 'old'),
    basic('c', 'old'),
    basic('a', ''),
    basic('a', 'old\0'),
    basic('A', 'old'),
    'Basic YQ==',
    'Basic',
    'Bearer abc',
    '',
    undefined,
  ]
  for (const authorization of wrong) {
    assert.deepEqual(await credentials.verify(authorization), { refusal: 'unauthorized' })
  }
})

test('what was accepted is known without hashing again, what was refused is not', async (t) => {
  const { credentials } = await open(t, [await hashPassword('a', 'x', quick)])
  const first = credentials.verify(basic('a', 'x'))
  assert.ok(first instanceof Promise)
  // The same credential on another connection waits for the same hash.
  assert.deepEqual(await Promise.all([first, credentials.verify(basic('a', 'x'))]), [{ name: 'a' }, { name: 'a' }])
  assert.deepEqual(credentials.verify(basic('a', 'x')), { name: 'a' })
  await credentials.verify(basic('a', 'y'))
  assert.ok(credentials.verify(basic('a', 'y')) instanceof Promise)
})

test('only so many hashes are computed at a time', async (t) => {
  const { credentials } = await open(t, [await hashPassword('a', 'x', quick)], 1)
  const checks = await Promise.all(['x', 'y', 'z'].map(async (password) => credentials.verify(basic('a', password))))
  assert.deepEqual(checks, [{ name: 'a' }, { refusal: 'busy' }, { refusal: 'busy' }])
})

test('a file that changed is in force once it is at rest; a bad one is reported once and changes nothing', async (t) => {
  const { credentials, file, reported, time } = await open(t, [await hashPassword('a', 'x', quick)])
  await credentials.verify(basic('a', 'x'))
  await writeFile(file, await hashPassword('b', 'y', quick))
  for (const _ of ['seen', 'at rest']) {
    time.forward(1000)
    await until(() => time.waiting === 1)
  }
  assert.deepEqual(await credentials.verify(basic('a', 'x')), { refusal: 'unauthorized' })
  assert.deepEqual(await credentials.verify(basic('b', 'y')), { name: 'b' })
  await writeFile(file, 'b:plain text\n')
  await lookTwice(credentials)
  await lookTwice(credentials)
  const [first, bad, ...more] = reported
  assert.deepEqual([first, more], ['in force', []])
  assert.ok(bad instanceof ConfigError && bad.code === 'ERR_CONFIG_USERS')
  assert.match(bad.message, /users cannot be used: line 1: it is not name:scrypt:N:r:p:salt:hash\.$/)
  assert.ok(!bad.message.includes('plain text'))
  assert.deepEqual(await credentials.verify(basic('b', 'y')), { name: 'b' })
  await rm(file)
  await lookTwice(credentials)
  const gone = reported[2]
  assert.ok(gone instanceof ConfigError)
  assert.match(gone.message, /no such file or directory/)
  // By which the watch knows that it has to try again.
  assert.equal((gone.cause as { code?: string }).code, 'ENOENT')
  assert.deepEqual(await credentials.verify(basic('b', 'y')), { name: 'b' })
  await writeFile(file, await hashPassword('a', 'x', quick))
  await lookTwice(credentials)
  assert.equal(reported[3], 'in force')
  assert.deepEqual(await credentials.verify(basic('a', 'x')), { name: 'a' })
})

test('a folder that is swapped by a symbolic link is a change', async (t) => {
  const directory = await folder(t)
  for (const [version, password] of [
    ['1', 'old'],
    ['2', 'new'],
  ] as const) {
    await mkdir(path.join(directory, version))
    await writeFile(path.join(directory, version, 'users'), await hashPassword('a', password, quick))
  }
  await symlink('1', path.join(directory, 'data'))
  const file = path.join(directory, 'data', 'users')
  const options = {
    path: file,
    startTimer: new HeldTime().startTimer,
    pollMs: 1,
    concurrentHashes: 1,
    report: () => undefined,
  }
  const credentials = await openCredentials(options)
  t.after(() => credentials.close())
  assert.deepEqual(await credentials.verify(basic('a', 'old')), { name: 'a' })
  await symlink('2', path.join(directory, 'next'))
  await rename(path.join(directory, 'next'), path.join(directory, 'data'))
  await lookTwice(credentials)
  assert.deepEqual(await credentials.verify(basic('a', 'new')), { name: 'a' })
  assert.deepEqual(await credentials.verify(basic('a', 'old')), { refusal: 'unauthorized' })
})

test('every line that is no credential is named by its number, and never shown', async (t) => {
  const good = (await hashPassword('a', 'x', quick)).split(':')
  const changed = (index: number, part: string) => good.map((old, at) => (at === index ? part : old)).join(':')
  const lines = [
    changed(0, ''),
    changed(1, 'bcrypt'),
    changed(2, '15'),
    changed(2, '1'),
    changed(3, '0'),
    changed(4, '17'),
    changed(2, String(2 ** 29)),
    changed(5, 'c2hvcnQ='),
    changed(5, 'no base64!'),
    changed(6, 'c2hvcnQ='),
  ]
  await assert.rejects(open(t, lines), (error: ConfigError) => {
    assert.equal(error.code, 'ERR_CONFIG_USERS')
    assert.deepEqual(
      (error.details['problems'] as string[]).map((problem) => problem.split(':')[0]),
      lines.map((_, index) => `line ${index + 1}`),
    )
    assert.ok(!error.message.includes(good[6] ?? ''))
    return true
  })
  await assert.rejects(open(t, ['# nobody']), { message: /it holds no credential\.$/ })
})

test('the source asks for credentials before it reads the body, whatever else is wrong', async (t) => {
  const users = path.join(await folder(t), 'users')
  await writeFile(users, await hashPassword('cdn', 'secret', quick))
  const { source, outcomes } = await openSource(t, { users })
  const authorization = basic('cdn', 'secret')
  const refused = await post(source, '{}\n', { path: '/other' })
  assert.equal(refused.status, 401)
  assert.equal(refused.headers['www-authenticate'], 'Basic realm="weir", charset="UTF-8"')
  assert.equal((await post(source, '{}\n', { headers: { authorization: basic('cdn', 'wrong') } })).status, 401)
  assert.equal((await post(source, '{}\n', { headers: { authorization } })).status, 503)
  read(source)
  assert.equal((await post(source, '{}\n', { headers: { authorization } })).status, 200)
  assert.equal((await post(source, '{}\n', { headers: { authorization, Expect: '100-continue' } })).status, 200)
  assert.equal((await post(source, '{}\n', { headers: { Expect: '100-continue' } })).status, 401)
  assert.ok(!JSON.stringify(outcomes).includes('secret'))
  await writeFile(users, await hashPassword('cdn', 'changed', quick))
  await lookTwice(source)
  assert.equal((await post(source, '{}\n', { headers: { authorization } })).status, 401)
})

test('too many checks at a time are 503, not 401', async (t) => {
  const users = path.join(await folder(t), 'users')
  await writeFile(users, await hashPassword('a', 'x', quick))
  const { source } = await openSource(t, { users, limits: { concurrentHashes: 0 } })
  read(source)
  const { status, code } = await post(source, '{}\n', { headers: { authorization: basic('a', 'x') } })
  assert.deepEqual([status, code], [503, 'credentials-busy'])
})

test('a credential over its rate is told when to come back, and others are not concerned', async (t) => {
  const users = path.join(await folder(t), 'users')
  await writeFile(users, [await hashPassword('a', 'x', quick), await hashPassword('b', 'y', quick)].join('\n'))
  const time = new HeldTime()
  const { source } = await openSource(t, { users, clock: time.clock, limits: { credentialBytesPerSecond: 1000 } })
  read(source)
  const send = (name: string, password: string) =>
    post(source, `${'x'.repeat(14_999)}\n`, { headers: { authorization: basic(name, password) } })
  assert.equal((await send('a', 'x')).status, 200)
  const { status, code, headers } = await send('a', 'x')
  assert.deepEqual([status, code, headers['retry-after']], [429, 'rate-exceeded', '6'])
  assert.equal((await send('b', 'y')).status, 200)
  time.forward(6000)
  assert.equal((await send('a', 'x')).status, 200)
})
