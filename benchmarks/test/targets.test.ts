// Targets: reached, missed, or not measured; never an assertion about speed.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judgeTargets, renderTargets } from '#src/targets.js'
import { makeResult, took } from './results.ts'

test('a ratio reaches its target by the median of its rounds', () => {
  const baseline = makeResult({ id: 'json-parse', model: 'kernel', samples: took(1, 1, 1) })
  const reached = judgeTargets([
    baseline,
    makeResult({ id: 'native', model: 'kernel', samples: took(1 / 13, 1 / 5, 1 / 12) }),
  ])
  const missed = judgeTargets([
    baseline,
    makeResult({ id: 'native', model: 'kernel', samples: took(1 / 13, 1 / 5, 1 / 11) }),
  ])
  assert.deepEqual([reached.map((each) => each.isReached), missed.map((each) => each.isReached)], [[true], [false]])
})

test('memory counts by the largest sample, for files and for pipes', () => {
  const peaks = (id: string, ...megabytes: number[]) =>
    makeResult({
      id,
      model: 'command',
      threads: 2,
      samples: megabytes.map((each, round) => ({ round, seconds: 1, peakBytes: each * 1e6 })),
    })
  const memory = judgeTargets([peaks('weir-2', 120, 151), peaks('weir-2-pipe', 120, 150)])
    .filter(({ target }) => target.includes('memory'))
    .map(({ measured, isReached }) => [measured, isReached])
  assert.deepEqual(memory, [
    ['151 MB', false],
    ['150 MB', true],
  ])
})

test('what has nothing to compare with is not measured, and that is neither yes nor no', () => {
  const judged = judgeTargets([
    makeResult({ id: 'weir-1', model: 'command', samples: took(1) }),
    makeResult({ id: 'rg', model: 'command', status: 'skipped', reason: 'no agreeing command' }),
  ])
  assert.deepEqual(
    judged.map(({ measured, isReached }) => [measured, isReached]),
    [
      ['not measured', undefined],
      ['not measured', undefined],
    ],
  )
  assert.match(renderTargets(judged), /not measured \| –/)
})
