// Faults of the store's answers: `s3-503`, calls that are refused, cut or never answered; and `s3-answer-lost`, writes that take
// effect while nobody hears of it, also by whoever is killed right then. Called by list.ts and a test.

import { counted } from '#src/counted.js'
import type { CallFate, PassingCall, Refusal, SeenCall } from '../servers/s3/proxy.js'
import { anyMoment, openArchiveRig } from './archive-rig.js'
import type { ArchiveRig } from './archive-rig.js'
import type { Fault, FaultContext } from './fault.js'

const bursts = { reduced: 2, full: 25 }
/** Calls of one burst: so many that some are given up by who tries three times. */
const burstCalls = { reduced: 12, full: 40 }

/** What stores do when they are not well. */
const illnesses: readonly CallFate[] = [
  { status: 503, code: 'SlowDown' },
  { status: 503, code: 'SlowDown', retryAfter: 1 },
  { status: 503, code: 'ServiceUnavailable', retryAfter: 2 },
  { status: 429, code: 'TooManyRequests', retryAfter: 1 },
  { status: 429, code: 'TooManyRequests' },
  { status: 500, code: 'InternalError' },
  'reset',
  'hang',
  'lose',
  'swallow',
]
/** Of writes: refused behind a status that says otherwise. */
const liars: readonly CallFate[] = [
  { status: 200, code: 'InternalError' },
  { status: 200, code: 'SlowDown' },
]

async function refuse(context: FaultContext) {
  const { random, scale } = context
  const rig = await openArchiveRig(context, 2)
  await rig.more()
  for (let burst = 0; burst < bursts[scale]; burst++) {
    const draw = ({ operation }: PassingCall) => {
      if (random.chance(300)) return 'pass'
      return random.pick(operation === 'put' ? [...illnesses, ...liars] : illnesses)
    }
    rig.proxy.plan({ on: 'all', times: burstCalls[scale], do: draw })
    await rig.more()
    await anyMoment(random, 500)
    // Whoever comes back meets a store that is ill from the beginning.
    if (!random.chance(300)) continue
    const archive = random.pick(rig.archives)
    await archive.end('SIGKILL')
    rig.proxy.plan({ on: 'all', times: 6, do: draw })
    await rig.run(archive)
  }
  const figures = await rig.finish(counted(bursts[scale], 'time'))
  const harmed = rig.proxy.calls.filter(({ fate }) => fate !== 'pass').length
  return {
    ...figures,
    faults: [...figures.faults, ...hasty(rig.proxy.calls)],
    notes: `${counted(harmed, 'call')} harmed ${figures.notes}`,
  }
}

/** Calls that came again before the store said they should, by more than clocks and timers differ. */
function hasty(calls: readonly SeenCall[]): string[] {
  const mostEarlyMs = 50
  return calls.flatMap((call, i) => {
    const { fate, key, operation, atMs, client, connection } = call
    const retryAfter = typeof fate === 'object' ? fate.retryAfter : undefined
    const next = calls
      .slice(i + 1)
      .find((each) => each.client === client && each.key === key && each.operation === operation)
    // Lists are looks for this or that object, with nothing to tell them apart.
    if (retryAfter === undefined || next === undefined || operation === 'list') return []
    // Who hangs up has not waited for the answer, and does not know what it says.
    if (connection.closedAtMs !== undefined && connection.closedAtMs < next.atMs) return []
    const waitedMs = next.atMs - atMs
    if (waitedMs >= retryAfter * 1000 - mostEarlyMs) return []
    const status = (fate as Refusal).status
    return [
      `After ${status} with Retry-After ${retryAfter}, ${operation} of ${key} came again in ${waitedMs.toFixed(0)} ms.`,
    ]
  })
}

/** See `what`. */
export const storeIll: Fault = {
  name: 's3-503',
  what: 'has the store answer 429, 500, 503 and 200 with an error inside, cut and leave calls at random: each record is in one object, in order',
  needs: ['kafka', 's3'],
  run: refuse,
}

const losses = { reduced: 4, full: 40 }

async function loseAnswers(context: FaultContext) {
  const { random, scale } = context
  const rig = await openArchiveRig(context, 2)
  await rig.more()
  for (let loss = 0; loss < losses[scale]; loss++) {
    const isKilled = loss % 2 === 1
    await loseAnswer(rig, isKilled ? 'hold-answer' : random.pick(['lose', 'swallow'] as const), isKilled)
    if (random.chance(500)) await rig.more()
  }
  const figures = await rig.finish(`${counted(losses[scale], 'answer')} lost`)
  // Whoever does not know whether it has written has to find that it has.
  const adopted = rig.proxy.calls.filter(({ operation, status }) => operation === 'put' && status === 412).length
  return { ...figures, notes: `${figures.notes}, ${counted(adopted, 'write')} met what was there` }
}

async function loseAnswer(rig: ArchiveRig, fate: CallFate, isKilled: boolean): Promise<void> {
  const fault = rig.proxy.plan({ on: 'put', when: isObject, do: fate })
  const call = await rig.struck(fault)
  if (!isKilled) return
  const archive = rig.callerOf(call)
  await archive.end('SIGKILL')
  fault.release()
  if (rig.random.chance(500)) await rig.more()
  await rig.run(archive)
}

/** Whether a call is about an archived object, and no probe. */
export function isObject({ key }: PassingCall): boolean {
  return /\+\d+\+\d{20}\./.test(key)
}

/** See `what`. */
export const answerLost: Fault = {
  name: 's3-answer-lost',
  what: 'loses answers of writes that took effect, also of an archive that is killed right then: each record is in one object, in order',
  needs: ['kafka', 's3'],
  run: loseAnswers,
}
