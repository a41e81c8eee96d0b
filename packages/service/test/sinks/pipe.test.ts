// A pipe whose reader goes away.

import assert from 'node:assert/strict'
import path from 'node:path'
import { test } from 'node:test'

import { Interrupts } from '#src/interrupts.js'
import { openFileSink } from '#src/sinks/file.js'
import { findTarget } from '#src/sinks/target.js'
import { folder, shell } from '../running.js'

test('a reader that goes away is told apart from other faults', async (t) => {
  const directory = await folder(t)
  await shell('mkfifo pipe', directory)
  const reader = shell('head -c 1 pipe', directory)
  const sink = await openFileSink(await findTarget(path.join(directory, 'pipe')), new Interrupts())
  const chunk = Buffer.alloc(1 << 20)
  await assert.rejects(
    async () => {
      for (;;) await sink.write([chunk])
    },
    { code: 'ERR_CONNECTOR_CLOSED', message: /The reader of .*pipe went away\./ },
  )
  await sink.discard()
  assert.equal((await reader).stdout.length, 1)
})
