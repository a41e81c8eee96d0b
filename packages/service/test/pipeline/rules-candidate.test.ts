// Rules that are examined before they are in force, where more can happen than in rules-control.test.ts: what they are prepared
// for, and what changes meanwhile.

import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'

import { compileRules } from '@weir/engine'
import type { RuleSet } from '@weir/engine'

import { createMetrics } from '#src/metrics.js'
import { examine } from '#src/pipeline/rules-candidate.js'
import { openRulesControl } from '#src/pipeline/rules-control.js'
import type { RulesControl, RulesControlOptions } from '#src/pipeline/rules-control.js'
import { openLog } from '#src/structured-log.js'
import type { StartTimer } from '#src/time.js'
import { folder } from '../running.js'

const text = 'version: 1\ndefault: keep\nrules: [{ id: a, when: { field: s, equals: a }, then: { route: side } }]\n'
const noChecks = { name: 'web', checkRoutes: () => [], engine: {} }

test('what is examined is prepared for the kernel and the time field of its engine', async () => {
  const engine = { kernel: 'portable', timeField: 'reqTimeSec' } as const
  const { prepared, routes, ruleIds, tests } = await examine({ text }, { ...noChecks, engine })
  assert.equal(prepared.timeField, 'reqTimeSec')
  assert.deepEqual([routes, ruleIds, tests], [['side', 'keep'], ['a'], 0])
})

test('of many tests that fail, the number and the first are told', async () => {
  const lines = Array.from({ length: 120 }, (_, i) => `  - { name: no ${i}, record: { s: b }, expect: drop }\n`)
  const examined = examine({ text: `${text}tests:\n${lines.join('')}` }, noChecks)
  await assert.rejects(examined, {
    code: 'ERR_CONFIG_RULES_TESTS',
    message:
      /^120 of the 120 tests in web fail; the first, "no 0", expects drop, and the record goes to keep by default/,
  })
})

test('the main thread goes on while rules are examined', async () => {
  let most = 0
  // On this thread it would be a handful each time; and where this one stands still meanwhile, too.
  for (let attempt = 0; attempt < 20 && most <= 100; attempt++) {
    const done = new AbortController()
    const examined = examine({ text }, noChecks).finally(() => done.abort())
    let turns = 0
    for (; !done.signal.aborted; turns++) await new Promise(setImmediate)
    await examined
    most = Math.max(most, turns)
  }
  assert.ok(most > 100, `the event loop turned ${most} times`)
})

interface Opened {
  readonly directory: string
  readonly file: string
  readonly open: (more: Partial<RulesControlOptions>) => Promise<RulesControl>
}

/** A rule file that nobody has read yet. */
async function opened(t: TestContext, rules: string): Promise<Opened> {
  const directory = await folder(t)
  const file = path.join(directory, 'rules.yaml')
  await writeFile(file, rules)
  const metrics = createMetrics({ version: '0' })
  t.after(() => metrics.close())
  const open = async (more: Partial<RulesControlOptions>) => {
    const control = await openRulesControl({
      ...{ pipeline: 'web', rules: { file }, checkRoutes: () => [], metrics: metrics.pipeline('web') },
      log: openLog({ level: 'error', format: 'json', write: () => undefined }),
      startTimer: () => () => undefined,
      ...more,
    })
    t.after(() => control.close())
    return control
  }
  return { directory, file, open }
}

test('a list that changes between its reading and its watching is read again', async (t) => {
  // The key is written so that a look at the text does not find it.
  const list = '{ field: s, in: { "fil\\u0065": list.txt } }'
  const { directory, file, open } = await opened(
    t,
    `version: 1\ndefault: drop\nrules: [{ id: a, when: ${list}, then: keep }]\n`,
  )
  await writeFile(path.join(directory, 'list.txt'), 'b\n')
  // Called when everything has been read.
  const checkRoutes = () => {
    writeFileSync(path.join(directory, 'list.txt'), 'c\n')
    return []
  }
  const control = await open({ checkRoutes })
  assert.equal(control.prepared.version, compileRules(file).version)
})

test('rules that are mended while the fallback is being examined are examined after it, and stay', async (t) => {
  const { file, open } = await opened(t, 'nonsense')
  // It takes longer than the rules of the file.
  const entries = Array.from({ length: 100_000 }, (_, index) => `entry ${index}`)
  const when = { field: 's', in: entries }
  const fallback: RuleSet = { version: 1, default: 'keep', rules: [{ id: 'a', when, then: 'drop' }] }
  const waiting: (() => void)[] = []
  let looks = 0
  let isMended = false
  // From the mending on, a few looks of the watch follow each other.
  const startTimer: StartTimer = (_, run) => {
    if (!isMended) waiting.push(run)
    else if (looks++ < 5) setImmediate(run)
    return () => undefined
  }
  const write = () => {
    if (isMended) return
    isMended = true
    writeFileSync(file, text)
    for (const run of waiting) run()
  }
  const control = await open({ fallback, startTimer, log: openLog({ level: 'error', format: 'json', write }) })
  for (let turn = 0; turn < 3; turn++) await control.poll()
  assert.equal(control.prepared.version, compileRules({ text }).version)
})
