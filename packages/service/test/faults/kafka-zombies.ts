// The fault `zombie`: a filter stands still for longer than its session and its transaction may last, at any moment and right
// before it moves the offset or commits, while others take what it had; then it goes on. And `two-owners`: each partition is
// assigned to all filters at the same time. Called by list.ts and a test.

import assert from 'node:assert/strict'

import { counted } from '#src/counted.js'
import type { ApiName } from '../servers/kafka/framing.js'
import { whileStopped } from '../stopped-process.js'
import { eventually, pause } from './fault.js'
import type { Fault, FaultContext } from './fault.js'
import { anyMoment, openRig } from './kafka-rig.js'
import type { Rig } from './kafka-rig.js'
import type { Served } from './served.js'

/** Where it stops: the answer before its next call waits in the network meanwhile, or the call itself. */
interface StoppingPlace {
  readonly on: 'request' | 'answer'
  readonly api: ApiName
}

const places: readonly (StoppingPlace | 'anywhere')[] = [
  // Before it commits.
  { on: 'answer', api: 'TxnOffsetCommit' },
  // Before it moves the offset.
  { on: 'answer', api: 'AddOffsetsToTxn' },
  'anywhere',
  // Its commit arrives when it is out of date.
  { on: 'request', api: 'EndTxn' },
  // Before it sends what it has announced.
  { on: 'answer', api: 'AddPartitionsToTxn' },
  // As it takes over.
  { on: 'answer', api: 'InitProducerId' },
]
const rounds = { reduced: 2, full: 18 }
/** How long a transaction may be open, and how much longer than that a filter stands still, in milliseconds. */
const transactionMs = { reduced: 2000, full: 15_000 }
const longerMs = 2000

async function run(context: FaultContext) {
  const { random, scale, log } = context
  const lastsMs = transactionMs[scale]
  const rig = await openRig(context, 2, { environment: { FAULT_TRANSACTION_MS: String(lastsMs) } })
  for (let round = 0; round < rounds[scale]; round++) {
    const place = places[round % places.length]!
    log(`stops ${place === 'anywhere' ? place : `${place.on} of ${place.api}`}`)
    await rig.more(1)
    await anyMoment(random, 500)
    if (place === 'anywhere') {
      const filter = random.pick(rig.filters)
      await standStill(rig, filter, lastsMs)
    } else await standStillAt(rig, place, lastsMs)
  }
  assert.ok(rig.failures > 0, 'Nobody was refused.')
  return rig.finish(counted(rounds[scale], 'time'))
}

async function standStillAt(rig: Rig, place: StoppingPlace, lastsMs: number): Promise<void> {
  const fault = rig.proxy.plan({ ...place, do: 'hold' })
  // Where all is taken over, only a change of the group has somebody take over again.
  if (place.api === 'InitProducerId') {
    const filter = rig.random.pick(rig.filters)
    await filter.end('SIGTERM')
    await rig.run(filter)
  }
  const partition = rig.partitionOf(await fault.struck)
  await standStill(rig, rig.ownerOf(partition), lastsMs, () => fault.release())
  rig.proxy.clear()
}

/** Stops the filter, sees that others go on with all partitions, and lets it go on; `arrive` first, what was held. */
async function standStill(rig: Rig, filter: Served, lastsMs: number, arrive: () => void = () => undefined) {
  await whileStopped([filter.pid], async () => {
    await Promise.all([pause(lastsMs + longerMs), rig.more(2)])
    arrive()
    // What was late is refused before the filter hears of it, or behind that.
    await anyMoment(rig.random, 100)
  })
  assert.ok(filter.isUp, `The filter has ended: ${filter.noise.join(' ')}`)
}

/** See `what`. */
export const zombie: Fault = {
  name: 'zombie',
  what: 'stops a filter, also right before it commits, until others have what it had, and lets it go on: it is refused, and each record is there once, in order',
  needs: 'kafka',
  run,
}

/** How many transactions are to be refused before it is enough, and how many filters there are. */
const refusals = { reduced: 4, full: 200 }
const owners = { reduced: 2, full: 3 }

async function fight(context: FaultContext) {
  const { random, scale } = context
  const rig = await openRig(context, owners[scale], { environment: { FAULT_ASSIGN_ALL: '1' } })
  for (let refused = 0; refused < refusals[scale]; refused += refusals.reduced) {
    await eventually('those who have lost the lock are refused', () => rig.failures >= refused + refusals.reduced)
    await rig.more(1)
    const filter = random.pick(rig.filters)
    if (!random.chance(100)) continue
    await filter.end('SIGKILL')
    await rig.run(filter)
  }
  const { failures } = rig
  return rig.finish(`${counted(rig.filters.length, 'owner')}, ${failures} refused while they fought`)
}

/** See `what`. */
export const twoOwners: Fault = {
  name: 'two-owners',
  what: 'assigns each partition to all filters of a group at the same time: whoever took it over before is refused, and each record is there once, in order',
  needs: 'kafka',
  run: fight,
}
