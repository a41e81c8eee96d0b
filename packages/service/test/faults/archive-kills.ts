// The fault `kill-archive`: archives of a group end and come back at any moment, and stand still around a write until others have
// what they had; full, broker and store are killed as well. And `archive-forgotten`: their group has no offsets any more. Called by
// list.ts and a test.

import assert from 'node:assert/strict'

import { counted } from '#src/counted.js'
import { isRunningStore } from '../servers/s3/server.js'
import { whileStopped } from '../stopped-process.js'
import { anyMoment, openArchiveRig } from './archive-rig.js'
import type { ArchiveRig } from './archive-rig.js'
import { isObject } from './archive-store.js'
import { eventually } from './fault.js'
import type { Fault, FaultContext } from './fault.js'
import type { Served } from './served.js'

const kills = { reduced: 2, full: 40 }
const stops = { reduced: 2, full: 12 }

async function run(context: FaultContext) {
  const { random, scale } = context
  const rig = await openArchiveRig(context, 2)
  await rig.more()
  for (let kill = 0; kill < kills[scale]; kill++) {
    await anyMoment(random, 1500)
    const archive = kill % 2 === 0 ? await aboutToWrite(rig) : random.pick(rig.archives)
    await archive.end('SIGKILL')
    // Before anybody has missed it, or when others have what it had.
    if (random.chance(300)) await rig.more()
    if (scale === 'full' && random.chance(250)) await killServer(rig)
    await rig.run(archive)
  }
  for (let stop = 0; stop < stops[scale]; stop++) await standStill(rig, stop % 2 === 0 ? 'hold' : 'hold-answer')
  return rig.finish(`${counted(kills[scale], 'kill')}, ${stops[scale]} stood still`)
}

/** Resolves with an archive whose write is on its way, and never arrives. */
async function aboutToWrite(rig: ArchiveRig): Promise<Served> {
  return rig.callerOf(await rig.struck(rig.proxy.plan({ on: 'put', when: isObject, do: 'hang' })))
}

/** The owner of a partition stands still while its write has not arrived, or has and its answer has not. */
async function standStill(rig: ArchiveRig, fate: 'hold' | 'hold-answer'): Promise<void> {
  const fault = rig.proxy.plan({ on: 'put', when: isObject, do: fate })
  const archive = rig.callerOf(await rig.struck(fault))
  await whileStopped([archive.pid], async () => {
    await rig.more()
    // What was late arrives before it hears of anything, or when it already knows that it has lost the partition.
    if (rig.random.chance(500)) fault.release()
    await anyMoment(rig.random, 100)
  })
  await anyMoment(rig.random, 300)
  fault.release()
  await rig.more()
  assert.ok(archive.isUp, `The archive has ended: ${archive.noise.join(' ')}`)
}

async function killServer({ random, broker, store }: ArchiveRig): Promise<void> {
  const server = random.chance(500) && isRunningStore(store) ? store : broker.node
  await server.kill()
  await anyMoment(random, 1000)
  await server.start()
}

/** See `what`. */
export const killArchive: Fault = {
  name: 'kill-archive',
  what: 'kills archives of a group again and again, and stops them around a write until others have what they had: each record is in one object, in order',
  needs: ['kafka', 's3'],
  run,
}

const forgettings = { reduced: 2, full: 15 }

async function forget(context: FaultContext) {
  const { random, scale } = context
  const rig = await openArchiveRig(context, 2)
  for (let forgetting = 0; forgetting < forgettings[scale]; forgetting++) {
    await rig.more()
    await anyMoment(random, 1000)
    for (const archive of rig.archives) await archive.end('SIGKILL')
    await eventually('the group is forgotten', async () => {
      // Not before those who were killed are missed.
      return rig.admin.deleteGroups([rig.name]).then(
        () => true,
        () => false,
      )
    })
    for (const archive of rig.archives) await rig.run(archive)
  }
  const figures = await rig.finish(`the group forgotten ${counted(forgettings[scale], 'time')}`)
  const adopted = rig.told('An object was there already, and is adopted.')
  const faults = adopted > 0 ? [] : ['Nothing was adopted.']
  return { ...figures, faults: [...figures.faults, ...faults], notes: `${figures.notes}, ${adopted} adopted` }
}

/** See `what`. */
export const groupForgotten: Fault = {
  name: 'archive-forgotten',
  what: "deletes the archive's group with all its offsets: it begins where it began, adopts what is there, and each record is in one object, in order",
  needs: ['kafka', 's3'],
  run: forget,
}
