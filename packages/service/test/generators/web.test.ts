// Generated access logs: the same for the same seed, of the formats they should have, and shaped as traffic is.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'

import { generateWeb, webLogFormats } from '#src/generators/web.js'
import type { WebLogFormat } from '#src/generators/web.js'

function linesOf(format: WebLogFormat, records: number, seed: number, errorRate = 0): string[] {
  let text = ''
  for (const chunk of generateWeb({ format, records, seed, errorRate })) text += Buffer.from(chunk).toString('latin1')
  return text.split('\n').slice(0, -1)
}

test('equal seeds give equal bytes, others do not, and a shorter run begins as a longer one', () => {
  for (const format of webLogFormats) {
    assert.deepEqual(linesOf(format, 50, 7), linesOf(format, 200, 7).slice(0, 50))
    assert.notDeepEqual(linesOf(format, 50, 7), linesOf(format, 50, 8))
    assert.deepEqual(linesOf(format, 0, 7), [])
  }
})

test('the bytes are the same on every machine', () => {
  const digest = createHash('sha256')
    .update(linesOf('combined', 1000, 1).join('\n'))
    .digest('hex')
  assert.equal(digest, 'd0244fc724895610b1ec9e2027ac4b0f38e9495eac2552be59fd3dbfbe392d6d')
})

test('lines have the formats of web servers, and json the keys of flog', () => {
  const common = /^\d+\.\d+\.\d+\.\d+ - \S+ \[\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "[A-Z]+ \/\S* HTTP\/\d\.\d" \d{3} (\d+|-)$/ // prettier-ignore
  for (const line of linesOf('common', 500, 3)) assert.match(line, common)
  for (const line of linesOf('combined', 500, 3)) {
    assert.match(line.replace(/ "[^"]*" "[^"]+"$/, ''), common)
    assert.match(line, / "(-|https?:\/\/[^"]+)" "[^"]+"$/)
  }
  for (const line of linesOf('json', 500, 3)) {
    const record = JSON.parse(line) as Record<string, unknown>
    const keys = ['host', 'user-identifier', 'datetime', 'method', 'request', 'protocol', 'status', 'bytes', 'referer']
    assert.deepEqual(Object.keys(record), keys)
    assert.equal(typeof record['status'], 'number')
    assert.equal(typeof record['bytes'], 'number')
  }
})

test('statuses, methods and clients are spread as in ordinary traffic', () => {
  const records = linesOf('json', 20_000, 5).map((line) => JSON.parse(line) as { host: string; method: string; status: number }) // prettier-ignore
  const share = (is: (record: (typeof records)[0]) => boolean) => records.filter(is).length / records.length
  const within = (value: number, least: number, most: number) => assert.ok(value > least && value < most, `${value}`)
  within(
    share(({ status }) => status === 200),
    0.73,
    0.83,
  )
  within(
    share(({ status }) => status >= 500),
    0.005,
    0.02,
  )
  within(
    share(({ method }) => method === 'GET'),
    0.8,
    0.88,
  )
  within(new Set(records.map(({ host }) => host)).size, 2000, 8000)
})

test('as many lines as asked for are malformed, and the others stay what they are', () => {
  for (const format of webLogFormats) {
    const whole = linesOf(format, 5000, 9)
    const spoiled = linesOf(format, 5000, 9, 0.1)
    assert.equal(spoiled.length, whole.length)
    const changed = spoiled.filter((line, index) => line !== whole[index]).length
    assert.ok(changed > 400 && changed < 600, `${format}: ${changed}`)
  }
})
