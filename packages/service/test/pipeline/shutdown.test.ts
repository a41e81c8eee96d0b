// The end in order, with parts that are only events.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { shutDown } from '#src/pipeline/shutdown.js'

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
  let end: (() => void) | undefined
  const done = new Promise<void>((resolve) => (end = resolve))
  const startTimer = (ms: number, run: () => void) => {
    assert.equal(ms, 25_000)
    setImmediate(() => {
      run()
      end!()
    })
    return () => undefined
  }
  assert.equal(await shutDown([part(happened)], done, { deadlineMs: 25_000, startTimer }), false)
  assert.deepEqual(happened, ['drain', 'What was under way did not end within 25000 ms.'])
})
