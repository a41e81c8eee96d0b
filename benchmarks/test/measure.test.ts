// The harness: answers are checked before and after timing, rounds have every contender once, failures stay alone.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Answer, Contender, Task } from '#src/contender.js'
import { measure } from '#src/measure.js'
import type { MeasureOptions } from '#src/measure.js'
import { createRandom } from '#src/schedule.js'

const expected = {
  records: 3,
  seed: 1,
  byRoute: { keep: 2, drop: 1, malformed: 0 },
  byRule: [2, 1],
  sha256: 'right',
}
const rightAnswer: Answer = { kept: 2, sha256: 'right' }

const task: Task = {
  case: {
    name: 'c',
    description: '',
    input: { generator: 'ds2' },
    rules: { version: 1, default: 'drop', rules: [] },
    rg: { none: '' },
    jq: { share: 1 },
    expected: [],
  },
  input: { description: { generator: 'ds2' }, path: '', bytes: 30, records: 3, seed: 1 },
  expected,
  folder: '',
}

/** A contender that gives an answer and a time by the number of the run, and writes its runs down. */
function fake(id: string, log: string[], answers: (run: number) => Answer, seconds = 1): Contender {
  let runs = 0
  return {
    id,
    label: id,
    model: 'kernel',
    threads: 1,
    open: async () => ({
      how: id,
      run: async () => {
        log.push(id)
        const run = runs++
        return { seconds, answer: async () => answers(run) }
      },
      close: async () => {
        log.push(`close ${id}`)
      },
    }),
  }
}

function options(parts: Partial<MeasureOptions> = {}): MeasureOptions {
  return {
    samples: 3,
    slowSamples: 2,
    slowSeconds: 10,
    random: createRandom(1),
    tell: () => {},
    collect: () => {},
    ...parts,
  }
}

test('each contender is checked once and then runs once a round', async () => {
  const log: string[] = []
  const contenders = ['a', 'b', 'c'].map((id) => fake(id, log, () => rightAnswer))
  const results = await measure(contenders, task, options())
  assert.deepEqual(log.slice(0, 3), ['a', 'b', 'c'])
  for (let round = 0; round < 3; round++) {
    assert.deepEqual(log.slice(3 + round * 3, 6 + round * 3).sort(), ['a', 'b', 'c'])
  }
  assert.deepEqual(log.slice(12), ['close a', 'close b', 'close c'])
  assert.deepEqual(
    results.map(({ samples }) => samples.map(({ round }) => round)),
    [
      [0, 1, 2],
      [0, 1, 2],
      [0, 1, 2],
    ],
  )
})

test('a contender with a wrong count, wrong bytes or a wrong rule is not timed', async () => {
  const log: string[] = []
  const contenders = [
    fake('count', log, () => ({ kept: 1, sha256: 'right' })),
    fake('bytes', log, () => ({ kept: 2, sha256: 'other' })),
    fake('rule', log, () => ({ ...rightAnswer, byRule: [1, 2] })),
    fake('right', log, () => ({ ...rightAnswer, byRule: [2, 1] })),
  ]
  const results = await measure(contenders, task, options())
  assert.deepEqual(
    results.map(({ status, samples }) => [status, samples.length]),
    [
      ['wrong', 0],
      ['wrong', 0],
      ['wrong', 0],
      ['measured', 3],
    ],
  )
  assert.deepEqual(
    results.map(({ reason }) => reason),
    [
      'keeps 1 records, not 2',
      'keeps the right number of records, 2, but other bytes',
      'decides 1 records by rule 1, not 2',
      undefined,
    ],
  )
})

test('an answer that turns wrong while it is timed takes its times with it', async () => {
  const log: string[] = []
  const turning = fake('turning', log, (run) => (run < 2 ? rightAnswer : { kept: 0, sha256: 'right' }))
  const [result] = await measure([turning], task, options())
  assert.equal(result?.status, 'wrong')
  assert.deepEqual(result?.samples, [])
  assert.equal(log.filter((each) => each === 'turning').length, 3)
})

test('a slow contender gets fewer samples', async () => {
  const log: string[] = []
  const contenders = [fake('slow', log, () => rightAnswer, 11), fake('fast', log, () => rightAnswer, 9)]
  const results = await measure(contenders, task, options())
  assert.deepEqual(
    results.map(({ samples }) => samples.length),
    [2, 3],
  )
})

test('one that fails or is skipped does not stop the others, and says why', async () => {
  const log: string[] = []
  const throwing: Contender = {
    ...fake('throwing', log, () => rightAnswer),
    open: () => Promise.reject(new Error('no memory')),
  }
  const skipped: Contender = {
    ...fake('skipped', log, () => rightAnswer),
    open: async () => ({ skipped: 'not installed' }),
  }
  const results = await measure([throwing, skipped, fake('right', log, () => rightAnswer)], task, options())
  assert.deepEqual(
    results.map(({ status, reason }) => [status, reason]),
    [
      ['failed', 'no memory'],
      ['skipped', 'not installed'],
      ['measured', undefined],
    ],
  )
})

test('the calibration runs beside each round, and rounds end when nothing is left to time', async () => {
  const rounds: number[] = []
  const eachRound = async (round: number): Promise<void> => void rounds.push(round)
  await measure([fake('slow', [], () => rightAnswer, 11)], task, options({ samples: 5, eachRound }))
  assert.deepEqual(rounds, [0, 1, 2])
})
