// The faults `endtxn-lost` and `late-calls`: single calls of transactions whose request or answer is lost, or comes late; and
// filters that are killed in the middle of one, which arrives when others have what they had. Called by list.ts and a test.

import assert from 'node:assert/strict'

import { counted } from '#src/counted.js'
import type { ApiName } from '../servers/kafka/framing.js'
import type { FaultAction, FaultPlan } from '../servers/kafka/proxy.js'
import { eventually, pause } from './fault.js'
import type { Fault, FaultContext, Figures } from './fault.js'
import { anyMoment, openRig } from './kafka-rig.js'
import type { Rig, RigOptions } from './kafka-rig.js'

/** How long filters wait for an answer, and how long one is late, in milliseconds: less, or more than they wait. */
const requestMs = { reduced: 3000, full: 15_000 }
const lateMs = { reduced: [1000, 5000], full: [5000, 20_000] }
const rounds = { reduced: 1, full: 6 }

/** Calls that a transaction is made of, the last ones first: they decide what counts. */
const calls: readonly ApiName[] = ['EndTxn', 'Produce', 'TxnOffsetCommit', 'AddOffsetsToTxn', 'AddPartitionsToTxn']

/** All that one round harms, one call of each kind of harm at a time: connections are those of single partitions. */
function plansOf({ random, scale }: FaultContext): readonly FaultPlan[] {
  const late = lateMs[scale].map((delayMs): FaultAction => ({ delayMs }))
  const harm = (api: ApiName) =>
    (['answer', 'request'] as const).flatMap((on) =>
      (['drop', 'cut', ...late] as const).map((action): FaultPlan => ({
        on,
        api,
        nth: 1 + random.below(4),
        do: action,
      })),
    )
  const all = calls.slice(0, 3).flatMap(harm)
  // The one that the issue is about, always; of the others, some.
  const chosen = all.filter(({ on, api, do: action }) => {
    return scale === 'full' || (api === 'EndTxn' && on === 'answer') || (action === 'cut' && random.chance(500))
  })
  return chosen.sort(() => random.below(3) - 1)
}

async function loseAnswers(context: FaultContext) {
  const { random, scale } = context
  const rig = await openRig(context, 2, { environment: { FAULT_REQUEST_MS: String(requestMs[scale]) } })
  let harmed = 0
  for (let round = 0; round < rounds[scale]; round++) {
    for (const plan of plansOf(context)) {
      const fault = rig.proxy.plan(plan)
      await eventually(`${plan.on} of ${plan.api} is struck`, () => fault.strikes > 0)
      harmed++
      await anyMoment(random, 500)
    }
    await rig.more(1)
  }
  assert.ok(rig.failures > 0, 'No transaction failed.')
  // A filter that is ended while it still waits for an answer that was lost tells that it could not end in order.
  await pause(requestMs[scale])
  return rig.finish(`${counted(harmed, 'call')} harmed`)
}

/** See `what`. */
export const endTxnLost: Fault = {
  name: 'endtxn-lost',
  what: 'loses, cuts off and delays calls of transactions and their answers, above all of the commit: each record is there once, in order',
  needs: 'kafka',
  run: loseAnswers,
}

/** A step at which a filter is killed. Its request arrives later, when it is the request that is held. */
type Step = Pick<FaultPlan, 'on' | 'api' | 'when'>

const steps: readonly Step[] = [
  { on: 'request', api: 'EndTxn' },
  { on: 'answer', api: 'TxnOffsetCommit' },
  { on: 'request', api: 'Produce' },
  { on: 'answer', api: 'EndTxn' },
  { on: 'request', api: 'TxnOffsetCommit' },
  { on: 'answer', api: 'Produce' },
  { on: 'request', api: 'AddOffsetsToTxn' },
  { on: 'answer', api: 'AddOffsetsToTxn' },
  { on: 'request', api: 'AddPartitionsToTxn' },
  { on: 'answer', api: 'AddPartitionsToTxn' },
]
const stepsOf = { reduced: 2, full: 3 * steps.length }

/** Kills the filter whose call is held, has others take over, and lets the call arrive. */
async function killAt(rig: Rig, step: Step): Promise<void> {
  const fault = rig.proxy.plan({ ...step, do: 'hold' })
  const partition = rig.partitionOf(await fault.struck)
  const filter = rig.ownerOf(partition)
  await filter.end('SIGKILL')
  await rig.more(2, partition)
  fault.release()
  rig.proxy.clear()
  await rig.run(filter)
  await rig.more(2, partition)
}

/** Runs `late-calls`, with filters that are set up otherwise, or at one step alone, once. */
export async function lateCalls(context: FaultContext, options: RigOptions = {}, only?: Step): Promise<Figures> {
  const { random, scale } = context
  const rig = await openRig(context, 2, options)
  const at = only === undefined ? Array.from({ length: stepsOf[scale] }, (_, n) => steps[n % steps.length]!) : [only]
  for (const step of at) {
    await anyMoment(random, 500)
    await killAt(rig, step)
  }
  return rig.finish(counted(at.length, 'kill'))
}

/** See `what`. */
export const lateCall: Fault = {
  name: 'late-calls',
  what: 'kills filters in the middle of each call of a transaction, which arrives when others have taken over: it is refused, and each record is there once, in order',
  needs: 'kafka',
  run: (context) => lateCalls(context),
}
