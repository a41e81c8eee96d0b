// The http source in a pipeline with an engine: what is kept of many small bodies, and what its senders are told when a
// sink fails and the pipeline is run again.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createEngine } from '@weir/engine'

import { runSource } from '#src/pipeline/pipeline.js'
import { Router } from '#src/pipeline/router.js'
import type { Sink } from '#src/ports/sink.js'
import { openSource, post } from '../sources/http-client.js'

test('bodies go through the engine; when a sink fails they go back to their senders, and the next run takes them', async (t) => {
  const rules = {
    version: 1,
    default: 'drop',
    rules: [{ id: 'a', when: { field: 'n', gte: 50 }, then: 'keep' }],
  } as const
  const engine = await createEngine({ rules, threads: 1 })
  t.after(() => engine.close())
  const { source } = await openSource(t)
  let kept = ''
  let isFull = false
  const sink: Sink = {
    name: 'memory',
    write: async (chunks) => {
      if (isFull) throw new Error('full')
      for (const chunk of chunks) kept += Buffer.from(chunk).toString()
    },
    flush: async () => undefined,
    finish: async () => undefined,
    discard: async () => undefined,
  }
  const run = () => {
    const router = new Router(new Map([['keep', sink]]))
    return runSource(source, { engine, router, allowMissingRoutes: true, batchAgeMs: 5, onBatch: () => undefined })
  }
  const first = run()
  const bodies = Array.from({ length: 100 }, (_, n) => (n % 3 === 0 ? `[{"n":${n}}]` : `{"n":${n}}`))
  const answers = await Promise.all(bodies.map((body) => post(source, body)))
  assert.ok(answers.every(({ status }) => status === 200))
  const expected = Array.from({ length: 50 }, (_, index) => `{"n":${50 + index}}`)
  assert.deepEqual(kept.trim().split('\n').sort(), expected.sort())
  isFull = true
  const refused = post(source, '{"n":100}')
  await assert.rejects(first, { message: 'full' })
  assert.equal((await refused).code, 'not-delivered')
  assert.equal((await post(source, '{"n":100}')).code, 'unavailable')
  isFull = false
  kept = ''
  const second = run()
  assert.equal((await post(source, '{"n":100}')).status, 200)
  source.drain()
  await second
  assert.equal(kept, '{"n":100}\n')
})
