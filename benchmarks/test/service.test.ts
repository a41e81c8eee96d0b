// The model of the service, reduced: that the harness posts, checks, counts and reports what it says. No times.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { UsageError } from '#src/errors.js'
import { bodiesOf, numberAt, numberedBody, numberedBytes } from '#src/service/bodies.js'
import { parseServiceOptions } from '#src/service/options.js'
import { differenceInRepeats, readNumbered, readOutput } from '#src/service/outputs.js'
import { latencyOf } from '#src/service/rated.js'
import { faultsOf } from '#src/service/report.js'
import type { ServiceResults } from '#src/service/report.js'
import { skipWithout } from './required.ts'

const folder = mkdtempSync(join(tmpdir(), 'weir-bench-service-'))
after(() => rmSync(folder, { recursive: true }))
const isLinux = skipWithout('linux', process.platform === 'linux', 'the service is measured by /proc')

function folderOf(name: string, files: Readonly<Record<string, string | Buffer>>): string {
  const path = join(folder, name)
  mkdirSync(path)
  for (const [file, content] of Object.entries(files)) writeFileSync(join(path, file), content)
  return path
}

function runSmall(...args: string[]): { stdout: string; results: ServiceResults } {
  const json = join(folder, 'result.json')
  const main = fileURLToPath(new URL('../dist/service.js', import.meta.url))
  const small = ['--seconds', '1', '--samples', '1', '--bytes', '1MB', '--slow-connections', '50']
  const all = [main, ...small, '--cache', join(folder, 'cache'), '--json', json, ...args]
  const { status, stdout, stderr } = spawnSync(process.execPath, all, { encoding: 'utf8' })
  assert.equal(status, 0, stderr)
  return { stdout, results: JSON.parse(readFileSync(json, 'utf8')) as ServiceResults }
}

test('bodies are whole lines of at least the length that is asked for, and all of the file', () => {
  const path = join(folder, 'lines')
  writeFileSync(path, 'one\ntwo\nthree\nfour')
  const bodies = bodiesOf(path, 5).map((body) => Buffer.from(body).toString())
  assert.deepEqual(bodies, ['one\ntwo\n', 'three\n', 'four'])
})

test('numbered records are JSON of one length, and tell their number', () => {
  const body = numberedBody(4, 2)
  assert.equal(body.length, 2 * numberedBytes)
  const records = body.toString().trimEnd().split('\n')
  assert.deepEqual(
    records.map((record) => (JSON.parse(record) as { id: string; statusCode: string }).statusCode),
    ['503', '200'],
  )
  assert.equal(numberAt(body, numberedBytes), 5)
})

test('a folder is compared with several times one pass in any order', () => {
  const once = readOutput(folderOf('once', { a: '1\n2\n', b: '3\n', '.journal': 'x' }))
  assert.equal(once.records, 3)
  const twice = readOutput(folderOf('twice', { a: '3\n1\n2\n', b: '2\n3\n1\n' }))
  assert.equal(differenceInRepeats(twice, once, 2), undefined)
  assert.match(differenceInRepeats(twice, once, 3) ?? '', /6 records, not 3 × 3/)
  const other = readOutput(folderOf('other', { a: '3\n1\n2\n', b: '2\n3\n3\n' }))
  assert.match(differenceInRepeats(other, once, 2) ?? '', /other records/)
})

test('numbered records that are lost, twice or wrong are counted', () => {
  const kept = [0, 4, 4, 5].map((id) => numberedBody(id, 1))
  const path = folderOf('numbered', { a: Buffer.concat(kept) })
  const content = readNumbered(path, 16, (id) => id !== 12)
  assert.deepEqual(content, { records: 4, lost: 1, repeated: 1, wrong: 1 })
})

test('percentiles are those of the times', () => {
  const { p50, p95, p99, max } = latencyOf(Array.from({ length: 1000 }, (_, index) => index + 1))
  assert.ok(Math.abs(p50 - 500) < 2 && Math.abs(p95 - 950) < 2 && Math.abs(p99 - 990) < 2 && Math.abs(max - 1000) < 2)
})

test('flags have defaults, and wrong ones are named', () => {
  assert.equal(parseServiceOptions([])?.seconds, 60)
  assert.equal(parseServiceOptions(['--help']), undefined)
  assert.deepEqual(parseServiceOptions(['--only', 'steady,memory'])?.only, ['steady', 'memory'])
  for (const [args, message] of [
    [['--only', 'fast'], /--only "fast" is unknown/],
    [['--seconds', '0'], /--seconds takes a whole number/],
    [['--speed'], /--speed/],
  ] as const) {
    assert.throws(() => parseServiceOptions(args), { name: new UsageError('').name, message })
  }
})

test('a wrong answer, a lost record and a missing answer are faults', () => {
  const sample = { bodyBytes: 1, encoding: 'gzip', bytes: 1, sentBytes: 1, samples: [], label: 'x' } as const
  const memory = { name: 'm', idleBytes: 0, peakBytes: 0, connections: 1, statuses: { 0: 2 } }
  const faults = faultsOf({
    throughput: [
      { ...sample, id: 'weir', status: 'wrong', reason: 'keeps 1 record' },
      { ...sample, id: 'nginx', status: 'skipped', reason: 'missing' },
    ],
    memory: [memory],
  })
  assert.deepEqual(faults, ['x keeps 1 record', 'memory, m: 2 requests without an answer'])
})

test('contenders answer alike, and a steady load loses nothing and repeats nothing', { skip: isLinux }, (context) => {
  const { stdout, results } = runSmall('--only', 'throughput,steady')
  const { throughput = [], steady } = results
  assert.equal(throughput.length, 12)
  for (const { id, status, samples } of throughput) {
    if (id === 'nginx' && status === 'skipped')
      context.diagnostic(String(skipWithout('nginx', false, 'npm run bench:peers -- nginx')))
    else assert.deepEqual([id, status, samples.length], [id, 'measured', 1])
  }
  assert.equal(steady?.judged, 10_000)
  assert.deepEqual(steady.content, { records: 2_500, lost: 0, repeated: 0, wrong: 0 })
  assert.deepEqual(steady.statuses, { 200: 100 })
  assert.match(stdout, /\| 4 MB gzip +\| weir serve/)
})

test('overload is refused with 503 alone, and bombs with 413', { skip: isLinux }, () => {
  const { stdout, results } = runSmall('--only', 'overload,memory')
  const { overload, memory = [] } = results
  assert.deepEqual(overload?.content.lost, 0)
  assert.ok(overload.capacityBytesPerSecond > 0)
  assert.deepEqual(
    memory.slice(0, 2).map(({ statuses }) => statuses),
    [{ 413: 1 }, { 413: 8 }],
  )
  assert.equal(memory[2]?.connections, 50)
  assert.match(stdout, /goodput/)
})
