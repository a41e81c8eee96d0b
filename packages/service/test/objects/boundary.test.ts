// Where objects end: rows of a table, and what has to hold of any log.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import { closesBefore } from '#src/objects/boundary.js'
import type { Boundary, NextRecord, ObjectLimits } from '#src/objects/boundary.js'

const minute = 60_000
const limits: ObjectLimits = { maxRecords: 10, maxBytes: 1000, periodMs: minute, mostStoredBytes: 500 }
const open = { first: 95n, firstMs: 10 * minute + 7, count: 3, rawBytes: 300, storedBytes: 30 }
const next: NextRecord = { offset: 98n, timeMs: 10 * minute + 9, bytes: 100 }

const rows: readonly (readonly [string, Boundary | undefined, Partial<typeof open>, Partial<NextRecord>, object?])[] = [
  ['there is room for the record', undefined, {}, {}],
  ['one record is missing', undefined, { count: 9 }, {}],
  ['it has all its records', 'records', { count: 10 }, {}],
  ['a value with several lines has gone over it', 'records', { count: 12 }, {}],
  ['the record just fits', undefined, { rawBytes: 900 }, {}],
  ['one byte is too many', 'bytes', { rawBytes: 901 }, {}],
  ['a record that is too long comes behind a short one', 'bytes', { count: 1, rawBytes: 10 }, { bytes: 5000 }],
  ['a record that is too long is alone', 'bytes', { count: 1, rawBytes: 5000 }, { bytes: 1 }],
  ['the last millisecond of the period', undefined, {}, { timeMs: 11 * minute - 1 }],
  ['the first millisecond of the next', 'period', {}, { timeMs: 11 * minute }],
  ['a period far ahead', 'period', {}, { timeMs: 900 * minute }],
  ['the broker is a little behind the one before', undefined, {}, { timeMs: 9 * minute }],
  ['the clock of the broker was put back', 'period', {}, { timeMs: 9 * minute - 1 }],
  ['a time before 1970 behind one after it', undefined, { firstMs: 5 }, { timeMs: -5 }],
  ['a time after 1970 behind one before it', 'period', { firstMs: -5 }, { timeMs: 5 }],
  ['it is as large as one call takes', undefined, { storedBytes: 400 }, {}],
  ['it would be larger than one call takes', 'stored', { storedBytes: 401 }, {}],
  ['the last offset of a range', undefined, {}, { offset: 99n }, { rangeOffsets: 100 }],
  ['the first offset of the next range', 'range', {}, { offset: 100n }, { rangeOffsets: 100 }],
  ['with ranges, records are not counted', undefined, { count: 500 }, {}, { rangeOffsets: 100 }],
  ['with ranges, bytes are', 'bytes', { rawBytes: 901 }, {}, { rangeOffsets: 100 }],
  ['with ranges, periods are', 'period', {}, { timeMs: 11 * minute }, { rangeOffsets: 100 }],
]

for (const [name, expected, ofOpen, ofNext, ofLimits] of rows) {
  test(`an object ends ${expected === undefined ? 'not' : `because of its ${expected}`}: ${name}`, () => {
    assert.equal(closesBefore({ ...open, ...ofOpen }, { ...next, ...ofNext }, { ...limits, ...ofLimits }), expected)
  })
}

/** Returns the offsets at which a reader of these records begins objects. Nothing is compressed. */
function cutsOf(records: readonly NextRecord[], limits: ObjectLimits): bigint[] {
  const cuts: bigint[] = []
  let object = { first: 0n, firstMs: 0, count: 0, rawBytes: 0, storedBytes: 0 }
  for (const record of records) {
    if (object.count === 0 || closesBefore(object, record, limits) !== undefined) {
      object = { first: record.offset, firstMs: record.timeMs, count: 0, rawBytes: 0, storedBytes: 0 }
      cuts.push(record.offset)
    }
    object.count++
    object.rawBytes += record.bytes
  }
  return cuts
}

const log = fc
  .array(
    fc.record({
      gap: fc.integer({ min: 1, max: 4 }),
      ms: fc.integer({ min: -40, max: 60 }),
      bytes: fc.integer({ min: 1, max: 60 }),
    }),
    { minLength: 1, maxLength: 60 },
  ) // prettier-ignore
  .map((steps) => {
    let [offset, timeMs] = [0n, 1000]
    return steps.map(({ gap, ms, bytes }) => {
      offset += BigInt(gap)
      timeMs = Math.max(0, timeMs + ms)
      return { offset, timeMs, bytes }
    })
  })

const anyLimits = fc.record({
  maxRecords: fc.integer({ min: 1, max: 9 }),
  maxBytes: fc.integer({ min: 1, max: 200 }),
  periodMs: fc.constantFrom(50, 300),
  mostStoredBytes: fc.constant(Number.POSITIVE_INFINITY),
  rangeOffsets: fc.constantFrom(undefined, 7, 20),
})

test('a reader that begins at a cut finds the cuts behind it, and those before it are for who began before', () => {
  fc.assert(
    fc.property(log, anyLimits, (records, limits) => {
      const cuts = cutsOf(records, limits)
      for (const [i, cut] of cuts.entries()) {
        const rest = records.filter(({ offset }) => offset >= cut)
        assert.deepEqual(cutsOf(rest, limits), cuts.slice(i))
      }
      // A reader that begins there and whose log ends earlier has cut nowhere else.
      for (const end of [1, Math.floor(records.length / 2)]) {
        const known = cutsOf(records.slice(0, end), limits)
        assert.deepEqual(known, cuts.slice(0, known.length))
      }
    }),
  )
})

test('no object goes over its limits, spans two periods of a rising clock, or reaches into two ranges', () => {
  fc.assert(
    fc.property(log, anyLimits, (records, limits) => {
      const cuts = cutsOf(records, limits)
      for (const [i, cut] of cuts.entries()) {
        const end = cuts[i + 1]
        const held = records.filter(({ offset }) => offset >= cut && (end === undefined || offset < end))
        const bytes = held.reduce((sum, record) => sum + record.bytes, 0)
        assert.ok(bytes <= limits.maxBytes || held.length === 1)
        const periods = held.map(({ timeMs }) => Math.floor(timeMs / limits.periodMs))
        assert.equal(Math.max(...periods), periods[0])
        assert.ok(Math.min(...periods) >= periods[0]! - 1)
        if (limits.rangeOffsets === undefined) assert.ok(held.length <= limits.maxRecords)
        else assert.equal(new Set(held.map(({ offset }) => offset / BigInt(limits.rangeOffsets!))).size, 1)
      }
    }),
  )
})
