// The fault `bomb`: bodies that inflate to far more than they are. Called by list.ts and a test.

import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { gzipSync } from 'node:zlib'

import type { Fault, FaultContext } from './fault.js'
import { Ledger } from './ledger.js'
import { Load, progress, usualBodies } from './load.js'
import { judge, readOutputs } from './oracle.js'
import { memory } from './process-state.js'
import { openService, request } from './served.js'

const bombs = { reduced: 3, full: 30 }
/** What a bomb may take of memory, in bytes. */
const mostRise = 64 << 20

async function run(context: FaultContext) {
  const { random, scale } = context
  const served = await openService(context)
  const ledger = new Ledger(random)
  assert.equal(await served.start(), undefined, served.noise.join(' '))
  const url = served.ingest.href
  const bomb = gzipSync(Buffer.alloc(100 << 20), { level: 9 })
  const nested = gzipSync(gzipSync(Buffer.alloc(10 << 20)))
  await progress(served, ledger, random)
  let highest = 0
  const load = new Load(served, random).start({ senders: 1, next: usualBodies(ledger, random, 50) })
  try {
    await load.more(20)
    for (let index = 0; index < bombs[scale]; index++) {
      const before = await memory(served.pid, 'VmRSS')
      // From here on the system notes the most anew.
      await writeFile(`/proc/${served.pid}/clear_refs`, '5')
      const answer = await request(url, bomb)
      assert.equal(answer.status, 413)
      assert.match(answer.text, /ratio-too-high/)
      highest = Math.max(highest, (await memory(served.pid, 'VmHWM')) - before)
    }
    assert.equal((await request(url, nested)).status, 415)
    await load.more(20)
  } finally {
    await load.stop()
  }
  await progress(served, ledger, random)
  assert.ok(highest < mostRise, `memory rose by ${highest >> 20} MiB`)
  assert.deepEqual(await served.end('SIGTERM'), { code: 0, signal: null })
  return { ...judge(ledger, await readOutputs(served.outputs)), notes: `memory rose by ${highest >> 20} MiB` }
}

/** See `what`. */
export const bomb: Fault = {
  name: 'bomb',
  what: 'posts gzip bombs: 413, memory rises by less than 64 MiB, and others are served meanwhile',
  needs: 'linux',
  run,
}
