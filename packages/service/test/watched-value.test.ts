// Values that are watched: what stays in force, what is tried again, and what is told how often. The system's refusals
// are made up here; that credentials, certificates and tokens hand them on is told by their own tests.

import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'

import { watchValue } from '#src/watched-value.js'
import type { WatchedValue } from '#src/watched-value.js'
import { lookTwice } from './held-time.js'
import { folder } from './running.js'

interface Watching {
  readonly value: WatchedValue<string>
  readonly file: string
  readonly told: string[]
  /** What the system refuses reading with; empty: nothing. */
  readonly system: { refusal: string }
}

/** Watches a file that is good unless it holds `bad`. */
async function watching(t: TestContext): Promise<Watching> {
  const file = path.join(await folder(t), 'value')
  await writeFile(file, 'first')
  const told: string[] = []
  const system = { refusal: '' }
  const read = async () => {
    const { refusal } = system
    if (refusal !== '') throw new Error(`Cannot read: ${refusal}.`, { cause: { code: refusal } })
    const text = await readFile(file, 'utf8')
    if (text.includes('bad')) throw new Error('It is bad.')
    return text
  }
  const report = ({ error }: { error?: Error }) => told.push(error?.message ?? 'in force')
  const value = await watchValue({ paths: [file], read, report, startTimer: () => () => undefined })
  t.after(() => value.close())
  return { value, file, told, system }
}

test('what the system refuses once is tried again at the next look, and told once', async (t) => {
  const { value, file, told, system } = await watching(t)
  system.refusal = 'EMFILE'
  await writeFile(file, 'second')
  await lookTwice(value)
  await lookTwice(value)
  assert.deepEqual([value.current, told], ['first', ['Cannot read: EMFILE.']])
  system.refusal = ''
  await value.poll()
  assert.deepEqual([value.current, told], ['second', ['Cannot read: EMFILE.', 'in force']])
})

test('what is bad leaves the value before in force until the file changes, and both are told once', async (t) => {
  const { value, file, told } = await watching(t)
  await writeFile(file, 'bad')
  await lookTwice(value)
  await lookTwice(value)
  assert.deepEqual([value.current, told], ['first', ['It is bad.']])
  await writeFile(file, 'third')
  await lookTwice(value)
  await lookTwice(value)
  assert.deepEqual([value.current, told], ['third', ['It is bad.', 'in force']])
  await writeFile(file, 'bad again')
  await lookTwice(value)
  assert.deepEqual(told.slice(2), ['It is bad.'])
})

test('a file that cannot be read at the start is watched by nobody', async (t) => {
  const file = path.join(await folder(t), 'none')
  let timers = 0
  const startTimer = () => {
    timers++
    return () => void timers--
  }
  const opening = watchValue({ paths: [file], read: () => readFile(file), report: () => assert.fail(), startTimer })
  await assert.rejects(opening, { code: 'ENOENT' })
  assert.equal(timers, 0)
})
