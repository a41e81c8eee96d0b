// What worker threads are started with.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { workerOptions } from '#src/pool/worker-options.js'

test('workers cannot require modules, and have what this process loads ahead', async (t) => {
  const before = process.execArgv
  t.after(() => (process.execArgv = before))
  process.execArgv = [
    '--max-old-space-size=64',
    '--import',
    'data:text/javascript,globalThis.ahead=1',
    '--test',
    '-C=x',
  ]
  const execArgv = workerOptions()
  assert.deepEqual(execArgv.slice(0, 3), ['--import', 'data:text/javascript,globalThis.ahead=1', '-C=x'])
  const told = '[globalThis.ahead, process.features.require_module]'
  const code = `import { parentPort } from 'node:worker_threads'; parentPort.postMessage(${told})`
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`), {
    execArgv: execArgv.filter((option) => option !== '-C=x'),
  })
  const [ahead, requiresModules] = await new Promise<[number, boolean]>((resolve, reject) => {
    worker.once('message', resolve).once('error', reject)
  })
  assert.equal(ahead, 1)
  assert.equal(requiresModules, false)
})
