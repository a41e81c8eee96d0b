// Routes to sinks, with sinks that wait or fail.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Router } from '#src/pipeline/router.js'
import type { Sink } from '#src/ports/sink.js'

/** A sink that writes down what happens to it; writes wait while `gate` is closed. */
function recordingSink(name: string, happened: string[], gate: Promise<void> = Promise.resolve()): Sink {
  return {
    name,
    async write(chunks) {
      happened.push(`${name} gets ${chunks.map((chunk) => Buffer.from(chunk).toString()).join('|')}`)
      await gate
      happened.push(`${name} has it`)
    },
    flush: () => Promise.resolve(),
    finish: async () => void happened.push(`${name} finished`),
    discard: async () => void happened.push(`${name} discarded`),
  }
}

const segment = (route: string, text: string) => ({ route, bytes: Buffer.from(text) })

test('segments reach the sink of their route, in order and in one call', async () => {
  const happened: string[] = []
  const router = new Router(new Map([['keep', recordingSink('keep', happened)], ['slow', recordingSink('slow', happened)]])) // prettier-ignore
  await router.deliver([segment('keep', 'a'), segment('slow', 'b'), segment('keep', 'cc')])
  assert.deepEqual(happened.slice(0, 2), ['keep gets a|cc', 'slow gets b'])
  assert.equal(router.bytesOut, 4)
  assert.deepEqual(router.routes, ['keep', 'slow'])
})

test('a delivery is done when the slowest sink has acknowledged, also when another failed before', async () => {
  const happened: string[] = []
  let open: () => void = () => undefined
  const gate = new Promise<void>((resolve) => (open = resolve))
  const failing: Sink = { ...recordingSink('failing', happened), write: () => Promise.reject(new Error('full')) }
  const router = new Router(new Map([['keep', failing], ['slow', recordingSink('slow', happened, gate)]])) // prettier-ignore
  const delivery = router.deliver([segment('keep', 'a'), segment('slow', 'b')])
  delivery.catch(() => happened.push('rejected'))
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(happened, ['slow gets b'])
  open()
  await assert.rejects(delivery, { message: 'full' })
  assert.deepEqual(happened, ['slow gets b', 'slow has it', 'rejected'])
  assert.equal(router.bytesOut, 1)
})

test('finish and discard reach every sink', async () => {
  const happened: string[] = []
  const router = new Router(new Map([['keep', recordingSink('keep', happened)], ['slow', recordingSink('slow', happened)]])) // prettier-ignore
  await router.finish()
  await router.discard()
  assert.deepEqual(happened, ['keep finished', 'slow finished', 'keep discarded', 'slow discarded'])
})
