// The faults `worker-exit`, `worker-memory`, `worker-hang` and `worker-fault`, after which a second attempt succeeds, and `poison`, records
// that nobody survives, by which they are set aside. Called by list.ts and a test.

import assert from 'node:assert/strict'
import path from 'node:path'

import { counted } from '#src/counted.js'
import { eventually } from './fault.js'
import type { Fault, FaultContext } from './fault.js'
import { Ledger } from './ledger.js'
import type { Place, RecordOptions } from './ledger.js'
import { Load, progress, usualBodies } from './load.js'
import { judge, readOutputs } from './oracle.js'
import { openService } from './served.js'
import type { Served } from './served.js'

/** How a record harms whoever judges it. */
type Harm = 'exit' | 'hang' | 'memory' | 'throw'

/** Where a record ends that always harms. */
const placeOf = {
  exit: 'worker_crash',
  hang: 'worker_crash',
  memory: 'worker_crash',
  throw: 'matcher_fault',
} as const satisfies Record<Harm, Place>

/** A hang takes its worker along for good: each costs the process a thread. */
const times = {
  exit: { reduced: 3, full: 20 },
  hang: { reduced: 1, full: 2 },
  memory: { reduced: 2, full: 20 },
  throw: { reduced: 3, full: 20 },
}

/** Of each thread: little, so that it is soon filled. */
const heapOption = '--max-old-space-size=64'

/** A body in the middle of which a record harms once. */
function harmfulOnce(ledger: Ledger, { folder, random }: FaultContext, harm: Harm) {
  const usual = () => Array.from({ length: random.below(20) }, (): RecordOptions => ({}))
  const once = path.join(folder, `once-${ledger.bodies.length}`)
  const members = `"poison":"${harm}","once":${JSON.stringify(once)}`
  return ledger.bodyOf([...usual(), { members, places: ['keep'] }, ...usual()])
}

/** `harm`: where it is to hang, a reduced run does not wait as long; others have to end within the usual time. */
async function start(served: Served, { scale }: FaultContext, harm?: Harm): Promise<void> {
  const isShort = scale === 'reduced' && harm === 'hang'
  const preloads = isShort ? (['poison', 'short-deadlines'] as const) : (['poison'] as const)
  assert.equal(await served.start({ preloads, nodeOptions: [heapOption] }), undefined, served.noise.join(' '))
}

/** Batches that were judged by a second worker, or record by record where the kernel reported a fault. */
async function judgedAgain(served: Served): Promise<number> {
  const { pipelines } = JSON.parse((await served.ask('/api/status')).text) as {
    pipelines: { engine: { retries: number } }[]
  }
  const searches = served.log.filter(({ msg }) => msg?.startsWith('A batch cannot be evaluated') === true)
  return pipelines[0]!.engine.retries + searches.length
}

async function runOnce(context: FaultContext, harm: Harm) {
  const { random, scale } = context
  const served = await openService(context, { http: 'answerWithinMs: 5min' })
  const ledger = new Ledger(random)
  await start(served, context, harm)
  const load = new Load(served, random).start({ senders: 2, next: usualBodies(ledger, random, 50) })
  const guilty = new Load(served, random)
  try {
    for (let time = 0; time < times[harm][scale]; time++) {
      assert.equal(await guilty.attempt(harmfulOnce(ledger, context, harm)), 200)
    }
    await load.more(20)
  } finally {
    await guilty.stop()
    await load.stop()
  }
  const again = await judgedAgain(served)
  assert.ok(again >= times[harm][scale], `only ${again} batches were judged again`)
  if (harm === 'hang') {
    // Only a new process frees the processor: whoever watches is told so.
    assert.equal((await served.ask('/healthz')).status, 503)
    await served.end('SIGTERM')
    await start(served, context, harm)
  } else assert.equal((await served.ask('/healthz')).status, 200)
  await progress(served, ledger, random)
  assert.deepEqual(await served.end('SIGTERM'), { code: 0, signal: null })
  return {
    ...judge(ledger, await readOutputs(served.outputs)),
    notes: `${counted(again, 'batch', 'batches')} judged again`,
  }
}

/** Bodies of which some hold a record that always harms. */
function poisonedBodies(ledger: Ledger, { random, scale }: FaultContext) {
  let left = scale === 'full' ? 20 : 2
  const usual = usualBodies(ledger, random, 30)
  return () => {
    if (left === 0 || !random.chance(200)) return usual()
    left--
    const harm = random.pick(['exit', 'memory', 'throw'] as const)
    const records = Array.from({ length: 1 + random.below(8) }, (): RecordOptions => ({}))
    records.splice(random.below(records.length), 0, { members: `"poison":"${harm}"`, places: [placeOf[harm]] })
    return ledger.bodyOf(records)
  }
}

async function runPoison(context: FaultContext) {
  const { random, scale } = context
  const served = await openService(context, { http: 'answerWithinMs: 5min' })
  const ledger = new Ledger(random)
  await start(served, context)
  const load = new Load(served, random).start({ senders: 3, next: poisonedBodies(ledger, context) })
  const wanted = scale === 'full' ? 20 : 2
  const guilty = () =>
    ledger.bodies.filter(
      ({ records, isAnswered }) => isAnswered && records.some(({ text }) => text.includes('"poison"')),
    )
  try {
    await eventually('poisonous bodies are answered', () => guilty().length >= wanted)
    if (scale === 'full') await load.more(50)
    // Known by then: it costs no worker again.
    const again = guilty()[0]!
    assert.equal(await load.deliver(again), 200)
  } finally {
    await load.stop()
  }
  await progress(served, ledger, random)
  assert.deepEqual(await served.end('SIGTERM'), { code: 0, signal: null })
  return { ...judge(ledger, await readOutputs(served.outputs)), notes: counted(guilty().length, 'guilty record') }
}

/** See `what`. */
export const workerExit: Fault = {
  name: 'worker-exit',
  what: 'ends worker threads in the middle of batches: each batch is judged by the next worker',
  run: (context) => runOnce(context, 'exit'),
}

/** See `what`. */
export const workerMemory: Fault = {
  name: 'worker-memory',
  what: 'worker threads fill their heaps in the middle of batches: each batch is judged by the next worker',
  run: (context) => runOnce(context, 'memory'),
}

/** See `what`. */
export const workerHang: Fault = {
  name: 'worker-hang',
  what: 'a worker never comes back: its batch is judged by another one, and liveness says that the process has to go',
  run: (context) => runOnce(context, 'hang'),
}

/** See `what`. */
export const workerFault: Fault = {
  name: 'worker-fault',
  what: 'the kernel reports faults, as when memory runs out: never "no match", each batch is judged again',
  run: (context) => runOnce(context, 'throw'),
}

/** See `what`. */
export const poison: Fault = {
  name: 'poison',
  what: 'records that no worker survives: each becomes one dead letter, and its neighbours are delivered',
  run: runPoison,
}
