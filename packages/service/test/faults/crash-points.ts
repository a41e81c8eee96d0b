// The fault `crash-points`: the service ends at a step of what it does with files, the next process goes on in the same
// folder and ends at another one, and so on. Steps are chosen by dying.ts. Called by list.ts and a test.

import assert from 'node:assert/strict'

import { counted } from '#src/counted.js'
import { eventually } from './fault.js'
import type { Fault, FaultContext } from './fault.js'
import { Ledger } from './ledger.js'
import { Load, progress, usualBodies } from './load.js'
import { judge, readOutputs } from './oracle.js'
import { openService } from './served.js'
import type { Ending, Served } from './served.js'

/** Every step, with how many of them may come before: few where only a start takes it. */
const points: readonly (readonly [at: string, most: number])[] = [
  ['lock-rename:before', 3],
  ['lock-rename:after', 3],
  ['journal-open:after', 3],
  ['journal-write:before', 20],
  ['journal-write:torn', 20],
  ['journal-write:after', 20],
  ['journal-sync:before', 20],
  ['journal-sync:after', 20],
  ['journal-rename:before', 3],
  ['journal-rename:after', 3],
  ['folder-sync:before', 3],
  ['folder-sync:after', 3],
  ['data-open:before', 4],
  ['data-open:after', 4],
  ['data-write:before', 20],
  ['data-write:torn', 20],
  ['data-write:after', 20],
  ['data-sync:before', 20],
  ['data-sync:after', 20],
]
/** Steps that recovery takes where the process before left something behind: not every start comes to them. */
const rarePoints = [
  'lock-remove:before:0',
  'lock-remove:after:0',
  'data-truncate:before:0',
  'data-truncate:after:0',
] as const
/** Bodies that are answered before such a step counts as not come to. */
const patience = 30

/** Points in the order in which this run comes to them. */
function chosen({ random, scale }: FaultContext): string[] {
  const drawn = points
    .map(([at, most]) => ({ at: `${at}:${random.below(most)}`, order: random.bits() }))
    .sort((a, b) => a.order - b.order)
    .map(({ at }) => at)
  // Each is tried where the process before was ended in the middle of its work.
  const all = drawn.flatMap((at) => [at, random.pick(rarePoints)])
  return scale === 'full' ? all : all.slice(0, 8)
}

async function run(context: FaultContext) {
  const { random, log, seed } = context
  const served = await openService(context, { directory: 'maxFileBytes: 16KiB' })
  const ledger = new Ledger(random)
  const load = new Load(served, random).start({ senders: 4, next: usualBodies(ledger, random, 20) })
  const at = chosen(context)
  try {
    for (const point of at) {
      log(`seed ${seed}: ends at ${point}`)
      const options = { preloads: ['dying'], environment: { FAULT_DIE_AT: point } } as const
      // At the start already, or once there is something to write.
      const ending = (await served.start(options)) ?? (await died(served, load, point))
      assert.equal(ending.signal, 'SIGKILL', `The process ended otherwise: ${served.noise.join(' ')}`)
    }
    assert.equal(await served.start(), undefined, `The service did not start again: ${served.noise.join(' ')}`)
    await load.more(20)
  } finally {
    await load.stop()
  }
  await progress(served, ledger, random)
  assert.deepEqual(await served.end('SIGTERM'), { code: 0, signal: null })
  return {
    ...judge(ledger, await readOutputs(served.outputs)),
    notes: `${counted(at.length, 'process', 'processes')} ended`,
  }
}

/** Resolves when the process has ended. A step that is never come to would prove nothing, but for rare ones. */
async function died(served: Served, load: Load, point: string): Promise<Ending> {
  const isRare = rarePoints.some((rare) => rare === point)
  const enough = load.answered + patience
  await eventually(`the process ends at ${point}`, () => !served.isUp || (isRare && load.answered >= enough))
  return served.end('SIGKILL')
}

/** See `what`. */
export const crashPoints: Fault = {
  name: 'crash-points',
  what: 'ends the process before, within and after each step of locks, journals and files: nothing is lost',
  run,
}
