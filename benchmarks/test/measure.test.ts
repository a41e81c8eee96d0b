// The harness: answers are checked before and after timing, rounds have every contender once, failures stay alone, and
// what a journal has is not measured again.

import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { Answer, Contender, Model, Prepared, Task } from '#src/contender.js'
import { Interruption } from '#src/interruption.js'
import { Journal } from '#src/journal.js'
import { measure } from '#src/measure.js'
import type { MeasureOptions, Participant } from '#src/measure.js'
import type { Result } from '#src/result.js'
import { speeds } from '#src/table.js'
import { journalHead } from './results.ts'

const folder = mkdtempSync(join(tmpdir(), 'weir-bench-measure-'))
after(() => rmSync(folder, { recursive: true }))

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
function fake(
  id: string,
  log: string[],
  answers: (run: number) => Answer,
  seconds = 1,
  model: Model = 'command',
): Contender {
  let runs = 0
  return {
    id,
    label: id,
    model,
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

let journals = 0

function newJournal(): Journal {
  return Journal.create(join(folder, `${journals++}.jsonl`), journalHead())
}

function options(parts: Partial<MeasureOptions> = {}): MeasureOptions {
  return {
    samples: 3,
    slowSamples: 2,
    slowSeconds: 10,
    startSamples: 5,
    turnMs: 1,
    seed: 1,
    journal: newJournal(),
    tell: () => {},
    collect: () => {},
    ...parts,
  }
}

function participants(contenders: readonly Contender[]): Participant[] {
  return contenders.map((contender) => ({ contender, caseName: task.case.name, task: async () => task }))
}

function measureAll(contenders: readonly Contender[], parts: Partial<MeasureOptions> = {}): Promise<readonly Result[]> {
  return measure('c', participants(contenders), options(parts))
}

test('each contender is checked once and then runs once a round', async () => {
  const log: string[] = []
  const contenders = ['a', 'b', 'c'].map((id) => fake(id, log, () => rightAnswer))
  const results = await measureAll(contenders)
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
  const results = await measureAll(contenders)
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
  const [result] = await measureAll([turning])
  assert.equal(result?.status, 'wrong')
  assert.deepEqual(result?.samples, [])
  assert.equal(log.filter((each) => each === 'turning').length, 3)
})

test('a slow contender gets fewer samples', async () => {
  const log: string[] = []
  const contenders = [fake('slow', log, () => rightAnswer, 11), fake('fast', log, () => rightAnswer, 9)]
  const results = await measureAll(contenders)
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
  const results = await measureAll([throwing, skipped, fake('right', log, () => rightAnswer)])
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
  const journal = newJournal()
  const calibrate = {
    how: 'two fingers',
    take: async (round: number) => {
      rounds.push(round)
      return { round, one: 1, two: 2 }
    },
  }
  await measureAll([fake('slow', [], () => rightAnswer, 11)], { samples: 5, calibrate, journal })
  assert.deepEqual(rounds, [0, 1])
  assert.deepEqual(journal.unit('c').calibration, {
    how: 'two fingers',
    samples: [
      { round: 0, one: 1, two: 2 },
      { round: 1, one: 1, two: 2 },
    ],
  })
})

test('in process, a turn is as many runs as fill its time, and counts as one sample of their median', async () => {
  const log: string[] = []
  const [result] = await measureAll([fake('loop', log, () => rightAnswer, 0.01, 'kernel')], { turnMs: 45 })
  assert.deepEqual(
    result?.samples.map(({ seconds, runs }) => [seconds, runs]),
    Array.from({ length: 3 }, () => [0.01, 5]),
  )
  // One to check the answer, then three turns.
  assert.equal(log.filter((each) => each === 'loop').length, 16)
})

test('a run in process that throws fails its contender, and the others go on', async () => {
  const log: string[] = []
  const throwing = fake('throwing', log, () => rightAnswer, 1, 'kernel')
  const opened = await throwing.open(task)
  let runs = 0
  const late: Contender = {
    ...throwing,
    open: async () => ({
      ...(opened as { how: string; close: () => Promise<void> }),
      run: async () => {
        if (runs++ > 0) throw new Error('lost its file')
        return { seconds: 1, answer: async () => rightAnswer }
      },
    }),
  }
  const results = await measureAll([late, fake('right', log, () => rightAnswer)])
  assert.deepEqual(
    results.map(({ status, reason, samples }) => [status, reason, samples.length]),
    [
      ['failed', 'lost its file', 0],
      ['measured', undefined, 3],
    ],
  )
})

test('what only starts and ends has more samples', async () => {
  const results = await measureAll([
    fake('node', [], () => rightAnswer, 0.05, 'start'),
    fake('jq', [], () => rightAnswer, 0.05),
  ])
  assert.deepEqual(
    results.map(({ samples }) => samples.length),
    [5, 3],
  )
})

/** Contenders whose times tell how often they have run, and the run of one of them at which the signal comes. */
function interrupted(stopAt: number): { contenders: Contender[]; signal: AbortSignal; log: string[] } {
  const log: string[] = []
  const controller = new AbortController()
  const stopping = fake('b', log, () => rightAnswer)
  const contenders = [
    fake('a', log, () => rightAnswer),
    {
      ...stopping,
      open: async () => {
        const opened = (await stopping.open(task)) as {
          how: string
          run: () => Promise<never>
          close: () => Promise<void>
        }
        return {
          ...opened,
          run: async () => {
            if (log.filter((each) => each === 'b').length === stopAt) controller.abort(new Interruption('SIGINT'))
            return opened.run()
          },
        }
      },
    },
    fake('c', log, () => rightAnswer),
  ]
  return { contenders, signal: controller.signal, log }
}

test('a run that is stopped within a round measures that round again, and no other', async () => {
  const journal = newJournal()
  // Its first run is the check, so the third is that of the second round.
  const first = interrupted(2)
  await assert.rejects(
    measureAll(first.contenders, { journal, signal: first.signal }),
    (error: unknown) => error instanceof Interruption && error.exitCode === 130,
  )
  assert.deepEqual([...journal.unit('c').rounds], [0])

  const log: string[] = []
  const contenders = ['a', 'b', 'c'].map((id) => fake(id, log, () => rightAnswer))
  const results = await measureAll(contenders, { journal: Journal.open(journal.path) })
  assert.deepEqual(log.slice(0, 3), ['a', 'b', 'c'])
  // Two rounds, and the check.
  assert.deepEqual(
    ['a', 'b', 'c'].map((id) => log.filter((each) => each === id).length),
    [3, 3, 3],
  )
  assert.deepEqual(
    results,
    await measureAll(['a', 'b', 'c'].map((id) => fake(id, [], () => rightAnswer))),
    'the results are those of one run',
  )
})

test('a resumed run has the order of one that was not stopped', async () => {
  const whole: string[] = []
  await measureAll(['a', 'b', 'c', 'd', 'e'].map((id) => fake(id, whole, () => rightAnswer)))
  const journal = newJournal()
  const lines = async (log: string[]): Promise<void> => {
    await measureAll(
      ['a', 'b', 'c', 'd', 'e'].map((id) => fake(id, log, () => rightAnswer)),
      { journal },
    )
  }
  await lines([])
  const text = readFileSync(journal.path, 'utf8').split('\n')
  const firstRound = text.findIndex((line) => line.includes('"kind":"round"'))
  writeFileSync(journal.path, `${text.slice(0, firstRound + 3).join('\n')}\n{"kind":"samp`)
  const resumed: string[] = []
  const again = Journal.open(journal.path)
  await measureAll(
    ['a', 'b', 'c', 'd', 'e'].map((id) => fake(id, resumed, () => rightAnswer)),
    { journal: again },
  )
  assert.deepEqual(resumed.slice(5, 15), whole.slice(10, 20))
})

test('a unit that is through is not opened again', async () => {
  const journal = newJournal()
  const results = await measureAll([fake('a', [], () => rightAnswer)], { journal })
  const log: string[] = []
  assert.deepEqual(
    await measureAll([fake('a', log, () => rightAnswer)], { journal: Journal.open(journal.path) }),
    results,
  )
  assert.deepEqual(log, [])
})

test('a contender that chooses another slice after a stop keeps its speeds', async () => {
  const journal = newJournal()
  const slice = (bytes: number, contender: Contender): Contender => ({
    ...contender,
    open: async () => {
      const opened = await contender.open(task)
      return { ...(opened as Prepared), task: { ...task, input: { ...task.input, bytes } } }
    },
  })
  const first = interrupted(2)
  const [a, b, c] = first.contenders as [Contender, Contender, Contender]
  await assert.rejects(measureAll([slice(20, a), b, c], { journal, signal: first.signal }))
  const again = ['b', 'c'].map((id) => fake(id, [], () => rightAnswer))
  const contenders = [
    slice(
      10,
      fake('a', [], () => rightAnswer),
    ),
    ...again,
  ]
  const [result] = await measureAll(contenders, { journal: Journal.open(journal.path) })
  assert.equal(result?.bytes, 20)
  assert.deepEqual(
    speeds(result).map(({ value }) => value),
    [20, 10, 10],
  )
})

test('a contender that was wrong or skipped before the stop stays so, without another try', async () => {
  const journal = newJournal()
  const first = interrupted(2)
  const skipped: Contender = { ...fake('s', [], () => rightAnswer), open: async () => ({ skipped: 'not installed' }) }
  const wrong = (log: string[]): Contender => fake('w', log, () => ({ kept: 0, sha256: '' }))
  await assert.rejects(measureAll([skipped, wrong([]), ...first.contenders], { journal, signal: first.signal }))
  const log: string[] = []
  const now = [fake('s', log, () => rightAnswer), fake('w', log, () => rightAnswer)]
  const others = ['a', 'b', 'c'].map((id) => fake(id, [], () => rightAnswer))
  const results = await measureAll([...now, ...others], { journal: Journal.open(journal.path) })
  assert.deepEqual(
    results.map(({ status }) => status),
    ['skipped', 'wrong', 'measured', 'measured', 'measured'],
  )
  assert.deepEqual(log, [])
})
