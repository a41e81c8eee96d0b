// The faults `kill-filter`, `kill-broker` and `rebalance`: processes end, come and go while records pass. Called by list.ts and
// a test.

import assert from 'node:assert/strict'

import { counted } from '#src/counted.js'
import type { Fault, FaultContext } from './fault.js'
import { anyMoment, endsRunning, openRig } from './kafka-rig.js'

const kills = { reduced: 2, full: 25 }
const brokerKills = { reduced: 1, full: 8 }
const changes = { reduced: 3, full: 25 }

async function killFilters(context: FaultContext) {
  const { random, scale } = context
  const rig = await openRig(context, 2)
  for (let kill = 0; kill < kills[scale]; kill++) {
    await rig.more(1)
    await anyMoment(random, 500)
    const filter = random.pick(rig.filters)
    await filter.end('SIGKILL')
    // Before anybody has missed it, or when others have what it had.
    if (random.chance(300)) await rig.more(1)
    await rig.run(filter)
  }
  return rig.finish(counted(kills[scale], 'kill'))
}

/** See `what`. */
export const killFilter: Fault = {
  name: 'kill-filter',
  what: 'kills filters of a group again and again while records pass from topic to topic: each is there once, in order',
  needs: 'kafka',
  run: killFilters,
}

async function killBrokers(context: FaultContext) {
  const { random, scale } = context
  const rig = await openRig(context, 2)
  endsRunning(context, rig.broker.node)
  for (let kill = 0; kill < brokerKills[scale]; kill++) {
    await rig.more(1)
    await anyMoment(random, 500)
    await rig.broker.node.kill()
    // A filter too, in half of the cases, which then has to start with no broker there.
    const filter = random.chance(500) ? random.pick(rig.filters) : undefined
    await filter?.end('SIGKILL')
    await Promise.all([rig.broker.node.start(), filter === undefined ? undefined : rig.run(filter)])
  }
  return rig.finish(`${counted(brokerKills[scale], 'kill')} of the broker`)
}

/** See `what`. */
export const killBroker: Fault = {
  name: 'kill-broker',
  what: 'kills the broker while filters work, and starts it again: each record is there once, in order',
  needs: 'kafka',
  run: killBrokers,
}

async function rebalance(context: FaultContext) {
  const { random, scale } = context
  const rig = await openRig(context, 2)
  const added = await rig.add()
  for (let change = 0; change < changes[scale]; change++) {
    await rig.more(1)
    await anyMoment(random, 300)
    const filter = random.pick(rig.filters)
    if (!filter.isUp) await rig.run(filter)
    else if (rig.filters.filter(({ isUp }) => isUp).length > 1) {
      const signal = random.pick(['SIGTERM', 'SIGTERM', 'SIGKILL'] as const)
      const ending = await filter.end(signal)
      if (signal === 'SIGTERM') assert.deepEqual(ending, { code: 0, signal: null }, filter.noise.join(' '))
    }
  }
  if (!added.isUp) await rig.run(added)
  return rig.finish(`${counted(changes[scale], 'change')} of the group`)
}

/** See `what`. */
export const rebalances: Fault = {
  name: 'rebalance',
  what: 'has filters join a group, leave it in order and by SIGKILL while records pass: each is there once, in order',
  needs: 'kafka',
  run: rebalance,
}
