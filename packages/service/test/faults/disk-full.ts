// The fault `disk-full`: the disk of the outputs is full for a while, in which the service is started anew. Called by list.ts and a test.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'

import { counted } from '#src/counted.js'
import { eventually } from './fault.js'
import type { Fault, FaultContext } from './fault.js'
import { Ledger } from './ledger.js'
import { Load, progress, usualBodies } from './load.js'
import { judge, readOutputs } from './oracle.js'
import { openService } from './served.js'

const rounds = { reduced: 1, full: 5 }
const diskBytes = 16 << 20

/** Appends to the file until there is no room on its disk. */
export async function fill(file: string): Promise<void> {
  for (const bytes of [diskBytes, 1 << 16, 1 << 12, 1]) {
    for (let isFull = false; !isFull;) {
      isFull = await writeFile(file, Buffer.alloc(bytes), { flag: 'a' }).then(
        () => false,
        () => true,
      )
    }
  }
}

async function run(context: FaultContext) {
  const { random, scale, folder, after } = context
  const disk = path.join(folder, 'disk')
  await mkdir(disk)
  assert.equal(spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${diskBytes}`, 'tmpfs', disk]).status, 0)
  after(() => void spawnSync('umount', [disk]))
  const served = await openService(context, { outputs: path.join(disk, 'out'), directory: 'maxFileBytes: 64KiB' })
  const ledger = new Ledger(random)
  assert.equal(await served.start(), undefined, served.noise.join(' '))
  let refused = 0
  for (let round = 0; round < rounds[scale]; round++) {
    const load = new Load(served, random).start({ senders: 2, next: usualBodies(ledger, random, 20) })
    const ballast = path.join(disk, 'ballast')
    try {
      await load.more(10)
      await fill(ballast)
      await eventually('the service is not ready, and says why', async () => {
        const { status, text } = await served.ask('/readyz')
        return status === 503 && /no space/i.test((JSON.parse(text) as { reasons: string[] }).reasons.join(' '))
      })
      // A body that nobody could store: it goes back to its sender.
      await eventually('a body is refused', async () => (await load.attempt(ledger.body(2000))) === 503)
      assert.equal((await served.ask('/healthz')).status, 200)
      // Nor does a process that is started now end for it: it listens, says why it waits, and refuses.
      await served.end('SIGKILL')
      assert.equal(await served.start(), undefined, served.noise.join(' '))
      await eventually('it waits from its start on, and says why', async () => {
        const { status, text } = await served.ask('/readyz')
        return status === 503 && /waiting: .*no space/i.test(text)
      })
      assert.equal(await load.attempt(ledger.body(2000)), 503)
    } finally {
      await rm(ballast, { force: true })
      await load.stop()
    }
    refused += load.attempts.get(503) ?? 0
    await progress(served, ledger, random)
    await eventually('it is ready again', async () => (await served.ask('/readyz')).status === 200)
  }
  assert.deepEqual(await served.end('SIGTERM'), { code: 0, signal: null })
  return { ...judge(ledger, await readOutputs(served.outputs)), notes: `${counted(refused, 'attempt')} answered 503` }
}

/** See `what`. */
export const diskFull: Fault = {
  name: 'disk-full',
  what: 'fills the disk: 503, not ready with the reason, also when started then, nothing acknowledged early, and it goes on when there is room',
  needs: 'tmpfs',
  run,
}
