// Trials in real processes, with records that end them.

import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'

import { openTrials } from '#src/pipeline/trials.js'
import { poisonChildren } from '../faults/poisoned.js'

const rules = {
  version: 1,
  default: 'keep',
  rules: [{ id: 'side', when: { field: 'k', equals: '1' }, then: { route: 'side' } }],
} as const
const options = {
  engine: { rules, kernel: 'native' },
  routes: ['keep', 'side', 'malformed'],
  deadlineMs: 60_000,
} as const

test('records are judged as the engine would, on every wanted route', async (t) => {
  const trials = openTrials(options)
  t.after(() => trials.close())
  for (const pad of ['', ' '.repeat(40_000)]) {
    const outcome = await trials.run(Buffer.from(`{"k":1}${pad}\n{"k":2}\nnonsense\n`), false)
    assert.ok(outcome.kind === 'judged')
    assert.deepEqual(
      outcome.segments.map(({ route, bytes }) => [route, Buffer.from(bytes).toString()]),
      [['keep', '{"k":2}\n'], ['malformed', 'nonsense\n'], ['side', `{"k":1}${pad}\n`]], // prettier-ignore
    )
    assert.equal(outcome.counts.records, 3)
    assert.match(outcome.version!, /^[0-9a-f]+$/)
  }
})

for (const [how, reason] of [
  ['exit', 'worker_crash'],
  ['abort', 'worker_crash'],
  ['crash', 'worker_crash'],
  ['throw', 'matcher_fault'],
] as const) {
  // prettier-ignore
  test(`a record that makes the kernel ${how} is guilty, and the next trial finds a process`, async (t) => {
    poisonChildren(t)
    const trials = openTrials(options)
    t.after(() => trials.close())
    for (let round = 0; round < 2; round++) {
      const outcome = await trials.run(Buffer.from(`{"poison":"${how}"}\n`), false)
      assert.ok(outcome.kind === 'guilty')
      assert.equal(outcome.reason, reason)
      assert.equal((await trials.run(Buffer.from('{"k":2}\n'), false)).kind, 'judged')
    }
  })
}

test('a trial that does not end is ended, and its records are guilty', async (t) => {
  poisonChildren(t)
  const trials = openTrials({ ...options, deadlineMs: 300 })
  t.after(() => trials.close())
  const outcome = await trials.run(Buffer.from('{"poison":"hang"}\n'), false)
  assert.deepEqual(outcome, { kind: 'guilty', reason: 'worker_crash', message: 'The record alone took longer than 300 ms.' }) // prettier-ignore
  const hasty = await trials.run(Buffer.from('{"poison":"hang"}\n'), true)
  assert.match(hasty.kind === 'guilty' ? hasty.message : '', / 75 ms/)
})

test('an answer that came while this process stood still is heard, though its time is over', async (t) => {
  const trials = openTrials({ ...options, deadlineMs: 500 })
  t.after(() => trials.close())
  const tryOnce = async () => {
    // Whoever is asked next has started.
    await trials.run(Buffer.from('{"k":2}\n'), false)
    const outcome = trials.run(Buffer.from('{"k":2}\n'), false)
    // By then the request is on its way.
    await turn()
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_500)
    return (await outcome).kind
  }
  let kind = await tryOnce()
  // The other process may have stood still as well.
  for (let tries = 1; kind !== 'judged' && tries < 10; tries++) kind = await tryOnce()
  assert.equal(kind, 'judged')
})

test('a process that dies while nothing is tried is no record’s fault', async (t) => {
  const trials = openTrials(options)
  t.after(() => trials.close())
  assert.equal((await trials.run(Buffer.from('{"k":2}\n'), false)).kind, 'judged')
  const { child } = trials as unknown as { readonly child: ChildProcess }
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
  assert.equal((await trials.run(Buffer.from('{"k":2}\n'), false)).kind, 'judged')
})

test('closing gives up what is being tried, which nobody is guilty of, and nothing is tried any more', async (t) => {
  poisonChildren(t)
  const trials = openTrials(options)
  assert.equal((await trials.run(Buffer.from('{"k":2}\n'), false)).kind, 'judged')
  const run = trials.run(Buffer.from('{"poison":"hang"}\n'), false)
  trials.close()
  await assert.rejects(run, { code: 'ERR_CONNECTOR_TRIAL', retryable: false })
  await assert.rejects(trials.run(Buffer.from('{"k":2}\n'), false), { code: 'ERR_CONNECTOR_TRIAL' })
})

test('rules that cannot be read are an error that may pass, and no record is guilty of it', async (t) => {
  const trials = openTrials({ ...options, engine: { rules: './there-is-none.yaml' } })
  t.after(() => trials.close())
  await assert.rejects(trials.run(Buffer.from('{}\n'), false), { code: 'ERR_CONNECTOR_TRIAL', retryable: true })
})
