// The fault `many-reloads`: rules are replaced again and again, and nothing of the old ones may stay. Called by list.ts and a
// test.

import assert from 'node:assert/strict'

import { eventually } from './fault.js'
import type { Fault, FaultContext } from './fault.js'
import { Ledger, rulesText } from './ledger.js'
import { Load } from './load.js'
import { judge, readOutputs } from './oracle.js'
import { memory, openDescriptors, threads } from './process-state.js'
import { openService } from './served.js'
import type { Served } from './served.js'

const reloads = { reduced: 12, full: 10_000 }
/** So many at first are not held against the rest: until then caches and heaps find their size. */
const warmUps = { reduced: 2, full: 1_000 }
/** Of these many reloads each, one is of rules that come with new workers, and one of bad ones. */
const costlyEvery = 50
const badEvery = 10
const sampleEvery = 5
/** What memory may have grown by in the end, as a share. */
const mostGrowth = 0.05

/** The usual rules, and one that never decides, of another meaning each time. */
function rulesOf(round: number): string {
  // Two hundred of them stay within the limits and take a kernel some time.
  const pattern = (index: number) => `(?i)(${String(index).padStart(5, 'a')}|${String(round).padStart(5, 'b')}){1,98}q`
  const count = round % costlyEvery === 5 ? 200 : 1
  const more = Array.from(
    { length: count },
    (_, index) => `  - { id: no-${index}, when: { field: pad, search: "${pattern(index)}" }, then: drop }\n`,
  )
  return rulesText + more.join('')
}

async function post(served: Served, text: string): Promise<number> {
  return (await served.ask('/api/rules', text, { 'Content-Type': 'application/yaml' })).status
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0

async function run(context: FaultContext) {
  const { random, scale, log } = context
  const served = await openService(context)
  const ledger = new Ledger(random)
  assert.equal(await served.start(), undefined, served.noise.join(' '))
  const load = new Load(served, random)
  // Every route gets a record, so that its file is open from now on.
  assert.equal(await load.deliver(ledger.body(500)), 200)
  const resident: number[] = []
  let atRest = { threads: 0, descriptors: 0 }
  for (let round = 0; round < warmUps[scale] + reloads[scale]; round++) {
    if (round === warmUps[scale]) {
      atRest = { threads: await threads(served.pid), descriptors: await openDescriptors(served.pid) }
    }
    assert.equal(await post(served, rulesOf(round)), 200)
    if (round % badEvery === 0) assert.equal(await post(served, `${rulesOf(round)}nonsense: 1\n`), 422)
    if (round % sampleEvery !== 0) continue
    assert.equal(await load.deliver(ledger.body(1 + random.below(20))), 200)
    if (round >= warmUps[scale]) resident.push(await memory(served.pid, 'VmRSS'))
    if (round % 1000 === 0) log(`${round} reloads`)
  }
  await load.stop()
  await eventually('no thread is left over', async () => (await threads(served.pid)) <= atRest.threads)
  await eventually('no descriptor is left open', async () => {
    return (await openDescriptors(served.pid)) <= atRest.descriptors
  })
  assert.deepEqual(await served.end('SIGTERM'), { code: 0, signal: null })
  const tenth = Math.ceil(resident.length / 10)
  const [before, after] = [median(resident.slice(0, tenth)), median(resident.slice(-tenth))]
  const growth = after / before - 1
  const notes = `memory from ${before >> 20} to ${after >> 20} MiB, ${(100 * growth).toFixed(1)}%`
  const figures = judge(ledger, await readOutputs(served.outputs))
  // A few reloads tell nothing about memory, whose noise is larger.
  const faults = scale === 'full' && growth > mostGrowth ? [`It grew: ${notes}.`] : []
  return { ...figures, faults: [...figures.faults, ...faults], notes }
}

/** See `what`. */
export const manyReloads: Fault = {
  name: 'many-reloads',
  what: 'replaces rules 12 times, full 10,000: no thread, descriptor or memory of the old ones stays',
  needs: 'linux',
  run,
}
