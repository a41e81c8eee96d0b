// When files of a folder are old, and what becomes of them then.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { HeldTime } from '../held-time.js'
import { folder } from '../running.js'
import { contentOf, dataFiles, journalLines, openFolder } from './folders.js'

const line = (n: number) => Buffer.from(`{"n":${n}}\n`)

/** Resolves `done` with the first line of the journal that is synced after `expect()`. */
function closings(): { atStep: (step: string) => void; expect: () => void; done: Promise<void> } {
  let isExpected = false
  let onDone: () => void = () => undefined
  const done = new Promise<void>((resolve) => (onDone = resolve))
  const atStep = (step: string) => {
    if (isExpected && step === 'journal synced') onDone()
  }
  return { atStep, expect: () => (isExpected = true), done }
}

for (const compression of ['none', 'gzip'] as const) {
  test(`${compression}: an old file is closed by its timer when nothing is written any more`, async (t) => {
    const directory = await folder(t)
    const time = new HeldTime()
    let onClosed: () => void = () => undefined
    const closed = new Promise<void>((resolve) => (onClosed = resolve))
    let synced = 0
    const atStep = (step: string) => {
      // Announced, counted, closed.
      if (step === 'journal synced' && ++synced === 3) onClosed()
    }
    const sink = await openFolder(directory, { ...time, compression, maxFileAgeMs: 60_000, atStep })
    await sink.write([line(1)])
    await sink.flush()
    time.forward(59_999)
    time.forward(1)
    await closed
    assert.equal((await journalLines(directory)).at(-1)?.['state'], 'closed')
    assert.equal(time.waiting, 0)
    await sink.write([line(2)])
    await sink.finish()
    assert.equal((await dataFiles(directory)).length, 2)
    assert.equal(time.waiting, 0)
    assert.equal((await contentOf(directory)).toString(), '{"n":1}\n{"n":2}\n')
  })

  test(`${compression}: an old file that nobody has flushed is closed by the flush, and counted by no timer`, async (t) => {
    const directory = await folder(t)
    const time = new HeldTime()
    const sink = await openFolder(directory, { ...time, compression, maxFileAgeMs: 60_000 })
    await sink.write([line(1)])
    time.forward(60_000)
    await sink.write([line(2)])
    assert.deepEqual((await journalLines(directory)).map((entry) => entry['bytes']), [0, 0]) // prettier-ignore
    await sink.flush()
    const last = new Map((await journalLines(directory)).map((entry) => [entry['file'], entry['state']]))
    assert.deepEqual([...last.values()], ['closed', 'open'])
    await sink.finish()
  })
}

for (const [how, byMs] of [
  ['put back', -86_400_000],
  ['put forward', 86_400_000],
] as const) {
  test(`a file is closed when it is old, and neither early nor late, after the time of day was ${how}`, async (t) => {
    const time = new HeldTime()
    const directory = await folder(t)
    const rolled = closings()
    const sink = await openFolder(directory, { ...time, maxFileAgeMs: 60_000, atStep: rolled.atStep })
    await sink.write([line(1)])
    await sink.flush()
    time.setClock(byMs)
    time.forward(59_999)
    await sink.write([line(2)])
    await sink.flush()
    assert.equal((await dataFiles(directory)).length, 1)
    rolled.expect()
    time.forward(1)
    await rolled.done
    const last = (await journalLines(directory)).at(-1)
    assert.deepEqual([last?.['state'], last?.['bytes']], ['closed', 16])
    await sink.finish()
  })
}

test('a file that another process began goes by the time of day, and is never older than a new one may be', async (t) => {
  for (const [byMs, restMs] of [
    [20_000, 40_000],
    [-3_600_000, 60_000],
  ] as const) {
    const time = new HeldTime()
    const directory = await folder(t)
    const options = { ...time, maxFileAgeMs: 60_000 }
    const before = await openFolder(directory, options)
    await before.write([line(1)])
    await before.flush()
    await before.discard()
    time.setClock(byMs)
    const rolled = closings()
    const sink = await openFolder(directory, { ...options, atStep: rolled.atStep })
    time.forward(restMs - 1)
    await sink.flush()
    assert.equal((await journalLines(directory)).at(-1)?.['state'], 'open')
    rolled.expect()
    time.forward(1)
    await rolled.done
    assert.equal((await journalLines(directory)).at(-1)?.['state'], 'closed')
    assert.equal(time.waiting, 0)
    await sink.finish()
  }
})
