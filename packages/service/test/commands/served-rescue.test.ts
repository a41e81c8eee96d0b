// What `weir serve` does about records that no worker survives, and when it is careful: real processes, which are killed.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'

import { poisonChildren } from '../faults/poisoned.js'
import { folder } from '../running.js'
import { contentOf } from '../sinks/folders.js'
import { anyPort, pipelineText, post, serve, settingsText } from './serving.js'
import type { Serving } from './serving.js'

const keep = '{ keep: { directory: { path: kept } } }'
const pipelineOf = (more: string) => settingsText([pipelineText('one', anyPort, keep, more)])

for (const [what, more] of [
  ['no dead letters', ''],
  ['dead letters that are discarded', 'deadLetter: { discard: {} }'],
] as const) {
  test(`with ${what}, records that no worker survives are left out, counted and logged`, async (t) => {
    poisonChildren(t)
    const started = await serve(t, pipelineOf(more))
    const answer = await post(await started.source(), '{"n":1}\nnonsense\n{"poison":"exit"}\n{"n":2}\n')
    assert.equal(answer.status, 200)
    assert.equal(await started.metric('weir_left_out_records_total{pipeline="one",reason="worker_crash"}'), '1')
    assert.equal(await started.metric('weir_records_total{pipeline="one",verdict="kept"}'), '2')
    const { records } = await started.logged(
      'Records that no worker survives are left out, since there are no dead letters.',
    )
    assert.equal(records, 1)
    assert.equal((await started.stop()).code, 0)
    assert.equal(String(await contentOf(path.join(started.directory, 'kept'))), '{"n":1}\n{"n":2}\n')
  })
}

interface Letter {
  readonly reason: string
  readonly records: number
  readonly bytes: number
  readonly truncated?: true
  readonly sha256?: string
}

async function startIn(t: TestContext, directory: string): Promise<Serving> {
  const more = 'deadLetter: { directory: { path: dead } }\n    batchBytes: 64KiB\n    maxRecordBytes: 10KiB'
  const started = await serve(t, pipelineOf(more), { directory })
  await started.source()
  return started
}

async function carefulOf(started: Serving): Promise<Readonly<Record<string, unknown>>> {
  const { pipelines } = (await (await started.ask('/api/status')).json()) as {
    pipelines: { careful: Readonly<Record<string, unknown>> }[]
  }
  return pipelines[0]!.careful
}

test('after two deaths batches are judged in another process, as they would be in this one', async (t) => {
  const directory = await folder(t)
  const marker = path.join(directory, 'dead', '.weir-running')
  for (const deaths of [0, 1]) {
    const started = await startIn(t, directory)
    assert.deepEqual(await carefulOf(started), { isCareful: false, deaths })
    assert.ok(existsSync(marker))
    await started.stop('SIGKILL')
  }
  const started = await startIn(t, directory)
  const { isCareful, reason, until, deaths } = await carefulOf(started)
  assert.deepEqual([isCareful, deaths], [true, 2])
  assert.equal(reason, 'the process has died 2 times within 10 minutes')
  assert.ok(Date.parse(String(until)) > Date.now())
  assert.equal(await started.metric('weir_careful{pipeline="one"}'), '1')
  assert.equal(await started.metric('weir_process_deaths{pipeline="one"}'), '2')

  const long = `${'x'.repeat(300_000)}{"n":9}\n`
  const many = Array.from({ length: 5000 }, (_, n) => `{"n":${n}}\n`).join('')
  const body = `${many}${long}nonsense\n{"last":1}\n`
  assert.equal((await post(await started.source(), body)).status, 200)
  assert.equal(await started.metric('weir_records_total{pipeline="one",verdict="kept"}'), '5001')
  assert.equal(await started.metric('weir_malformed_records_total{pipeline="one",reason="too-long"}'), '1')
  // No worker of the process has judged any of it.
  assert.equal(await started.metric('weir_engine_evaluate_seconds_total{pipeline="one"}'), '0')
  assert.equal((await started.stop()).code, 0)
  assert.ok(!existsSync(marker))
  assert.equal(String(await contentOf(path.join(directory, 'kept'))), `${many}{"last":1}\n`)
  const letters = String(await contentOf(path.join(directory, 'dead')))
    .split('\n')
    .filter((line) => line !== '')
  const [cut, nonsense] = letters.map((line) => JSON.parse(line) as Letter)
  assert.equal(letters.length, 2)
  assert.deepEqual([nonsense?.reason, nonsense?.records, nonsense?.bytes], ['malformed', 1, 9])
  assert.deepEqual([cut?.records, cut?.bytes, cut?.truncated], [1, long.length, true])
  assert.equal(cut?.sha256, createHash('sha256').update(long).digest('hex'))

  const next = await startIn(t, directory)
  assert.deepEqual(await carefulOf(next), { isCareful: false, deaths: 0 })
  await next.stop()
})

test('where there are no dead letters, notes lie in a folder of the state, which one process has', async (t) => {
  const directory = await folder(t)
  const text = `${pipelineOf('')}stateFolder: state\n`
  for (const deaths of [0, 1]) {
    const started = await serve(t, text, { directory })
    await started.source()
    assert.deepEqual(await carefulOf(started), { isCareful: false, deaths })
    assert.ok(existsSync(path.join(directory, 'state', 'one', '.weir-running')))
    await started.stop('SIGKILL')
  }
  const third = await serve(t, text, { directory })
  await third.source()
  assert.equal((await carefulOf(third))['isCareful'], true)
  const other = settingsText([pipelineText('one', anyPort, '{ keep: { directory: { path: elsewhere } } }')])
  const fourth = await serve(t, `${other}stateFolder: ${path.join(directory, 'state')}\n`)
  const { code, stderr } = await fourth.finished
  assert.equal(code, 1)
  assert.match(stderr, /Cannot write to .*state\/one: it belongs to process \d+/)
  assert.equal((await third.stop()).code, 0)
  assert.ok(!existsSync(path.join(directory, 'state', 'one', '.weir-running')))
})

test('a state folder that cannot be made is told with its place, and no other output may lie in it', async (t) => {
  const started = await serve(t, `${pipelineOf('')}stateFolder: weir.yaml/state\n`)
  const { code, stderr } = await started.finished
  assert.equal(code, 1)
  assert.match(
    stderr,
    /Cannot make the folder for the state of one: not a directory at .*weir\.yaml; give another path/,
  )
  const within = await serve(t, `${pipelineOf('')}stateFolder: kept\n`)
  const refused = await within.finished
  assert.equal(refused.code, 2)
  assert.match(refused.stderr, /stateFolder: pipelines\.one\.routes\.keep\.directory\.path is the same folder/)
})

test('a process says that it has no place for notes, and how to give it one', async (t) => {
  const started = await serve(t, pipelineOf(''))
  const { cure } = await started.logged('It is noted nowhere how this process ends, so that a record that ends it may come again.') // prettier-ignore
  assert.match(String(cure), /stateFolder/)
  await started.stop()
})
