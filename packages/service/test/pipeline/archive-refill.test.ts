// Objects of an archive in memory that are deleted at random, and the group set back to the first of them: what is written
// again holds no record that is there already, whatever the times of records and wherever objects are cut by now. Seeds are in
// the names.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'

import { Random } from '#src/generators/random.js'
import { MemoryStore } from '../contract/memory-store.js'
import type { MemoryKafka } from '../contract/memory-kafka.js'
import { archiveCluster, group, hourMs, minuteMs, objectsIn, record, startArchive, topic, until } from './archiver.js'
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

for (let seed = 1; seed <= seeds; seed++) {
  test(`what is gone is written again, and nothing twice (seed ${seed})`, async (t) => {
    const random = new Random(seed)
    const [kafka, store] = [archiveCluster(), new MemoryStore()]
    store.obeysConditions = random.chance(800)
    const rangeOffsets = 5 + random.below(40)
    fill(kafka, random)
    await archiveAll(t, kafka, store, anyCut(random, rangeOffsets))
    for (let round = 0; round < 2; round++) {
      const gone = objectsIn(store).filter(() => random.chance(400))
      for (const { key } of gone) store.objects.delete(key)
      const from = gone.map(({ manifest }) => manifest.from).toSorted((a, b) => (a < b ? -1 : 1))[0]
      if (from === undefined) continue
      kafka.setOffset(group, target, from, 'set: by hand')
      await archiveAll(t, kafka, store, anyCut(random, rangeOffsets))
    }
    const objects = objectsIn(store).toSorted((a, b) => (a.manifest.first < b.manifest.first ? -1 : 1))
    assert.deepEqual(objects.flatMap(({ lines }) => lines), Array.from({ length: count }, (_, n) => `{"n":${n}}`)) // prettier-ignore
    for (const [i, { manifest }] of objects.entries()) {
      if (i > 0) assert.equal(manifest.from, objects[i - 1]!.manifest.last + 1n)
    }
  })
}
