// Faults of brokers: `brokers-away`, all of them for a while; `isr-1`, too few replicas; and `broker-disk-full`, no room. What
// is posted goes back to its sender meanwhile. Called by list.ts and a test.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdir, rm } from 'node:fs/promises'
import path from 'node:path'

import { counted } from '#src/counted.js'
import { fill } from './disk-full.js'
import { eventually, pause } from './fault.js'
import type { Fault, FaultContext } from './fault.js'
import { openIngest } from './kafka-ingest.js'
import type { Ingest } from './kafka-ingest.js'
import { anyMoment, endsRunning, openRig } from './kafka-rig.js'

/** How long a body may wait in these runs. */
const answerWithin = { reduced: '2s', full: '20s' }
const awayMs = { reduced: 10_000, full: 600_000 }

async function isUnready({ served }: Ingest): Promise<void> {
  await eventually('the service is not ready', async () => (await served.ask('/readyz')).status === 503)
  assert.equal((await served.ask('/healthz')).status, 200)
}

async function isReady({ served }: Ingest): Promise<void> {
  await eventually('the service is ready again', async () => (await served.ask('/readyz')).status === 200)
}

async function beAway(context: FaultContext) {
  const { random, scale, log } = context
  const rig = await openRig(context, 2)
  const ingest = await openIngest(rig, answerWithin[scale])
  await anyMoment(random, 500)
  const { node } = rig.broker
  endsRunning(context, node)
  log('the broker is away')
  await node.kill()
  const until = performance.now() + awayMs[scale]
  await ingest.isRefusing()
  await isUnready(ingest)
  await pause(Math.max(0, until - performance.now()))
  await ingest.isRefusing()
  log('the broker is back')
  await node.start()
  await isReady(ingest)
  log('the service is ready')
  await rig.more(1)
  log('the group goes on')
  const notes = await ingest.finish()
  return rig.finish(`${awayMs[scale] / 1000} s without a broker: ${notes}`)
}

/** See `what`. */
export const brokersAway: Fault = {
  name: 'brokers-away',
  what: 'kills the broker for 10 s, full for 10 min, while bodies are posted: 503, bounded memory, nothing acknowledged is lost, and all goes on afterwards',
  needs: ['kafka', 'linux'],
  run: beAway,
}

const shortages = { reduced: 1, full: 5 }

async function lackReplicas(context: FaultContext) {
  const { random, scale } = context
  // The one that stays decides alone, so that the topics have a leader, and it knows that it has too few followers.
  const rig = await openRig(context, 2, { brokers: { nodes: 3, controllers: 1 } })
  const ingest = await openIngest(rig, answerWithin[scale])
  const others = rig.broker.brokers.slice(1)
  for (let round = 0; round < shortages[scale]; round++) {
    await anyMoment(random, 500)
    for (const { node } of others) await node.kill()
    await ingest.isRefusing()
    await eventually('the service says that replicas are missing', async () => {
      return /replica/i.test((await ingest.served.ask('/readyz')).text)
    })
    await isUnready(ingest)
    await Promise.all(others.map(({ node }) => node.start()))
    await isReady(ingest)
    await rig.more(1)
  }
  const notes = await ingest.finish()
  return rig.finish(`${counted(shortages[scale], 'time')} one replica of three: ${notes}`)
}

/** See `what`. */
export const lastReplica: Fault = {
  name: 'isr-1',
  what: 'kills two brokers of three, so that the last one refuses to write: 503, nothing acknowledged is lost, and all goes on when they are back',
  needs: ['kafka', 'linux'],
  run: lackReplicas,
}

const fillings = { reduced: 1, full: 5 }
const diskBytes = 256 << 20

async function fillDisk(context: FaultContext) {
  const { random, scale, folder, after } = context
  const disk = path.join(folder, 'disk')
  await mkdir(disk)
  assert.equal(spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${diskBytes}`, 'tmpfs', disk]).status, 0)
  after(() => void spawnSync('umount', [disk]))
  const rig = await openRig(context, 2, { brokers: { dataUnder: disk } })
  const ingest = await openIngest(rig, answerWithin[scale])
  const ballast = path.join(disk, 'ballast')
  const { node } = rig.broker
  for (let round = 0; round < fillings[scale]; round++) {
    await anyMoment(random, 500)
    await fill(ballast)
    await eventually('the broker ends', () => node.pid === undefined)
    await ingest.isRefusing()
    await isUnready(ingest)
    await rm(ballast)
    await node.start()
    await isReady(ingest)
    await rig.more(1)
  }
  const notes = await ingest.finish()
  return rig.finish(`${counted(fillings[scale], 'time')} a full disk: ${notes}`)
}

/** See `what`. */
export const brokerDiskFull: Fault = {
  name: 'broker-disk-full',
  what: "fills the broker's disk, so that it ends: 503, nothing acknowledged is lost, and all goes on when it has room and is started again",
  needs: ['kafka', 'tmpfs', 'linux'],
  run: fillDisk,
}
