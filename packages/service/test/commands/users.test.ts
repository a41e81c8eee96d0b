// `weir users`, as its users run it.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'

import { openCredentials } from '#src/sources/credentials.js'
import { startSystemTimer } from '#src/time.js'
import { folder, weir } from '../running.js'

async function accepts(file: string, name: string, password: string): Promise<boolean> {
  const report = () => assert.fail('the file does not change')
  const credentials = await openCredentials({
    path: file,
    startTimer: startSystemTimer,
    pollMs: 60_000,
    concurrentHashes: 2,
    report,
  })
  try {
    const authorization = `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`
    return (await credentials.verify(authorization)).name === name
  } finally {
    await credentials.close()
  }
}

test('a hash of a password from standard input lets its user in, whether a line end came with it or not', async (t) => {
  const file = path.join(await folder(t), 'users')
  const [bare, ended] = await Promise.all([
    weir(['users', 'hash', 'cdn'], { stdin: 'geheim: 1' }),
    weir(['users', 'hash', 'other'], { stdin: 'second\n' }),
  ])
  assert.deepEqual([bare.code, bare.stderr, ended.code], [0, '', 0])
  await writeFile(file, Buffer.concat([bare.stdout, ended.stdout]))
  assert.ok(await accepts(file, 'cdn', 'geheim: 1'))
  assert.ok(await accepts(file, 'other', 'second'))
  assert.ok(!(await accepts(file, 'cdn', 'second')))
})

test('a password that is made up is told once, on standard error', async (t) => {
  const file = path.join(await folder(t), 'users')
  const made = await weir(['users', 'hash', '--generate', 'cdn'])
  await writeFile(file, made.stdout)
  const password = /^password of cdn: (\S{32})\n$/.exec(made.stderr)?.[1] ?? ''
  assert.ok(await accepts(file, 'cdn', password))
})

test('a password or a name that could never be used is refused', async () => {
  for (const [name, stdin] of [
    ['cdn', ''],
    ['a:b', 'x'],
    ['#x', 'x'],
    [' ', 'x'],
    ['cdn', Buffer.from('p\xff', 'latin1')],
  ] as const) {
    // prettier-ignore
    const { code, stdout, stderr } = await weir(['users', 'hash', name], { stdin })
    assert.equal(code, 2)
    assert.equal(stdout.length, 0)
    assert.match(stderr, /Cannot make a credential/)
  }
})
