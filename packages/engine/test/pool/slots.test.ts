// The counting lock: so many pass, the others in turn.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Slots } from '#src/pool/slots.js'

test('those who wait are served in the order they came, even when later ones need less', async () => {
  const slots = new Slots(2)
  const [first, second] = [await slots.take(), await slots.take()]
  assert.equal(slots.hasFree, false)
  const served: string[] = []
  const all = slots.takeAll().then((release) => {
    served.push('all')
    release()
  })
  const one = slots.take().then((release) => {
    served.push('one')
    release()
  })
  first()
  first()
  await Promise.resolve()
  assert.deepEqual(served, [], 'a place given back twice counts once')
  second()
  await Promise.all([all, one])
  assert.deepEqual(served, ['all', 'one'])
  assert.equal(slots.hasFree, true)
})

test('after a refusal nobody waits', async () => {
  const slots = new Slots(1)
  await slots.take()
  const waiting = slots.take()
  slots.refuse(() => new Error('no more'))
  await assert.rejects(waiting, /no more/)
  await assert.rejects(slots.take(), /no more/)
})
