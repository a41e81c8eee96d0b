// The fault `kill-loop`: the service is killed again and again, at any moment, while bodies are posted. Called by list.ts and
// a test.

import assert from 'node:assert/strict'

import { counted } from '#src/counted.js'
import { pause } from './fault.js'
import type { Fault, FaultContext } from './fault.js'
import { Ledger } from './ledger.js'
import { Load, progress, usualBodies } from './load.js'
import { judge, readOutputs } from './oracle.js'
import { openService } from './served.js'

/** How long the loop goes on, in milliseconds. */
const loopMs = { reduced: 5_000, full: 60_000 }
/** Most bodies that are answered between two kills. */
const mostBodies = 100

async function run(context: FaultContext) {
  const { random, scale } = context
  const served = await openService(context, { directory: 'maxFileBytes: 64KiB' })
  const ledger = new Ledger(random)
  const load = new Load(served, random).start({ senders: 6, next: usualBodies(ledger, random, 100) })
  const until = performance.now() + loopMs[scale]
  let kills = 0
  try {
    // Where a start takes as long as the loop is to, there is another one all the same.
    while (performance.now() < until || kills < 2) {
      assert.equal(await served.start(), undefined, `The service did not start: ${served.noise.join(' ')}`)
      await load.more(random.below(mostBodies))
      // And then at any moment of what follows.
      await pause(random.below(5))
      await served.end('SIGKILL')
      kills++
    }
    assert.equal(await served.start(), undefined)
  } finally {
    await load.stop()
  }
  await progress(served, ledger, random)
  assert.deepEqual(await served.end('SIGTERM'), { code: 0, signal: null })
  return { ...judge(ledger, await readOutputs(served.outputs)), notes: counted(kills, 'kill') }
}

/** See `what`. */
export const killLoop: Fault = {
  name: 'kill-loop',
  what: 'kills the process in a loop while bodies are posted: what was answered 200 is there',
  run,
}
