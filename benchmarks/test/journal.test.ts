// Journals: what survives a stop, what is refused, and which one is the latest.

import assert from 'node:assert/strict'
import { appendFileSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { UsageError } from '#src/errors.js'
import { Journal, journalPath, latestJournal, refuseOthers } from '#src/journal.js'
import type { JournalEntry } from '#src/journal.js'
import { journalHead } from './results.ts'

const folder = mkdtempSync(join(tmpdir(), 'weir-bench-journal-'))
after(() => rmSync(folder, { recursive: true }))

const sample = (round: number, seconds: number, key = 'k'): JournalEntry => ({
  kind: 'sample',
  unit: 'u',
  key,
  sample: { round, seconds },
})

function refuses(work: () => unknown, text: RegExp): void {
  assert.throws(work, (error: unknown) => error instanceof UsageError && text.test(error.message))
}

test('what was added is there when the journal is opened again', () => {
  const path = join(folder, 'kept.jsonl')
  const journal = Journal.create(path, journalHead())
  journal.add({ kind: 'beginning', at: 'now', load: [1, 2, 3] })
  journal.add(sample(0, 5))
  journal.add({ kind: 'round', unit: 'u', round: 0 })
  journal.add({ kind: 'unit', unit: 'u' })
  for (const each of [journal, Journal.open(path)]) {
    assert.deepEqual(each.head, journalHead())
    assert.deepEqual(each.beginnings(), [{ kind: 'beginning', at: 'now', load: [1, 2, 3] }])
    assert.deepEqual(each.unit('u').samples('k'), [{ round: 0, seconds: 5 }])
    assert.equal(each.unit('u').isDone, true)
    assert.equal(each.unit('other').isDone, false)
  }
})

test('samples of a round that was not finished do not count, and those of a later try replace them', () => {
  const journal = Journal.create(join(folder, 'rounds.jsonl'), journalHead())
  journal.add(sample(0, 5))
  journal.add({ kind: 'round', unit: 'u', round: 0 })
  journal.add(sample(1, 6))
  assert.deepEqual(journal.unit('u').samples('k'), [{ round: 0, seconds: 5 }])
  journal.add(sample(1, 7))
  journal.add({ kind: 'round', unit: 'u', round: 1 })
  assert.deepEqual(
    journal
      .unit('u')
      .samples('k')
      .map(({ seconds }) => seconds),
    [5, 7],
  )
})

test('a line that was cut off is taken away, and the next one stands by itself', () => {
  const path = join(folder, 'torn.jsonl')
  Journal.create(path, journalHead()).add(sample(0, 5))
  // The bytes end within a character.
  appendFileSync(path, Buffer.from('{"kind":"fault","reason":"ü').subarray(0, -1))
  const opened = Journal.open(path)
  opened.add({ kind: 'round', unit: 'u', round: 0 })
  assert.deepEqual(Journal.open(path).unit('u').samples('k'), [{ round: 0, seconds: 5 }])
  assert.doesNotMatch(readFileSync(path, 'utf8'), /fault/)
})

test('a file that is damaged, no journal, or not there is refused by name', () => {
  const path = join(folder, 'bad.jsonl')
  writeFileSync(path, `${JSON.stringify(journalHead())}\nnonsense\n{}\n`)
  refuses(() => Journal.open(path), /bad\.jsonl:2 is damaged; begin a new run/)
  writeFileSync(path, '{"kind":"head","format":99}\n')
  refuses(() => Journal.open(path), /bad\.jsonl is no journal of this version/)
  writeFileSync(path, '')
  refuses(() => Journal.open(path), /bad\.jsonl is no journal/)
  refuses(() => Journal.open(join(folder, 'none.jsonl')), /--resume cannot read .*none\.jsonl/)
})

test('another commit, checkout, machine, Node, peer or option is refused by what differs', () => {
  const then = journalHead()
  const { machine, options } = then
  refuseOthers('j', then, journalHead())
  const others: readonly (readonly [Parameters<typeof journalHead>[0], RegExp])[] = [
    [
      { machine: { ...machine, commit: 'fedcba9876543210' } },
      /j is of another commit, 0123456789ab; this is fedcba987654/,
    ],
    [{ machine: { ...machine, changes: 'beef' } }, /another state of the checkout, as committed; this is beef/],
    [{ machine: { ...machine, processor: 'another' } }, /another machine, a processor, .*; this is another/],
    [{ machine: { ...machine, node: '24.1.0' } }, /another Node, 20\.20\.2; this is 24\.1\.0/],
    [{ machine: { ...machine, tools: { jq: 'jq-1.7' } } }, /another version of a contender, .*jq-1\.6.*jq-1\.7/],
    [{ options: { ...options, samples: 4 } }, /another value of an option, .*"samples":3.*"samples":4/],
  ]
  for (const [parts, text] of others) refuses(() => refuseOthers('j', then, journalHead(parts)), text)
})

test('the latest journal is the one that was written last, and a folder without any is said to be so', () => {
  const [early, late] = ['2026-01-01T00:00:00.000Z', '2026-01-02T00:00:00.000Z'].map((at) => journalPath(folder, at))
  Journal.create(late!, journalHead())
  Journal.create(early!, journalHead())
  const future = new Date(Date.now() + 60_000)
  utimesSync(early!, future, future)
  assert.equal(latestJournal(folder), early)
  refuses(() => latestJournal(join(folder, 'none')), /there is no stopped run in .*none/)
})
