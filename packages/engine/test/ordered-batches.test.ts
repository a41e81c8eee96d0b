// The queue of batches, apart from any source. What it delivers is tested through the engine, in filtering.test.ts.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EngineParts } from '#src/engine-parts.js'
import { OrderedBatches } from '#src/ordered-batches.js'

/** A queue that is given no batches, so that it needs no pool. */
function emptyQueue(): OrderedBatches {
  return new OrderedBatches({ options: { threads: 1 } } as EngineParts, undefined, () => undefined)
}

test('after a failure no more work is begun, so none of it can fail unheard', async () => {
  for (const stop of ['fail', 'interrupt'] as const) {
    const batches = emptyQueue()
    batches[stop](new Error('stopped between two reads'))
    const work = (): Promise<never> => Promise.reject(new Error('nobody hears this'))
    await assert.rejects(batches.orFailure(work), /stopped between two reads/)
    await new Promise((resolve) => setImmediate(resolve))
  }
})

test('work that fails after the failure of a batch is not a fault of its own', async () => {
  const batches = emptyQueue()
  let fail: ((error: Error) => void) | undefined
  const waiting = batches.orFailure(() => new Promise<void>((_resolve, reject) => (fail = reject)))
  batches.fail(new Error('a batch failed'))
  fail!(new Error('the source was destroyed'))
  await assert.rejects(waiting, /a batch failed/)
})

test('work that throws at once rejects', async () => {
  const work = (): never => {
    throw new Error('the iterator broke')
  }
  await assert.rejects(emptyQueue().orFailure(work), /the iterator broke/)
})
