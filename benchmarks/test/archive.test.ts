// Archivers from a topic to a bucket, reduced: what the harness judges, reckons and says, at last on a real broker and a
// real store. No times.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { judgeFiles, judgeManifests } from '#src/archive/bucket.js'
import type { ListedObject } from '#src/archive/listing.js'
import { archiveCases, parseArchiveOptions } from '#src/archive/options.js'
import { frame } from '#src/archive/processed.js'
import type { ProcessedTopic } from '#src/archive/processed.js'
import { faultsOfArchive, judgeArchiveTargets, renderArchive } from '#src/archive/report.js'
import { startStore, storedFiles } from '#src/archive/store.js'
import type { ArchiveResult } from '#src/archive/throughput.js'
import { startBroker } from '#src/kafka/broker.js'
import { LineCollector } from '#src/kafka/raw-topics.js'
import { skipWithout } from './required.ts'

const folder = mkdtempSync(join(tmpdir(), 'weir-bench-archive-'))
after(() => rmSync(folder, { recursive: true }))

/** Why there is no server of a kind here, or false. */
async function skipWithoutServer(name: 'kafka' | 's3', start: typeof startBroker | typeof startStore) {
  const server = await start(folder)
  if ('skipped' in server) return skipWithout(name, false, server.skipped)
  await server.close()
  return false
}

const isLinux = skipWithout('linux', process.platform === 'linux', 'contenders are measured by /proc')
const skip = isLinux || (await skipWithoutServer('kafka', startBroker)) || (await skipWithoutServer('s3', startStore))

test('flags have defaults, a quick run is about targets, and wrong names are told', () => {
  const options = parseArchiveOptions([])!
  assert.deepEqual([options.cases.length, options.samples, options.bytes], [archiveCases.length, 3, 600e6])
  const quick = parseArchiveOptions(['--quick', '--contenders', 'weir'])!
  assert.deepEqual(quick.contenders, ['weir'])
  assert.ok(quick.cases.some(({ name }) => name === 'gzip-4-1') && quick.cases.length < archiveCases.length)
  assert.throws(
    () => parseArchiveOptions(['--case', 'zstd-1']),
    /--case "zstd-1" is unknown; there are none-1, gzip-1-1/,
  )
})

/** A topic of two partitions with two and one records, each within a frame. */
function smallTopic(): ProcessedTopic {
  const collector = new LineCollector(2, false)
  for (const [partition, line] of [[0, '{"a":1}'], [0, '{"a":2}'], [1, '{"b":1}']] as const) collector.add(partition, Buffer.from(line)) // prettier-ignore
  return { wanted: collector.end(), partitions: 2, ends: [4, 3] } as Partial<ProcessedTopic> as ProcessedTopic
}

test('a bucket is right where every partition has its records in their order, and wrong otherwise', () => {
  const store = { endpoint: '', region: '', accessKey: '', secretKey: '', data: folder, bucket: 'bucket' }
  const judge = (objects: Readonly<Record<string, string>>) => {
    const prefix = mkdtempSync(join(folder, 'prefix-')).slice(folder.length + 1)
    const hour = join(folder, 'bucket', prefix, 'dt=2026-01-01/hr=00')
    mkdirSync(hour, { recursive: true })
    for (const [place, text] of Object.entries(objects)) {
      const [partition, first] = place.split('@') as [string, string]
      writeFileSync(join(hour, `t+${partition}+${first.padStart(20, '0')}.ndjson.gz`), gzipSync(text))
    }
    return judgeFiles(storedFiles(store, prefix), smallTopic())
  }
  const opening = `${frame.opening}\n`
  const right = { '0@0': opening, '1@0': opening, '0@1': '{"a":1}\n', '0@2': '{"a":2}\n', '1@1': '{"b":1}\n' }
  const { objects, storedBytes, difference } = judge(right)
  assert.deepEqual([objects, difference], [3, undefined])
  assert.equal(storedBytes, 3 * gzipSync('{"a":1}\n').length)
  assert.equal(judge({ ...right, '1@2': `${frame.closing}\n` }).difference, undefined)
  assert.match(judge({ ...right, '0@2': '{"a":2}\n{"a":2}\n' }).difference ?? '', /holds 4 records, not 3/)
  assert.match(judge({ ...right, '0@1': '{"a":2}\n', '0@2': '{"a":1}\n' }).difference ?? '', /in another order/)
  assert.match(judge({ ...right, '1@1': '{"b":1}' }).difference ?? '', /line feed/)
  assert.match(judge({ ...right, '0@0': '{"a":0}\n' }).difference ?? '', /than the frame's in the object at offset 0/)
})

test('what manifests say is added up, without the records of the frame', () => {
  const listed = [[0, '0', 1], [0, '1', 2], [1, '0', 1], [1, '1', 1], [1, '2', 1]] // prettier-ignore
  const objects = listed.map(([partition, first, count]) => ({ partition, first, count }) as ListedObject)
  assert.equal(judgeManifests(objects, smallTopic()), undefined)
  assert.match(judgeManifests(objects.slice(0, 3), smallTopic()) ?? '', /that they hold 2, not 3/)
})

function resultOf(id: string, name: string, seconds: readonly number[]): ArchiveResult {
  const start = { seconds: 1, cpuSeconds: 1, bytes: 0 }
  const figures = { bytes: 52e6, start, peakBytes: 600e6, objects: 2, storedBytes: 5.2e6 }
  const samples = seconds.map((each, round) => ({ round, seconds: each, cpuSeconds: each, ...figures }))
  const shape = { case: name, level: 4, partitions: Number(name.split('-').at(-1)), delivery: 'exactly-once' as const }
  return { ...shape, id, label: id, bytes: 52e6, records: 10, status: 'measured', samples }
}

test('ratios are taken round by round, targets by their median, and faults are told', () => {
  const wrong: ArchiveResult = { ...resultOf('weir', 'none-1', []), status: 'wrong', reason: 'holds 1 record' }
  const results = [resultOf('weir', 'gzip-4-1', [1, 2]), resultOf('node-archiver', 'gzip-4-1', [3, 4]), wrong]
  assert.match(
    renderArchive(results),
    /\| node-archiver, exactly once \| +67\.3 \(57\.7–76\.9\) \| 2\.50 \(2\.00–3\.00\) \|/,
  )
  assert.deepEqual(faultsOfArchive(results), ['none-1: weir holds 1 record'])
  const targets = judgeArchiveTargets([...results, resultOf('weir', 'none-64', [1])])
  assert.deepEqual(
    targets.map(({ case: name, measured, isReached }) => [name, measured, isReached]),
    [
      ['gzip-4-1', '1.50 (1.00–2.00)', true],
      ['none-64', '572 MiB', false],
    ],
  )
})

test('contenders archive a real topic into a real bucket, and a run reports them', { skip }, () => {
  const json = join(folder, 'result.json')
  const main = fileURLToPath(new URL('../dist/archive.js', import.meta.url))
  const what = ['--case', 'gzip-4-4,none-64-spool', '--bytes', '2MB', '--samples', '1']
  const args = [main, ...what, '--cache', join(folder, 'cache'), '--json', json]
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  assert.equal(status, 0, stderr)
  const { results } = JSON.parse(readFileSync(json, 'utf8')) as { results: readonly ArchiveResult[] }
  assert.deepEqual(
    results.map(({ case: name, id, status: became, samples }) => [name, id, became, samples[0]?.objects]),
    [
      ['gzip-4-4', 'weir', 'measured', 4],
      ['gzip-4-4', 'node-archiver', 'measured', 4],
      ['none-64-spool', 'weir', 'measured', 31],
    ],
  )
  assert.match(stdout, /\| weir serve, exactly once +\|/)
})
