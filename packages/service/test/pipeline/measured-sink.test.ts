// Sinks that count: everything passes unchanged, and failures are counted and thrown on.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'

import { ConnectorError } from '#src/errors.js'
import { createMetrics } from '#src/metrics.js'
import { measuredDeadLetters, measuredSink } from '#src/pipeline/measured-sink.js'
import type { Measuring } from '#src/pipeline/measured-sink.js'

/** A sink or dead letters that note each call, and fail when they are told to. */
function noting(fails = false): { called: unknown[][]; port: Record<string, unknown> & { name: string } } {
  const called: unknown[][] = []
  const note =
    (call: string) =>
    async (...args: unknown[]) => {
      called.push([call, ...args])
      if (fails && call !== 'discard') throw new ConnectorError('ERR_CONNECTOR_WRITE', 'Full.')
    }
  const [write, flush, finish, discard] = ['write', 'flush', 'finish', 'discard'].map(note)
  return { called, port: { name: 'noting', write, flush, finish, discard } }
}

function measuring(t: TestContext): { measuring: Measuring; has: (line: string) => Promise<boolean> } {
  const metrics = createMetrics({ version: '0' })
  t.after(() => metrics.close())
  let now = 0
  return {
    measuring: { metrics: metrics.pipeline('web'), label: 'keep', now: () => (now += 20) },
    has: async (line) => (await metrics.render()).split('\n').includes(line),
  }
}

test('what a sink takes is counted when it was taken, and handed on as it is', async (t) => {
  const m = measuring(t)
  const { called, port } = noting()
  const sink = measuredSink(port as never, m.measuring)
  const chunks = [Buffer.from('abc'), Buffer.from('de')]
  await sink.write(chunks, 'v1')
  await sink.flush()
  await sink.finish()
  await sink.discard()
  assert.deepEqual(called, [['write', chunks, 'v1'], ['flush'], ['finish'], ['discard']])
  assert.equal(sink.name, 'noting')
  for (const line of [
    'weir_output_bytes_total{pipeline="web",sink="keep"} 5',
    'weir_sink_writes_total{pipeline="web",sink="keep"} 1',
    'weir_sink_flush_seconds_sum{pipeline="web",sink="keep"} 0.02',
  ]) {
    assert.ok(await m.has(line), line)
  }
})

test('writes of dead letters are no letters yet: what counts is known later', async (t) => {
  const m = measuring(t)
  const { called, port } = noting()
  const letters = measuredDeadLetters(port as never, m.measuring)
  const letter = { reason: 'malformed', records: 3, bytes: [], source: 'x' } as const
  await letters.write([letter, { ...letter, reason: 'quarantine', records: 0 }])
  await letters.flush()
  assert.equal(called.length, 2)
  assert.ok(!(await m.has('weir_dead_letters_total{pipeline="web",reason="malformed"} 1')))
})

test('a failed call is counted by its code, thrown on, and not counted as taken', async (t) => {
  const m = measuring(t)
  const sink = measuredSink(noting(true).port as never, m.measuring)
  for (const call of [() => sink.write([Buffer.from('a')]), () => sink.flush(), () => sink.finish()]) {
    await assert.rejects(call, { code: 'ERR_CONNECTOR_WRITE' })
  }
  assert.ok(await m.has('weir_sink_errors_total{pipeline="web",sink="keep",code="ERR_CONNECTOR_WRITE"} 3'))
  assert.ok(!(await m.has('weir_sink_writes_total{pipeline="web",sink="keep"} 1')))
})
