// The search for guilty records, with trials that are functions; trials in processes are tested in trials.test.ts.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { EngineError } from '@weir/engine'
import type { FailedBatch } from '@weir/engine'

import { noRecords } from '#src/pipeline/feed.js'
import { Suspects } from '#src/pipeline/suspects.js'
import type { Trials } from '#src/pipeline/suspects.js'

function failedBatch(text: string, more: Partial<FailedBatch> = {}): FailedBatch {
  const bytes = Buffer.from(text)
  const error = new EngineError('ERR_ENGINE_WORKER_LOST', 'A worker died twice.')
  return {
    error,
    bytes,
    continues: false,
    open: false,
    version: 'v1',
    line: 1,
    byte: 0,
    bytesIn: bytes.length,
    ...more,
  }
}

/** Trials that fail where `x` stands in the bytes, and keep everything else. */
function trialsOf(tried: string[]): Trials {
  return {
    run: async (bytes) => {
      const text = Buffer.from(bytes).toString()
      tried.push(text)
      if (text.includes('x')) return { kind: 'guilty', reason: 'worker_crash', message: 'It died.' }
      const records = text.split('\n').filter((line) => line !== '').length
      return { kind: 'judged', segments: [{ route: 'keep', bytes }], counts: { ...noRecords, records, kept: records } }
    },
    close: () => void tried.push('closed'),
  }
}

const textOf = (parts: readonly { readonly bytes: Uint8Array }[]) =>
  parts.map(({ bytes }) => Buffer.from(bytes).toString()).join('')

for (const [what, text] of [
  ['one in the middle', 'a\nb\nx\nc\nd\n'],
  ['the first and the last', 'x1\nb\nc\nx2\n'],
  ['neighbours', 'a\nx1\nx2\nb\n'],
  ['the only one', 'x\n'],
  ['a last line without an end', 'a\nb\nx'],
  ['all', 'x1\nx2\nx3\n'],
  ['one of a thousand', `${'a\n'.repeat(700)}x\n${'b\n'.repeat(299)}`],
] as const) {
  test(`guilty records are found, and the others are judged in order: ${what}`, async () => {
    const tried: string[] = []
    const suspects = new Suspects({ source: 'http', openTrials: () => trialsOf(tried) })
    const { segments, counts, letters } = await suspects.rescue(failedBatch(text))
    const lines = text.match(/[^\n]*\n|[^\n]+$/g) ?? []
    const fine = lines.filter((line) => !line.includes('x'))
    assert.equal(textOf(segments), fine.join(''))
    assert.equal(counts.kept, fine.length)
    assert.equal(textOf(letters.flatMap(({ bytes }) => bytes.map((each) => ({ bytes: each })))), lines.filter((line) => line.includes('x')).join('')) // prettier-ignore
    assert.ok(letters.every(({ reason, source, version, records }) => reason === 'worker_crash' && source === 'http' && version === 'v1' && records === 1)) // prettier-ignore
    assert.equal(tried.at(-1), 'closed')
    const guilty = lines.length - fine.length
    assert.ok(tried.length <= guilty * (2 * Math.ceil(Math.log2(lines.length)) + 2) + 1, `${tried.length} trials`)
  })
}

test('where more records are guilty than any sender makes, none is, and it is said so', async () => {
  const tried: string[] = []
  const suspects = new Suspects({ source: 'http', openTrials: () => trialsOf(tried) })
  const expected = { code: 'ERR_CONNECTOR_TRIAL', retryable: true, message: /More than 100 records of one batch/ }
  await assert.rejects(suspects.rescue(failedBatch(`a\n${'x\n'.repeat(2)}${Array.from({ length: 150 }, (_, n) => `x${n}\n`).join('')}`)), expected) // prettier-ignore
  tried.length = 0
  await suspects.rescue(failedBatch('x0\n'))
  assert.equal(tried[0], 'x0\n', 'it was not remembered')
})

test('records that other rules could not judge are tried again', async () => {
  const tried: string[] = []
  const suspects = new Suspects({ source: 'http', openTrials: () => trialsOf(tried) })
  await suspects.rescue(failedBatch('x\n'))
  tried.length = 0
  await suspects.rescue(failedBatch('x\n', { version: 'v2' }))
  assert.equal(tried[0], 'x\n')
})

test('a record that was guilty once is set aside without a trial', async () => {
  const tried: string[] = []
  const suspects = new Suspects({ source: 'http', openTrials: () => trialsOf(tried) })
  await suspects.rescue(failedBatch('a\nx\nb\n'))
  tried.length = 0
  const { segments, letters } = await suspects.rescue(failedBatch('c\nx\nd\nx\n'))
  assert.deepEqual(tried, ['c\n', 'd\n', 'closed'])
  assert.equal(textOf(segments), 'c\nd\n')
  assert.equal(letters.length, 2)
})

test('who fails once and not again is not guilty, for a process may die of something else', async () => {
  let deaths = 0
  const died = { kind: 'guilty', reason: 'worker_crash', message: 'It died.' } as const
  const fine = trialsOf([])
  const openTrials = () => ({
    ...fine,
    run: (bytes: Uint8Array) => (deaths < 1 ? Promise.resolve(died) : fine.run(bytes, false)),
  })
  const suspects = new Suspects({ source: 'http', openTrials, onDeath: () => deaths++ })
  const { segments, letters } = await suspects.rescue(failedBatch('a\n'))
  assert.deepEqual([textOf(segments), letters.length, deaths], ['a\n', 0, 1])
})

test('only the first trial of a batch and the last one of a record are given their whole time', async () => {
  const hasty: boolean[] = []
  const fine = trialsOf([])
  const run = (bytes: Uint8Array, isHasty: boolean) => {
    hasty.push(isHasty)
    return fine.run(bytes, isHasty)
  }
  const suspects = new Suspects({ source: 'http', openTrials: () => ({ ...fine, run }) })
  await suspects.rescue(failedBatch('a\nx\n'))
  assert.deepEqual(hasty, [false, true, true, false])
})

test('trials are kept open while more is to come, and opened anew for other rules', async () => {
  const tried: string[] = []
  let isKept = true
  const openTrials = () => {
    tried.push('opened')
    return trialsOf(tried)
  }
  const suspects = new Suspects({ source: 'http', openTrials, keepsTrials: () => isKept })
  for (const version of ['v1', 'v1', 'v2']) await suspects.rescue(failedBatch('a\n', { version }))
  assert.deepEqual(tried.splice(0), ['opened', 'a\n', 'a\n', 'closed', 'opened', 'a\n'])
  isKept = false
  await suspects.rescue(failedBatch('b\n', { version: 'v2' }))
  assert.deepEqual(tried.splice(0), ['b\n', 'closed'])
  suspects.close()
  assert.deepEqual(tried, [])
})

for (const [what, text, cut, tried, malformed, tooLong] of [
  ['its end', 'end"}\n{}\n', { continues: true }, ['{}\n'], 'end"}\n', 0],
  ['its start', '{}\n{"a":1', { open: true }, ['{}\n'], '{"a":1', 1],
  ['its middle', '{"a":1}', { continues: true, open: true }, [], '{"a":1}', 0],
  ['its end, which lacks its line feed', '{"a":1}', { continues: true }, [], '{"a":1}\n', 0],
  ['the end of one and the start of another', 'x}\n{}\n{', { continues: true, open: true }, ['{}\n'], 'x}\n{', 1],
] as const) {
  test(`pieces of a record that is too long are malformed and not tried: ${what}`, async () => {
    const all: string[] = []
    const suspects = new Suspects({ source: 'http', openTrials: () => trialsOf(all) })
    const { segments, counts, letters } = await suspects.rescue(failedBatch(text, cut))
    assert.deepEqual(all, [...tried, 'closed'])
    assert.equal(textOf(segments.filter(({ route }) => route === 'malformed')), malformed)
    assert.deepEqual([counts.malformed, counts.malformedByReason['too-long']], [tooLong, tooLong])
    assert.equal(letters.length, 0)
  })
}

test('when nothing can be tried, nothing is judged, and the trials are closed', async () => {
  let isClosed = false
  const openTrials = () => ({ run: () => Promise.reject(new Error('no process')), close: () => void (isClosed = true) })
  const suspects = new Suspects({ source: 'http', openTrials })
  await assert.rejects(suspects.rescue(failedBatch('a\n')), /no process/)
  assert.ok(isClosed)
})
