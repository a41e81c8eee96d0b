// Sources of messages: what stands in one value is judged by one verdict and delivered as a whole, with where it came from.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'

import { createEngine, EngineError } from '@weir/engine'
import type { Engine } from '@weir/engine'

import { runSource } from '#src/pipeline/pipeline.js'
import type { PipelineEngine, PipelineParts } from '#src/pipeline/pipeline.js'
import type { PipelineResult } from '#src/pipeline/feed.js'
import { Router } from '#src/pipeline/router.js'
import { Suspects } from '#src/pipeline/suspects.js'
import type { DeadLetter, DeadLetters } from '#src/ports/dead-letters.js'
import type { MessageOrigin } from '#src/ports/message.js'
import type { Sink } from '#src/ports/sink.js'
import type { MessagesValue, Source } from '#src/ports/source.js'

const rules = {
  version: 1,
  default: 'keep',
  rules: [
    { id: 'twos', when: { field: 'n', equals: '2' }, then: 'drop' },
    { id: 'threes', when: { field: 'n', equals: '3' }, then: { route: 'other' } },
  ],
} as const

async function engineFor(t: TestContext): Promise<Engine> {
  const engine = await createEngine({ rules, threads: 1, kernel: 'portable', validation: 'full', batchBytes: 4096 })
  t.after(() => engine.close())
  return engine
}

function valueOf(texts: readonly (string | null)[], first = 0n, more: Partial<MessagesValue<bigint>> = {}) {
  const values = texts.map((text) => (text === null ? null : Buffer.from(text)))
  const origins = texts.map((_, i) => ({
    ...{ topic: 'raw', partition: 3, offset: first + BigInt(i), headers: [], timestampMs: 0 },
    key: Buffer.from(`k${first + BigInt(i)}`),
  }))
  const inputBytes = values.reduce((sum, value) => sum + (value?.length ?? 0), 0)
  return { kind: 'messages', values, origins, position: first + BigInt(texts.length), inputBytes, ...more } as const
}

function sourceOf(values: readonly MessagesValue<bigint>[], committed: string[]): Source<bigint> {
  return {
    name: 'raw',
    async *values() {
      yield* values
    },
    commit: (position, version) => void committed.push(`${position} ${version?.length ?? 'none'}`),
    close: () => Promise.resolve(),
  }
}

/** A sink that notes each write: chunks, and the keys of where they came from. */
function notingSink(written: string[], wantsOrigins: boolean): Sink {
  return {
    name: 'noting',
    wantsOrigins,
    write: async (chunks, _version, origins?: readonly MessageOrigin[]) => {
      const texts = chunks.map((chunk, i) => {
        const text = Buffer.from(chunk).toString().replaceAll('\n', ';')
        return origins === undefined ? text : `${origins[i]!.key?.toString()}=${text}`
      })
      written.push(texts.join(' '))
    },
    flush: () => Promise.resolve(),
    finish: () => Promise.resolve(),
    discard: () => Promise.resolve(),
  }
}

function notingLetters(letters: DeadLetter[]): DeadLetters {
  return {
    name: 'letters',
    write: async (written) =>
      void letters.push(...written.map((each) => ({ ...each, bytes: each.bytes.map((b) => Buffer.from(b)) }))),
    flush: () => Promise.resolve(),
    finish: () => Promise.resolve(),
    discard: () => Promise.resolve(),
  }
}

const textOf = ({ bytes }: DeadLetter) => Buffer.concat(bytes).toString()
const placeOf = ({ place }: DeadLetter) => `${place?.topic}/${place?.partition}@${place?.offset}+${place?.record}`

interface Ran {
  readonly kept: string[]
  readonly other: string[]
  readonly letters: DeadLetter[]
  readonly committed: string[]
  readonly results: PipelineResult[]
}

async function run(
  engine: PipelineEngine,
  values: readonly MessagesValue<bigint>[],
  { hasLetters = true, ...more }: Partial<PipelineParts> & { hasLetters?: boolean } = {},
): Promise<Ran> {
  const ran: Ran = { kept: [], other: [], letters: [], committed: [], results: [] }
  const sinks = new Map([
    ['keep', notingSink(ran.kept, true)],
    ['other', notingSink(ran.other, false)],
  ])
  const router = new Router(sinks, hasLetters ? notingLetters(ran.letters) : undefined)
  const onBatch = (result: PipelineResult) => void ran.results.push(result)
  await runSource(sourceOf(values, ran.committed), { engine, router, onBatch, allowMissingRoutes: true, ...more })
  return ran
}

test('a value is one batch however large it is, and its position comes with it', async (t) => {
  const engine = await engineFor(t)
  const pad = ' '.repeat(1000)
  const texts = Array.from({ length: 20 }, (_, i) => `{"n":"1","i":${i}}${pad}\n{"n":"2"}${pad}`)
  const { kept, committed, results } = await run(engine, [valueOf(texts), valueOf(['{"n":"1"}'], 20n)])
  assert.equal(kept.length, 2)
  assert.equal(kept[0]?.split('k').length, 21)
  assert.deepEqual(committed, ['20 16', '21 16'])
  assert.deepEqual(results.map(({ counts }) => [counts.records, counts.kept, counts.dropped]), [[40, 20, 20], [1, 1, 0]]) // prettier-ignore
  assert.equal(results[0]?.bytesIn, texts.join('').length)
})

test('records carry where they came from to a sink that wants it, in one piece where they are neighbours', async (t) => {
  const engine = await engineFor(t)
  const texts = ['{"n":"1"}\n{"n":"4"}\n{"n":"2"}\n{"n":"5"}', null, '{"n":"3"}\n{"n":"6"}\n', '', '{"n":"3"}']
  const { kept, other } = await run(engine, [valueOf(texts, 100n)])
  assert.deepEqual(kept, ['k100={"n":"1"};{"n":"4"}; k100={"n":"5"}; k102={"n":"6"};'])
  assert.deepEqual(other, ['{"n":"3"};{"n":"3"};'])
})

test('a value of which nothing is kept commits its position', async (t) => {
  const { kept, committed } = await run(await engineFor(t), [valueOf(['{"n":"2"}', null])])
  assert.deepEqual([kept, committed], [[], ['2 16']])
})

test('malformed records are letters with their places, neighbours together', async (t) => {
  const texts = ['{"n":"1"}\n\nx\ny\n{"n":"1"}\nz', 'w', '{"n":"1"}', '[]']
  const { letters, kept, results } = await run(await engineFor(t), [valueOf(texts, 7n)])
  assert.deepEqual(letters.map(textOf), ['x\ny\n', 'z\nw\n', '[]\n'])
  assert.deepEqual(letters.map(placeOf), ['raw/3@7+1', 'raw/3@7+4', 'raw/3@10+0'])
  assert.deepEqual(
    letters.map(({ records, malformedByReason }) => [records, malformedByReason]),
    [
      [2, { syntax: 2 }],
      [2, { syntax: 2 }],
      [1, { 'not-object': 1 }],
    ],
  )
  assert.equal(kept.length, 1)
  assert.equal(results[0]?.counts.malformed, 5)
  assert.ok(letters.every(({ version, source }) => version?.length === 16 && source === 'raw'))
})

test('malformed records that alternate with others are few letters, and none is left out', async (t) => {
  const lines = Array.from({ length: 3000 }, (_, i) => `x${i}\n{"n":"2"}\n`).join('')
  const { letters } = await run(await engineFor(t), [valueOf([lines])])
  assert.equal(letters.length, 256)
  const text = letters.map(textOf).join('')
  assert.equal(text, Array.from({ length: 3000 }, (_, i) => `x${i}\n`).join(''))
  assert.equal(letters.reduce((sum, { records }) => sum + records, 0), 3000) // prettier-ignore
})

test('a message that is malformed as a whole is a letter and one record', async (t) => {
  const rejects = [{ message: 1, bytes: Buffer.from('{"message":['), reason: 'syntax' }] as const
  const { letters, results, kept } = await run(await engineFor(t), [valueOf(['{"n":"1"}', null, 'x'], 5n, { rejects })])
  assert.deepEqual(letters.map(textOf), ['{"message":[', 'x\n'])
  assert.deepEqual(letters.map(placeOf), ['raw/3@6+0', 'raw/3@7+0'])
  assert.equal(results[0]?.counts.malformed, 2)
  assert.equal(results[0]?.counts.malformedByReason.syntax, 2)
  assert.deepEqual(kept, ['k5={"n":"1"};'])
})

test('without dead letters malformed records are counted, and nothing else', async (t) => {
  const { results, kept } = await run(await engineFor(t), [valueOf(['x\n{"n":"1"}'])], { hasLetters: false })
  assert.equal(results[0]?.counts.malformed, 1)
  assert.deepEqual(kept, ['k0={"n":"1"};'])
})

/** Judges by an engine, but dies of records that hold `guilty`. */
function suspectsFor(engine: Engine): Suspects {
  return new Suspects({
    source: 'raw',
    openTrials: () => ({
      run: async (bytes) => {
        if (Buffer.from(bytes).includes('guilty')) return { kind: 'guilty', reason: 'worker_crash', message: 'Died.' }
        const verdict = await engine.evaluate(bytes)
        const segments = ['keep', 'other', 'malformed'].flatMap((route) => {
          const gathered = verdict.gather(route)
          return gathered.length === 0 ? [] : [{ route, bytes: gathered }]
        })
        return { kind: 'judged', segments, counts: verdict.counts, version: verdict.version }
      },
      close: () => undefined,
    }),
  })
}

for (const how of ['the engine fails', 'it is judged apart'] as const) {
  test(`when ${how}, guilty records are set aside and all others carry where they came from`, async (t) => {
    const engine = await engineFor(t)
    const suspects = suspectsFor(engine)
    let asked = 0
    const lost = new EngineError('ERR_ENGINE_WORKER_LOST', 'A worker died twice.')
    const dying: PipelineEngine = {
      version: engine.version,
      filterBatches: () => Promise.reject(new Error('Not asked.')),
      filterFile: () => Promise.reject(new Error('Not asked.')),
      evaluateMany: () => (asked++, Promise.reject(lost)),
    }
    const texts = [
      '{"n":"1"}\n{"n":"1"}\nguilty\n{"n":"2"}',
      '\ufeff{"n":"1"}\n\nx',
      null,
      '{"n":"3"}\n{"n":"1"}\nguilty too',
    ]
    const { kept, other, letters, committed, results } = await run(dying, [valueOf(texts)], {
      rescue: (failed) => suspects.rescue(failed),
      judgeApart: () => how === 'it is judged apart',
    })
    assert.equal(asked, how === 'it is judged apart' ? 0 : 1)
    assert.deepEqual(kept.join(' ').split(' '), ['k0={"n":"1"};', 'k0={"n":"1"};', 'k1={"n":"1"};', 'k3={"n":"1"};'])
    assert.deepEqual(other, ['{"n":"3"};'])
    const told = letters.map((letter) => `${letter.reason} ${placeOf(letter)} ${textOf(letter)}`)
    assert.deepEqual(told, [
      'malformed raw/3@1+1 x\n',
      'worker_crash raw/3@0+2 guilty\n',
      'worker_crash raw/3@3+2 guilty too\n',
    ])
    assert.deepEqual(committed, ['4 16'])
    assert.deepEqual([results[0]?.counts.kept, results[0]?.counts.malformed], [5, 1])
  })
}

test('another failure of the engine ends the run, and nothing is committed', async (t) => {
  const engine = await engineFor(t)
  await engine.close()
  const committed: string[] = []
  const router = new Router(new Map([['keep', notingSink([], true)]]))
  const parts = { engine, router, onBatch: () => undefined, rescue: () => Promise.reject(new Error('Not asked.')) }
  await assert.rejects(runSource(sourceOf([valueOf(['{}'])], committed), parts), { code: 'ERR_ENGINE_CLOSED' })
  assert.deepEqual(committed, [])
})

test('a source that has transactions and cuts values is refused: half a value could count', async (t) => {
  const source: Source<number> = {
    name: 'cutting',
    async *values() {
      yield { kind: 'bytes', bytes: Buffer.from('{}\n'), position: 1 }
    },
    begin: () => Promise.reject(new Error('Not asked.')),
    commit: () => undefined,
    close: () => Promise.resolve(),
  }
  const router = new Router(new Map())
  const parts = { engine: await engineFor(t), router, onBatch: () => undefined }
  await assert.rejects(runSource(source, parts), /has transactions, and cuts values/)
})
