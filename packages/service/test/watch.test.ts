// Watching files: what counts as a change, when it is told, and what is not told. Every look is asked for by the test.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import { mkdir, rename, rm, symlink, truncate, utimes, writeFile } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import path from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'

import { watchFiles } from '#src/watch.js'
import type { Watch } from '#src/watch.js'
import { lookTwice } from './held-time.js'
import { folder } from './running.js'

interface Watched {
  readonly watch: Watch
  readonly told: string[][]
  readonly errors: unknown[]
}

/** Watches without a timer; `onChange` may be made to fail. */
async function watched(t: TestContext, paths: readonly string[], onChange?: () => void): Promise<Watched> {
  const told: string[][] = []
  const errors: unknown[] = []
  const note = (changed: readonly string[]) => {
    told.push(changed.map((file) => path.basename(file)))
    onChange?.()
  }
  const startTimer = () => () => undefined
  const watch = await watchFiles(paths, note, { startTimer, onError: (error) => void errors.push(error) })
  t.after(() => watch.close())
  return { watch, told, errors }
}

test('a change is told once, when it has come to rest', async (t) => {
  const file = path.join(await folder(t), 'rules.yaml')
  await writeFile(file, 'old')
  const { watch, told } = await watched(t, [file])
  await lookTwice(watch)
  assert.deepEqual(told, [])
  await writeFile(file, 'new, half')
  await watch.poll()
  await writeFile(file, 'new, and whole')
  await watch.poll()
  assert.deepEqual(told, [], 'it changed between the two looks')
  await watch.poll()
  assert.deepEqual(told, [['rules.yaml']])
  await lookTwice(watch)
  assert.equal(told.length, 1)
})

test('what could not be told is told again, also where the file is by then as it was before', async (t) => {
  const file = path.join(await folder(t), 'rules.yaml')
  await writeFile(file, 'old')
  let fails = true
  const { watch, told, errors } = await watched(t, [file], () => {
    if (fails) throw new Error('not now')
  })
  await writeFile(file, 'newer')
  await lookTwice(watch)
  fails = false
  await writeFile(file, 'old')
  await lookTwice(watch)
  assert.deepEqual([told.length, errors.length], [2, 1])
  await lookTwice(watch)
  assert.equal(told.length, 2)
})

test('a pipe or a device in the place of a file is told, and keeps nobody from seeing what comes next', async (t) => {
  const file = path.join(await folder(t), 'rules.yaml')
  await writeFile(file, 'old')
  const { watch, told } = await watched(t, [file])
  await rm(file)
  execFileSync('mkfifo', [file])
  await lookTwice(watch)
  assert.equal(told.length, 1)
  await rm(file)
  await symlink('/dev/zero', file)
  await lookTwice(watch)
  await rm(file)
  await writeFile(file, '')
  // Larger than anybody reads: its content is not asked for.
  await truncate(file, 5 * 2 ** 30)
  await lookTwice(watch)
  await rm(file)
  await writeFile(file, 'new')
  await lookTwice(watch)
  assert.ok(told.length >= 3)
})

test('a file that is touched, or replaced by one with the same content, has not changed', async (t) => {
  const directory = await folder(t)
  const file = path.join(directory, 'rules.yaml')
  await writeFile(file, 'same')
  const { watch, told } = await watched(t, [file])
  await utimes(file, 1, 1)
  await lookTwice(watch)
  await writeFile(path.join(directory, 'next'), 'same')
  await rename(path.join(directory, 'next'), file)
  await lookTwice(watch)
  assert.deepEqual(told, [])
})

test('a change that keeps the size and the time of the file is seen all the same', async (t) => {
  const file = path.join(await folder(t), 'rules.yaml')
  await writeFile(file, 'aaaa')
  await utimes(file, 1_000_000, 1_000_000)
  const { watch, told } = await watched(t, [file])
  await writeFile(file, 'bbbb')
  await utimes(file, 1_000_000, 1_000_000)
  await lookTwice(watch)
  assert.deepEqual(told, [['rules.yaml']])
})

/** Has files say that they were written at this moment, whenever they are, as where times go by ticks. Returns how to let time pass. */
function stopTicks(t: TestContext): () => void {
  const { stat } = fs.promises
  let nowMs = Date.now()
  const ns = BigInt(nowMs) * 1_000_000n
  const inOneTick = async (...args: Parameters<typeof stat>) =>
    Object.assign(await stat(...args), { mtimeNs: ns, ctimeNs: ns })
  t.mock.method(Date, 'now', () => nowMs)
  const mocked = t.mock.method(fs.promises, 'stat', inOneTick as never)
  syncBuiltinESMExports()
  t.after(() => {
    mocked.mock.restore()
    syncBuiltinESMExports()
  })
  return () => void (nowMs += 1000)
}

test('a change in the tick in which the file was looked at is seen all the same, and told once', async (t) => {
  const file = path.join(await folder(t), 'rules.yaml')
  await writeFile(file, 'aaaa')
  const passTime = stopTicks(t)
  const { watch, told } = await watched(t, [file])
  await writeFile(file, 'bbbb')
  await lookTwice(watch)
  assert.equal(told.length, 1)
  await writeFile(file, 'cccc')
  passTime()
  for (let look = 0; look < 5; look++) await watch.poll()
  assert.deepEqual(told, [['rules.yaml'], ['rules.yaml']])
})

test('a mounted folder that is swapped by its symbolic link is told at once, with all files that differ', async (t) => {
  const directory = await folder(t)
  const at = (...parts: string[]) => path.join(directory, ...parts)
  for (const [version, content] of Object.entries({ one: 'old', two: 'new' })) {
    await mkdir(at(version))
    for (const name of ['rules.yaml', 'hosts.txt']) await writeFile(at(version, name), content)
    await writeFile(at(version, 'same.txt'), 'same')
  }
  await symlink('one', at('..data'))
  const names = ['rules.yaml', 'hosts.txt', 'same.txt']
  for (const name of names) await symlink(path.join('..data', name), at(name))
  const { watch, told } = await watched(
    t,
    names.map((name) => at(name)),
  )
  await symlink('two', at('..next'))
  await rename(at('..next'), at('..data'))
  await lookTwice(watch)
  assert.deepEqual(told, [['rules.yaml', 'hosts.txt']])
})

test('a file that is gone for a moment is not told, and one that stays away is, and again when it comes back', async (t) => {
  const file = path.join(await folder(t), 'rules.yaml')
  await writeFile(file, 'here')
  const { watch, told } = await watched(t, [file])
  await rm(file)
  await watch.poll()
  await writeFile(file, 'here')
  await lookTwice(watch)
  assert.deepEqual(told, [])
  await rm(file)
  await lookTwice(watch)
  assert.equal(told.length, 1)
  await writeFile(file, 'here')
  await lookTwice(watch)
  assert.equal(told.length, 2)
})

test('a file that never comes to rest is told after some looks', async (t) => {
  const file = path.join(await folder(t), 'list.txt')
  await writeFile(file, '')
  const { watch, told } = await watched(t, [file])
  let looks = 0
  while (told.length === 0 && looks < 50) {
    await writeFile(file, `line ${looks++}\n`, { flag: 'a' })
    await watch.poll()
  }
  assert.equal(looks, 10)
})

test('what could not be told is told again', async (t) => {
  const file = path.join(await folder(t), 'rules.yaml')
  await writeFile(file, 'old')
  let failures = 2
  const { watch, told, errors } = await watched(t, [file], () => {
    if (failures-- > 0) throw new Error('Not now.')
  })
  await writeFile(file, 'newer')
  for (let look = 0; look < 6; look++) await watch.poll()
  assert.equal(told.length, 3)
  assert.equal(errors.length, 2)
})

test('files can be added and taken away while they are watched', async (t) => {
  const directory = await folder(t)
  const [one, two] = [path.join(directory, 'one'), path.join(directory, 'two')]
  await writeFile(one, 'old')
  await writeFile(two, 'old')
  const { watch, told } = await watched(t, [one])
  await watch.setPaths([two])
  await writeFile(one, 'newer')
  await writeFile(two, 'newer')
  await lookTwice(watch)
  assert.deepEqual(told, [['two']])
})

test('the timer is set anew after each look, and not after the watch is closed', async (t) => {
  const file = path.join(await folder(t), 'rules.yaml')
  await writeFile(file, 'old')
  const started: { ms: number; run: () => void }[] = []
  let stopped = 0
  const startTimer = (ms: number, run: () => void) => {
    started.push({ ms, run })
    return () => void stopped++
  }
  const watch = await watchFiles([file], () => undefined, { pollMs: 250, startTimer, onError: () => assert.fail() })
  started[0]?.run()
  await watch.poll()
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(
    started.map(({ ms }) => ms),
    [250, 250],
  )
  await watch.close()
  assert.equal(stopped, 1)
  started[1]?.run()
  await watch.poll()
  assert.equal(started.length, 2)
})
