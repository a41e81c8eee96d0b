// Standard output as a pipe that Node wants for its own as well.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { test } from 'node:test'

import { finished } from '../running.js'

/** Writes more than a pipe holds, then starts a thread, and tells when it has. */
const program = (sinks: string): string => `
import { Worker } from 'node:worker_threads'
import { openStdoutSink } from ${JSON.stringify(sinks)}
const sink = openStdoutSink()
const written = sink.write([Buffer.alloc(4 << 20, 'a')])
new Worker('0', { eval: true }).once('exit', () => process.stderr.write('started\\n'))
await written
await sink.finish()
`

test('threads start while standard output waits for its reader', async () => {
  const script = program(new URL('../../dist/sinks/stdout.js', import.meta.url).href)
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], { stdio: 'pipe' })
  // Reading begins when the thread has ended, or the process.
  await new Promise((resolve) => child.stderr.once('readable', resolve))
  const { code, stdout, stderr } = await finished(child)
  assert.deepEqual([code, stdout.length], [0, 4 << 20], stderr)
})
