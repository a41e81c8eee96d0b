// The faults `process-poison`, a record on which the whole process dies, and `hang-poison`, one on which every worker hangs:
// senders repeat them, a supervisor starts the process again, and each ends as one dead letter. Called by list.ts and a test.

import assert from 'node:assert/strict'

import { eventually } from './fault.js'
import type { Fault, FaultContext } from './fault.js'
import { Ledger } from './ledger.js'
import type { Body, RecordOptions } from './ledger.js'
import { Load, progress, usualBodies } from './load.js'
import { judge, readOutputs } from './oracle.js'
import { openService } from './served.js'
import type { Served } from './served.js'
import { Supervisor } from './supervisor.js'

/** The signals by which the process ends: memory that is none, memory found damaged, the system's lack of it. */
const endings = ['crash', 'abort', 'kill'] as const
const rounds = { reduced: 1, full: 6 }

/** A body in the middle of which stands a record that always harms. */
function lethalBody(ledger: Ledger, { random, scale }: FaultContext, how: string): Body {
  const usual = () => Array.from({ length: random.below(scale === 'full' ? 500 : 2) }, (): RecordOptions => ({}))
  return ledger.bodyOf([...usual(), { members: `"poison":"${how}"`, places: ['worker_crash'] }, ...usual()])
}

interface Careful {
  readonly isCareful: boolean
  readonly reason?: string
}

async function statusOf(served: Served) {
  const { pipelines } = JSON.parse((await served.ask('/api/status')).text) as {
    pipelines: { careful: Careful; engine: { workersHung: number } }[]
  }
  return pipelines[0]!
}

/** Reads the outputs, and holds what was sent against them: of each lethal record as many dead letters as it came to. */
async function judgeLethal(served: Served, ledger: Ledger, lethal: readonly Body[], letters: number) {
  const outputs = await readOutputs(served.outputs)
  const faults: string[] = []
  for (const { records } of lethal) {
    const { text } = records.find((record) => record.text.includes('"poison"'))!
    const found = outputs.found.filter((each) => each.place === 'worker_crash' && each.text === text).length
    if (found !== letters) faults.push(`A lethal record has ${found} dead letters instead of ${letters}: ${text}`)
  }
  const figures = judge(ledger, outputs)
  return { ...figures, faults: [...figures.faults, ...faults] }
}

async function runProcessPoison(context: FaultContext) {
  const { random, scale } = context
  const served = await openService(context, { http: 'answerWithinMs: 5min' })
  const ledger = new Ledger(random)
  const lethal: Body[] = []
  const deaths: string[] = []
  for (let round = 0; round < rounds[scale]; round++) {
    const supervisor = new Supervisor(served, { preloads: ['poison'] })
    await supervisor.start()
    const load = new Load(served, random).start({ senders: 2, next: usualBodies(ledger, random, 30) })
    const guilty = new Load(served, random)
    try {
      const body = lethalBody(ledger, context, random.pick(endings))
      lethal.push(body)
      assert.equal(await guilty.deliver(body), 200)
      assert.equal((await statusOf(served)).careful.isCareful, true)
      // Careful as it is: another one costs no process any more.
      const next = lethalBody(ledger, context, random.pick(endings))
      lethal.push(next)
      assert.equal(await guilty.deliver(next), 200)
      await load.more(20)
    } finally {
      await guilty.stop()
      await load.stop()
      await supervisor.stop()
    }
    deaths.push(...supervisor.deaths)
    assert.deepEqual(supervisor.deaths, ['died', 'died'])
    await progress(served, ledger, random)
    assert.deepEqual(await served.end('SIGTERM'), { code: 0, signal: null })
  }
  const notes = `${deaths.length} processes died`
  return { ...(await judgeLethal(served, ledger, lethal, 1)), notes }
}

async function runHangPoison(context: FaultContext) {
  const { random, scale } = context
  const served = await openService(context, { http: 'answerWithinMs: 5min' })
  const ledger = new Ledger(random)
  const supervisor = new Supervisor(served, {
    preloads: scale === 'full' ? ['poison'] : ['poison', 'short-deadlines'],
  })
  await supervisor.start()
  const load = new Load(served, random)
  const body = lethalBody(ledger, context, 'hang')
  try {
    assert.equal(await load.deliver(body), 200)
    await eventually('the process is replaced', () => supervisor.deaths.length === 1)
    // The same again, as of a sender that got no answer: the new process has been told.
    assert.equal(await load.deliver(body), 200)
    const { careful, engine } = await statusOf(served)
    assert.equal(engine.workersHung, 0)
    assert.match(careful.reason ?? '', /hung/)
    assert.equal((await served.ask('/healthz')).status, 200)
  } finally {
    await load.stop()
    await supervisor.stop()
  }
  assert.deepEqual(supervisor.deaths, ['unhealthy'])
  await progress(served, ledger, random)
  assert.deepEqual(await served.end('SIGTERM'), { code: 0, signal: null })
  return judgeLethal(served, ledger, [body], body.sent)
}

/** See `what`. */
export const processPoison: Fault = {
  name: 'process-poison',
  what: 'records of which the process dies, again and again: then it judges them in another one, and each is one dead letter',
  run: runProcessPoison,
}

/** See `what`. */
export const hangPoison: Fault = {
  name: 'hang-poison',
  what: 'a record on which every worker hangs: it is one dead letter, and hangs nobody in the process that comes next',
  run: runHangPoison,
}
