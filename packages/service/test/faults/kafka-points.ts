// The fault `kafka-crash-points`: filters end at each step of a takeover and of a batch, and are started again. Steps within
// the process are chosen by harmed-clients.ts; that between a commit and its answer is the proxy's. Called by list.ts and a test.

import assert from 'node:assert/strict'

import { counted } from '#src/counted.js'
import { eventually } from './fault.js'
import type { Fault, FaultContext } from './fault.js'
import { openRig } from './kafka-rig.js'
import type { Rig } from './kafka-rig.js'

/** Steps within a process at which it may end, each with how many of them may come before: few where only a takeover takes it. */
const points = {
  initialised: 2,
  polled: 6,
  filtered: 6,
  begun: 6,
  sending: 8,
  sent: 8,
  'all-sent': 6,
  'offset-moved': 6,
  committed: 6,
} as const

/** A step at which harmed-clients.ts ends a process. */
export type Step = keyof typeof points

/** The commit has arrived, and its answer has not. */
const unanswered = 'commit unanswered'
const all = [...(Object.keys(points) as Step[]), unanswered] as const
const pointsOf = { reduced: 2, full: 3 * all.length }

/** Points in the order in which this run comes to them: each as often as any other. */
function chosen({ random, scale }: FaultContext): (typeof all)[number][] {
  const shuffled = all.map((point) => ({ point, order: random.bits() })).sort((a, b) => a.order - b.order)
  return Array.from({ length: pointsOf[scale] }, (_, n) => shuffled[n % shuffled.length]!.point)
}

async function run(context: FaultContext) {
  const { log, random } = context
  const rig = await openRig(context, 2)
  const at = chosen(context)
  for (const point of at) {
    log(`ends at ${point}`)
    if (point === unanswered) await endUnanswered(rig)
    else await endAt(rig, point)
    // Before anybody has missed it, or when others have what it had.
    if (random.chance(300)) await rig.more(1)
  }
  for (const filter of rig.filters.filter(({ isUp }) => !isUp)) await rig.run(filter)
  return rig.finish(`${counted(at.length, 'process', 'processes')} ended`)
}

/** Starts a filter that ends by itself at the step. */
async function endAt(rig: Rig, step: Step): Promise<void> {
  const { random } = rig
  const filter = rig.filters.find(({ isUp }) => !isUp) ?? random.pick(rig.filters)
  // In order, so that it has its partitions at once when it comes back.
  if (filter.isUp) assert.deepEqual(await filter.end('SIGTERM'), { code: 0, signal: null }, filter.noise.join(' '))
  const point = `${step}:${random.below(points[step])}`
  await filter.start(rig.startOptions({ FAULT_DIE_AT: point }))
  await eventually(`a filter ends at ${point}`, () => !filter.isUp)
  assert.equal((await filter.ended()).signal, 'SIGKILL', `It ended otherwise: ${filter.noise.join(' ')}`)
}

async function endUnanswered(rig: Rig): Promise<void> {
  for (const filter of rig.filters.filter(({ isUp }) => !isUp)) await rig.run(filter)
  const held = rig.proxy.plan({ on: 'answer', api: 'EndTxn', do: 'hold' })
  await rig.ownerOf(rig.partitionOf(await held.struck)).end('SIGKILL')
  rig.proxy.clear()
}

/** See `what`. */
export const kafkaPoints: Fault = {
  name: 'kafka-crash-points',
  what: 'ends filters at each step of a takeover and of a transaction: each record is there once, in order',
  needs: 'kafka',
  run,
}
