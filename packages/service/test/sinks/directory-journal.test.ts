// What a journal says, and what is done about one that cannot be believed.

import assert from 'node:assert/strict'
import { appendFile, mkdir, readFile, rm, rmdir, truncate, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'

import { Journal, journalLimits, journalName, readJournal, sequenceOf } from '#src/sinks/directory-journal.js'
import { folder, names } from '../running.js'
import { contentOf, dataFiles, journalLines, openFolder } from './folders.js'

const record = (n: number) => Buffer.from(`{"n":${n}}\n`)

/** A folder with a closed file of one record, and an open one of another. */
async function used(t: Parameters<typeof folder>[0]): Promise<{ directory: string; closed: string; open: string }> {
  const directory = await folder(t)
  const sink = await openFolder(directory, { maxFileBytes: 10 })
  for (let n = 0; n < 2; n++) {
    await sink.write([record(n)])
    await sink.flush()
  }
  await sink.discard()
  const [closed = '', open = ''] = await dataFiles(directory)
  return { directory, closed, open }
}

const refused = (message: RegExp) => ({ code: 'ERR_CONNECTOR_JOURNAL', retryable: false, message })

test('a last line that is torn was never synced, and is left out', async (t) => {
  const { directory } = await used(t)
  const journal = path.join(directory, journalName)
  const whole = await readFile(journal, 'utf8')
  for (const torn of ['{', '{"file":"weir-2026', whole.split('\n').at(-2)?.slice(0, -1) ?? '', '\0'.repeat(50)]) {
    await writeFile(journal, whole + torn)
    const sink = await openFolder(directory)
    await sink.discard()
    assert.equal((await contentOf(directory)).toString(), '{"n":0}\n{"n":1}\n')
  }
})

test('a journal cut at any byte is one of before: never more, never an error', async (t) => {
  const { directory } = await used(t)
  const journal = path.join(directory, journalName)
  const whole = await readFile(journal)
  const head = whole.indexOf('\n') + 1
  let last = whole.length
  for (let cut = whole.length; cut >= head; cut--) {
    await writeFile(journal, whole.subarray(0, cut))
    const { entries } = (await readJournal(directory)) ?? { entries: new Map<string, { bytes: number }>() }
    const counted = [...entries.values()].reduce((sum, { bytes }) => sum + bytes, 0)
    assert.ok(counted <= last)
    last = counted
  }
  assert.equal(last, 0)
})

test('damage anywhere else is an error that names the line, and changes nothing', async (t) => {
  const { directory, closed, open } = await used(t)
  const journal = path.join(directory, journalName)
  const whole = await readFile(journal, 'utf8')
  const [head = '', ...lines] = whole.trimEnd().split('\n')
  const last = JSON.parse(lines.at(-1) ?? '') as object
  const line = (change: object) => JSON.stringify({ ...last, ...change })
  for (const [text, message] of [
    ['', /line 1 is damaged: it is not the head/],
    ['{}', /line 1 is damaged: it is not the head/],
    ['hello\n', /line 1 is damaged: it is not the head/],
    [head.replace('"format":1', '"format":7') + '\n', /has format 7, and this program knows 1/],
    [head.replace(/"sequence":\d+/, '"sequence":-1') + '\n', /`sequence` is no number/],
    [[head, 'x', ...lines, ''].join('\n'), /line 2 is damaged/],
    [[head, ...lines, line({ file: '../x' }), ''].join('\n'), /is damaged: it is none of a journal/],
    [[head, ...lines, line({ bytes: 1.5 }), ''].join('\n'), /is damaged: it is none of a journal/],
    [[head, ...lines, line({ state: 'gone' }), ''].join('\n'), /is damaged: it is none of a journal/],
    [[head, ...lines, line({ bytes: 3 }), ''].join('\n'), /had 8 bytes before, and now 3/],
    [[head, ...lines, line({ file: closed, bytes: 8 }), ''].join('\n'), /was closed before/],
  ] as const) {
    await writeFile(journal, text)
    await assert.rejects(openFolder(directory), refused(message))
    assert.equal(await readFile(journal, 'utf8'), text)
    assert.deepEqual(await dataFiles(directory), [closed, open])
  }
})

test('a file with fewer bytes than were acknowledged, or none at all, is an error', async (t) => {
  const { directory, open, closed } = await used(t)
  await truncate(path.join(directory, closed), 5)
  await assert.rejects(openFolder(directory), refused(/a file has 5 bytes, and 8 were acknowledged \(weir-.*000001/))
  await rm(path.join(directory, closed))
  await truncate(path.join(directory, open), 7)
  await assert.rejects(openFolder(directory), refused(/a file has 7 bytes, and 8 were acknowledged/))
  await rm(path.join(directory, open))
  await assert.rejects(openFolder(directory), refused(/is gone that was open and of which 8 bytes were acknowledged/))
  await mkdir(path.join(directory, open))
  await assert.rejects(openFolder(directory), refused(/is not a regular file/))
})

test('files without their journal are an error, for nobody knows what was acknowledged', async (t) => {
  const { directory } = await used(t)
  await rm(path.join(directory, journalName))
  await assert.rejects(openFolder(directory), refused(/it holds files like weir-.*, and no journal/))
  assert.equal((await contentOf(directory)).toString(), '{"n":0}\n{"n":1}\n')
})

test('a tail that was not acknowledged is cut off, and a file that was only announced goes away', async (t) => {
  const { directory, open } = await used(t)
  await appendFile(path.join(directory, open), 'tail')
  const announced = 'weir-20260304T050607Z-000077.ndjson'
  const line = (await journalLines(directory)).at(-1)
  await appendFile(path.join(directory, journalName), JSON.stringify({ ...line, file: announced, bytes: 0 }) + '\n')
  await writeFile(path.join(directory, announced), 'tail')
  const sink = await openFolder(directory)
  await sink.write([record(2)])
  await sink.finish()
  assert.equal((await contentOf(directory)).toString(), '{"n":0}\n{"n":1}\n{"n":2}\n')
  assert.ok(!(await dataFiles(directory)).includes(announced))
})

test('the journal is written anew when it has grown, and forgets files that were closed long ago', async (t) => {
  const directory = await folder(t)
  const steps: string[] = []
  const options = { folder: directory, mode: 0o600, clock: () => 0, atStep: (step: string) => void steps.push(step) }
  const journal = new Journal(options, { sequence: 0, entries: new Map() })
  await journal.rewrite()
  const created = new Date(0).toISOString()
  const nameOf = (n: number) => `weir-20260304T050607Z-${String(n).padStart(6, '0')}.ndjson`
  const files = 4000
  const all = Array.from({ length: files }, (_, index) => index + 1).flatMap((n) => [
    { file: nameOf(n), bytes: 5, state: 'open' as const, versions: ['v'], created },
    { file: nameOf(n), bytes: 9, state: n < files ? ('closed' as const) : ('open' as const), versions: ['v'], created },
  ])
  for (let at = 0; at < all.length; at += 500) await journal.append(all.slice(at, at + 500))
  assert.equal(steps.filter((step) => step === 'journal renamed').length, 2)
  assert.equal(journal.nextSequence(), 1)
  await journal.rewrite()
  await journal.append([{ file: nameOf(files + 1), bytes: 0, state: 'open', versions: [], created }])
  await journal.close()
  const read = await readJournal(directory)
  assert.equal(read?.sequence, files + 1)
  assert.equal(read?.entries.size, journalLimits.closedFiles + 2)
  assert.equal(read?.entries.get(nameOf(files - 1))?.bytes, 9)
  assert.equal(read?.entries.get(nameOf(1)), undefined)
})

/** An error of a step, as the system has it for a lack that passes. */
const lack = () => Object.assign(new Error('too many open files'), { code: 'EMFILE', errno: -24 })

/** Has journals be written anew after a few lines, until the test is over. */
function shortJournals(t: { after(run: () => void): void }): void {
  const { growthBytes } = journalLimits
  journalLimits.growthBytes = 1000
  t.after(() => void (journalLimits.growthBytes = growthBytes))
}

test('a journal that cannot be written anew goes on as it is, and is when it can be', async (t) => {
  shortJournals(t)
  const directory = await folder(t)
  const sink = await openFolder(directory)
  const inTheWay = path.join(directory, '.weir-journal.new')
  const lines = async () => (await journalLines(directory)).length
  const flushed = async (n: number) => {
    await sink.write([record(n)])
    await sink.flush()
  }
  await mkdir(inTheWay)
  for (let n = 0; n < 20; n++) await flushed(n)
  assert.equal(await lines(), 21)
  await rmdir(inTheWay)
  let n = 20
  // Not at once: it is tried when the journal has grown by as much again.
  for (; (await lines()) > 20; n++) await flushed(n)
  assert.ok(n > 21 && n < 30, `after ${n} flushes`)
  await sink.discard()
  const again = await openFolder(directory)
  await again.finish()
  assert.equal((await contentOf(directory)).toString(), Array.from({ length: n }, (_, at) => record(at)).join(''))
})

for (const [step, fate] of [
  ['journal written aside', 'is acknowledged'],
  ['journal synced', 'counts, and is not acknowledged'],
  ['journal renamed', 'counts, and is not acknowledged'],
] as const) {
  test(`what is appended ${fate} when a lack comes up at the step '${step}', and the folder opens again`, async (t) => {
    shortJournals(t)
    const directory = await folder(t)
    let isLacking = false
    const lacks: string[] = []
    const atStep = (at: string) => {
      if (!isLacking || at !== step) return
      lacks.push(at)
      throw lack()
    }
    const sink = await openFolder(directory, { atStep })
    await sink.write([record(0)])
    isLacking = true
    const written = [record(0)]
    let failure: unknown
    while (lacks.length === 0) {
      await sink.write([record(1)])
      written.push(record(1))
      await sink.flush().catch((error: unknown) => (failure = error))
    }
    if (step === 'journal written aside') assert.equal(failure, undefined)
    else assert.equal((failure as { code: string }).code, 'ERR_CONNECTOR_WRITE')
    assert.ok(!(await names(directory)).includes('.weir-journal.new'))
    await sink.discard()
    const again = await openFolder(directory)
    await again.finish()
    assert.equal((await contentOf(directory)).toString(), written.join(''))
  })
}

test('names are taken for the sink’s own when they are made as it makes them', () => {
  assert.equal(sequenceOf('weir-20260304T050607Z-000012.ndjson'), 12)
  assert.equal(sequenceOf('a.b-c-20260304T050607Z-1234567.ndjson.gz'), 1_234_567)
  for (const name of [
    'weir-20260304T050607Z-12.ndjson',
    'x.ndjson',
    'a/b-20260304T050607Z-000012.ndjson',
    journalName,
  ]) {
    assert.equal(sequenceOf(name), undefined)
  }
})
