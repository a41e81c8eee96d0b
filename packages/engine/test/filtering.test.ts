// Streams and files through the engine: filter, filterBatches, filterFile. That all ways of cutting agree is tested in
// cuts.test.ts.

import assert from 'node:assert/strict'
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { after, before, test } from 'node:test'
import { createEngine, Engine } from '#src/engine.js'
import type { FilterBatchesOptions } from '#src/filtering.js'
import type { BatchResult, FailedBatch } from '#src/ordered-batches.js'
import { failingEngine, keptRecords, records, smallRules, textOf, until } from './engine-harness.js'

let engine: Engine
let folder: string
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weir-filtering-'))
  engine = await createEngine({ rules: smallRules, threads: 2, batchBytes: 4096, validation: 'full' })
})
after(async () => {
  await engine.close()
  await rm(folder, { recursive: true })
})

test('filter() yields the kept bytes of a stream, in order, in chunks that stay as they are', async () => {
  const input = records(20_000)
  const chunks: Uint8Array[] = []
  for await (const chunk of engine.filter(Readable.from([input.subarray(0, 7), input.subarray(7)]))) chunks.push(chunk)
  assert.ok(chunks.length > 10)
  assert.equal(Buffer.concat(chunks).toString(), keptRecords(20_000))
  const side = await textOf(engine.filter([input], { route: 'side' }))
  assert.equal(side, input.toString().replace(/\{"k":[01],.*\n/g, ''))
  assert.equal(engine.stats().slabsInUse, 0)
})

test('filter() takes web streams', async () => {
  const web = Readable.toWeb(Readable.from([records(500)])) as unknown as AsyncIterable<Uint8Array>
  assert.equal(await textOf(engine.filter(web)), keptRecords(500))
})

test('filter() reads no further than the consumer lets it', async () => {
  let read = 0
  function* endless(): Generator<Uint8Array> {
    for (;;) {
      read++
      yield records(300)
    }
  }
  const kept = engine.filter(endless())
  await kept.next()
  await kept.next()
  const before = read
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
  assert.ok(read - before <= 1, 'no more is read while nobody asks')
  assert.ok(read < 20, `${read} chunks were read for two`)
  await kept.return()
  assert.equal(engine.stats().slabsInUse, 0)
})

test('leaving the loop early ends the source, even one that is waiting for data', async () => {
  const waiting = new Readable({ read: () => undefined })
  waiting.push(records(1000))
  for await (const chunk of engine.filter(waiting, { batchAgeMs: 0 })) {
    assert.ok(chunk.length > 0)
    break
  }
  assert.equal(waiting.destroyed, true)
  let isClosed = false
  function* generated(): Generator<Uint8Array> {
    try {
      for (;;) yield records(1000)
    } finally {
      isClosed = true
    }
  }
  for await (const chunk of engine.filter(generated())) {
    assert.ok(chunk.length > 0)
    break
  }
  assert.equal(isClosed, true)
  assert.equal(engine.stats().slabsInUse, 0)
})

test('an error of the source comes out of filter() after nothing else', async () => {
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield records(3000)
    throw new Error('the source broke')
  }
  await assert.rejects(textOf(engine.filter(broken())), /the source broke/)
  assert.equal(engine.stats().slabsInUse, 0)
})

test('results come in input order, one at a time, with line numbers and positions', async () => {
  const input = Buffer.from(`${'{"k":1}\n'.repeat(3000)}oops\n${'{"k":0}\n'.repeat(3000)}\n!`)
  let running = 0
  const results: BatchResult[] = []
  let kept = ''
  const totals = await engine.filterBatches([input], {
    routes: ['keep', 'malformed'],
    onBatch: async (result) => {
      assert.equal(++running, 1)
      await new Promise((resolve) => setImmediate(resolve))
      kept += result.segments.filter(({ route }) => route === 'keep').map(({ bytes }) => Buffer.from(bytes).toString())
      results.push({ ...result, segments: [] })
      running--
    },
  })
  assert.equal(kept.replaceAll(',', ''), '{"k":1}\n'.repeat(3000))
  assert.ok(results.length > 10)
  assert.deepEqual(
    results.flatMap(({ malformed }) => malformed),
    [
      { line: 3001, byte: 24_000, reason: 'syntax' },
      { line: 6003, byte: 48_006, reason: 'syntax' },
    ],
  )
  assert.equal(
    results.reduce((sum, { bytesIn }) => sum + bytesIn, 0),
    input.length,
  )
  assert.equal(totals.bytesIn, input.length)
  assert.equal(totals.lines, 6002)
  assert.equal(totals.counts.records, 6002)
  assert.deepEqual(totals.versions, [engine.version])
})

test('an error of onBatch stops the stream, ends the source, and is what the call rejects with', async () => {
  const source = Readable.from(Array.from({ length: 1000 }, () => records(300)))
  let calls = 0
  const onBatch = (): void => {
    if (++calls === 3) throw new Error('the consumer broke')
  }
  await assert.rejects(engine.filterBatches(source, { onBatch }), /the consumer broke/)
  assert.equal(calls, 3)
  assert.equal(source.destroyed, true)
  assert.equal(engine.stats().slabsInUse, 0)
})

test('an aborted signal ends a stream with its reason', async () => {
  const stop = new AbortController()
  const waiting = new Readable({ read: () => undefined })
  waiting.push(records(1000))
  const pending = engine.filterBatches(waiting, {
    batchAgeMs: 0,
    signal: stop.signal,
    onBatch: () => stop.abort(new Error('enough')),
  })
  await assert.rejects(pending, /enough/)
  assert.equal(waiting.destroyed, true)
  const again = engine.filterBatches([records(10)], { onBatch: () => assert.fail(), signal: stop.signal })
  await assert.rejects(again, /enough/)
  assert.equal(engine.stats().slabsInUse, 0)
})

test('complete lines are delivered when their batch grows old, before it is full', async () => {
  const timers: (() => void)[] = []
  const own = await Engine.create(
    { rules: smallRules, threads: 1 },
    {
      startTimer: (ms, run) => {
        assert.equal(ms, 7)
        timers.push(run)
        return () => timers.splice(timers.indexOf(run), 1)
      },
    },
  )
  const source = new Readable({ read: () => undefined })
  const kept = own.filter(source, { batchAgeMs: 7 })
  source.push('{"k":1}\n{"k":1,')
  const first = kept.next()
  await until(() => timers.length === 1)
  timers.pop()!()
  assert.equal(Buffer.from((await first).value as Uint8Array).toString(), '{"k":1}\n')
  source.push('"n":2}')
  source.push(null)
  assert.equal(Buffer.from((await kept.next()).value as Uint8Array).toString(), '{"k":1,"n":2}\n')
  assert.equal((await kept.next()).done, true)
  assert.equal(timers.length, 0)
  await own.close()
})

test('filterFile() reads a file that its workers open nothing for, and leaves the handle alone', async () => {
  const path = join(folder, 'some.ndjson')
  await writeFile(path, records(20_000))
  const handle = await open(path)
  let kept = ''
  const totals = await engine.filterFile(handle, {
    onBatch: ({ segments }) => {
      for (const { route, bytes } of segments) if (route === 'keep') kept += Buffer.from(bytes).toString()
    },
  })
  assert.equal(kept, keptRecords(20_000))
  assert.equal(totals.lines, 20_000)
  const { bytesRead, buffer } = await handle.read(Buffer.alloc(8), 0, 8)
  assert.equal(buffer.toString('utf8', 0, bytesRead), '{"k":0,"', 'the position has not moved')
  await handle.close()
})

test('a byte order mark counts as bytes that were read, in streams and in files', async () => {
  const path = join(folder, 'marked.ndjson')
  for (const text of ['\ufeff{"k":1}\n', '\ufeff', `\ufeff${'{"k":1}\n'.repeat(5000)}`, '\ufeff{"k":1}', '{"k":1}\n']) {
    const bytes = Buffer.from(text)
    await writeFile(path, bytes)
    const handle = await open(path)
    const delivered = { stream: 0, file: 0 }
    const ofStream = await engine.filterBatches([bytes], {
      onBatch: ({ bytesIn }) => void (delivered.stream += bytesIn),
    })
    const ofFile = await engine.filterFile(handle, { onBatch: ({ bytesIn }) => void (delivered.file += bytesIn) })
    assert.deepEqual([ofStream.bytesIn, ofFile.bytesIn], [bytes.length, bytes.length])
    assert.deepEqual(delivered, { stream: bytes.length, file: bytes.length })
    await handle.close()
  }
})

test('a call that is refused ends its source as well', async () => {
  const onBatch = (): void => assert.fail()
  const refused = [
    { code: 'ERR_ENGINE_UNKNOWN_ROUTE', options: { onBatch, routes: ['nowhere'] } },
    { code: 'ERR_CONFIG_INVALID', options: { onBatch, batchAgeMs: -1 } },
  ]
  for (const { code, options } of refused) {
    const stream = new Readable({ read: () => undefined })
    await assert.rejects(engine.filterBatches(stream, options), { code })
    assert.equal(stream.destroyed, true)
    let isCancelled = false
    const web = new ReadableStream<Uint8Array>({ cancel: () => void (isCancelled = true) })
    await assert.rejects(engine.filterBatches(web, options), { code })
    assert.equal(isCancelled, true)
  }
  await assert.rejects(engine.filterBatches(7 as unknown as Uint8Array[], { onBatch, routes: ['nowhere'] }), {
    code: 'ERR_ENGINE_UNKNOWN_ROUTE',
  })
  assert.equal(engine.stats().slabsInUse, 0)
})

test('an empty file has no batches', async () => {
  const path = join(folder, 'empty.ndjson')
  await writeFile(path, '')
  const handle = await open(path)
  const totals = await engine.filterFile(handle, { onBatch: () => assert.fail() })
  assert.deepEqual([totals.bytesIn, totals.counts.records], [0, 0])
  await handle.close()
})

function countOf(bytes: Uint8Array, text: string): number {
  return Buffer.from(bytes).toString().split(text).length - 1
}

test('a batch that fails again is given back in its place, and the stream goes on', async (t) => {
  const failing = await failingEngine({ threads: 1 })
  t.after(() => failing.engine.close())
  const mark = Buffer.from('\ufeff')
  const input = Buffer.concat([mark, records(2000)])
  const failed: FailedBatch[] = []
  const results: { readonly byte: number; readonly kept: number }[] = []
  let delivered = 0
  failing.fail('exit', 2)
  const totals = await failing.engine.filterBatches([input], {
    onBatch: ({ bytesIn, counts }) => {
      results.push({ byte: delivered, kept: counts.kept })
      delivered += bytesIn
    },
    onFailedBatch: (batch) => {
      assert.equal(batch.byte + batch.bytes.length - batch.bytesIn, delivered)
      delivered += batch.bytesIn
      failed.push(batch)
    },
  })
  assert.equal(failed.length, 1)
  const [{ error, bytes, line, byte, version }] = failed as [FailedBatch]
  assert.equal(error?.code, 'ERR_ENGINE_WORKER_LOST')
  assert.equal(version, failing.engine.version)
  assert.deepEqual({ line, byte }, { line: 1, byte: mark.length })
  assert.ok(input.subarray(byte, byte + bytes.length).equals(bytes))
  assert.equal(bytes.at(-1), 10)
  assert.equal(delivered, input.length)
  assert.equal(totals.bytesIn, input.length)
  assert.equal(totals.lines, 2000)
  const missing = keptRecords(2000).length - results.reduce((sum, { kept }) => sum + kept, 0)
  assert.ok(missing > 0 && results.length > 1)
  assert.equal(totals.counts.records, 2000 - countOf(bytes, '\n'))
})

test('batches that are to be judged apart see no worker, and come in their turn', async (t) => {
  const own = await createEngine({ rules: smallRules, threads: 2, batchBytes: 4096, maxRecordBytes: 1000 })
  t.after(() => own.close())
  const long = Buffer.from(`${'x'.repeat(20_000)}\n`)
  const input = Buffer.concat([Buffer.from('\ufeff'), records(500), long, records(500)])
  let asked = 0
  const came: { readonly isApart: boolean; readonly bytes: Uint8Array }[] = []
  const cuts: { readonly continues: boolean; readonly open: boolean; readonly text: string }[] = []
  let delivered = 0
  const totals = await own.filterBatches([input], {
    routes: ['keep', 'drop', 'malformed', 'side'],
    judgeApart: () => asked++ % 3 !== 0,
    onBatch: ({ bytesIn }) => {
      came.push({ isApart: false, bytes: new Uint8Array(input.subarray(delivered, delivered + bytesIn)) })
      delivered += bytesIn
    },
    onFailedBatch: ({ error, bytes, byte, bytesIn, continues, open }) => {
      assert.equal(error, undefined)
      assert.equal(byte + bytes.length - bytesIn, delivered)
      came.push({ isApart: true, bytes: input.subarray(delivered, delivered + bytesIn) })
      cuts.push({ continues, open, text: Buffer.from(bytes).toString() })
      delivered += bytesIn
    },
  })
  assert.ok(Buffer.concat(came.map(({ bytes }) => bytes)).equals(input))
  assert.deepEqual(came.map(({ isApart }) => isApart), came.map((_, i) => i % 3 !== 0)) // prettier-ignore
  assert.equal(totals.bytesIn, input.length)
  assert.equal(totals.lines, 1001)
  assert.equal(own.stats().slabsInUse, 0)
  assert.ok(cuts.some(({ continues, open, text }) => continues && open && /^x+$/.test(text)))
  for (const { open, text } of cuts) assert.equal(open, !text.endsWith('\n'))
  assert.ok(cuts.filter(({ continues, text }) => !continues && text.startsWith('x')).length <= 1)
})

test('judging apart asks for a receiver of the batches', async () => {
  const judgeApart = () => true
  for (const wrong of [{ judgeApart }, { judgeApart: true, onFailedBatch: () => undefined }]) {
    const options = { onBatch: () => undefined, ...wrong } as FilterBatchesOptions
    await assert.rejects(engine.filterBatches([records(3)], options), { code: 'ERR_CONFIG_INVALID' })
  }
})

test('what a receiver of failed batches throws ends the stream', async (t) => {
  const failing = await failingEngine({ threads: 1 })
  t.after(() => failing.engine.close())
  failing.fail('exit', 2)
  const run = failing.engine.filterBatches([records(2000)], {
    onBatch: () => undefined,
    onFailedBatch: () => Promise.reject(new Error('the dead letters are full')),
  })
  await assert.rejects(run, /the dead letters are full/)
  assert.equal(failing.engine.stats().slabsInUse, 0)
})

test('a route that no rule names yet may be asked for, and is delivered once rules have it', async () => {
  const own = await createEngine({ rules: { version: 1, default: 'keep', rules: [] }, threads: 1 })
  const seen = new Set<string>()
  const options = {
    routes: ['keep', 'side'],
    allowMissingRoutes: true,
    onBatch: ({ segments }: BatchResult) => segments.forEach(({ route }) => seen.add(route)),
  }
  await own.filterBatches([records(30)], options)
  assert.deepEqual([...seen], ['keep'])
  await own.load(smallRules)
  await own.filterBatches([records(30)], options)
  assert.deepEqual([...seen], ['keep', 'side'])
  await own.load({ version: 1, default: 'keep', rules: [] })
  await assert.rejects(own.filterBatches([], { ...options, allowMissingRoutes: false }), {
    code: 'ERR_ENGINE_UNKNOWN_ROUTE',
  })
  await own.close()
})
