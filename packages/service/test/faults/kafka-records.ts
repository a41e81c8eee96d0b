// The faults `kafka-poison`, records that no worker survives, and `kafka-reload`, rules that are replaced, while records pass
// from topic to topic. Called by list.ts and a test.

import assert from 'node:assert/strict'

import { counted } from '#src/counted.js'
import { readTopics } from '../servers/kafka/reading.js'
import { eventually } from './fault.js'
import type { Fault, FaultContext, Figures } from './fault.js'
import { anyMoment, openRig } from './kafka-rig.js'
import type { Rig } from './kafka-rig.js'
import type { Ledger, Place, RecordOptions } from './ledger.js'
import { Supervisor } from './supervisor.js'

const poisons = { reduced: 3, full: 20 }
/** Of a thousand values, how many have one: a search takes a second, and several in one batch take as many. */
const perMille = { reduced: 30, full: 5 }
/** Others are not to take over what is being searched. */
const sessionMs = 15_000

/** How a record harms whoever judges it, and where it ends. */
const harms = [
  ['exit', 'worker_crash'],
  ['throw', 'matcher_fault'],
] as const satisfies readonly (readonly [string, Place])[]

async function poison(context: FaultContext) {
  const { random, scale } = context
  let made = 0
  let isWatched = false
  const body = (ledger: Ledger, count: number) => {
    if (!isWatched || made >= poisons[scale] || !random.chance(perMille[scale])) return ledger.body(count)
    made++
    const [harm, place] = random.pick(harms)
    const records = Array.from({ length: count - 1 }, (): RecordOptions => ({}))
    records.splice(random.below(count), 0, { members: `"poison":"${harm}"`, places: [place] })
    return ledger.bodyOf(records)
  }
  const rig = await openRig(context, 2, { body, sessionMs, preloads: ['poison'] })
  // Small batches are judged on the main thread: where that ends, the process does, and the next one is careful.
  const supervisors = rig.filters.map((filter) => new Supervisor(filter, rig.startOptions()))
  for (const supervisor of supervisors) supervisor.adopt()
  isWatched = true
  await eventually('poisonous records are sent', () => made >= poisons[scale])
  const figures = await rig.finish(counted(made, 'guilty record'), async () => {
    for (const supervisor of supervisors) await supervisor.stop()
  })
  const deaths = supervisors.reduce((sum, each) => sum + each.deaths.length, 0)
  return { ...figures, notes: `${figures.notes}, ${counted(deaths, 'death')}` }
}

/** See `what`. */
export const kafkaPoison: Fault = {
  name: 'kafka-poison',
  what: 'writes records that no worker survives: each becomes one dead letter, and all others are there once, in order',
  needs: 'kafka',
  run: poison,
}

const reloads = { reduced: 3, full: 40 }

/** Rules that send every record to one place, so that a batch that was judged by two would show. */
const textOf = (place: 'keep' | 'side', id: string) => {
  const then = place === 'keep' ? 'keep' : '{ route: side }'
  return `version: 1\ndefault: keep\nrules:\n  - { id: ${id}, when: { field: id, exists: true }, then: ${then} }\n`
}
const badText = 'version: 1\ndefault: keep\nrules: ['

async function reload(context: FaultContext) {
  const { random, scale } = context
  const rig = await openRig(context, 2, {
    rules: textOf('keep', 'start'),
    body: (ledger, count) => ledger.body(count, ['keep', 'side']),
  })
  for (let n = 0; n < reloads[scale]; n++) {
    await rig.more(1)
    await anyMoment(random, 300)
    const text = textOf(n % 2 === 0 ? 'side' : 'keep', `rule-${n}`)
    for (const filter of rig.filters) {
      const post = async (rules: string) =>
        (await filter.ask('/api/rules', rules, { 'Content-Type': 'application/yaml' })).status
      assert.equal(await post(badText), 422)
      assert.equal(await post(text), 200)
    }
  }
  const figures = await rig.finish(`${counted(reloads[scale], 'version')} of the rules`)
  return { ...figures, faults: [...figures.faults, ...(await mixed(rig, reloads[scale]))] } satisfies Figures
}

/** Records whose header names rules that do not send them where they are. */
async function mixed(rig: Rig, versions: number): Promise<string[]> {
  const names = [rig.outputs.get('keep')!, rig.outputs.get('side')!]
  const topicOf = new Map<string, string>()
  const faults: string[] = []
  for (const [i, partitions] of (await readTopics(rig.broker, names)).entries()) {
    const topic = names[i]!
    for (const { headers, offset } of partitions.flat()) {
      const version = String(headers.find(([name]) => name === 'weir-rules')?.[1])
      const known = topicOf.get(version) ?? topic
      topicOf.set(version, known)
      if (known !== topic) faults.push(`A batch of version ${version} was judged by others too: ${topic}, ${offset}.`)
    }
  }
  if (topicOf.size <= versions / 2) faults.push(`Records were judged by only ${topicOf.size} versions.`)
  return faults.slice(0, 5)
}

/** See `what`. */
export const kafkaReload: Fault = {
  name: 'kafka-reload',
  what: 'replaces rules while records pass from topic to topic: one version for each batch, bad ones refused, and each record is there once, in order',
  needs: 'kafka',
  run: reload,
}
