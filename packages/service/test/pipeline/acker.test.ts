// When positions are committed, with sinks and sources that are only events.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'

import { Acker } from '#src/pipeline/acker.js'

/** An acker whose flushes end when told, and what happened. */
function gatedAcker() {
  const happened: string[] = []
  const gates: ((error?: Error) => void)[] = []
  const acker = new Acker<number>({
    flush: () => {
      happened.push('flush')
      return new Promise((resolve, reject) => {
        gates.push((error) => (error === undefined ? resolve() : reject(error)))
      })
    },
    commit: (position) => void happened.push(`commit ${position}`),
    onFailure: (error) => void happened.push(`failed: ${(error as Error).message}`),
  })
  const flushed = async (error?: Error) => {
    gates.shift()!(error)
    await setImmediate()
  }
  return { acker, happened, flushed }
}

test('one flush stands for every position that was added before it began, and none that came later', async () => {
  const { acker, happened, flushed } = gatedAcker()
  for (const position of [1, 2, 3]) acker.add(position)
  assert.deepEqual(happened, ['flush'])
  await flushed()
  assert.deepEqual(happened, ['flush', 'commit 1', 'flush'])
  acker.add(4)
  await flushed()
  assert.deepEqual(happened, ['flush', 'commit 1', 'flush', 'commit 3', 'flush'])
  await flushed()
  await acker.drained()
  assert.equal(happened.at(-1), 'commit 4')
})

test('after a flush has failed nothing is flushed or committed', async () => {
  const { acker, happened, flushed } = gatedAcker()
  acker.add(1)
  acker.add(2)
  await flushed(new Error('the disk is full'))
  acker.add(3)
  await assert.rejects(acker.drained(), /the disk is full/)
  assert.deepEqual(happened, ['flush', 'failed: the disk is full'])
})

test('an abandoned acker commits what its last flush stood for, and begins no other', async () => {
  const { acker, happened, flushed } = gatedAcker()
  acker.add(1)
  acker.add(2)
  const abandoned = acker.abandon()
  await flushed()
  await abandoned
  assert.deepEqual(happened, ['flush', 'commit 1'])
})

test('an acker that was given nothing is drained at once', async () => {
  const { acker, happened } = gatedAcker()
  await acker.drained()
  await acker.abandon()
  assert.deepEqual(happened, [])
})
