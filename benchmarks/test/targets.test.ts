// Targets: reached, missed, or not measured; never an assertion about speed.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Result } from '#src/result.js'
import { isTargeted, judgeTargets, renderTargets } from '#src/targets.js'
import { makeResult, took } from './results.ts'

/** What is measured of the targets whose name holds the text, and whether it is reached. */
function judged(results: readonly Result[], text: string): (readonly [string, boolean | undefined])[] {
  return judgeTargets(results)
    .filter(({ target }) => target.includes(text))
    .map(({ measured, isReached }) => [measured, isReached])
}

test('a ratio reaches its target by the median of its rounds', () => {
  const native = (last: number): Result =>
    makeResult({ case: 'one-rule', id: 'native', model: 'kernel', samples: took(1 / 26, 1 / 5, 1 / last) })
  const baseline = makeResult({ case: 'one-rule', id: 'json-parse', model: 'kernel', samples: took(1, 1, 1) })
  assert.deepEqual(judged([baseline, native(25)], 'JSON.parse'), [['25.0 (5.00–26.0)', true]])
  assert.deepEqual(judged([baseline, native(24)], 'JSON.parse'), [['24.0 (5.00–26.0)', false]])
})

test('a target is judged in the cases that it is about, and in no other', () => {
  const pair = (name: string): Result[] =>
    ['native', 'plain-cpp'].map((id) => makeResult({ case: name, id, model: 'kernel', samples: took(1) }))
  const names = judgeTargets([...pair('ten-rules'), ...pair('unique'), ...pair('nested')])
    .filter(({ target }) => target.includes('plain C++'))
    .map(({ case: name, target, isReached }) => [name, target, isReached])
  assert.deepEqual(names, [
    ['ten-rules', 'native kernel ÷ plain C++ ≥ 1.5 ×', false],
    ['unique', 'native kernel ÷ plain C++ ≥ 0.9 ×', true],
    ['ten-rules', 'native kernel ÷ plain C++ ≥ 0.8 ×', true],
    ['unique', 'native kernel ÷ plain C++ ≥ 0.8 ×', true],
    ['nested', 'native kernel ÷ plain C++ ≥ 0.8 ×', true],
  ])
})

test('a case in which plain C++ is faster by more than a quarter misses its target, whichever it is', () => {
  const pair = (seconds: number): Result[] => [
    makeResult({ case: 'white-space', id: 'native', model: 'kernel', samples: took(seconds) }),
    makeResult({ case: 'white-space', id: 'plain-cpp', model: 'kernel', samples: took(1) }),
  ]
  assert.deepEqual(judged(pair(1.25), '0.8 ×'), [['0.80', true]])
  assert.deepEqual(judged(pair(1.26), '0.8 ×'), [['0.79', false]])
})

test('more rules are compared with fewer of the same rounds, by the time for a byte', () => {
  const rules = (name: string, bytes: number, ...seconds: number[]): Result =>
    makeResult({ case: name, id: 'native', model: 'kernel', bytes, samples: took(...seconds) })
  const ten = rules('generated-10', 1e6, 1, 2)
  // Twice the bytes in twice the time is no growth.
  assert.deepEqual(judged([ten, rules('generated-100', 2e6, 2.6, 5.2)], '100 rules'), [['1.30 (1.30–1.30)', true]])
  assert.deepEqual(judged([ten, rules('generated-1000', 1e6, 2.1, 4.2)], '1,000 rules'), [['2.10 (2.10–2.10)', false]])
  assert.deepEqual(judged([rules('generated-100', 1e6, 1)], '100 rules'), [['not measured', undefined]])
})

test('memory counts by the largest sample, for files and for pipes', () => {
  const peaks = (id: string, ...megabytes: number[]): Result =>
    makeResult({
      id,
      model: 'command',
      threads: 2,
      samples: megabytes.map((each, round) => ({ round, seconds: 1, peakBytes: each * 1e6 })),
    })
  assert.deepEqual(judged([peaks('weir-2', 120, 151), peaks('weir-2-pipe', 120, 150)], 'memory'), [
    ['151 MB', false],
    ['150 MB', true],
  ])
})

test('value caches count by what the kernel tells of them', () => {
  const native = (cacheBytes?: number): Result =>
    makeResult({
      id: 'native',
      model: 'kernel',
      samples: took(1).map((sample) => (cacheBytes === undefined ? sample : { ...sample, cacheBytes })),
    })
  assert.deepEqual(judged([native(32 * 2 ** 20)], 'value caches of a worker'), [['32.0 MiB', true]])
  assert.deepEqual(judged([native(33 * 2 ** 20)], 'caches'), [['33.0 MiB', false]])
  assert.deepEqual(judged([native()], 'caches'), [['not measured', undefined]])
})

test('starting counts by what it takes longer than Node alone in the same round', () => {
  const start = (id: string, ...seconds: number[]): Result =>
    makeResult({ case: 'ten-rules', id, model: 'start', samples: took(...seconds) })
  const node = start('node-start', 0.04, 0.08, 0.04)
  assert.deepEqual(judged([node, start('weir-start', 0.09, 0.13, 0.1)], 'Node’s own'), [['50.0 (50.0–60.0) ms', true]])
  assert.deepEqual(judged([node, start('weir-start', 0.11, 0.15, 0.1)], 'Node’s own'), [['70.0 (60.0–70.0) ms', false]])
})

test('a whole file is compared with the kernel alone by the time for a byte, with the start and without', () => {
  const native = makeResult({ id: 'native', model: 'kernel', bytes: 1e6, samples: took(0.1, 0.1) })
  const whole = makeResult({ id: 'weir-1', model: 'command', bytes: 1e7, samples: took(1.2, 1.25) })
  const start = makeResult({ case: 'ten-rules', id: 'weir-start', model: 'start', samples: took(0.09, 0.1, 0.11) })
  assert.deepEqual(judged([native, whole], 'file to file'), [['1.23 (1.20–1.25)', false]])
  assert.deepEqual(judged([native, whole], 'taken off'), [['not measured', undefined]])
  assert.deepEqual(judged([native, whole, start], 'taken off'), [['1.13 (1.10–1.15)', true]])
  const short = makeResult({ id: 'weir-1', model: 'command', bytes: 1e6, samples: took(0.09, 0.11) })
  assert.deepEqual(judged([native, short, start], 'taken off'), [['not measured', undefined]])
})

test('what has nothing to compare with is not measured, and that is neither yes nor no', () => {
  const results = [
    makeResult({ id: 'weir-1', model: 'command', samples: took(1) }),
    makeResult({ id: 'rg', model: 'command', status: 'skipped', reason: 'no agreeing command' }),
  ]
  assert.deepEqual(judged(results, '÷ rg'), [['not measured', undefined]])
  assert.match(renderTargets(judgeTargets(results)), /not measured +\| –/)
})

test('a run that has little time needs both sides of every target, in two ordinary cases where all would do', () => {
  const needs = (name: string, model: Result['model'], ...ids: string[]): boolean[] =>
    ids.map((id) => isTargeted(name, { model, id }))
  assert.deepEqual(needs('one-rule', 'kernel', 'native', 'newlines', 'json-parse', 'plain-cpp', 'portable'), [
    true,
    true,
    true,
    true,
    false,
  ])
  assert.deepEqual(needs('ten-rules', 'command', 'weir-1', 'rg', 'jq', 'duckdb-2', 'no-such'), [
    true,
    true,
    true,
    true,
    false,
  ])
  assert.deepEqual(needs('generated-10', 'kernel', 'native', 'json-parse'), [true, false])
  assert.deepEqual(needs('unique', 'command', 'weir-1', 'jq'), [false, false])
  assert.deepEqual(needs('nested', 'kernel', 'native', 'plain-cpp'), [false, false])
  assert.deepEqual(needs('ten-rules', 'command', 'weir-2-pipe', 'weir-2-gzip', 'inflate'), [true, false, false])
  assert.deepEqual(needs('ten-rules', 'start', 'node-start', 'weir-start'), [true, true])
})
