// The end in order, with parts that are only events.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { abandonedMs, shutDown } from '#src/pipeline/shutdown.js'
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
  assert.equal(await shutDown([part(happened), part(happened)], Promise.resolve(), { deadlineMs: 5, startTimer }), true)
  assert.deepEqual(happened, ['drain', 'drain', 'stopped'])
})

test('what is under way when the time is up is aborted', async () => {
  const happened: string[] = []
  const time = new HeldTime()
  let end = () => {}
  const done = new Promise<void>((resolve) => (end = resolve))
  const over = shutDown([part(happened)], done, { deadlineMs: 25_000, startTimer: time.startTimer })
  time.forward(24_999)
  assert.deepEqual(happened, ['drain'])
  time.forward(1)
  assert.deepEqual(happened, ['drain', 'What was under way did not end within 25000 ms.'])
  end()
  assert.equal(await over, false)
  assert.equal(time.waiting, 0)
})

test('what does not even end when it is aborted is not waited for', async () => {
  const time = new HeldTime()
  const never = new Promise<void>(() => {})
  const over = shutDown([part([])], never, { deadlineMs: 1000, startTimer: time.startTimer })
  time.forward(1000)
  time.forward(abandonedMs)
  assert.equal(await over, false)
})
