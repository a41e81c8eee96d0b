// Filters between topics, reduced: that the harness writes, watches, judges, counts and reports what it says, at last on a
// real broker. No times. other contenders have tests of their own.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { prepareInput, recordsFor } from '#src/inputs.js'
import { startBroker } from '#src/kafka/broker.js'
import type { BenchmarkBroker } from '#src/kafka/broker.js'
import { Client } from '#src/kafka/client.js'
import { contenders, faultOf } from '#src/kafka/contenders.js'
import { readPerSecond, writtenPerSecond } from '#src/kafka/limits.js'
import { NumberedFeed, countNumbered, numbersIn, recordsPerValue } from '#src/kafka/numbered-feed.js'
import { parseKafkaOptions } from '#src/kafka/options.js'
import { parseStat } from '#src/kafka/process-tree.js'
import { bytesUpTo, differenceOfTopic, fillTopic, wantedOf } from '#src/kafka/raw-topics.js'
import { faultsOf, renderKafka } from '#src/kafka/report.js'
import type { KafkaResults } from '#src/kafka/report.js'
import { filtersKeeping, keptLines, keptPercents, rulesOf } from '#src/kafka/selections.js'
import { judgeKafkaTargets } from '#src/kafka/targets.js'
import type { ThroughputResult } from '#src/kafka/throughput.js'
import { valuesOf } from '#src/kafka/values.js'
import { linesOf } from '#src/plain-reading.js'
import { numberedBody } from '#src/service/bodies.js'
import { skipWithout } from './required.ts'

const folder = mkdtempSync(join(tmpdir(), 'weir-bench-kafka-'))
const isLinux = skipWithout('linux', process.platform === 'linux', 'contenders are measured by /proc')
const probe = isLinux === false ? await startBroker(folder) : { skipped: 'it runs on Linux only' }
const skip = 'skipped' in probe ? skipWithout('kafka', false, probe.skipped) : false
let client: Client

before(async () => {
  if (skip === false) client = await Client.connect(running().bootstrap)
})
after(async () => {
  if (skip === false) {
    await client.close()
    await running().close()
  }
  rmSync(folder, { recursive: true })
})

function running(): BenchmarkBroker {
  if ('skipped' in probe) throw new Error('There is no broker in tests that are skipped.')
  return probe
}

const description = { generator: 'ds2' } as const
const smallInput = () => prepareInput(join(folder, 'cache'), description, recordsFor(description, 1e6), 3)

test('flags have defaults, a quick run is about targets, and wrong names are told', () => {
  const options = parseKafkaOptions([])!
  assert.deepEqual([options.cases.length, options.samples, options.bytes], [12, 3, 600e6])
  assert.equal(options.contenders.length, contenders.length)
  assert.equal(parseKafkaOptions(['--help']), undefined)
  const quick = parseKafkaOptions(['--quick', '--case', 'lines-90-4'])!
  assert.deepEqual(quick.only, ['throughput', 'processes', 'takeover', 'backlog'])
  assert.deepEqual(
    quick.cases.map(({ form, kept, partitions }) => [form, kept, partitions]),
    [['lines', 90, 4]],
  )
  assert.deepEqual(quick.contenders.slice(0, 2), ['weir-exactly-once', 'weir-at-least-once'])
  for (const [args, message] of [
    [['--case', 'chunks-50-1'], /--case "chunks-50-1" is unknown; there are chunks-1-1/],
    [['--contenders', 'flink'], /--contenders "flink" is unknown; there are weir-exactly-once/],
    [['--rate', 'fast'], /--rate takes a size/],
  ] as const) {
    assert.throws(() => parseKafkaOptions(args), { name: 'UsageError', message })
  }
})

test('processor time of /proc is that of a process and of the children that it waited for', () => {
  const line = '42 (a (very) odd) name) S 7 42 42 0 -1 4194304 9 9 0 0 150 50 25 25 20 0 11 0 100 1 2'
  assert.deepEqual(parseStat(line), { parent: 7, cpuSeconds: 2.5 })
})

test('what Kafka’s own programs print is read, and what is something else is refused', () => {
  const written = '200 records sent, 150 records/sec (36.50 MB/sec), 20.0 ms avg latency, 50.00 ms max latency.\n'
  assert.equal(writtenPerSecond(`10 records sent, 1.0 records/sec (0.25 MB/sec)\n${written}`), 36.5 * 2 ** 20)
  const read = '2026-01-01 00:00:00:000, 2026-01-01 00:00:01:000, 50.0, 45.0, 200, 180.0, 300, 700, 71.4, 285.7\n'
  assert.equal(readPerSecond(read), 71.4 * 2 ** 20)
  assert.throws(() => writtenPerSecond('ERROR'), /says no MB\/sec: ERROR/)
  assert.throws(() => readPerSecond('WARNING: Exiting before consuming'), /says no MB\/sec/)
})

test('an input becomes chunks and lines in turn over partitions, nothing left out', async () => {
  const path = join(folder, 'lines')
  const lines = Array.from({ length: 15_000 }, (_, i) => `${i}:${'x'.repeat(i % 300)}`)
  writeFileSync(path, `${lines.join('\n')}\n`)
  for (const form of ['chunks', 'lines'] as const) {
    const texts: string[] = []
    const partitions: number[] = []
    for await (const { partition, values, bytes } of valuesOf(path, form, 3)) {
      const text = values.map((value) => (form === 'chunks' ? String(value) : `${String(value)}\n`)).join('')
      assert.equal(text.length, bytes)
      texts.push(text)
      partitions.push(partition)
    }
    assert.equal(texts.join(''), readFileSync(path, 'utf8'))
    assert.ok(partitions.length > 3)
    assert.deepEqual(
      partitions,
      partitions.map((_, i) => i % 3),
    )
  }
})

test('filters keep about the share that they are named after, by a reading of every field', async () => {
  const input = prepareInput(join(folder, 'cache'), description, recordsFor(description, 4e6), 3)
  for (const percent of keptPercents) {
    const filters = filtersKeeping[percent]
    const kept = await keptLines(input, filters, join(folder, 'cache'))
    let index = 0
    for await (const line of linesOf(input.path)) {
      const record = JSON.parse(String(line)) as Record<string, string>
      const passes = filters.every(
        ({ fieldName, regex, include }) => new RegExp(`^(?:${regex})$`).test(record[fieldName] ?? '') === include,
      )
      assert.equal(kept[index++] === 1, passes, String(line))
    }
    const share = (100 * kept.reduce((sum, each) => sum + each, 0)) / kept.length
    assert.ok(Math.abs(share - percent) < 3, `${share} % are kept, not ${percent}`)
    assert.ok(kept.includes(1) && kept.includes(0))
  }
  const [first] = rulesOf([{ fieldName: 'a', regex: 'b' }]).rules
  assert.deepEqual(first?.when, { field: 'a', matches: 'b' })
})

test('a topic holds what it is filled with, and other lines, places and orders are told', { skip }, async () => {
  const input = smallInput()
  const raw = await fillTopic(client, 'filled', { input, form: 'lines', partitions: 2 })
  assert.equal(bytesUpTo(raw, raw.ends), input.bytes)
  assert.equal(bytesUpTo(raw, [0, 0]), 0)
  const wanted = await wantedOf(raw, [], join(folder, 'cache'))
  assert.equal(wanted.lines, input.records)
  assert.equal(await differenceOfTopic(client, 'filled', wanted, true), undefined)
  const lines: Buffer[][] = [[], []]
  await client.readAll('filled', ({ partition, value }) => lines[partition]!.push(value!))
  const write = async (topic: string, ...values: readonly Buffer[][]) => {
    await client.createTopic(topic, 2)
    const writer = await client.openWriter(topic)
    await writer.send(values.map((each, partition) => ({ partition, values: each })))
    await writer.close()
  }
  const [one, two] = lines as [Buffer[], Buffer[]]
  await write('moved', two, one)
  assert.match((await differenceOfTopic(client, 'moved', wanted, true)) ?? '', /other partitions or in another order/)
  assert.equal(await differenceOfTopic(client, 'moved', wanted, false), undefined)
  await write('twice', [...one, one[0]!], two)
  assert.match((await differenceOfTopic(client, 'twice', wanted, false)) ?? '', /keeps \d+ records, not \d+/)
  await write('other', [...one.slice(1), two[0]!], two)
  assert.match((await differenceOfTopic(client, 'other', wanted, false)) ?? '', /but other ones/)
  await client.createTopic('empty', 2)
  assert.match((await differenceOfTopic(client, 'empty', wanted, false)) ?? '', /keeps 0 records/)
})

test('a load with a rate writes every record once, and what is lost, twice or wrong is counted', { skip }, async () => {
  await client.createTopic('rated', 2)
  const feed = await NumberedFeed.start(client, 'rated', 2, 4e6)
  const seen = new Set<number>()
  let records = 0
  const enough = new Promise<void>((resolve, reject) => {
    client
      .readNew('rated', ({ value }) => {
        numbersIn(value!, (id) => {
          records++
          seen.add(id)
        })
        if (seen.size >= 8 * recordsPerValue) resolve()
      })
      .then((end) => after(end), reject)
  })
  await enough
  await feed.stop()
  assert.equal(records, seen.size)
  assert.ok(feed.records >= seen.size)
  assert.equal(Math.round(feed.dueMs(1000 * recordsPerValue) - feed.dueMs(0)), 16_384)
  await client.createTopic('counted', 1)
  const writer = await client.openWriter('counted')
  // 0, 4 and 8 are to be kept of the first twelve; 5 is not.
  const values = [0, 4, 4, 5].map((id) => numberedBody(id, 1))
  await writer.send([{ partition: 0, values }])
  await writer.close()
  assert.deepEqual(await countNumbered(client, 'counted', 12), { records: 4, lost: 1, repeated: 1, wrong: 1 })
})

function resultOf(
  id: string,
  cpu: readonly number[],
  status: ThroughputResult['status'] = 'measured',
): ThroughputResult {
  const start = { seconds: 1, cpuSeconds: 1, bytes: 1e6 }
  const samples = cpu.map((cpuSeconds, round) => ({ round, seconds: 2, cpuSeconds, bytes: 1e8, start, peakBytes: 1e8 }))
  const shape = { case: 'chunks-10-1', form: 'chunks', kept: 10, partitions: 1, processes: 1 } as const
  const counts = { bytes: 2e8, records: 10, keptRecords: 1 }
  const reason = status === 'measured' ? {} : { reason: 'keeps 1 record' }
  return { ...shape, ...counts, id, label: id, delivery: 'exactly-once', status, samples, ...reason }
}

test('ratios are taken round by round, targets by their median, and faults are told', () => {
  const throughput = [
    resultOf('weir-exactly-once', [1, 2, 4]),
    resultOf('kafka-repaired', [5, 12, 16]),
    resultOf('kafka-streams', [], 'wrong'),
  ]
  const targets = judgeKafkaTargets({ throughput })
  assert.deepEqual(
    targets.map(({ measured, isReached }) => [measured, isReached]),
    [
      ['5.00 (4.00–6.00)', true],
      ['not measured', undefined],
    ],
  )
  assert.match(renderKafka({ throughput }), /kafka-repaired +\| +120 \(50\.0–160\) \| 5\.00 \(4\.00–6\.00\) \|/)
  const content = { records: 3, lost: 1, repeated: 0, wrong: 0 }
  const takeover = { bytesPerSecond: 5e6, orphans: 2, seconds: 70, content }
  assert.deepEqual(faultsOf({ throughput, takeover }), [
    'chunks-10-1: kafka-streams keeps 1 record',
    'takeover: 1 records lost, 0 twice, 0 wrong',
  ])
  assert.deepEqual(judgeKafkaTargets({ takeover })[0]?.isReached, false)
})

test('Weir and a Java program keep the right records of a real broker, and a run reports them', { skip }, (t) => {
  const java = 'kafka-repaired'
  const missing = faultOf(contenders.find(({ id }) => id === java)!)
  const json = join(folder, 'result.json')
  const main = fileURLToPath(new URL('../dist/kafka.js', import.meta.url))
  const what = ['--only', 'throughput,ingest,backlog', '--case', 'lines-90-4']
  const small = ['--contenders', `weir-exactly-once,${java}`, '--bytes', '8MB', '--samples', '1', '--seconds', '1']
  const args = [main, ...what, ...small, '--cache', join(folder, 'cache'), '--json', json]
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  assert.equal(status, 0, stderr)
  const results = JSON.parse(readFileSync(json, 'utf8')) as KafkaResults
  assert.equal(results.throughput?.length, 2)
  for (const { id, status: became, samples, keptRecords, records } of results.throughput) {
    if (id === java && missing !== undefined) {
      assert.equal(became, 'skipped')
      t.diagnostic(String(skipWithout('kafka-converter', false, missing)))
    } else assert.deepEqual([id, became, samples.length], [id, 'measured', 1])
    assert.ok(Math.abs((100 * keptRecords) / records - 90) < 3)
  }
  assert.deepEqual(
    results.ingest?.map(({ encoding, reason }) => [encoding, reason]),
    [
      ['identity', undefined],
      ['gzip', undefined],
    ],
  )
  const { lost, repeated, wrong, records } = results.backlog!.content
  assert.deepEqual([lost, repeated, wrong], [0, 0, 0])
  assert.ok(records > 0 && results.backlog!.drainedPerSecond > 0)
  assert.match(stdout, /\| weir serve, exactly once +\|/)
})
