// A pipeline through failures of its sinks and shutdowns, with a real engine, and a source and sinks in memory.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'

import { createEngine } from '@weir/engine'
import type { Engine } from '@weir/engine'

import { ConnectorError } from '#src/errors.js'
import { Backoff } from '#src/pipeline/retry.js'
import { Router } from '#src/pipeline/router.js'
import { ServedPipeline } from '#src/pipeline/served.js'
import { routedSessions } from '#src/pipeline/session.js'
import type { RoutedParts } from '#src/pipeline/session.js'
import type { PipelineState, ServedParts } from '#src/pipeline/served.js'
import type { DeadLetter } from '#src/ports/dead-letters.js'
import type { Sink } from '#src/ports/sink.js'
import type { Source, SourceValue } from '#src/ports/source.js'

/** A log that is read from behind the last commit, and waits for more at its end until it is drained. */
class LogSource implements Source<number> {
  readonly name = 'log'
  readonly lines: readonly string[]
  committed = 0
  iterations = 0
  private onDrained: (() => void) | undefined
  private isDrained = false

  constructor(lines: readonly string[]) {
    this.lines = lines
  }

  values(): AsyncIterable<SourceValue<number>> {
    const values = this.read()
    const end = () => {
      this.onDrained?.()
      return values.return(undefined)
    }
    return { [Symbol.asyncIterator]: () => ({ next: () => values.next(), return: end }) }
  }

  private async *read(): AsyncGenerator<SourceValue<number>> {
    this.iterations++
    for (let at = this.committed; at < this.lines.length; at++) {
      yield { kind: 'bytes', bytes: Buffer.from(this.lines[at]! + '\n'), position: at + 1 }
    }
    if (!this.isDrained) await new Promise<void>((resolve) => (this.onDrained = resolve))
  }

  commit(position: number): void {
    assert.ok(position > this.committed)
    this.committed = position
  }

  drain(): void {
    this.isDrained = true
    this.onDrained?.()
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

/** Keeps what is flushed; what is written and not flushed is gone when it is discarded. Fails as often as it is told. */
class Store {
  safe = ''
  failures: ('write' | 'flush')[] = []
  openings = 0
  finished = 0

  open(): Sink {
    this.openings++
    let written = ''
    const failure = this.failures.shift()
    const fail = () =>
      Promise.reject(new ConnectorError('ERR_CONNECTOR_WRITE', 'The disk is full.', { retryable: true }))
    return {
      name: 'store',
      write: (chunks) => {
        if (failure === 'write') return fail()
        written += Buffer.concat(chunks).toString()
        return Promise.resolve()
      },
      flush: () => {
        if (failure === 'flush') return fail()
        this.safe += written
        written = ''
        return Promise.resolve()
      },
      finish: () => {
        this.safe += written
        this.finished++
        return Promise.resolve()
      },
      discard: () => Promise.resolve(),
    }
  }
}

async function engineFor(t: TestContext): Promise<Engine> {
  const rules = { version: 1, default: 'keep', rules: [] } as const
  const engine = await createEngine({ rules, threads: 1, kernel: 'portable', validation: 'full', batchBytes: 4096 })
  t.after(() => engine.close())
  return engine
}

interface Served {
  readonly pipeline: ServedPipeline<number>
  readonly states: PipelineState[]
  readonly waits: number[]
}

type More = Partial<ServedParts<number> & RoutedParts>

function serve(engine: Engine, source: LogSource, store: Store, more: More = {}): Served {
  const states: PipelineState[] = []
  const waits: number[] = []
  const openRouter = () => Promise.resolve(new Router(new Map([['keep', store.open()]])))
  const pipeline = new ServedPipeline({
    name: 'default',
    source,
    openSession: routedSessions({ engine, openRouter, batchAgeMs: 1, onBatch: () => undefined, ...more }),
    backoff: new Backoff(() => 0),
    onState: (state) => states.push(state),
    now: () => 1_000_000 + states.length,
    wait: (ms) => {
      waits.push(ms)
      return Promise.resolve()
    },
    ...more,
  })
  return { pipeline, states, waits }
}

/** Resolves when the condition holds, which is looked at whenever anything happens. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}

const lines = Array.from({ length: 500 }, (_, n) => `{"n":${n}}`)
const text = lines.join('\n') + '\n'

for (const failure of ['write', 'flush'] as const) {
  test(`when a ${failure} fails, nothing is committed early, and the records are delivered in the end, once each`, async (t) => {
    const [source, store] = [new LogSource(lines), new Store()]
    store.failures = [failure, failure, failure]
    const backoff = new Backoff(() => 1)
    const { pipeline, states, waits } = serve(await engineFor(t), source, store, { backoff })
    await pipeline.open()
    const run = pipeline.run()
    await until(() => source.committed === lines.length)
    pipeline.drain()
    await run
    assert.equal(store.safe, text)
    // Longer and longer, although batches were written before each failure of a flush.
    assert.deepEqual(waits, [400, 800, 1600])
    assert.equal(backoff.next(), 400)
    assert.equal(source.iterations, 4)
    assert.equal(store.openings, 4)
    assert.deepEqual(
      states.map(({ status }) => status),
      ['running', 'waiting', 'running', 'waiting', 'running', 'waiting', 'running', 'draining', 'ended'],
    )
    const waiting = states.find(({ status }) => status === 'waiting')
    assert.equal(waiting?.reason, 'The disk is full.')
    assert.equal(states.at(-1)?.lastError?.message, 'The disk is full.')
    assert.equal(pipeline.state.reason, undefined)
    assert.equal(pipeline.state.restarts, 3)
  })
}

test('draining delivers everything that was taken, and makes the sinks final', async (t) => {
  const [source, store] = [new LogSource(lines), new Store()]
  const { pipeline } = serve(await engineFor(t), source, store)
  await pipeline.open()
  const run = pipeline.run()
  pipeline.drain()
  await run
  assert.equal(store.safe, text)
  assert.equal(source.committed, lines.length)
  assert.equal(pipeline.position, lines.length)
  assert.equal(store.finished, 1)
  assert.equal(pipeline.state.status, 'ended')
})

test('a shutdown does not wait for a sink that is down', async (t) => {
  const [source, store] = [new LogSource(lines), new Store()]
  store.failures = ['write']
  const wait: ServedParts<number>['wait'] = (_ms, signal) =>
    new Promise((resolve) => signal.addEventListener('abort', () => resolve()))
  const { pipeline } = serve(await engineFor(t), source, store, { wait })
  await pipeline.open()
  const run = pipeline.run()
  await until(() => pipeline.state.status === 'waiting')
  pipeline.drain()
  await run
  assert.equal(source.committed, 0)
  assert.equal(store.safe, '')
})

test('aborting ends a pipeline that cannot drain', async (t) => {
  const [source, store] = [new LogSource(lines), new Store()]
  source.drain = () => undefined
  const { pipeline } = serve(await engineFor(t), source, store)
  await pipeline.open()
  const run = pipeline.run()
  await until(() => source.committed === lines.length)
  pipeline.drain()
  pipeline.abort(new Error('The time is up.'))
  await run
  assert.deepEqual([pipeline.state.status, pipeline.state.reason], ['failed', 'The time is up.'])
})

const systemError = (code: string) => Object.assign(new Error(code), { code })

for (const [why, failure] of [
  ['may not be written to', new ConnectorError('ERR_CONNECTOR_CREATE', 'No.', { cause: systemError('EACCES') })],
  ['belongs to somebody else', new ConnectorError('ERR_CONNECTOR_LOCKED', 'It is taken.', { retryable: true })],
  ['has a damaged journal', new ConnectorError('ERR_CONNECTOR_JOURNAL', 'Line 7 is damaged.')],
] as const) {
  test(`a folder that ${why} at the start is an error of the start`, async (t) => {
    const openRouter = () => Promise.reject(failure)
    const { pipeline } = serve(await engineFor(t), new LogSource([]), new Store(), { openRouter })
    await assert.rejects(pipeline.open(), failure)
  })
}

for (const code of ['ENOSPC', 'EDQUOT', 'EMFILE']) {
  test(`what sinks lack at the start, ${code}, is waited for, with the reason, and then everything is delivered`, async (t) => {
    const [source, store] = [new LogSource(lines), new Store()]
    const options = { retryable: true, cause: systemError(code) }
    const lacking = [1, 2, 3].map((n) => new ConnectorError('ERR_CONNECTOR_CREATE', `Full, ${n}.`, options))
    const failures: unknown[] = []
    const { pipeline, states, waits } = serve(await engineFor(t), source, store, {
      openRouter: async () => {
        const failure = lacking.shift()
        if (failure !== undefined) throw failure
        return new Router(new Map([['keep', store.open()]]))
      },
      onFailure: (error) => failures.push((error as Error).message),
    })
    await pipeline.open()
    assert.equal(pipeline.state.status, 'starting')
    const run = pipeline.run()
    await until(() => source.committed === lines.length)
    assert.deepEqual(
      states.map(({ status, reason }) => [status, reason]),
      [['waiting', 'Full, 1.'], ['waiting', 'Full, 2.'], ['waiting', 'Full, 3.'], ['running', undefined]], // prettier-ignore
    )
    assert.deepEqual(failures, ['Full, 1.', 'Full, 2.', 'Full, 3.'])
    assert.equal(waits.length, 3)
    pipeline.drain()
    await run
    assert.deepEqual([store.safe, pipeline.state.status], [text, 'ended'])
  })
}

test('a shutdown does not wait for what sinks lack since the start', async (t) => {
  const options = { retryable: true, cause: systemError('ENOSPC') }
  const openRouter = () => Promise.reject(new ConnectorError('ERR_CONNECTOR_CREATE', 'Full.', options))
  const wait: ServedParts<number>['wait'] = (_ms, signal) =>
    new Promise((resolve) => signal.addEventListener('abort', () => resolve()))
  const { pipeline } = serve(await engineFor(t), new LogSource(lines), new Store(), { openRouter, wait })
  await pipeline.open()
  const run = pipeline.run()
  await until(() => pipeline.state.status === 'waiting')
  pipeline.drain()
  await run
  assert.equal(pipeline.state.status, 'ended')
})

test('a whole input is set aside as soon as it is safe, and refused while there is no session', async (t) => {
  const [source, store] = [new LogSource([]), new Store()]
  const letters: string[] = []
  let hasRoom = true
  const deadLetters = {
    name: 'dead letters',
    get hasRoom() {
      return hasRoom
    },
    write: async (given: readonly DeadLetter[]) => void letters.push(...given.map(({ reason }) => reason)),
    flush: async () => void letters.push('flushed'),
    finish: async () => undefined,
    discard: async () => undefined,
  }
  const openRouter = async () => new Router(new Map([['keep', store.open()]]), deadLetters)
  const { pipeline } = serve(await engineFor(t), source, store, { openRouter })
  const letter = { reason: 'quarantine', records: 0, bytes: [Buffer.from('x')], source: 'log' } as const
  await assert.rejects(pipeline.quarantine(letter), { code: 'ERR_CONNECTOR_WRITE', retryable: true })
  await pipeline.open()
  const run = pipeline.run()
  await Promise.all([pipeline.quarantine(letter), pipeline.quarantine(letter)])
  assert.deepEqual(letters, ['quarantine', 'quarantine', 'flushed', 'flushed'])
  hasRoom = false
  await assert.rejects(pipeline.quarantine(letter), { code: 'ERR_CONNECTOR_WRITE', message: /too many dead letters/ })
  hasRoom = true
  assert.equal(await pipeline.quarantine(letter), true)
  pipeline.drain()
  await run
  await assert.rejects(pipeline.quarantine(letter), { code: 'ERR_CONNECTOR_WRITE' })
})

test('malformed records are one dead letter for each batch, which is flushed before anything is committed', async (t) => {
  const [source, store] = [new LogSource(['{"a":1}', 'bad', '{"b":2}', '[]', 'worse']), new Store()]
  const letters: (Omit<DeadLetter, 'bytes'> & { text: string })[] = []
  let flushedLetters = 0
  const deadLetters = {
    name: 'dead letters',
    write: async (given: readonly DeadLetter[]) => {
      for (const { bytes, ...about } of given) letters.push({ ...about, text: Buffer.concat(bytes).toString() })
    },
    flush: async () => void (flushedLetters = letters.length),
    finish: async () => undefined,
    discard: async () => undefined,
  }
  const openRouter = async () => new Router(new Map([['keep', store.open()]]), deadLetters)
  const engine = await engineFor(t)
  const { pipeline } = serve(engine, source, store, { openRouter, batchAgeMs: 50 })
  await pipeline.open()
  const run = pipeline.run()
  pipeline.drain()
  await run
  assert.equal(store.safe, '{"a":1}\n{"b":2}\n')
  assert.equal(letters.map((letter) => letter.text).join(''), 'bad\n[]\nworse\n')
  assert.equal(letters.reduce((sum, { records }) => sum + records, 0), 3) // prettier-ignore
  assert.ok(letters.every(({ reason, source: from, version }) => reason === 'malformed' && from === 'log' && version === engine.version)) // prettier-ignore
  assert.equal(flushedLetters, letters.length)
})
