// A whole run on a small input: the table, the calibration, the targets and the result file.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Result } from '#src/result.js'
import { skipWithout } from './required.ts'

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'weir-bench-main-'))
after(() => rmSync(folder, { recursive: true }))

interface ResultFile {
  readonly format: number
  readonly machine: { readonly node: string; readonly processor: string }
  readonly options: { readonly samples: number; readonly seed: number }
  readonly started: { readonly load: readonly number[] }
  readonly results: readonly Result[]
  readonly calibrations: readonly { readonly how: string; readonly samples: readonly unknown[] }[]
  readonly targets: readonly { readonly target: string; readonly isReached?: boolean }[]
}

function bench(...args: string[]): { status: number | null; stdout: string; stderr: string; file: ResultFile } {
  const json = join(folder, 'result.json')
  const small = ['--bytes', '200kB', '--in-process-bytes', '200kB', '--samples', '2', '--seed', '5']
  const all = [main, ...small, '--cache', join(folder, 'cache'), '--json', json, ...args]
  const { status, stdout, stderr } = spawnSync(process.execPath, all, { encoding: 'utf8' })
  return { status, stdout, stderr, file: JSON.parse(readFileSync(json, 'utf8')) as ResultFile }
}

test('a run prints one table and the targets, and writes every sample to the result file', () => {
  const { status, stdout, stderr, file } = bench('--case', 'one-rule', '--only', 'json-parse,portable,weir-1')
  assert.equal(status, 0, stderr)
  assert.match(stdout, /\| one-rule \| kernel +\| JSON\.parse \+ RegExp +\| +1 \|/)
  assert.match(stdout, /Weir, portable kernel/)
  assert.doesNotMatch(stdout, /Weir, engine|Scaling/)
  assert.equal(file.format, 2)
  assert.equal(file.machine.node, process.versions.node)
  assert.equal(file.options.seed, 5)
  assert.equal(file.started.load.length, 3)
  assert.deepEqual(
    file.results.map(({ id }) => id),
    ['json-parse', 'portable', 'weir-1'],
  )
  const portable = file.results[1]
  assert.equal(portable?.status, 'measured')
  assert.deepEqual(
    portable?.samples.map(({ round }) => round),
    [0, 1],
  )
  assert.ok(portable?.samples.every(({ seconds }) => seconds > 0))
  const text = readFileSync(join(folder, 'result.json'), 'utf8')
  for (const place of [folder, process.execPath]) assert.ok(!text.includes(place), `the result file names ${place}`)
})

test('other formats of rules and of input answer as NDJSON does, and stand beside it in the targets', (context) => {
  const shaped = ['weir-2', 'weir-2-pipe', 'weir-2-array', 'weir-2-array-pipe', 'inflate', 'weir-2-gzip']
  const { status, stdout, stderr, file } = bench(
    '--case',
    'one-rule',
    '--only',
    `native,native-original,${shaped.join(',')}`,
  )
  const [native, ...others] = file.results
  const isSkipped = skipWithout('native', native?.status !== 'skipped', native?.reason ?? 'npm run build:native')
  if (isSkipped !== false) return context.skip(isSkipped)
  assert.equal(status, 0, stderr)
  assert.deepEqual(
    others.map(({ id, status, reason }) => [id, status, reason]),
    ['native-original', ...shaped].map((id) => [id, 'measured', undefined]),
  )
  // Whatever the file is like, the bytes are those of its records.
  assert.equal(new Set(others.map(({ bytes }) => bytes)).size, 1)
  for (const target of [
    'filters of the original ÷ the same rules ≥ 0.77 ×',
    'array ÷ NDJSON, file ≥ 0.5 ×',
    'array ÷ NDJSON, pipe ≥ 0.5 ×',
    'gzip ÷ inflating alone ≥ 0.8 ×',
  ]) {
    const row = stdout.split('\n').find((line) => line.includes(target)) ?? ''
    assert.match(row, /\| (yes|no) +\|$/, target)
  }
})

test('a case without filters of the original has no numbers for them', () => {
  const { file } = bench('--case', 'ten-rules', '--only', 'native-original')
  assert.equal(file.results[0]?.status, 'skipped')
  assert.match(file.results[0]?.reason ?? '', /ten-rules has no filters of the original/)
})

test('a contender on two threads brings the calibration with it, and a missed target is no failure', (context) => {
  const { status, stdout, stderr, file } = bench('--case', 'one-rule', '--only', 'json-parse,native,engine-2')
  const [, native] = file.results
  const isSkipped = skipWithout('native', native?.status !== 'skipped', native?.reason ?? 'npm run build:native')
  if (isSkipped !== false) return context.skip(isSkipped)
  assert.equal(status, 0, stderr)
  assert.match(
    stdout,
    /Scaling calibration, one-rule: (two loops do [\d.,]+ .*×|not measured: this process may use one)/,
  )
  assert.match(stdout, /\| one-rule \| native kernel ÷ JSON\.parse \+ RegExp ≥ 25 × +\| [\d.,]+ .*\| (yes|no) +\|/)
  assert.equal(file.calibrations.length, 1)
  assert.notEqual(file.targets.find(({ target }) => target.includes('JSON.parse'))?.isReached, undefined)
})

test('compiling and starting have a table of times, and calls of the engine tell how long a batch takes', (context) => {
  const { status, stdout, stderr, file } = bench('--case', 'ten-rules', '--only', 'compile,start,engine-calls')
  const [, program] = file.results
  const isSkipped = skipWithout('native', program?.status !== 'skipped', program?.reason ?? 'npm run build:native')
  if (isSkipped !== false) return context.skip(isSkipped)
  assert.equal(status, 0, stderr)
  assert.deepEqual(
    file.results.map(({ id, status, reason, samples }) => [id, status, reason, samples.length]),
    [
      ['compile-closures', 'measured', undefined, 2],
      ['compile', 'measured', undefined, 2],
      ['load', 'measured', undefined, 2],
      ['engine-calls', 'measured', undefined, 2],
      ['node-start', 'measured', undefined, 15],
      ['weir-start', 'measured', undefined, 15],
      ['weir-start-cold', 'measured', undefined, 15],
    ],
  )
  assert.match(stdout, /\| ten-rules \| compile \| Weir, text to program +\| +10 \| +[\d.,]+ \(/)
  assert.match(stdout, /\| ten-rules \| start +\| weir filter, one record +\| +10 \| +[\d.,]+ \(/)
  assert.match(stdout, /Weir, engine, 1 thread, a call per MiB .* batch p50 [\d.,]+ ms, p99 [\d.,]+ ms/)
  for (const { latencyMs } of file.results[3]?.samples ?? []) {
    assert.ok(latencyMs !== undefined && latencyMs.p50 > 0)
    assert.ok(latencyMs.p50 <= latencyMs.p99 && latencyMs.p99 <= latencyMs.max)
  }
  assert.match(
    stdout,
    /weir filter on one record − Node’s own start ≤ 60 ms +\| [-\d.,]+ \([-\d.,]+–[-\d.,]+\) ms +\| (yes|no)/,
  )
})

test('rules of another seed are other rules, and their answers are found anew', () => {
  const kept = (...args: string[]): { status: number | null; stderr: string; answers: number } => {
    const { status, stderr, file } = bench('--case', 'generated-10', '--only', 'json-parse', ...args)
    assert.equal(file.results[0]?.status, 'measured', stderr)
    return { status, stderr, answers: readdirSync(join(folder, 'cache', 'answers')).length }
  }
  const first = kept()
  const other = kept('--rules-seed', '11')
  assert.deepEqual([first.status, other.status], [0, 0])
  assert.equal(other.answers, first.answers + 1)
  assert.equal(kept('--rules-seed', '11').answers, other.answers)
})

test('a seed for rules is refused where no case has generated ones', () => {
  const args = [main, '--case', 'one-rule', '--rules-seed', '3', '--cache', join(folder, 'cache')]
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  assert.equal(status, 2)
  assert.match(stderr, /^bench: --rules-seed is for generated rules, and none of these cases has any/)
})
