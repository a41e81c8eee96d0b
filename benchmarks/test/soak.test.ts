// The soak, without a chain: records that are numbered, found and counted, when objects closed, what memory does, and charts.
// The whole of it runs by command alone.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { ListedObject } from '#src/archive/listing.js'
import type { StoredFile } from '#src/archive/store.js'
import { SampledRecords } from '#src/service/sampled-bodies.js'
import { metricSumOf } from '#src/service/servers.js'
import { chartsSvg, niceTop } from '#src/soak/charts.js'
import { closedObjects, countBucket } from '#src/soak/content.js'
import { parseSoakOptions } from '#src/soak/options.js'
import { drawSoak, renderSoak } from '#src/soak/report.js'
import { readMetrics } from '#src/soak/sampler.js'
import type { SoakSample } from '#src/soak/sampler.js'
import { faultsOfSoak, figuresOf, judgeSoakTargets, slopeOf } from '#src/soak/verdict.js'
import type { SoakResults } from '#src/soak/verdict.js'

const folder = mkdtempSync(join(tmpdir(), 'weir-soak-'))
after(() => rmSync(folder, { recursive: true }))

const samplesPath = join(folder, 'samples.ndjson')
writeFileSync(samplesPath, '{"a":"0"}\n{"a":"one"}\n{"a":"two","b":"2"}\n')
const records = new SampledRecords(samplesPath)

test('flags have defaults, and wrong ones are told', () => {
  const { recordsPerSecond, minutes, kept, partitions } = parseSoakOptions([])!
  assert.deepEqual([recordsPerSecond, minutes, kept, partitions], [10_000, 60, 90, 4])
  assert.throws(() => parseSoakOptions(['--kept', '50']), /--kept "50" is unknown; there are 1, 10, 90/)
})

test('records are samples with numbers, and are known again by both', () => {
  assert.equal(records.count, 3)
  const body = records.body(4, 2)
  const lines = ['{"id":"000000000004","a":"one"}', '{"id":"000000000005","a":"two","b":"2"}']
  assert.equal(body.toString(), `${lines.join('\n')}\n`)
  const numberIn = (text: string) => records.numberIn(Buffer.from(text), 0, text.length)
  assert.deepEqual(lines.map(numberIn), [4, 5])
  for (const other of [
    lines[0]!.replace('4', '5'),
    lines[1]!.slice(0, -1),
    '{"a":"one"}',
    '{"id":"00000000000x","a":"one"}',
    '',
  ])
    // prettier-ignore
    assert.equal(numberIn(other), undefined, other)
})

function fileOf(name: string, ...parts: readonly (Buffer | string)[]): StoredFile {
  const path = join(folder, name)
  writeFileSync(path, Buffer.concat(parts.map((part) => Buffer.from(part))))
  return { path, topic: 't', partition: 0, first: 0, storedBytes: 0, modifiedMs: 0 }
}

test('what is lost, twice, wrong or cut off in a bucket is counted, and what was refused may be there or not', () => {
  const posted = { records, end: 12, isKept: (id: number) => id % 2 === 0, isAcknowledged: (id: number) => id < 10 }
  const count = (...parts: readonly (Buffer | string)[]) => countBucket([fileOf('one.ndjson', ...parts)], posted)
  const even = [0, 2, 4, 6, 8].map((id) => records.body(id, 1))
  const right = { records: 5, lost: 0, repeated: 0, wrong: 0 }
  assert.deepEqual(count(...even), right)
  assert.deepEqual(count(...even, records.body(10, 1)), { ...right, records: 6 })
  assert.deepEqual(count(...even.slice(1)), { ...right, records: 4, lost: 1 })
  assert.deepEqual(count(...even, even[2]!), { ...right, records: 6, repeated: 1 })
  assert.deepEqual(count(...even, records.body(3, 1), records.body(12, 1), '{}\n'), { ...right, records: 8, wrong: 3 })
  const cut = even.at(-1)!.subarray(0, -1)
  assert.deepEqual(count(...even.slice(0, -1), cut), { ...right, lost: 1, wrong: 1 })
})

test('only the last object of a minute says how soon it closed', () => {
  const object = (partition: number, first: string, firstMs: number, modifiedMs: number) =>
    ({ partition, first, firstMs, modifiedMs, count: 1, rawBytes: 1, storedBytes: 1 }) as ListedObject
  const listed = [
    object(1, '0', 5000, 90_000),
    object(0, '9', 59_000, 70_000),
    object(0, '5', 1000, 20_000),
    object(0, '20', 60_500, 125_000),
  ]
  const files = [{ ...fileOf('two.ndjson'), first: 9, modifiedMs: 70_250 }]
  const closed = closedObjects(listed, files)
  assert.deepEqual(
    closed.map(({ partition, modifiedMs, delayMs }) => [partition, modifiedMs, delayMs]),
    [
      [0, 20_000, undefined],
      [0, 70_250, 10_250],
      [0, 125_000, 5000],
      [1, 90_000, 30_000],
    ],
  )
})

test('metrics are added up over their labels', () => {
  const text = [
    '# TYPE weir_kafka_partition_lag_records gauge',
    'weir_kafka_partition_lag_records{pipeline="a",partition="0"} 3',
    'weir_kafka_partition_lag_records{pipeline="a",partition="1"} 4',
    'weir_kafka_partition_lag_records_of_others 9',
    'weir_event_loop_delay_seconds{quantile="0.99"} 0.025',
    'weir_in_flight_bytes 12',
  ].join('\n')
  const { lag, eventLoopMs, inFlightBytes, archivedRecords } = readMetrics(text)
  assert.deepEqual([lag, eventLoopMs, inFlightBytes, archivedRecords], [7, 25, 12, 0])
  assert.equal(metricSumOf(text, 'weir_nothing'), 0)
})

/** A run of so many minutes, whose archive grows by a megabyte an hour from 100 MB on, after a jump in its first minutes. */
function resultsOf(minutes: number): SoakResults {
  const quiet = { processors: 0.1, eventLoopMs: 10, lag: 0, residentBytes: 100e6 }
  const samples = Array.from({ length: minutes * 12 + 1 }, (_, i): SoakSample => {
    const seconds = i * 5
    const residentBytes = seconds < 300 ? 50e6 : 100e6 + (seconds / 3600) * 1e6
    const roles = { ingest: quiet, filter: { ...quiet, eventLoopMs: Number.NaN }, archive: { ...quiet, residentBytes } }
    return { seconds, roles, inFlightBytes: 0, spoolBytes: 0, archivedRecords: 0 }
  })
  const object = { partition: 0, records: 5, rawBytes: 1e6, storedBytes: 1e5, modifiedMs: 60_000 }
  return {
    ...{ startedMs: 0, seconds: minutes * 60, posts: 10, bytes: 1e6, statuses: { 200: 9, 503: 1 }, loadCpuSeconds: 1 },
    latencyMs: { p50: 1, p95: 2, p99: 3, max: 4 },
    peakBytes: { ingest: 1e8, filter: 1e8, archive: 6e8 },
    samples,
    objects: [object, { ...object, delayMs: 31_000 }],
    content: { records: 10, lost: 0, repeated: 0, wrong: 0 },
    verified: { code: 0, said: 'nothing is wrong' },
  }
}

test('memory that grows is told per hour after warming up, and not at all where that was too short', () => {
  assert.equal(slopeOf([[0, 1], [1, 3], [2, 5]]), 2) // prettier-ignore
  assert.equal(slopeOf([[1, 1]]), 0)
  const [ingest, , archive] = figuresOf(resultsOf(60))
  assert.equal(ingest?.growthPerHour, 0)
  assert.ok(Math.abs(archive!.growthPerHour! - 1) < 0.02, String(archive?.growthPerHour))
  const missed = judgeSoakTargets(resultsOf(60)).filter(({ isReached }) => isReached === false)
  assert.deepEqual(
    missed.map(({ case: role, target, measured }) => [role, target, measured]),
    [
      ['archive', 'an object closes ≤ 30 s after its minute', '31.0 s'],
      ['archive', 'peak memory ≤ 512 MiB', '572 MiB'],
      ['archive', 'memory grows ≤ 0.5 % an hour', '0.99 %'],
    ],
  )
  const short = judgeSoakTargets(resultsOf(3)).filter(({ measured }) => measured.includes('too short'))
  assert.equal(short.length, 3)
})

test('lost records, answers that make a sender give up and what verify finds are faults, and 503 is none', () => {
  const right = resultsOf(3)
  assert.deepEqual(faultsOfSoak(right), [])
  const content = { records: 10, lost: 1, repeated: 0, wrong: 0 }
  const verified = { code: 1, said: '1 finding' }
  assert.deepEqual(faultsOfSoak({ ...right, content, verified, statuses: { 0: 1, 200: 9 } }), [
    '1 records lost, 0 twice, 0 wrong',
    'bodies were answered 0, and a sender would give up',
    'weir archive verify ended with 1: 1 finding',
  ])
})

test('a run is told and drawn', () => {
  assert.match(renderSoak(resultsOf(60)), /\| archive +\| +0\.10 \| .* 0\.99 \|/)
  const svg = drawSoak(resultsOf(60), { recordsPerSecond: 10, minutes: 60, kept: 90, partitions: 4, cache: undefined, json: undefined }) // prettier-ignore
  assert.equal(svg.match(/<g /g)?.length, 8)
  assert.equal(svg.match(/<circle /g)?.length, 5)
  assert.doesNotMatch(svg, /NaN|undefined|Infinity/)
})

test('charts begin at nothing, end above the largest value, and take texts as they are', () => {
  assert.deepEqual([0, 0.7, 1, 1.1, 47, 51, 90].map(niceTop), [1, 0.8, 1, 2, 50, 80, 100])
  const svg = chartsSvg('a < b & c', [{ title: 't', unit: 'MB', series: [{ name: 's', points: [[0, 0], [3.2, 10]] }] }]) // prettier-ignore
  assert.match(svg, /a &lt; b &amp; c/)
  assert.match(svg, /<polyline points="70,200 414,50"/)
})
