// One source through an engine to a sink: order, acknowledgement, and every party's failure.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import type { TestContext } from 'node:test'

import { EngineError, createEngine } from '@weir/engine'
import type { Engine, FailedBatch } from '@weir/engine'

import { ConnectorError } from '#src/errors.js'
import { noRecords } from '#src/pipeline/feed.js'
import type { PipelineResult } from '#src/pipeline/feed.js'
import { runSource } from '#src/pipeline/pipeline.js'
import type { PipelineEngine, Rescued } from '#src/pipeline/pipeline.js'
import { Router } from '#src/pipeline/router.js'
import { Suspects } from '#src/pipeline/suspects.js'
import type { Trials } from '#src/pipeline/suspects.js'
import { headBytes } from '#src/ports/dead-letters.js'
import type { DeadLetter, DeadLetters } from '#src/ports/dead-letters.js'
import type { Sink } from '#src/ports/sink.js'
import type { Source, SourceValue } from '#src/ports/source.js'

const keepAll = { version: 1, default: 'keep', rules: [] } as const

async function engineFor(t: TestContext): Promise<Engine> {
  const engine = await createEngine({ rules: keepAll, threads: 1, kernel: 'portable', batchBytes: 4096 })
  t.after(() => engine.close())
  return engine
}

/** A source of these texts, each with its number as position; it may fail behind them. */
function textSource(texts: readonly string[], happened: string[], failure?: Error): Source<number> {
  return {
    name: 'texts',
    async *values(): AsyncGenerator<SourceValue<number>> {
      for (const [index, text] of texts.entries()) {
        yield { kind: 'bytes', bytes: Buffer.from(text), position: index }
      }
      if (failure !== undefined) throw failure
    },
    commit: (position) => void happened.push(`committed ${position}`),
    close: async () => void happened.push('closed'),
  }
}

function textSink(happened: string[], failure?: Error): Sink {
  return {
    name: 'sink',
    async write(chunks) {
      if (failure !== undefined) throw failure
      happened.push(`wrote ${Buffer.concat(chunks).toString().replaceAll('\n', ';')}`)
    },
    flush: () => Promise.resolve(),
    finish: () => Promise.resolve(),
    discard: () => Promise.resolve(),
  }
}

const parts = (engine: Engine, sink: Sink, batches: PipelineResult[] = []) => ({
  engine,
  router: new Router(new Map([['keep', sink]])),
  onBatch: (result: PipelineResult) => void batches.push(result),
})

test('a position is committed when every record before it is acknowledged', async (t) => {
  const engine = await engineFor(t)
  const happened: string[] = []
  const pad = ' '.repeat(4000)
  const source = textSource([`{}${pad}\n{"a"`, `:1}${pad}\n{}`, `${pad}\n{}\n`], happened)
  assert.equal(await runSource(source, parts(engine, textSink(happened))), undefined)
  assert.deepEqual(
    happened.map((event) => event.replaceAll(pad, '')),
    ['wrote {};', 'wrote {"a":1};', 'committed 0', 'wrote {};{};', 'committed 2'],
  )
})

test('the age of a batch counts from when the source had the first of it', async (t) => {
  const engine = await engineFor(t)
  const cameMs = performance.now() - 3_600_000
  const source: Source<number> = {
    ...textSource([], []),
    async *values(): AsyncGenerator<SourceValue<number>> {
      yield { kind: 'bytes', bytes: Buffer.from('{}\n{}\n'), position: 1, cameMs: cameMs + 1000 }
      yield { kind: 'bytes', bytes: Buffer.from('{}\n'), position: 2, cameMs }
    },
  }
  const batches: PipelineResult[] = []
  assert.equal(await runSource(source, parts(engine, textSink([]), batches)), undefined)
  const ages = batches.map(({ ageMs = 0 }) => ageMs)
  assert.ok(ages.length === 1 && ages[0]! >= 3_600_000 && ages[0]! < 3_700_000, String(ages))
})

test('what came before a source failed is delivered, and the failure is returned', async (t) => {
  const engine = await engineFor(t)
  const happened: string[] = []
  const batches: PipelineResult[] = []
  const failure = new ConnectorError('ERR_CONNECTOR_READ', 'The disk is gone.')
  const source = textSource(['{}\n{}\n', '{"last":1}'], happened, failure)
  assert.equal(await runSource(source, parts(engine, textSink(happened), batches)), failure)
  assert.deepEqual(happened, ['wrote {};{};{"last":1};', 'committed 1'])
  assert.equal(batches.reduce((sum, { counts }) => sum + counts.records, 0), 3) // prettier-ignore
})

test('a source that cannot even be opened is no fault of the run', async (t) => {
  const engine = await engineFor(t)
  const happened: string[] = []
  const failure = new ConnectorError('ERR_CONNECTOR_OPEN', 'There is none.')
  assert.equal(await runSource(textSource([], happened, failure), parts(engine, textSink(happened))), failure)
  assert.deepEqual(happened, [])
})

test('a sink that fails ends the run, and no position is committed', async (t) => {
  const engine = await engineFor(t)
  const happened: string[] = []
  const sink = textSink(happened, new ConnectorError('ERR_CONNECTOR_WRITE', 'The disk is full.'))
  await assert.rejects(runSource(textSource(['{}\n'], happened), parts(engine, sink)), { code: 'ERR_CONNECTOR_WRITE' })
  assert.deepEqual(happened, [])
})

/** An engine of which every batch fails. */
const failing: PipelineEngine = {
  version: 'v1',
  async filterBatches(chunks, { onFailedBatch }) {
    for await (const bytes of chunks) {
      const error = new EngineError('ERR_ENGINE_WORKER_LOST', 'A worker died twice.')
      const about = { continues: false, open: false, version: 'v1', line: 1, byte: 0, bytesIn: bytes.length }
      await onFailedBatch?.({ error, bytes, ...about })
    }
    return undefined as never
  },
  filterFile: () => Promise.reject(new Error('There are no files here.')),
  evaluateMany: () => Promise.reject(new Error('There are no messages here.')),
}

for (const hasDeadLetters of [true, false]) {
  test(`guilty records are ${hasDeadLetters ? 'buried' : 'left out without dead letters'}, and the others delivered`, async () => {
    const happened: string[] = []
    const rescue = ({ bytes }: FailedBatch): Promise<Rescued> => {
      const letter = { reason: 'worker_crash', records: 1, bytes: [bytes.subarray(0, 2)], source: 'texts' } as const
      return Promise.resolve({
        segments: [{ route: 'keep', bytes: bytes.subarray(2) }],
        counts: noRecords,
        version: 'v2',
        letters: [letter],
      })
    }
    const letters: DeadLetters = {
      ...textSink(happened),
      write: async (written) => void happened.push(`buried ${written.map(({ reason }) => reason).join()}`),
    }
    const router = new Router(new Map([['keep', textSink(happened)]]), hasDeadLetters ? letters : undefined)
    await runSource(textSource(['x\n{}\n'], happened), {
      ...{ engine: failing, router, rescue },
      onBatch: ({ version }) => assert.equal(version, 'v2'),
      onLeftOut: (left) => void happened.push(`left out ${left.length}`),
    })
    const gone = hasDeadLetters ? ['buried worker_crash', 'committed 0'] : ['committed 0', 'left out 1']
    assert.deepEqual(happened.toSorted(), [...gone, 'wrote {};'])
    assert.equal(happened.at(-1), 'committed 0')
  })
}

test('batches that are to be judged apart go to the rescue, and so do routes that nothing here wants', async (t) => {
  const engine = await engineFor(t)
  const happened: string[] = []
  const rescue = ({ error, bytes, version }: FailedBatch): Promise<Rescued> => {
    assert.equal(error, undefined)
    const segments = [{ route: 'keep', bytes }, { route: 'malformed', bytes }] // prettier-ignore
    return Promise.resolve({ segments, counts: noRecords, letters: [], version })
  }
  const source = textSource(['{"apart":1}\n'], happened)
  await runSource(source, { ...parts(engine, textSink(happened)), rescue, judgeApart: () => true })
  assert.deepEqual(happened, ['wrote {"apart":1};', 'committed 0'])
})

for (const isApart of [false, true]) {
  test(`a record that is too long is one dead letter, however many batches it takes${isApart ? ', also judged apart' : ''}`, async (t) => {
    const engine = await createEngine({ rules: keepAll, threads: 2, batchBytes: 4096, maxRecordBytes: 1000 })
    t.after(() => engine.close())
    const written: DeadLetter[] = []
    const happened: string[] = []
    const keep = (letters: readonly DeadLetter[]) =>
      written.push(...letters.map((letter) => ({ ...letter, bytes: [Buffer.concat(letter.bytes)] })))
    const letters: DeadLetters = { ...textSink([]), write: async (all) => void keep(all) }
    const router = new Router(new Map([['keep', textSink(happened)]]), letters)
    const long = `${'x'.repeat(50_000)}\n`
    const batches: PipelineResult[] = []
    const trials = (): Trials => ({
      async run(bytes) {
        const verdict = await engine.evaluate(bytes)
        const segments = ['keep', 'malformed'].map((route) => ({ route, bytes: verdict.gather(route) }))
        return { kind: 'judged', segments: segments.filter((each) => each.bytes.length > 0), counts: verdict.counts }
      },
      close: () => undefined,
    })
    const suspects = new Suspects({ source: 'texts', openTrials: trials })
    assert.equal(
      await runSource(textSource([`{}\nbad1\n${long}bad2\n{"n":1}\n`], happened), {
        ...{ engine, router, judgeApart: () => isApart },
        onBatch: (batch) => void batches.push(batch),
        rescue: (failed) => suspects.rescue(failed),
      }),
      undefined,
    )
    assert.deepEqual(happened, ['wrote {};', 'wrote {"n":1};', 'committed 0'])
    const sha256 = createHash('sha256').update(long).digest('hex')
    assert.deepEqual(
      written.map(({ records, malformedByReason, bytes, cut }) => [records, malformedByReason, String(bytes[0]), cut]),
      [
        [1, { syntax: 1 }, 'bad1\n', undefined],
        [1, { 'too-long': 1 }, 'x'.repeat(headBytes), { bytes: 50_001, sha256 }],
        [1, { syntax: 1 }, 'bad2\n', undefined],
      ],
    )
    const counted = batches.map(({ counts }) => counts.malformedByReason)
    assert.equal(counted.reduce((sum, reasons) => sum + reasons['too-long'], 0), 1) // prettier-ignore
    assert.equal(counted.reduce((sum, reasons) => sum + reasons.syntax, 0), 2) // prettier-ignore
  })
}

test('a signal stops a run that waits for its source', async (t) => {
  const engine = await engineFor(t)
  const happened: string[] = []
  const stop = new AbortController()
  const never = new Promise<never>(() => undefined)
  const source: Source<number> = {
    ...textSource([], happened),
    async *values() {
      yield { kind: 'bytes', bytes: Buffer.from('{}\n'), position: 0 }
      stop.abort(new Error('enough'))
      await never
    },
  }
  const run = runSource(source, { ...parts(engine, textSink(happened)), signal: stop.signal })
  await assert.rejects(run, { message: 'enough' })
  assert.ok(!happened.includes('closed'), 'closing is left to who opened it')
})

test('records that a source sets aside never reach a sink while another delivery is under way', async (t) => {
  const engine = await engineFor(t)
  const happened: string[] = []
  const reject = (byte: number) => ({ bytes: Buffer.alloc(3 << 20, 'x'), reason: 'syntax', line: 1, byte }) as const
  const source: Source<number> = {
    name: 'envelopes',
    async *values(): AsyncGenerator<SourceValue<number>> {
      for (let position = 0; position < 6; position++) {
        const rejects = position % 3 === 0 ? [] : [reject(position)]
        const bytes = position % 3 === 0 ? Buffer.from('bad\n') : new Uint8Array(0)
        yield { kind: 'bytes', bytes, position, inputBytes: 10, rejects }
      }
    },
    commit: (position) => void happened.push(`committed ${position}`),
    close: async () => undefined,
  }
  let isWriting = false
  const sink: Sink = {
    ...textSink([]),
    async write(chunks) {
      assert.equal(isWriting, false)
      isWriting = true
      for (let turn = 0; turn < 20; turn++) await setImmediate()
      happened.push(`wrote ${chunks.map(({ length }) => length).join(' ')}`)
      isWriting = false
    },
  }
  const results: PipelineResult[] = []
  const router = new Router(new Map([['malformed', sink]]))
  assert.equal(await runSource(source, { engine, router, onBatch: (result) => void results.push(result) }), undefined)
  assert.equal(
    happened
      .filter((what) => what.includes(String(3 << 20)))
      .join(' ')
      .split(String(3 << 20)).length - 1,
    4,
  )
  assert.equal(happened.at(-1), 'committed 5')
  const sum = (of: (result: PipelineResult) => number) => results.reduce((total, result) => total + of(result), 0)
  assert.equal(sum(({ counts }) => counts.malformed), 6) // prettier-ignore
  assert.equal(sum(({ bytesIn }) => bytesIn), 60) // prettier-ignore
})

test('a batch is told when its records are safe, with its age and the bytes of it, and never when a flush failed', async (t) => {
  const engine = await engineFor(t)
  const results: PipelineResult[] = []
  const givenBack: string[] = []
  const disk: { failure?: Error } = {}
  const happened: string[] = []
  const sink: Sink = {
    ...textSink([]),
    flush: async () => {
      await setImmediate()
      happened.push('flushed')
      if (disk.failure !== undefined) throw disk.failure
    },
  }
  let count = 0
  const onBatch = (result: PipelineResult) => {
    happened.push('told')
    results.push(result)
  }
  const more = {
    ...parts(engine, sink),
    onBatch,
    nextBatch: () => `b${++count}`,
    onGivenBack: (batches: readonly string[]) => void givenBack.push(...batches),
  }
  const body = Array.from({ length: 1000 }, (_, n) => `{"n":${n}}\n`).join('')
  assert.equal(await runSource(textSource([body], []), more), undefined)
  assert.ok(results.length > 1, 'one value is several batches')
  assert.deepEqual(happened, ['flushed', ...results.map(() => 'told')])
  assert.equal(results.reduce((sum, { bytesIn }) => sum + bytesIn, 0), body.length) // prettier-ignore
  assert.ok(results.every(({ bytesIn, ageMs }) => bytesIn > 0 && ageMs !== undefined && ageMs >= 0))
  assert.deepEqual(results.map(({ batch }) => batch), results.map((_, n) => `b${n + 1}`)) // prettier-ignore
  const told = results.length
  disk.failure = new ConnectorError('ERR_CONNECTOR_WRITE', 'The disk is full.')
  await assert.rejects(runSource(textSource([body], []), more), { code: 'ERR_CONNECTOR_WRITE' })
  assert.equal(results.length, told)
  assert.ok(givenBack.includes(`b${told + 1}`))
})
