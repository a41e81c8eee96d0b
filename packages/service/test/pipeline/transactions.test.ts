// Pipelines whose source has transactions: what is written counts with its position, once, whatever fails on the way.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'

import { createEngine } from '@weir/engine'
import type { Engine } from '@weir/engine'

import { ConnectorError } from '#src/errors.js'
import { runSource } from '#src/pipeline/pipeline.js'
import { Router } from '#src/pipeline/router.js'
import type { Sink } from '#src/ports/sink.js'
import { MemoryCluster } from '../contract/memory-cluster.js'
import { testTransactions } from '../contract/transaction.js'

testTransactions('memory', (_t, texts) => Promise.resolve(new MemoryCluster(texts)))

const dropTwos = {
  version: 1,
  default: 'keep',
  rules: [{ id: 'twos', when: { field: 'n', equals: '2' }, then: 'drop' }],
} as const

async function engineFor(t: TestContext): Promise<Engine> {
  const engine = await createEngine({ rules: dropTwos, threads: 1, kernel: 'portable', batchBytes: 4096 })
  t.after(() => engine.close())
  return engine
}

const pad = ' '.repeat(3000)
const texts = [1, 2, 3, 2, 1, 3, 2].map((n) => `{"n":"${n}"}${pad}\n`)
const kept = texts.filter((text) => !text.includes('"2"')).join('')

/** Runs the source of the cluster until it succeeds; each time a fault gives out, the next run begins as a new process. */
async function runToEnd(engine: Engine, cluster: MemoryCluster, more: readonly (readonly [string, Sink])[] = []) {
  const positions: unknown[] = []
  for (;;) {
    const router = new Router(new Map([['keep', await cluster.openSink()], ...more]))
    const source = await cluster.openSource()
    try {
      const onCommit = (position: unknown) => void positions.push(position)
      await runSource(source, { engine, router, onBatch: () => undefined, onCommit })
      return positions
    } catch (error) {
      assert.equal((error as { code?: string }).code, 'ERR_CONNECTOR_WRITE')
    }
  }
}

test('every batch is a transaction with its position, also one of which nothing is kept', async (t) => {
  const engine = await engineFor(t)
  const steps: string[] = []
  const cluster = new MemoryCluster(texts, { at: (step) => void steps.push(step) })
  const positions = await runToEnd(engine, cluster)
  assert.equal(await cluster.read(), kept)
  assert.equal(positions.at(-1), texts.length)
  assert.deepEqual(positions, [...(positions as number[])].sort((a, b) => a - b)) // prettier-ignore
  const begun = steps.filter((step) => step === 'begin').length
  assert.equal(steps.filter((step) => step === 'commit').length, begun)
  assert.equal(begun, positions.length)
})

test('whichever step fails, each record counts once', async (t) => {
  const engine = await engineFor(t)
  const steps: string[] = []
  await runToEnd(engine, new MemoryCluster(texts, { at: (step) => void steps.push(step) }))
  for (let failing = 0; failing < steps.length; failing++) {
    let count = 0
    const at = (step: string) => {
      if (count++ === failing) throw new ConnectorError('ERR_CONNECTOR_WRITE', `${step} failed`, { retryable: true })
    }
    const cluster = new MemoryCluster(texts, { at })
    await runToEnd(engine, cluster)
    assert.equal(await cluster.read(), kept, `after a failure at step ${failing}, ${steps[failing]}`)
  }
})

test('a sink that knows no transactions is flushed before the position counts', async (t) => {
  const engine = await engineFor(t)
  const happened: string[] = []
  const cluster = new MemoryCluster(texts.slice(0, 1), { at: (step) => void happened.push(step) })
  const other: Sink = {
    name: 'other',
    write: async () => void happened.push('other written'),
    flush: async () => void happened.push('other flushed'),
    finish: () => Promise.resolve(),
    discard: () => Promise.resolve(),
  }
  await runToEnd(engine, cluster, [['drop', other]])
  assert.deepEqual(happened, ['begin', 'write', 'other flushed', 'commit', 'commit answered'])
})
