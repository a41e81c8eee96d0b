// What only a bucket has: objects that end and are written one after another, names that nobody else gives, and answers
// that are lost.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { setImmediate as turn } from 'node:timers/promises'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { gunzipSync } from 'node:zlib'

import type { S3Error } from '#src/errors.js'
import { parseObjectKey } from '#src/objects/object-key.js'
import { objectFormat } from '#src/objects/object-format.js'
import { openSpool } from '#src/objects/spool.js'
import type { Spool } from '#src/objects/spool.js'
import type { Sink } from '#src/ports/sink.js'
import { openS3Sink } from '#src/sinks/s3.js'
import type { S3SinkOptions, SafeObject } from '#src/sinks/s3.js'
import { MemoryStore } from '../contract/memory-store.js'
import { testFailingSink, testSink } from '../contract/sink.js'
import { HeldTime } from '../held-time.js'

const line = (n: number) => Buffer.from(`{"n":${n}}\n`)
const mebi = 1 << 20

interface Opened {
  readonly store: MemoryStore
  readonly spool: Spool
  readonly time: HeldTime
  readonly safe: SafeObject[]
  readonly options: S3SinkOptions
}

async function setUp(t: TestContext, options: Partial<S3SinkOptions> = {}): Promise<Opened> {
  const store = new MemoryStore()
  const spool = await openSpool({ memoryBytes: 4 * mebi })
  const time = new HeldTime()
  const safe: SafeObject[] = []
  t.after(async () => {
    while (spool.memoryBytes > 0) await turn()
    await spool.close()
  })
  const all = {
    ...{ store, spool, format: objectFormat('none', 4), prefix: 'logs/', pipeline: 'web' },
    ...{ maxObjectBytes: 64 * mebi, mostStoredBytes: 60e6, maxObjectRecords: 1_000_000, maxWaitMs: 1000 },
    isConditional: () => true,
    ...{ clock: time.clock, startTimer: time.startTimer, onObject: (object: SafeObject) => void safe.push(object) },
    ...options,
  }
  return { store, spool, time, safe, options: all }
}

/** Returns what the objects hold, in the order in which they were written. */
const textsOf = ({ objects }: MemoryStore) =>
  [...objects].map(([key, { bytes }]) => (key.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString())

/** Flushes, and has what is waited for be over at once. */
async function flushed(sink: Sink, time: HeldTime): Promise<void> {
  const flushing = sink.flush()
  time.forward(1000)
  await flushing
}

/** A sink whose flushes need not wait. */
function impatient(sink: Sink, time: HeldTime): Sink {
  return {
    name: sink.name,
    write: (chunks, version) => sink.write(chunks, version),
    flush: () => flushed(sink, time),
    finish: () => sink.finish(),
    discard: () => sink.discard(),
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turn()
}

async function underTest(t: TestContext, options: Partial<S3SinkOptions>) {
  const opened = await setUp(t, options)
  const { store, time } = opened
  const open = () => impatient(openS3Sink(opened.options), time)
  const versions = () => {
    const named = [...store.objects.values()].flatMap(({ metadata }) => metadata['weir-rules']?.split(' ') ?? [])
    return Promise.resolve([...new Set(named)])
  }
  const arrived = () => Promise.resolve(Buffer.from(textsOf(store).join('')))
  return { opened, open, under: { sink: open(), arrived, canTakeBack: true, versions } }
}

for (const compression of ['gzip', 'none'] as const) {
  for (const maxObjectBytes of [64 * mebi, 250_000]) {
    const options = { format: objectFormat(compression, 4), maxObjectBytes }
    testSink(
      `bucket, ${compression}, objects of ${maxObjectBytes} bytes`,
      async (t) => (await underTest(t, options)).under,
    )
  }
}

for (const fate of ['busy', 'unanswered'] as const) {
  testFailingSink(`bucket whose writes are ${fate}`, async (t) => {
    const { under, open, opened } = await underTest(t, {})
    const { store } = opened
    return {
      ...under,
      harm: () => void (store.fateOf = () => fate),
      mayCount: fate === 'unanswered',
      reopen: async () => {
        store.fateOf = () => 'done'
        return open()
      },
    }
  })
}

test('an object says what it is, in its name and its metadata', async (t) => {
  const { store, time, safe, options } = await setUp(t, { format: objectFormat('gzip', 4) })
  const sink = openS3Sink(options)
  await sink.write([line(1), line(2)], 'v1')
  await sink.write([line(3)], 'v2')
  await sink.write([line(4)], 'v1')
  await flushed(sink, time)
  time.forward(3_600_000)
  await sink.write([line(5)])
  await flushed(sink, time)
  await sink.finish()
  const [first, second] = store.keys as [string, string]
  const name = /^logs\/dt=2026-03-04\/hr=(\d\d)\/web\+([0-9a-z]+-[0-9a-f]{12})\+(\d{20})\.ndjson\.gz$/
  assert.match(first, name)
  assert.deepEqual([name.exec(first)?.[1], name.exec(second)?.[1]], ['05', '06'])
  assert.equal(name.exec(first)?.[2], name.exec(second)?.[2])
  assert.deepEqual([Number(name.exec(first)?.[3]), Number(name.exec(second)?.[3])], [1, 2])
  // Whoever reads the objects of archives must not take it for one.
  assert.equal(parseObjectKey('logs/', first), undefined)
  const { metadata, contentType, bytes } = store.objects.get(first)!
  assert.deepEqual(metadata, {
    'weir-format': '1',
    'weir-pipeline': 'web',
    'weir-count': '4',
    'weir-bytes': '32',
    'weir-sha256': createHash('sha256').update(gunzipSync(bytes)).digest('hex'),
    'weir-rules': 'v1 v2',
    'weir-rules-more': '0',
  })
  assert.equal(contentType, 'application/gzip')
  assert.deepEqual(safe[0], { result: 'written', records: 4, rawBytes: 32, storedBytes: bytes.length })
  assert.deepEqual(textsOf(store), ['{"n":1}\n{"n":2}\n{"n":3}\n{"n":4}\n', '{"n":5}\n'])
})

test('two sinks never give one name, also when they are opened at once', async (t) => {
  const { store, options } = await setUp(t)
  const sinks = Array.from({ length: 20 }, () => openS3Sink(options))
  for (const [n, sink] of sinks.entries()) await sink.write([line(n)])
  await Promise.all(sinks.map((sink) => sink.finish()))
  assert.equal(store.objects.size, 20)
})

test('an object waits for more until its first record is old enough, and the flushes of all share it', async (t) => {
  const { store, time, options } = await setUp(t)
  const sink = openS3Sink(options)
  const flushes: Promise<void>[] = []
  for (let n = 0; n < 3; n++) {
    await sink.write([line(n)])
    flushes.push(sink.flush())
    if (n < 2) time.forward(499)
  }
  assert.equal(sink.openSinceMs, time.now - 998)
  assert.deepEqual(store.calls, [])
  time.forward(2)
  await Promise.all(flushes)
  assert.deepEqual(textsOf(store), ['{"n":0}\n{"n":1}\n{"n":2}\n'])
  assert.deepEqual([sink.openSinceMs, time.waiting], [undefined, 0])
  await sink.flush()
  await sink.finish()
  assert.equal(store.objects.size, 1)
})

test('full objects do not wait, and end behind a record', async (t) => {
  const { store, options } = await setUp(t, { maxObjectBytes: 20 })
  const sink = openS3Sink(options)
  await sink.write([Buffer.concat([line(1), line(2), line(3)]), line(4)])
  await sink.write([Buffer.from(`${'x'.repeat(50)}\n{"n":5}\n`)])
  await sink.write([line(6)])
  await sink.finish()
  assert.deepEqual(textsOf(store), [
    '{"n":1}\n{"n":2}\n',
    '{"n":3}\n{"n":4}\n',
    `${'x'.repeat(50)}\n`,
    '{"n":5}\n{"n":6}\n',
  ])
})

test('no object is larger, as it is stored, than one write takes, but for what is not compressed yet', async (t) => {
  const { store, time, safe, options } = await setUp(t, { maxObjectBytes: 1 << 30, mostStoredBytes: 3 * mebi })
  const sink = openS3Sink(options)
  const lines = Buffer.concat(Array.from({ length: 1024 }, (_, n) => Buffer.alloc(1024, `${n % 10}`).fill(10, 1023)))
  for (let i = 0; i < 10; i++) await sink.write([lines])
  await flushed(sink, time)
  assert.ok(safe.length > 2, `${safe.length} objects`)
  for (const { storedBytes } of safe) assert.ok(storedBytes <= 3.5 * mebi + 1024, `${storedBytes} bytes`)
  assert.equal(textsOf(store).join(''), lines.toString().repeat(10))
})

test('an object ends when it has all its records, or when the spool has no room for it', async (t) => {
  const { store, options } = await setUp(t, { maxObjectRecords: 3 })
  const sink = openS3Sink(options)
  for (let n = 0; n < 4; n++) await sink.write([Buffer.concat([line(n), line(n)])])
  await sink.finish()
  assert.deepEqual([...store.objects.values()].map(({ metadata }) => metadata['weir-count']), ['4', '4']) // prettier-ignore
  const large = openS3Sink({ ...options, maxObjectRecords: 1000 })
  for (let n = 0; n < 8; n++) await large.write([Buffer.alloc(mebi, 'x').fill('\n', mebi - 1)])
  await large.finish()
  const sizes = [...store.objects.values()].slice(2).map(({ bytes }) => bytes.length)
  assert.ok(sizes.length >= 2, `${sizes.length} objects`)
  assert.equal(sizes.reduce((sum, size) => sum + size), 8 * mebi) // prettier-ignore
})

test('while an object is written the next one fills, and only one is written at a time', async (t) => {
  const { store, time, options } = await setUp(t, { maxObjectBytes: 16 })
  const gates: (() => void)[] = []
  store.fateOf = () => new Promise((resolve) => gates.push(() => resolve('done')))
  const sink = openS3Sink(options)
  await sink.write([line(1), line(2)])
  const first = sink.flush()
  await until(() => gates.length === 1)
  await sink.write([line(3), line(4)])
  const second = sink.flush()
  let isWritten = false
  const third = sink.write([line(5)]).then(() => (isWritten = true))
  for (let turns = 0; turns < 50; turns++) await turn()
  assert.deepEqual([gates.length, isWritten], [1, false])
  gates[0]!()
  await Promise.all([first, third])
  await until(() => gates.length === 2)
  gates[1]!()
  await second
  const last = sink.flush()
  time.forward(1000)
  await until(() => gates.length === 3)
  gates[2]!()
  await last
  assert.deepEqual(textsOf(store), ['{"n":1}\n{"n":2}\n', '{"n":3}\n{"n":4}\n', '{"n":5}\n'])
  await sink.finish()
})

test('an object that is there because an answer was lost is our own, and counts once', async (t) => {
  const { store, time, safe, options } = await setUp(t)
  store.fateOf = (call) => (call === 'create' ? 'twice' : 'done')
  const sink = openS3Sink(options)
  await sink.write([line(1)])
  await flushed(sink, time)
  await sink.finish()
  assert.deepEqual(textsOf(store), ['{"n":1}\n'])
  assert.deepEqual(safe.map(({ result }) => result), ['adopted']) // prettier-ignore
})

test('an object that somebody else has written is named and left as it is', async (t) => {
  const { store, time, options } = await setUp(t)
  const foreign = { bytes: Buffer.from('mine'), metadata: {}, contentType: '', modifiedMs: 0 }
  store.fateOf = (call, key) => {
    if (call === 'create') store.objects.set(key, foreign)
    return 'done'
  }
  const sink = openS3Sink(options)
  await sink.write([line(1)])
  await assert.rejects(flushed(sink, time), (error: S3Error) => {
    assert.deepEqual([error.code, error.retryable], ['ERR_S3_FOREIGN', true])
    assert.equal(error.message, `The object ${store.keys[0]} in s3://memory holds something else.`)
    return true
  })
  // Its sender has the record again: nothing waits.
  assert.equal(sink.openSinceMs, undefined)
  await sink.discard()
  assert.deepEqual(textsOf(store), ['mine'])
})

test('an object that is there and then is gone is written again, but not for ever', async (t) => {
  const { store, time, options } = await setUp(t)
  const foreign = { bytes: Buffer.from('mine'), metadata: {}, contentType: '', modifiedMs: 0 }
  const come = (times: number) => {
    let creates = 0
    store.fateOf = (call, key) => {
      if (call === 'create' && creates++ < times) store.objects.set(key, foreign)
      else if (call === 'head') store.objects.delete(key)
      return 'done'
    }
  }
  come(1)
  const sink = openS3Sink(options)
  await sink.write([line(1)])
  await flushed(sink, time)
  assert.deepEqual(textsOf(store), ['{"n":1}\n'])
  come(Number.POSITIVE_INFINITY)
  await sink.write([line(2)])
  await assert.rejects(flushed(sink, time), { code: 'ERR_S3_CONFLICT' })
  await sink.discard()
})

test('given up while an object is on its way, it does not wait for it, and writes no other', async (t) => {
  const { store, spool, options } = await setUp(t, { maxObjectBytes: 16 })
  let open: () => void = () => undefined
  store.fateOf = () => new Promise((resolve) => (open = () => resolve('done')))
  const sink = openS3Sink(options)
  await sink.write([line(1), line(2)])
  await until(() => store.calls.length === 1)
  await sink.write([line(3), line(4)])
  const writing = sink.write([line(5), line(6)])
  const flushing = sink.flush()
  await Promise.all([sink.discard(), assert.rejects(writing, /given up/), assert.rejects(flushing, /given up/)])
  assert.ok(spool.memoryBytes > 0)
  open()
  await until(() => spool.memoryBytes === 0)
  assert.deepEqual(textsOf(store), ['{"n":1}\n{"n":2}\n'])
  assert.equal(store.calls.length, 1)
})
