// Objects of an archive in memory that are deleted at random, and the group set back to the first of them: what is written
// again holds no record that is there already, whatever the times of records and wherever objects are cut by now. Seeds are in
// the names.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'

import { Random } from '#src/generators/random.js'
import { MemoryStore } from '../contract/memory-store.js'
import type { MemoryKafka } from '../contract/memory-kafka.js'
import {
  archiveCluster,
  archiveOnce,
  group,
  hourMs,
  minuteMs,
  objectsIn,
  record,
  startArchive,
  topic,
  until,
} from './archiver.js'
import type { ArchiverOptions } from './archiver.js'

const target = { topic, partition: 0 }
const seeds = 40
const count = 150

/** Records around a full hour, some of a broker that is behind, and some of clocks that were set back. */
function fill(kafka: MemoryKafka, random: Random): void {
  let timeMs = hourMs - random.below(4) * minuteMs
  for (let n = 0; n < count; n++) {
    timeMs += random.below(6) * 1000
    if (random.chance(30)) timeMs -= random.below(70) * minuteMs
    kafka.append(target, [record(`{"n":${n}}`, random.chance(200) ? timeMs - random.below(59) * 1000 : timeMs)])
  }
  // With which the last object ends.
  kafka.append(target, [record(`{"n":${count}}`, timeMs + 1000 * minuteMs)])
}

function anyCut(random: Random, rangeOffsets: number): ArchiverOptions {
  const periodMs = random.pick([1, 2, 5, 60]) * minuteMs
  const limits = {
    maxRecords: 3 + random.below(30),
    maxBytes: 100 + random.below(2000),
    periodMs,
    mostStoredBytes: 60e6,
  }
  return { limits, rangeOffsets }
}

async function archiveAll(t: TestContext, kafka: MemoryKafka, store: MemoryStore, options: ArchiverOptions) {
  const { events, pipeline, done } = await startArchive(t, kafka, store, 'a', options)
  // Where an object ends elsewhere it is taken over again.
  const isStuck = () => events.some((event) => event.startsWith('failed') && event !== 'failed ERR_S3_CUT')
  await until(kafka, () => isStuck() || (kafka.offsetOf(group, target) ?? 0n) >= count)
  assert.ok(!isStuck(), events.join('; '))
  pipeline.drain()
  await done
}

/** Archives, and dies where an object is written after some others: it may be there then, and its offset is not committed. */
async function archiveSome(
  t: TestContext,
  kafka: MemoryKafka,
  store: MemoryStore,
  random: Random,
  options: ArchiverOptions,
) {
  let left = random.below(5)
  let isDead = false
  const isThere = random.chance(500)
  store.fateOf = (call, key) => {
    if (isDead) return 'busy'
    isDead = ['create', 'overwrite'].includes(call) && key.includes('dt=') && left-- === 0
    return isDead ? (isThere ? 'unanswered' : 'busy') : 'done'
  }
  const { pipeline, done } = await startArchive(t, kafka, store, 'a', options)
  await until(kafka, () => isDead || (kafka.offsetOf(group, target) ?? 0n) >= count)
  pipeline.abort(new Error('It is killed.'))
  await done
  store.fateOf = () => 'done'
}

test('who goes on with a gap that somebody else began to fill looks as far ahead, also where times have gone back', async (t) => {
  const [kafka, store] = [archiveCluster(), new MemoryStore()]
  // Ten each: an hour, the same one, and two lots of a clock that is two hours behind.
  const startsMs = [0, 1, -120, -119].map((minutes) => hourMs + minutes * minuteMs)
  const lots = startsMs.flatMap((startMs) => Array.from({ length: 10 }, (_, n) => startMs + n))
  const append = (timeMs: number, n: number) => kafka.append(target, [record(`{"n":${n}}`, timeMs)])
  lots.forEach(append)
  append(hourMs, lots.length)
  const cut = { maxBytes: 1 << 20, mostStoredBytes: 60e6, maxRecords: 1000 }
  await archiveOnce(t, kafka, store, 40n, { limits: { ...cut, periodMs: minuteMs } })
  const [third, fourth, first, second] = objectsIn(store)
  for (const { key } of [first!, second!, third!]) store.objects.delete(key)
  kafka.setOffset(group, target, 0n, 'set: by hand')
  // By now the last two lots would go into one object.
  const limits = { ...cut, periodMs: 60 * minuteMs, maxRecords: 10 }
  store.fateOf = (call, key) => (call === 'create' && key !== first!.key ? 'busy' : 'done')
  await archiveOnce(t, kafka, store, 10n, { limits })
  store.fateOf = () => 'done'
  await archiveOnce(t, kafka, store, 40n, { limits: { ...limits, maxRecords: 1000 } })
  const ends = objectsIn(store).map(({ manifest: { first: from, last } }) => `${from}-${last}`)
  assert.deepEqual(ends, ['20-29', '30-39', '0-9', '10-19'])
  assert.ok(store.objects.has(fourth!.key))
})

interface Refill {
  readonly kafka: MemoryKafka
  readonly store: MemoryStore
  readonly random: Random
  readonly anyOptions: () => ArchiverOptions
}

/** An archive that is whole, with objects of all sizes. */
async function wholeArchive(t: TestContext, random: Random): Promise<Refill> {
  const [kafka, store] = [archiveCluster(), new MemoryStore()]
  store.obeysConditions = random.chance(800)
  const rangeOffsets = 5 + random.below(40)
  const anyOptions = () => anyCut(random, rangeOffsets)
  fill(kafka, random)
  await archiveAll(t, kafka, store, anyOptions())
  return { kafka, store, random, anyOptions }
}

/** Deletes objects, and sets the group back to the first that is gone. Returns whether any is. */
function setBack({ kafka, store, random }: Refill): boolean {
  const gone = objectsIn(store).filter(() => random.chance(400))
  for (const { key } of gone) store.objects.delete(key)
  const from = gone.map(({ manifest }) => manifest.from).toSorted((a, b) => (a < b ? -1 : 1))[0]
  if (from !== undefined) kafka.setOffset(group, target, from, 'set: by hand')
  return from !== undefined
}

/** Each record is in one object, and the objects form a chain. */
function assertOnce(store: MemoryStore): void {
  const objects = objectsIn(store).toSorted((a, b) => (a.manifest.first < b.manifest.first ? -1 : 1))
  assert.deepEqual(objects.flatMap(({ lines }) => lines), Array.from({ length: count }, (_, n) => `{"n":${n}}`)) // prettier-ignore
  for (const [i, { manifest }] of objects.entries()) {
    if (i > 0) assert.equal(manifest.from, objects[i - 1]!.manifest.last + 1n)
  }
}

for (let seed = 1; seed <= seeds; seed++) {
  for (const isKilled of [false, true]) {
    const how = isKilled ? 'by processes that are killed' : 'at one go'
    test(`what is gone is written again ${how}, and nothing twice (seed ${seed})`, async (t) => {
      const random = new Random(seed)
      const refill = await wholeArchive(t, random)
      const { kafka, store, anyOptions } = refill
      for (let round = 0; round < 2; round++) {
        if (!setBack(refill)) continue
        for (let kill = isKilled ? 4 : 0; kill > 0; kill--) await archiveSome(t, kafka, store, random, anyOptions())
        await archiveAll(t, kafka, store, anyOptions())
      }
      assertOnce(store)
    })
  }
}
