// A followed file through a real engine into folders, while syncs fail and the process is ended and begun again.

import assert from 'node:assert/strict'
import { appendFile, rename, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'

import { createEngine } from '@weir/engine'
import type { RuleSet } from '@weir/engine'

import { Backoff } from '#src/pipeline/retry.js'
import { Router } from '#src/pipeline/router.js'
import { ServedPipeline } from '#src/pipeline/served.js'
import { routedSessions } from '#src/pipeline/session.js'
import { deadLettersInto } from '#src/sinks/dead-letter.js'
import type { DeadLetterEntry } from '#src/sinks/dead-letter.js'
import type { DirectoryStep } from '#src/sinks/directory.js'
import { openFollowSource } from '#src/sources/follow.js'
import { folder } from '../running.js'
import { contentOf, openFolder } from '../sinks/folders.js'

const rules: RuleSet = {
  version: 1,
  default: 'drop',
  rules: [{ id: 'even', when: { field: 'even', equals: 'true' }, then: 'keep' }],
}
const record = (n: number) => `{"n":${n},"even":${n % 2 === 0}}\n`
const records = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => record(from + index)).join('')

test('what a followed file keeps lies in the folder once and in order, and its garbage with the dead letters', async (t) => {
  const directory = await folder(t)
  const [log, kept, dead] = ['access.log', 'kept', 'dead'].map((name) => path.join(directory, name)) as [string, string, string] // prettier-ignore
  await writeFile(log, records(0, 400) + 'garbage\n' + records(400, 800))
  const engine = await createEngine({ rules, threads: 1, batchBytes: 4096, maxRecordBytes: 1024, validation: 'full' })
  t.after(() => engine.close())
  let syncs = 0
  const atStep = (step: DirectoryStep) => {
    // Every seventh of them fails, before or after the line is written.
    if ((step === 'data synced' || step === 'journal written') && ++syncs % 7 === 0) {
      throw Object.assign(new Error('no space'), { code: 'ENOSPC', errno: -28 })
    }
  }
  for (const upTo of [1, 2, 3]) {
    const source = await openFollowSource({
      path: log,
      from: 'start',
      follow: true,
      stateFile: path.join(directory, 'state.json'),
      pollMs: 1,
      startTimer: (ms, run) => {
        const timer = setTimeout(run, ms)
        return () => clearTimeout(timer)
      },
    })
    const pipeline = new ServedPipeline({
      name: 'main',
      source,
      openSession: routedSessions({
        engine,
        openRouter: async () => {
          const sink = await openFolder(kept, { maxFileBytes: 3000, compression: 'gzip', atStep })
          const letters = deadLettersInto(await openFolder(dead), { clock: Date.now, maxRecordBytes: 1024 })
          return new Router(new Map([['keep', sink]]), letters)
        },
        batchAgeMs: 1,
        onBatch: () => undefined,
      }),
      backoff: new Backoff(),
      now: Date.now,
      wait: () => Promise.resolve(),
    })
    const run = pipeline.run()
    const last = `"n":${upTo * 800 - 2},`
    while (!(await contentOf(kept).catch(() => Buffer.alloc(0))).includes(last)) await setImmediate()
    pipeline.drain()
    await run
    await source.close()
    await appendFile(log, records(upTo * 800, upTo * 800 + 400))
    if (upTo === 2) await rename(log, `${log}.1`)
    await appendFile(log, records(upTo * 800 + 400, upTo * 800 + 800))
  }
  assert.ok(syncs > 9)
  const found = (await contentOf(kept)).toString().trimEnd().split('\n')
  const numbers = found.map((line) => (JSON.parse(line) as { n: number }).n)
  // A fault between the sink's sync and the position's repeats whole batches, and loses none.
  const seen = [...new Set(numbers)]
  assert.deepEqual(seen.sort((a, b) => a - b), Array.from({ length: 1200 }, (_, index) => index * 2)) // prettier-ignore
  const letters = (await contentOf(dead)).toString().trimEnd().split('\n').map((line) => JSON.parse(line) as DeadLetterEntry) // prettier-ignore
  for (const letter of letters) assert.equal(Buffer.from(letter.data ?? '', 'base64').toString(), 'garbage\n')
  assert.deepEqual(letters[0]?.malformedByReason, { syntax: 1 })
})
