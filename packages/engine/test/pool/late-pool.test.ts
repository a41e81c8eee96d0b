// Engines whose threads start when they are needed: what is small is judged on the calling thread exactly as in a worker,
// and everything else has the threads started first.

import assert from 'node:assert/strict'
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { TestContext } from 'node:test'
import { slabWord } from '#src/batch/batch.js'
import type { FileSpan } from '#src/batch/file-range.js'
import { batchShape, createSlab, SlabStore } from '#src/batch/slab.js'
import type { Slab, SlabShape } from '#src/batch/slab.js'
import { Engine } from '#src/engine.js'
import { limits } from '#src/limits.js'
import type { Evaluator } from '#src/kernel/kernel.js'
import type { EngineOptions } from '#src/options.js'
import { LatePool } from '#src/pool/late-pool.js'
import { OwnThread } from '#src/pool/own-thread.js'
import type { PoolOptions } from '#src/pool/pool.js'
import { programHandle } from '#src/pool/program-handle.js'
import { createTaskRunner } from '#src/pool/worker.js'
import { compileRuleSet } from '#src/rules/compile.js'
import { bytesOf, readCaseFiles } from '../case-files.js'
import type { CaseGroup } from '../case-files.js'
import { keptRecords, otherRules, records, smallRules, textOf } from '../engine-harness.js'
import { kernels } from '../judge.js'

let folder: string
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'weir-late-'))
})
after(() => rmSync(folder, { recursive: true }))

/** Workers that cannot start: whatever needs one fails. */
const noWorker = { url: new URL('./no-such-worker.js', import.meta.url), data: {} }
const needsThread = { code: 'ERR_ENGINE_WORKER_LOAD' }

async function lateEngine(t: TestContext, options: Partial<EngineOptions> = {}, canStart = false): Promise<Engine> {
  const all = { rules: smallRules, threads: 2, startThreads: 'when-needed', validation: 'full', ...options } as const
  const engine = await Engine.create(all, canStart ? {} : { worker: noWorker })
  t.after(() => engine.close())
  return engine
}

function fileOf(bytes: Uint8Array): string {
  const path = join(folder, 'input')
  writeFileSync(path, bytes)
  return path
}

/** Filters a file; returns the bytes of the kept records. */
async function keptOfFile(engine: Engine, bytes: Uint8Array): Promise<string> {
  const handle = await open(fileOf(bytes))
  let kept = ''
  try {
    await engine.filterFile(handle, {
      routes: ['keep'],
      onBatch: ({ segments }) => {
        for (const segment of segments) kept += Buffer.from(segment.bytes).toString()
      },
    })
    return kept
  } finally {
    await handle.close()
  }
}

/** Everything that an answer says, but for where it lies. */
function answerOf({ words, counts, gather }: Slab): object {
  const gathered = Buffer.from(gather.subarray(0, words[slabWord.gathered])).toString('latin1')
  const answer = [...words.subarray(slabWord.records, slabWord.segments), ...words.subarray(slabWord.byRoute, 320)]
  const segments: Record<number, string> = {}
  for (let i = 0; i < words[slabWord.segments]!; i++) {
    const [route, from, to] = words.subarray(slabWord.segment + i * 3)
    segments[route!] = (segments[route!] ?? '') + gathered.slice(from, to)
  }
  const samples = [...words.subarray(slabWord.sample, slabWord.sample + 3 * words[slabWord.sampleCount]!)]
  const delays = [...words.subarray(slabWord.delay, slabWord.delaySum + 2)]
  return { answer, segments, samples, delays, counts: [...counts.subarray(0, 64)] }
}

describe('a small file is judged as in a worker', () => {
  for (const [name, loaded] of Object.entries(kernels)) {
    test(`${name}, all cases`, { skip: loaded.skip ?? false }, async (t) => {
      assert.ok(loaded.skip === undefined)
      // Time stands still, so that a busy machine does not have threads started.
      t.mock.method(process.hrtime, 'bigint', () => 0n)
      let groups = 0
      for (const group of readCaseFiles().flatMap((file) => file.groups)) {
        if (group.records.length === 0) continue
        groups++
        const [here, there] = await bothAnswers(group, name as 'native' | 'portable', new OwnThread(loaded.kernel))
        assert.deepEqual(here, there, group.name)
      }
      assert.ok(groups > 100)
    })
  }
})

/** Returns what the calling thread and what a worker's own code make of all records of a group in one file. */
async function bothAnswers(group: CaseGroup, kernel: 'native' | 'portable', own: OwnThread): Promise<object[][]> {
  const source = typeof group.rules === 'string' ? { text: group.rules, format: 'yaml' as const } : group.rules
  const { program } = compileRuleSet(source, group.timeField)
  const input = Buffer.concat(group.records.flatMap(({ record }) => [bytesOf(record), Buffer.from('\n')]))
  const shape = { ...batchShape(Math.max(4096, input.length), 1 << 20), hasSpare: true }
  const fd = openSync(fileOf(input), 'r')
  const batchBytes = limits.inlineBytes
  const file = { fd, from: 0, to: input.length, end: input.length, maxRecordBytes: 1 << 20, batchBytes }
  const slabs = new SlabStore(shape, 0)
  const options: PoolOptions = { threads: 1, kernel, batchDeadlineMs: 1000, worker: noWorker, slabs }
  const pool = new LatePool(options, own)
  const handle = programHandle(program)
  const run = createTaskRunner({ kernel, slabs: 1, readsAhead: true, techniques: {} })
  const gather = program.plan.routes.map((_, i) => i)
  try {
    const turns: number[] = []
    const here = await answersOf(file, shape, gather, async (slab, span) => {
      const answer = await pool.evaluate(handle, slab, span)
      if (span !== undefined) turns.push(answer.fileAt!)
      return answer
    })
    const there = await answersOf(file, shape, gather, async (slab, span) => {
      // What the calling thread evaluates in one turn is one span for a worker.
      const range = span === undefined ? {} : { file: { ...span, to: turns.shift()! } }
      const known = { slab: slab.id, slabBuffer: slab.buffer, program: handle.id, programBytes: program.bytes }
      const answer = await run({ kind: 'evaluate', ...known, ...range })
      assert.ok(answer.status === 'done')
      return answer
    })
    return [here, there]
  } finally {
    closeSync(fd)
    await pool.close()
  }
}

/** Asks for all of a file, as often as it takes. */
async function answersOf(
  file: FileSpan,
  shape: SlabShape,
  gather: readonly number[],
  evaluate: (slab: Slab, span: FileSpan | undefined) => Promise<{ readonly fileAt?: number }>,
): Promise<object[]> {
  const slab = createSlab(shape)
  const asked = { start: 0, end: 0, flags: 0, validation: 'full', maxRecordBytes: file.maxRecordBytes } as const
  slab.request({ ...asked, gather, nowMs: 1_700_000_000_000 })
  const answers: object[] = []
  for (let at = 0, span: FileSpan | undefined = file; ;) {
    at = (await evaluate(slab, span)).fileAt ?? at
    answers.push(answerOf(slab))
    if (slab.isWhole && at >= file.to) return answers
    span = slab.isWhole ? { ...file, from: at } : undefined
    slab.requestRest()
  }
}

test('small files, streams and inputs need no thread', async (t) => {
  const engine = await lateEngine(t)
  t.mock.method(process.hrtime, 'bigint', () => 0n)
  assert.equal(await keptOfFile(engine, records(30_000)), keptRecords(30_000))
  assert.equal(await textOf(engine.filter([records(300)])), keptRecords(300))
  assert.equal((await engine.evaluate(records(300))).counts.byRoute['keep'], 100)
  assert.equal(engine.stats().slabsInUse, 0)
})

test('what is larger needs threads: the batch of a stream, an input', async (t) => {
  const engine = await lateEngine(t)
  await assert.rejects(textOf(engine.filter([records(2000)])), needsThread)
  await assert.rejects((await lateEngine(t)).evaluate(records(2000)), needsThread)
  assert.equal(engine.stats().slabsInUse, 0)
})

test('a large file that is soon done needs no thread', async (t) => {
  const engine = await lateEngine(t)
  // Time stands still, so that a busy machine does not have threads started.
  t.mock.method(process.hrtime, 'bigint', () => 0n)
  const large = records(800_000)
  assert.ok(large.length > 2 * limits.batchBytes.standard)
  assert.equal(await keptOfFile(engine, large), keptRecords(800_000))
  assert.equal(engine.stats().slabsInUse, 0)
})

test('a signal is heard while the calling thread evaluates a file', async (t) => {
  const engine = await lateEngine(t)
  t.mock.method(process.hrtime, 'bigint', () => 0n)
  const handle = await open(fileOf(records(800_000)))
  t.after(() => handle.close())
  const stop = new AbortController()
  setImmediate(() => stop.abort(new Error('enough')))
  await assert.rejects(engine.filterFile(handle, { signal: stop.signal, onBatch: () => undefined }), /enough/)
})

test('of many spans that come at once, one is evaluated before anything else is heard', async (t) => {
  t.mock.method(process.hrtime, 'bigint', () => 0n)
  assert.ok(kernels.portable.skip === undefined)
  const { kernel } = kernels.portable
  let calls = 0
  const counting = (evaluator: Evaluator): Evaluator => ({
    evaluate: (slab) => {
      calls++
      evaluator.evaluate(slab)
    },
    report: () => evaluator.report(),
    release: () => evaluator.release(),
  })
  const own = new OwnThread({ name: 'portable', load: (loaded) => counting(kernel.load(loaded)) })
  const { program } = compileRuleSet(smallRules)
  const handle = programHandle(program)
  const input = records(3000)
  const fd = openSync(fileOf(input), 'r')
  t.after(() => closeSync(fd))
  const slabs = new SlabStore(batchShape(4096, 4096), 8)
  const pool = new LatePool({ threads: 4, kernel: 'portable', slabs, batchDeadlineMs: 1000, worker: noWorker }, own)
  t.after(() => pool.close())
  const answers = Array.from({ length: 8 }, (_, i) => {
    const slab = slabs.take()
    slab.request({ start: 0, end: 0, flags: 0, validation: 'full', maxRecordBytes: 4096, gather: [0] })
    const [from, to] = [i * 4096, (i + 1) * 4096]
    return pool.evaluate(handle, slab, { fd, from, to, end: input.length, maxRecordBytes: 4096, batchBytes: 4096 })
  })
  const before = await new Promise<number>((resolve) => setImmediate(() => resolve(calls)))
  await Promise.all(answers)
  assert.deepEqual([before, calls], [1, 8])
})

test('threads that start late judge as any', async (t) => {
  const engine = await lateEngine(t, {}, true)
  assert.equal(await keptOfFile(engine, records(300)), keptRecords(300))
  assert.equal(await keptOfFile(engine, records(80_000)), keptRecords(80_000))
  assert.equal(await textOf(engine.filter([records(20_000), records(300)])), keptRecords(20_000) + keptRecords(300))
  assert.equal((await engine.evaluate(records(9_000))).counts.byRoute['keep'], 3000)
})

test('many small files come to threads when they have taken as long as the calling thread may', async (t) => {
  const engine = await lateEngine(t)
  let nowNs = 0n
  // Two times are taken for what makes ready, and six for each file.
  t.mock.method(process.hrtime, 'bigint', () => (nowNs += BigInt(limits.ownThreadMs) * 10_000n))
  let files = 0
  const all = async (): Promise<void> => {
    for (; files < 1000; files++) await keptOfFile(engine, records(30))
  }
  await assert.rejects(all(), needsThread)
  assert.ok(files > 3 && files < 100, String(files))
})

test('while threads are on their way the calling thread goes on with a file', async (t) => {
  const engine = await lateEngine(t, {}, true)
  let nowNs = 0n
  t.mock.method(process.hrtime, 'bigint', () => (nowNs += 3_000_000n))
  // More than is done here at this pace: the threads start in the middle, and the rest is theirs.
  assert.equal(await keptOfFile(engine, records(800_000)), keptRecords(800_000))
  assert.ok(nowNs > BigInt(limits.threadStartMs) * 1_000_000n)
})

test('a file whose rules take long is left to threads after its first batches', async (t) => {
  const engine = await lateEngine(t)
  let nowNs = 0n
  t.mock.method(process.hrtime, 'bigint', () => (nowNs += BigInt(limits.ownThreadMs) * 1_000_000n))
  await assert.rejects(keptOfFile(engine, records(3000)), needsThread)
  const { bytesIn } = engine.stats()
  assert.ok(bytesIn > 10_000, 'what was evaluated before stands')
  assert.ok(bytesIn < limits.inlineBytes + 100, 'a kernel call is given `inlineBytes` and the rest of a line')
})

test('a rule set that is loaded before any thread runs is in force on all of them', async (t) => {
  const engine = await lateEngine(t, {}, true)
  assert.equal((await engine.evaluate(records(3))).counts.byRoute['keep'], 1)
  const version = await engine.load(otherRules)
  const verdict = await engine.evaluate(records(9_000))
  assert.deepEqual([verdict.version, verdict.counts.byRoute['keep']], [version, 3000])
  assert.equal((await engine.evaluate(records(3))).version, version)
})

test('a small file that became shorter is the same fault as a large one, and the engine goes on', async (t) => {
  const engine = await lateEngine(t)
  t.mock.method(process.hrtime, 'bigint', () => 0n)
  const handle = await open(fileOf(records(300)), 'r+')
  const size = (await handle.stat()).size
  const shrunk = { fd: handle.fd, stat: async () => Object.assign(await handle.stat(), { size }) } as FileHandle
  ftruncateSync(handle.fd, 100)
  const failed = engine.filterFile(shrunk, { onBatch: () => undefined })
  await assert.rejects(failed, { code: 'ERR_ENGINE_READ', details: { position: 100 } })
  await handle.close()
  assert.equal(engine.stats().slabsInUse, 0)
  assert.equal(await keptOfFile(engine, records(30)), keptRecords(30))
})

test('a kernel that fails on the calling thread is the fault that it is in a worker', async (t) => {
  t.mock.method(process.hrtime, 'bigint', () => 0n)
  const { program } = compileRuleSet(smallRules)
  let fails = true
  const own = new OwnThread({
    name: 'portable',
    load: (loaded) => {
      if (fails) throw new Error('out of memory')
      assert.ok(kernels.portable.skip === undefined)
      return kernels.portable.kernel.load(loaded)
    },
  })
  const slabs = new SlabStore(batchShape(4096, 4096), 1)
  const pool = new LatePool({ threads: 1, kernel: 'portable', slabs, batchDeadlineMs: 1000, worker: noWorker }, own)
  t.after(() => pool.close())
  const asked = { start: 0, end: 8, flags: 0, validation: 'full', maxRecordBytes: 4096, gather: [0] } as const
  const request = (): Slab => {
    const slab = slabs.take()
    slab.input.write('{"k":1}\n')
    slab.request(asked)
    return slab
  }
  const handle = programHandle(program)
  let refused: number[] = []
  const failed = pool.evaluate(handle, request(), undefined, ({ words }) => {
    refused = [words[slabWord.start]!, words[slabWord.end]!]
  })
  await assert.rejects(failed, /out of memory/)
  assert.deepEqual(refused, [0, 8])
  assert.equal(slabs.taken, 0)
  fails = false
  assert.equal((await pool.evaluate(handle, request())).slab.words[slabWord.kept], 1)
})

test('an engine without threads closes at once, and one whose threads are starting ends them', async (t) => {
  const idle = await lateEngine(t)
  await idle.close()
  await assert.rejects(idle.evaluate(records(1)), { code: 'ERR_ENGINE_CLOSED' })
  const starting = await lateEngine(t, {}, true)
  const evaluated = starting.evaluate(records(9_000))
  await starting.close()
  assert.equal((await evaluated).counts.byRoute['keep'], 3000, 'what is in flight is finished')
})
