// The fault `spool-full`: objects grow beyond the room that there is for them, and the store takes none. Called by list.ts and by
// command.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import path from 'node:path'

import { counted } from '#src/counted.js'
import { openArchiveRig } from './archive-rig.js'
import { eventually } from './fault.js'
import type { Fault, FaultContext } from './fault.js'
import { memory } from './process-state.js'
import type { Served } from './served.js'

const fillings = { reduced: 1, full: 5 }
const diskBytes = 12 << 20
/** What the process may take, whatever it is to write, in bytes. */
const mostMemory = 512 << 20

async function run(context: FaultContext) {
  const { scale, folder, after, log } = context
  const disk = path.join(folder, 'spool')
  await mkdir(disk)
  assert.equal(spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${diskBytes}`, 'tmpfs', disk]).status, 0)
  after(() => void spawnSync('umount', [disk]))
  const rig = await openArchiveRig(context, 1, {
    ...{ padBytes: 8000, periodMs: 10_000 },
    output: {
      ...{ periodMs: '10s', maxObjectRecords: '1000000', memoryBytes: '8MiB', requestMs: '10s', compression: 'none' },
      spool: `{ folder: ${JSON.stringify(disk)} }`,
    },
  })
  await rig.more()
  const [archive] = rig.archives as [Served]
  let most = 0
  for (let filling = 0; filling < fillings[scale]; filling++) {
    rig.proxy.plan({ on: 'put', times: Infinity, do: { status: 503, code: 'SlowDown' } })
    let text = ''
    await eventually('/readyz says that there is no room', async () => {
      const answer = await archive.ask('/readyz')
      text = answer.text
      most = Math.max(most, await memory(archive.pid, 'VmRSS'))
      return answer.status === 503 && /spool|room|disk/i.test(text)
    }).catch((error: unknown) => {
      throw new Error(`${(error as Error).message} It says: ${text}`)
    })
    log(text)
    assert.equal((await archive.ask('/healthz')).status, 200)
    rig.proxy.clear()
    await rig.more()
    await eventually('the archive is ready', async () => (await archive.ask('/readyz')).status === 200)
  }
  const figures = await rig.finish(counted(fillings[scale], 'time'))
  const faults = most < mostMemory ? [] : [`The archive took ${most >> 20} MiB.`]
  return { ...figures, faults: [...figures.faults, ...faults], notes: `${figures.notes}, ${most >> 20} MiB of memory` }
}

/** See `what`. */
export const spoolFull: Fault = {
  name: 'spool-full',
  what: 'fills the disk and the memory in which objects grow, while the store takes none: the archive waits, says so in /readyz, and goes on by itself; each record is in one object, in order',
  needs: ['kafka', 's3', 'tmpfs', 'linux'],
  run,
}
