// The fault `whole-chain`: bodies are posted, and every process on the way from there to the bucket is killed again and again. At
// the end each topic and the bucket hold what they must, and `weir archive verify` says so; and when an object is deleted by
// hand, it says that too. With a file of records, they are what is posted. Called by list.ts and a test.

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { gunzipSync } from 'node:zlib'

import { counted } from '#src/counted.js'
import { weir } from '../running.js'
import { readTopic } from '../servers/kafka/reading.js'
import { deleteObject, readBucket } from '../servers/s3/reader.js'
import type { JudgedObject } from '../servers/s3/reader.js'
import { judgeArchive } from './archive-oracle.js'
import { clusterId, topicIdOf } from './archive-rig.js'
import { chainBucket, openChain } from './chain.js'
import type { Chain, ChainProcess } from './chain.js'
import { eventually, pause } from './fault.js'
import type { Fault, FaultContext, Figures } from './fault.js'
import { judgeTopics, readLines } from './kafka-oracle.js'
import type { TopicRecords } from './kafka-oracle.js'
import { Ledger } from './ledger.js'
import type { Body } from './ledger.js'
import { Load, usualBodies } from './load.js'

const kills = { reduced: 4, full: 60 }
const longestPauseMs = 1200
/** Records of one body, where they come from a file. */
const recordsPerBody = 500

async function run(context: FaultContext): Promise<Figures> {
  const { random, scale, records: file } = context
  const processes = scale === 'full' ? { filter: 2, archive: 2 } : {}
  const chain = await openChain(context, {
    processes,
    output: { maxObjectRecords: file === undefined ? '500' : '50' },
  })
  const ledger = new Ledger(random)
  const bodies = file === undefined ? undefined : (await recordsOf(file)).map((lines) => ledger.adopt(lines))
  const load = new Load(chain.ingest, random)
  context.after(() => load.stop())
  const notes =
    bodies === undefined
      ? await killAll(context, chain, load.start({ senders: 3, next: usualBodies(ledger, random, 40) }))
      : await postAll(context, chain, load, bodies)
  await chain.filtered()
  const processed = await readTopic(chain.broker, chain.topics.processed)
  await chain.archived(processed.map((log) => Number(log.at(-1)?.offset ?? -1n) + 1))
  await chain.stop()
  const figures = await judge(chain, ledger, processed)
  const faults = bodies === undefined ? figures.faults : [...figures.faults, ...notOnce(bodies, figures.objects)]
  const { objects, ...rest } = figures
  const verified = faults.length === 0 ? await verify(chain, objects) : []
  return {
    ...rest,
    faults: [...faults, ...verified],
    notes: `${notes}; ${counted(objects.length, 'object')}${figures.notes}`,
  }
}

/** Kills one process after another while bodies are posted, and sees that all goes on. */
async function killAll({ random, scale }: FaultContext, chain: Chain, load: Load): Promise<string> {
  for (let kill = 0; kill < kills[scale]; kill++) {
    // Each of them in turn, then any; full, broker and store too.
    const process = chain.processes[kill] ?? random.pick(chain.processes)
    await pause(random.below(longestPauseMs))
    if (scale === 'full' && random.chance(150)) await killServer(chain, random.chance(500))
    await killOne(process)
    if (kill % 2 === 1) await goesOn(chain, load)
  }
  await goesOn(chain, load)
  await load.stop()
  return `${kills[scale]} kills, ${load.attempts.get(503) ?? 0} bodies answered 503`
}

async function killOne({ served }: ChainProcess): Promise<void> {
  if (served.isUp) process.kill(served.pid, 'SIGKILL')
  await eventually('the process has ended', () => !served.isUp)
  await served.up()
}

async function killServer({ broker, store }: Chain, isStore: boolean): Promise<void> {
  const server = isStore ? store : broker.node
  await server.kill()
  await pause(500)
  await server.start()
}

/** Bodies are answered, filtered and archived, in every partition. */
async function goesOn(chain: Chain, load: Load): Promise<void> {
  await load.more(10)
  for (const role of ['filter', 'archive'] as const) {
    let from: readonly number[] | undefined
    await eventually(`the ${role} goes on`, async () => {
      const now = await chain.committed(role)
      from ??= now
      return now?.every((offset, partition) => offset > from![partition]!) ?? false
    })
  }
}

/** Posts each body until it is answered, while whoever reads topics is killed: what is posted once arrives once. */
async function postAll({ random }: FaultContext, chain: Chain, load: Load, bodies: readonly Body[]): Promise<string> {
  const readers = chain.processes.filter(({ role }) => role !== 'ingest')
  let killed = 0
  for (const [i, body] of bodies.entries()) {
    assert.equal(await load.deliver(body), 200, `${body.name} was not taken.`)
    if (i % Math.ceil(bodies.length / 4) === 0) {
      await killOne(random.pick(readers))
      killed++
    }
  }
  return `${bodies.length} bodies posted, ${killed} kills`
}

/** Records of a file, for one body each. */
async function recordsOf(file: string): Promise<string[][]> {
  const bytes = await readFile(file)
  const text = (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString()
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  const count = Math.ceil(lines.length / recordsPerBody)
  return Array.from({ length: count }, (_, i) => lines.slice(i * recordsPerBody, (i + 1) * recordsPerBody))
}

interface ChainFigures extends Figures {
  readonly objects: readonly JudgedObject[]
}

/** From the first topic to those behind the filter, and from there to the bucket. */
async function judge(chain: Chain, ledger: Ledger, processed: TopicRecords): Promise<ChainFigures> {
  const { broker, topics, prefix, store } = chain
  const outputs = new Map([['keep', topics.processed], ['side', topics.side], ['malformed', topics.deadLetter]] as const) // prettier-ignore
  const [lines, topicId, objects] = await Promise.all([
    readLines(broker, { raw: topics.raw, outputs }),
    topicIdOf(broker, topics.processed),
    readBucket(store, chainBucket, prefix),
  ])
  const filtered = judgeTopics(ledger, lines)
  const shape = { prefix, extension: '.ndjson.gz', periodMs: 2000 }
  const archived = judgeArchive({ name: topics.processed, clusterId, topicId, partitions: processed }, objects, shape)
  const repeats = lines.raw.flat().length - new Set(lines.raw.flat()).size
  return {
    posted: filtered.posted,
    answered: filtered.answered,
    lost: filtered.lost + archived.lost,
    twice: filtered.twice + archived.twice,
    disordered: (filtered.disordered ?? 0) + archived.disordered,
    faults: [...filtered.faults, ...archived.faults],
    notes: `, ${counted(archived.records, 'record')} in them; ${repeats} came twice by HTTP`,
    objects,
  }
}

/** Records of the file that do not lie in the bucket as often as the file has them. */
function notOnce(bodies: readonly Body[], objects: readonly JudgedObject[]): string[] {
  const left = new Map<string, number>()
  const count = (text: string, by: number) => left.set(text, (left.get(text) ?? 0) + by)
  for (const { records } of bodies) for (const { text } of records) count(text, 1)
  for (const { lines } of objects) for (const line of lines) count(line, -1)
  const repeated = bodies.filter(({ sent }) => sent > 1).length
  const wrong = [...left].filter(([, by]) => by > 0 || (by < 0 && repeated === 0))
  return wrong
    .slice(0, 5)
    .map(([text, by]) => `${Math.abs(by)} ${by > 0 ? 'missing' : 'too many'}: ${text.slice(0, 80)}`)
}

/** What `weir archive verify` says, as it is and without one object. */
async function verify(chain: Chain, objects: readonly JudgedObject[]): Promise<string[]> {
  const { folder } = chain.processes.at(-1)!.served
  const ask = () => weir(['archive', 'verify', '--config', 'weir.yaml'], { cwd: folder })
  const clean = await ask()
  if (clean.code !== 0)
    return [`weir archive verify ended with ${clean.code}: ${clean.stdout.toString()}${clean.stderr}`]
  // Any that is not the last of its partition: what is behind that might be about to be written.
  const archived = objects.filter(({ metadata }) => metadata['weir-partition'] !== undefined)
  const lasts = [...new Map(archived.map(({ key, metadata }) => [metadata['weir-partition'], key])).values()]
  const victim = archived.find(({ key }) => !lasts.includes(key))
  if (victim === undefined) return ['No partition has two objects, one of which could be missed.']
  await deleteObject(chain.store, chainBucket, victim.key)
  const harmed = await ask()
  const said = harmed.stdout.toString()
  const isFound = harmed.code === 1 && /gap|no object|missing/i.test(said)
  return isFound
    ? []
    : [`Without ${victim.key}, weir archive verify ended with ${harmed.code}: ${said}${harmed.stderr}`]
}

/** See `what`. */
export const wholeChain: Fault = {
  name: 'whole-chain',
  what: 'posts bodies while ingest, filter and archive are killed at random: what was answered lies once in its topic, and from there in one object; weir archive verify agrees, and misses an object that is deleted',
  needs: ['kafka', 's3'],
  takesRecords: true,
  run,
}
