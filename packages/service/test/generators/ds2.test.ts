// Generated DataStream 2 records: their fields, sizes, distributions, and what is malformed among them.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'

import { ds2Keys, generateDs2 } from '#src/generators/ds2.js'

/** The documentation's order, then the further keys that are generated. */
const documentedKeys = (
  'version streamId cp reqId reqTimeSec bytes cliIP statusCode proto reqHost reqMethod reqPath reqPort ' +
  'rspContentLen rspContentType UA tlsOverheadTimeMSec tlsVersion objSize uncompressedSize overheadBytes totalBytes ' +
  'queryStr breadcrumbs accLang cookie range referer xForwardedFor maxAgeSec reqEndTimeMSec errorCode ' +
  'turnAroundTimeMSec transferTimeMSec dnsLookupTimeMSec lastByte edgeIP country state city serverCountry ' +
  'billingRegion cacheStatus securityRules ewUsageInfo ewExecutionInfo customField ' +
  'cacheable isMidgress asn'
).split(' ')

function generateLines(records: number, seed: number, errorRate = 0): Buffer[] {
  const lines: Buffer[] = []
  for (const chunk of generateDs2({ records, seed, errorRate })) {
    const copy = Buffer.from(chunk)
    for (let at = 0; at < copy.length;) {
      const end = copy.indexOf(10, at)
      lines.push(copy.subarray(at, end))
      at = end + 1
    }
  }
  return lines
}

function digest(records: number, seed: number): string {
  const hash = createHash('sha256')
  for (const chunk of generateDs2({ records, seed })) hash.update(chunk)
  return hash.digest('hex')
}

function isWellFormed(line: Buffer): boolean {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(line))
    return typeof value === 'object' && value !== null && !Array.isArray(value) && line.length < 3000
  } catch {
    return false
  }
}

test('every record has every field, in the documented order, as a string unless it is the version', () => {
  assert.deepEqual(ds2Keys, documentedKeys)
  for (const line of generateLines(2000, 3)) {
    const record = JSON.parse(line.toString()) as Record<string, unknown>
    assert.deepEqual(Object.keys(record), documentedKeys)
    const types = new Set(Object.values(record).map((value) => typeof value))
    assert.equal(record['version'], 1)
    assert.deepEqual(types, new Set(['number', 'string']))
  }
})

test('a line is about 1.2 KB on average and ASCII throughout', () => {
  const lines = generateLines(20_000, 5)
  const bytes = lines.reduce((sum, line) => sum + line.length + 1, 0)
  assert.ok(bytes / lines.length > 1100 && bytes / lines.length < 1300, `${bytes / lines.length} bytes`)
  assert.ok(lines.every((line) => line.every((byte) => byte >= 0x20 && byte < 0x7f)))
})

test('equal seeds give equal bytes on every machine, other seeds others', () => {
  assert.equal(digest(5000, 7), 'cfaacaf2327f9214b267cd1412db526f6183ace5765fe1bfb13a6c7529cc1642')
  assert.notEqual(digest(10, 7), digest(10, 8))
})

test('hosts, agents and countries repeat; ids do not, and paths and queries hardly', () => {
  const records = generateLines(20_000, 11).map((line) => JSON.parse(line.toString()) as Record<string, string>)
  const distinct = (key: string) => new Set(records.map((record) => record[key])).size
  assert.ok(distinct('reqHost') === 20 && distinct('country') > 15 && distinct('country') < 30)
  assert.ok(distinct('UA') > 30 && distinct('UA') < 100)
  assert.equal(distinct('reqId'), 20_000)
  assert.ok(distinct('reqPath') > 15_000)
  assert.ok(distinct('queryStr') > 4000)
  const share = (wanted: (record: Record<string, string>) => boolean) => records.filter(wanted).length / 20_000
  const failing = share((record) => record['statusCode']?.startsWith('5') === true)
  assert.ok(failing > 0.015 && failing < 0.025, `5xx ${failing}`)
  assert.ok(share((record) => record['errorCode'] === '-') > 0.5)
  assert.ok(share((record) => record['errorCode'] === '^') > 0.1)
})

test('the share of malformed records is what was asked for, in many ways, and the others stay as they are', () => {
  const whole = generateLines(20_000, 2)
  const mixed = generateLines(20_000, 2, 0.05)
  assert.equal(mixed.length, 20_000)
  const bad = mixed.flatMap((line, index) => (whole[index]?.equals(line) === true ? [] : [line]))
  assert.ok(bad.length > 900 && bad.length < 1100, `${bad.length} of 20,000`)
  assert.deepEqual(bad.filter(isWellFormed), [])
  assert.ok(bad.some((line) => line.includes(0xff)))
  assert.ok(bad.some((line) => line.includes('[[[[[[')))
  assert.ok(bad.some((line) => line.toString().startsWith('[{')))
  assert.ok(bad.every((line) => line.length > 0))
})

test('no records give no bytes, and all records can be malformed', () => {
  assert.deepEqual([...generateDs2({ records: 0, seed: 1 })], [])
  assert.equal(generateLines(500, 1, 1).filter(isWellFormed).length, 0)
})
