// The time that stands in a record.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { recordTime } from '#src/sinks/record-time.js'

const timeIn = (fieldPath: string, record: string) => recordTime(fieldPath)(Buffer.from(record))

test('the value of a field is found by its path, as rules write it', () => {
  assert.equal(timeIn('reqTimeSec', '{"a":1,"reqTimeSec":"1573840000.100"}'), '1573840000.100')
  assert.equal(timeIn('t', '{"t":1573840000.5}'), '1573840000.5')
  assert.equal(timeIn('a.b', '{"a":{"b":"1"}}'), '1')
  assert.equal(timeIn('["a.b"]', '{"a.b":"1"}'), '1')
  assert.equal(timeIn('a[1].t', '{"a":[0,{"t":2}]}'), '2')
})

test('nothing is found where it is absent, of another kind, ambiguous or in no record', () => {
  for (const record of ['{}', '{"t":null}', '{"t":{}}', '{"t":1,"t":2}', '{"t":', '[1]', 'null', '{"a":{"t":1}}']) {
    assert.equal(timeIn('t', record), undefined, record)
  }
  assert.equal(timeIn('a[0]', '{"a":{"0":1}}'), undefined)
  assert.equal(timeIn('a.length', '{"a":[1],"length":1}'), undefined)
})
