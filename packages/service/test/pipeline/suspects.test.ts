// The search for guilty records, with trials that are functions; trials in processes are tested in trials.test.ts.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { EngineError } from '@weir/engine'
import type { FailedBatch } from '@weir/engine'

import { noRecords } from '#src/pipeline/feed.js'
import { Suspects } from '#src/pipeline/suspects.js'
import type { Trials } from '#src/pipeline/suspects.js'

function failedBatch(text: string): FailedBatch {
  const bytes = Buffer.from(text)
  const error = new EngineError('ERR_ENGINE_WORKER_LOST', 'A worker died twice.')
  return { error, bytes, version: 'v1', line: 1, byte: 0, bytesIn: bytes.length }
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

test('when nothing can be tried, nothing is judged, and the trials are closed', async () => {
  let isClosed = false
  const openTrials = () => ({ run: () => Promise.reject(new Error('no process')), close: () => void (isClosed = true) })
  const suspects = new Suspects({ source: 'http', openTrials })
  await assert.rejects(suspects.rescue(failedBatch('a\n')), /no process/)
  assert.ok(isClosed)
})
