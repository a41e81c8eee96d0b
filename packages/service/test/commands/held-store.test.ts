// What is known of a store that takes nothing: asked until it answers, told once for each reason, and as an error when it lasts.

import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { test } from 'node:test'

import { alarmMs, HeldStore } from '#src/commands/held-store.js'
import { S3Error } from '#src/errors.js'
import type { StructuredLog } from '#src/structured-log.js'

const busy = new S3Error('ERR_S3_BUSY', 'Busy.', { retryable: true })
const denied = new S3Error('ERR_S3_DENIED', 'Denied.', { retryable: true })

/** A store that answers as `answers` says, one after another, and that nobody waits for before `pass()`. */
function open(...answers: readonly (S3Error | 'yes')[]) {
  const told: string[] = []
  const tell = (level: string) => (message: string) => void told.push(`${level}: ${message}`)
  const log = { info: tell('info'), warn: tell('warn'), error: tell('error') } as unknown as StructuredLog
  const waits: (() => void)[] = []
  let nowMs = 0
  let asked = 0
  const store = new HeldStore({
    name: 's3://memory',
    log,
    ask: async () => {
      const answer = answers[asked++]
      if (answer instanceof S3Error) throw answer
      assert.equal(answer, 'yes')
    },
    clock: () => nowMs,
    wait: (_, signal) =>
      new Promise((resolve, reject) => {
        waits.push(resolve)
        signal.addEventListener('abort', () => reject(new Error('aborted')), { once: true })
      }),
  })
  /** Has so much time pass, and the store be asked. */
  const pass = async (ms: number) => {
    nowMs += ms
    waits.shift()!()
    for (let turns = 0; turns < 10; turns++) await turn()
  }
  return { store, told, pass, forward: (ms: number) => void (nowMs += ms), asked: () => asked }
}

test('a store is asked until it answers, and a reason that is new is told', async () => {
  const { store, told, pass, asked } = open(busy, denied, denied, 'yes')
  store.hold(busy)
  store.hold(busy)
  let isFreed = false
  const freed = store.freed(new AbortController().signal).then(() => (isFreed = true))
  for (let i = 0; i < 3; i++) await pass(1000)
  assert.deepEqual([store.error?.code, isFreed], ['ERR_S3_DENIED', false])
  await pass(1000)
  await freed
  assert.deepEqual([store.error, asked()], [undefined, 4])
  assert.deepEqual(told, ['warn: The bucket cannot be used yet; it is tried again.', 'info: The store works again.'])
  store.close()
})

test('one that is waited for for minutes is told as an error, once each time', async () => {
  const { store, told, pass, forward } = open(busy, busy, busy, 'yes', busy)
  const alarm = 'error: The store has been waited for for minutes; somebody has to look.'
  store.hold(busy)
  await pass(alarmMs - 1)
  assert.deepEqual(told, [])
  await pass(1)
  await pass(alarmMs)
  assert.deepEqual(told, [alarm])
  await pass(1)
  forward(60_000)
  store.hold(busy)
  await pass(alarmMs)
  assert.deepEqual(told, [alarm, 'info: The store works again.', alarm])
  store.close()
})

test('one that answers and goes on refusing is held all the time, and works again when it takes an object', async () => {
  const { store, told, pass } = open('yes', 'yes', 'yes', 'yes', busy)
  store.hold(busy)
  await pass(1000)
  // It is believed once.
  assert.equal(store.error, undefined)
  for (let i = 0; i < 2; i++) {
    store.hold(busy)
    await pass(alarmMs / 2)
    assert.equal(store.error, busy)
    await store.freed(new AbortController().signal)
  }
  store.free()
  assert.equal(store.error, undefined)
  const alarm = 'error: The store has been waited for for minutes; somebody has to look.'
  assert.deepEqual(told, ['info: The store works again.', 'info: The store works again.'])
  store.hold(busy)
  await pass(1000)
  store.hold(busy)
  await pass(alarmMs)
  assert.deepEqual(told.slice(2), ['info: The store works again.', alarm])
  store.close()
})

test('one that is not asked for anything for a minute after it has answered is believed', async () => {
  const { store, told, pass, forward } = open('yes', 'yes')
  for (let i = 0; i < 2; i++) {
    store.hold(busy)
    await pass(1000)
  }
  assert.equal(store.error, busy)
  forward(60_000)
  assert.equal(store.error, undefined)
  store.hold(busy)
  assert.equal(told.length, 1)
  store.close()
})

test('nobody waits for it when it is closed, or when waiting is called off', async () => {
  const { store, asked } = open()
  store.hold(busy)
  const off = new AbortController()
  const calledOff = store.freed(off.signal)
  off.abort()
  await calledOff
  const freed = store.freed(new AbortController().signal)
  store.close()
  await freed
  store.hold(denied)
  assert.deepEqual([store.error, asked()], [undefined, 0])
})
