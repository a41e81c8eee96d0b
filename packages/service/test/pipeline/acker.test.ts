// When positions are committed, with sinks and sources that are only events.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'

import { Acker } from '#src/pipeline/acker.js'

/** A batch at whose end the position is. */
const at = (position: number) => ({ position: { value: position }, onSafe: () => undefined })

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
  for (const position of [1, 2, 3]) acker.add(at(position))
  assert.deepEqual(happened, ['flush'])
  await flushed()
  assert.deepEqual(happened, ['flush', 'commit 1', 'flush'])
  acker.add(at(4))
  await flushed()
  assert.deepEqual(happened, ['flush', 'commit 1', 'flush', 'commit 3', 'flush'])
  await flushed()
  await acker.drained()
  assert.equal(happened.at(-1), 'commit 4')
})

test('after a flush has failed nothing is flushed or committed', async () => {
  const { acker, happened, flushed } = gatedAcker()
  acker.add(at(1))
  acker.add(at(2))
  await flushed(new Error('the disk is full'))
  acker.add(at(3))
  await assert.rejects(acker.drained(), /the disk is full/)
  assert.deepEqual(happened, ['flush', 'failed: the disk is full'])
})

test('an abandoned acker commits what its last flush stood for, and begins no other', async () => {
  const { acker, happened, flushed } = gatedAcker()
  acker.add(at(1))
  acker.add(at(2))
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

test('a batch is told to be safe with the first position at or behind its end, and the rest when nothing follows', async () => {
  const { acker, happened, flushed } = gatedAcker()
  const safe = (name: string) => ({ onSafe: () => void happened.push(`${name} is safe`) })
  acker.add(safe('a'))
  assert.deepEqual(happened, [], 'no position, no flush')
  acker.add({ ...safe('b'), position: { value: 1 } })
  acker.add(safe('c'))
  await flushed()
  assert.deepEqual(happened, ['flush', 'commit 1', 'a is safe', 'b is safe'])
  const drained = acker.drained()
  await setImmediate()
  await flushed()
  await drained
  assert.deepEqual(happened.slice(4), ['flush', 'c is safe'])
})

test('what a failed flush stood for is never told to be safe', async () => {
  const { acker, happened, flushed } = gatedAcker()
  acker.add({ position: { value: 1 }, onSafe: () => void happened.push('safe') })
  await flushed(new Error('the disk is full'))
  await assert.rejects(acker.drained())
  await acker.abandon()
  assert.deepEqual(happened, ['flush', 'failed: the disk is full'])
})
