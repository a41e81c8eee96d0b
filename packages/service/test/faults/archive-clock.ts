// The fault `clock`: archives whose clocks are twenty minutes wrong, and are set while they work, beside a broker whose day ends
// meanwhile and whose clock is set as well. Called by list.ts and a test.

import { mkdir } from 'node:fs/promises'
import path from 'node:path'

import { counted } from '#src/counted.js'
import { startBroker } from '../servers/kafka/broker.js'
import { openArchiveRig } from './archive-rig.js'
import type { ArchiveRig } from './archive-rig.js'
import { WrongClock } from './clock.js'
import { eventually } from './fault.js'
import type { Fault, FaultContext } from './fault.js'

const dayMs = 86_400_000
const wrongSeconds = 20 * 60
/** The broker's day ends no sooner than so long after its start, and then so long after records of it are written. */
const longBefore = 120
const shortlyBefore = 3
const settings = { reduced: 2, full: 20 }

async function run(context: FaultContext) {
  const { random, scale, folder } = context
  const [brokers, archives] = await Promise.all([clockIn(folder, 'broker-clock'), clockIn(folder, 'archive-clock')])
  await brokers.set(secondsToMidnight() - longBefore)
  await archives.set(random.pick([-wrongSeconds, wrongSeconds]))
  const broker = await startBroker(context, { javaOptions: brokers.javaOptions })
  const rig = await openArchiveRig(context, 2, { broker, start: { environment: archives.environment } })
  await rig.more()
  const before = new Date(brokers.nowMs)
  // Records on both sides of midnight, whatever time it is.
  await brokers.set(secondsToMidnight() - shortlyBefore)
  await eventually('it is tomorrow', () => brokers.nowMs % dayMs < dayMs / 2)
  await rig.more()
  for (let setting = 0; setting < settings[scale]; setting++) {
    await archives.set(setting % 2 === 0 ? -wrongSeconds : wrongSeconds)
    await rig.more()
    const archive = random.pick(rig.archives)
    await archive.end('SIGKILL')
    if (setting === 0 || random.chance(300)) await brokers.set(brokers.aheadSeconds - random.below(wrongSeconds))
    await rig.run(archive)
  }
  const figures = await rig.finish(
    `${counted(settings[scale], 'time')}, around the end of ${before.toISOString().slice(0, 10)}`,
  )
  return { ...figures, faults: [...figures.faults, ...(await oneDay(rig))] }
}

async function clockIn(folder: string, name: string): Promise<WrongClock> {
  const at = path.join(folder, name)
  await mkdir(at)
  return new WrongClock(at)
}

/** How far ahead a clock is on which it is midnight. */
function secondsToMidnight(): number {
  return Math.floor((dayMs - (Date.now() % dayMs)) / 1000)
}

/** Two days have to be there: else nothing was seen. */
async function oneDay(rig: ArchiveRig): Promise<string[]> {
  const days = new Set(
    (await rig.keys()).flatMap((key) => /dt=([\d-]+)\/hr=(23|00)/.exec(key)?.slice(1).join(' ') ?? []),
  )
  return days.size > 1 ? [] : [`Objects are of ${[...days].join()} alone.`]
}

/** See `what`. */
export const clock: Fault = {
  name: 'clock',
  what: "sets the clocks of archives 20 minutes ahead and behind while they work, and has the broker's day end: each record is in one object, below the day and hour of the broker, in order",
  needs: ['kafka', 's3', 'faketime'],
  run,
}
