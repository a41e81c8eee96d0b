// The fault `sigterm`: the service is ended in order while bodies are posted. Called by list.ts and a test.

import assert from 'node:assert/strict'

import type { Fault, FaultContext } from './fault.js'
import { Ledger } from './ledger.js'
import { Load, progress, usualBodies } from './load.js'
import { judge, readOutputs } from './oracle.js'
import { openService } from './served.js'

const rounds = { reduced: 2, full: 20 }
/** Time in milliseconds within which the process has to end. */
const endWithinMs = 25_000

async function run(context: FaultContext) {
  const { random, scale } = context
  const served = await openService(context)
  const ledger = new Ledger(random)
  const load = new Load(served, random).start({ senders: 6, next: usualBodies(ledger, random, 200) })
  let longestMs = 0
  try {
    for (let round = 0; round < rounds[scale]; round++) {
      assert.equal(await served.start(), undefined, `The service did not start: ${served.noise.join(' ')}`)
      await load.more(20 + random.below(100))
      const began = performance.now()
      assert.deepEqual(await served.end('SIGTERM'), { code: 0, signal: null })
      longestMs = Math.max(longestMs, performance.now() - began)
    }
    assert.equal(await served.start(), undefined)
  } finally {
    await load.stop()
  }
  assert.ok(longestMs <= endWithinMs, `It took ${Math.round(longestMs)} ms to end.`)
  await progress(served, ledger, random)
  await served.end('SIGTERM')
  return { ...judge(ledger, await readOutputs(served.outputs)), notes: `ended within ${Math.round(longestMs)} ms` }
}

/** See `what`. */
export const sigterm: Fault = {
  name: 'sigterm',
  what: 'ends the process in order under load: within 25 s, with exit code 0, and nothing is lost',
  run,
}
