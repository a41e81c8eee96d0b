// The oracle of the archive's faults: every kind of harm that it is there to find, done to objects by hand.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'

import { judgeArchive } from './archive-oracle.js'
import type { ArchivedObject, ArchivedTopic } from './archive-oracle.js'

const midnight = Date.UTC(2026, 2, 1)
const shape = { prefix: 'logs/', extension: '.ndjson.gz', periodMs: 60_000 }

type Made = readonly [offset: number, value: string | null, ms: number, version?: string]

/** Two partitions; in the first, offsets are missing, a record has two lines, and one has none. */
const topic: ArchivedTopic = {
  ...{ name: 'processed', clusterId: 'C', topicId: 'T' },
  partitions: [
    recordsOf(
      [0, 'a', -2],
      [1, 'b\nc\n', -1, 'v1'],
      [4, 'd', 5, 'v2'],
      [5, null, 6],
      [7, 'e', 7, 'v1'],
      [8, 'f', 61_000],
    ),
    recordsOf([0, 'g', 10]),
  ],
}

function recordsOf(...made: readonly Made[]) {
  return made.map(([offset, value, ms, version]) => ({
    offset: BigInt(offset),
    timestampMs: midnight + ms,
    key: null,
    value: value === null ? null : Buffer.from(value),
    headers: version === undefined ? [] : [['weir-rules', Buffer.from(version)] as const],
  }))
}

/** An object and what it says. `says`: above what is right. */
function object(name: string, lines: readonly string[], says: Readonly<Record<string, unknown>>): ArchivedObject {
  const [, partition, first] = /\+(\d+)\+(\d+)$/.exec(name)!
  const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''))
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const right = { format: 1, topic: 'processed', partition, cluster: 'C', 'topic-id': 'T', count: lines.length, bytes: bytes.length, sha256, 'rules-more': 0 } // prettier-ignore
  const all = { ...right, from: BigInt(first!), first: BigInt(first!), last: BigInt(first!), rules: '', ...says }
  const metadata = Object.fromEntries(Object.entries(all).map(([each, value]) => [`weir-${each}`, String(value)]))
  return { key: `logs/${name}.ndjson.gz`, metadata, sha256, rawBytes: bytes.length, lines }
}

const at = (ms: number, lastMs = ms) => ({ 'first-ms': midnight + ms, 'last-ms': midnight + lastMs })
const place = (date: string, partition: number, offset: number) =>
  `${date}/processed+${partition}+${String(offset).padStart(20, '0')}`
const before = 'dt=2026-02-28/hr=23'
const after = 'dt=2026-03-01/hr=00'

/** Where the archive of a partition began. */
const begin = (name: string, first = '0'): ArchivedObject => ({
  ...{ key: `logs/_weir/${name}`, sha256: '', rawBytes: 0, lines: [] },
  metadata: { 'weir-cluster': 'C', 'weir-topic-id': 'T', 'weir-first': first },
})

/** Everything where it belongs. */
function archived() {
  return {
    probe: { key: 'logs/_weir/probe', metadata: {}, sha256: '', rawBytes: 0, lines: [] },
    begin: begin('begin/processed+1'),
    first: object(place(before, 0, 0), ['a', 'b', 'c'], { last: 1, rules: 'v1', ...at(-2, -1) }),
    second: object(place(after, 0, 4), ['d', 'e'], { from: 2, last: 7, rules: 'v2 v1', ...at(5, 7) }),
    third: object(place(after, 0, 8), ['f'], { from: 8, ...at(61_000) }),
    other: object(place(after, 1, 0), ['g'], at(10)),
  }
}
type Archived = ReturnType<typeof archived>

const judged = (objects: Readonly<Record<string, ArchivedObject>>) => judgeArchive(topic, Object.values(objects), shape)

test('every line once in an object of its partition is no fault', () => {
  assert.deepEqual(judged(archived()), { records: 7, objects: 4, lost: 0, twice: 0, disordered: 0, faults: [] })
})

/** Does harm, and returns the counts and what is told, without the names of objects. */
function harmed(harm: (objects: Archived & Record<string, ArchivedObject>) => void): string {
  const objects: Archived & Record<string, ArchivedObject> = archived()
  harm(objects)
  const { lost, twice, disordered, faults } = judged(objects)
  return `${lost} ${twice} ${disordered}: ${faults.join(' ').replaceAll(/logs\/\S*?\+0*(\d+)\.ndjson\.gz/g, 'O$1')}`
}

test('an object that is missing, and one that holds what another has, are found', () => {
  assert.equal(
    harmed((objects) => delete (objects as Partial<Archived>).second),
    '2 0 0: In objects of partition 0: d is nowhere. In objects of partition 0: e is nowhere. O8 says that it was begun at 8, behind 2. O8 begins at 8, and 4 is in none before it.',
  )
  assert.equal(
    harmed((objects) => (objects['copy'] = object(place(after, 0, 7), ['e'], { rules: 'v1', ...at(7) }))),
    '0 1 0: In objects of partition 0: e is there once more. O7 says that it was begun at 7, behind 8.',
  )
})

test('lines that are missing, changed or in another order are found, and so is a partition that is not theirs', () => {
  const second = (lines: readonly string[]) =>
    harmed((objects) => (objects.second = object(place(after, 0, 4), lines, { from: 2, last: 7, rules: 'v2 v1', ...at(5, 7) }))) // prettier-ignore
  assert.match(second(['d']), /^1 0 0: .*e is nowhere.* O4 does not hold what the topic has from 4 to 7\.$/)
  assert.match(second(['d', 'E']), /^1 0 0: .*e is nowhere.*E does not belong there.* O4 does not hold/)
  assert.match(second(['e', 'd']), /^0 0 1: .*d is behind a later one.* O4 does not hold/)
  assert.match(
    harmed((objects) => (objects.other = object(place(after, 0, 0), ['g'], at(10)))),
    /^1 0 0: .*g does not belong there.*g is nowhere/,
  )
})

test('an object that says what is not so is found for each thing that it says', () => {
  const says: Readonly<Record<string, unknown>> = {
    ...{ format: 2, topic: 'other', partition: 1, cluster: 'D', 'topic-id': 'U', count: 3, bytes: 5 },
    ...{ sha256: 'x', rules: 'v1 v2', 'rules-more': 1, 'first-ms': 1, 'last-ms': 1 },
  }
  for (const [name, value] of Object.entries(says)) {
    const told = harmed((objects) => {
      const { metadata } = objects.second
      assert.ok(`weir-${name}` in metadata, name)
      objects.second = { ...objects.second, metadata: { ...metadata, [`weir-${name}`]: String(value) } }
    })
    assert.match(told, new RegExp(`^0 0 0: O4 says weir-${name} ${String(value)}, and it is `), name)
  }
  const ends = (changed: Readonly<Record<string, string>>) =>
    harmed((objects) => (objects.second = { ...objects.second, metadata: { ...objects.second.metadata, ...changed } }))
  assert.match(ends({ 'weir-last': '6' }), /O4 says that it has the records from 4 to 6, and the topic has none/)
  assert.match(ends({ 'weir-last': '5' }), /O4 does not hold what the topic has from 4 to 5/)
  assert.match(ends({ 'weir-first': '5' }), /O4 says weir-first 5, and it is 4/)
  assert.equal(ends({ 'weir-from': '1' }), '0 0 0: O4 says that it was begun at 1, behind 2.')
})

test('an object that lies at an hour of another clock, or has records of two periods, is found', () => {
  assert.equal(
    harmed((objects) => (objects.first = { ...objects.first, key: objects.first.key.replace('hr=23', 'hr=22') })),
    '0 0 0: O0 lies at 2026-02-28T22, and its first record came at 2026-02-28T23.',
  )
  const joined = object(place(before, 0, 0), ['a', 'b', 'c', 'd', 'e'], { last: 7, rules: 'v1 v2', ...at(-2, 7) })
  assert.equal(
    harmed((objects) => {
      objects.first = joined
      delete (objects as Partial<Archived>).second
    }),
    '0 0 0: O0 has records of a later period too.',
  )
})

test('what is no object of the topic is found', () => {
  const stray = { ...archived().other, key: 'logs/stray' }
  assert.match(harmed((objects) => (objects['stray'] = stray)), /^0 0 0: logs\/stray is no name of an object of processed\.$/) // prettier-ignore
  const other = (name: string, first?: string) => harmed((objects) => (objects['strange'] = begin(name, first)))
  for (const name of ['begin/other+0', 'begin/processed+2', 'stray']) {
    assert.equal(other(name), `0 0 0: logs/_weir/${name} is nothing that an archive of processed writes.`)
  }
  assert.equal(other('begin/processed+0', '1'), '0 0 0: logs/_weir/begin/processed+0 says weir-first 1, and it is 0.')
})
