// The end in order, with parts that are only events.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { shutDown, shutdownTimes } from '#src/pipeline/shutdown.js'
import { HeldTime } from '../held-time.js'

function part(happened: string[]) {
  return {
    drain: () => void happened.push('drain'),
    abort: (reason: Error) => void happened.push(reason.message),
  }
}

test('parts that end by themselves are not aborted, and the timer is stopped', async () => {
  const happened: string[] = []
  const startTimer = () => () => void happened.push('stopped')
  const parts = [part(happened), part(happened)]
  assert.equal(await shutDown(parts, Promise.resolve(), { times: shutdownTimes(1000), startTimer }), true)
  assert.deepEqual(happened, ['drain', 'drain', 'stopped'])
})

test('what is under way when the time is up is aborted', async () => {
  const happened: string[] = []
  const time = new HeldTime()
  let end = () => {}
  const done = new Promise<void>((resolve) => (end = resolve))
  const over = shutDown([part(happened)], done, { times: shutdownTimes(25_000), startTimer: time.startTimer })
  time.forward(20_999)
  assert.deepEqual(happened, ['drain'])
  time.forward(1)
  assert.deepEqual(happened, ['drain', 'What was under way did not end within 21000 ms.'])
  end()
  assert.equal(await over, false)
  assert.equal(time.waiting, 0)
})

test('what does not even end when it is aborted is not waited for', async () => {
  const time = new HeldTime()
  const never = new Promise<void>(() => {})
  const over = shutDown([part([])], never, { times: shutdownTimes(25_000), startTimer: time.startTimer })
  time.forward(21_000)
  time.forward(1000)
  assert.equal(await over, false)
})

test('everything has its time before the process has to be gone, however short that is', () => {
  assert.deepEqual(shutdownTimes(25_000), { giveUpMs: 21_000, abandonMs: 22_000, endMs: 24_600 })
  for (const shutdownMs of [1000, 5000, 600_000]) {
    const { giveUpMs, abandonMs, endMs } = shutdownTimes(shutdownMs)
    assert.ok(0 < giveUpMs && giveUpMs < abandonMs && abandonMs < endMs && endMs < shutdownMs)
    assert.ok(giveUpMs >= 0.75 * shutdownMs)
  }
})
