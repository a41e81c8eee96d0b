// What the archive itself writes is clean, whatever its topic is made of, also while it is written, and lacks what is taken
// away.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { verifyArchive } from '#src/archive/verify.js'
import type { Finding } from '#src/archive/findings.js'
import { parseObjectKey } from '#src/objects/object-key.js'
import type { MemoryKafka } from '../contract/memory-kafka.js'
import { MemoryStore } from '../contract/memory-store.js'
import {
  append,
  archiveCluster,
  group,
  hourMs,
  minuteMs,
  record,
  startArchive,
  topic,
  until,
} from '../pipeline/archiver.js'

const partitions = [0, 1, 2]

/** Numbered records of half an hour, with tombstones and aborted ones among them. */
async function fill(kafka: MemoryKafka): Promise<void> {
  for (const partition of partitions) {
    const target = { topic, partition }
    const producer = await kafka.cluster('filter').transactional(`filter.${partition}`)
    await producer.initialise()
    for (let n = 0; n < 30; n++) {
      append(kafka, n * 60, n * 60 + 55, { partition })
      kafka.append(target, [record(null, hourMs + n * minuteMs + 56_000)])
      const transaction = await producer.begin()
      await transaction.send(target, [record(`{"n":"${n}"}`, hourMs + n * minuteMs + 57_000)])
      await (n % 2 === 0 ? transaction.commit() : transaction.abort())
    }
  }
}

async function verify(
  kafka: MemoryKafka,
  store: MemoryStore,
): Promise<{ findings: readonly Finding[]; compared: number }> {
  const about = { cluster: kafka.cluster('verify'), topic, group, partitions, clusterId: 'memory', topicId: 'topic-1' }
  const verifying = verifyArchive({ store, scope: { prefix: 'logs' }, readsObjects: true, topic: about })
  const findings: Finding[] = []
  for (;;) {
    const next = await verifying.next()
    if (next.done === true)
      return { findings, compared: next.value.partitions.reduce((sum, each) => sum + each.compared, 0) }
    findings.push(next.value)
  }
}

test('an archive is clean while it is written and afterwards, and lacks any object that is taken away', async (t) => {
  const [kafka, store] = [archiveCluster(partitions.length), new MemoryStore()]
  await fill(kafka)
  const { time } = await startArchive(t, kafka, store, 'a', { compression: 'gzip' })
  let verified = 0
  for (;;) {
    let beats = 0
    await until(kafka, () => ++beats > 20)
    assert.deepEqual((await verify(kafka, store)).findings, [])
    assert.ok(++verified < 1000, 'the archive comes to an end')
    const offsets = partitions.map((partition) => kafka.offsetOf(group, { topic, partition }) ?? 0n)
    const ends = partitions.map((partition) => kafka.read({ topic, partition }).at(-1)!.offset)
    if (offsets.every((offset, i) => offset > ends[i]!)) break
    if (verified % 5 === 0) time.advance(minuteMs)
  }
  const objects = store.keys.filter((key) => parseObjectKey('logs', key) !== undefined)
  assert.equal((await verify(kafka, store)).compared, objects.length)
  for (const key of objects.filter((_, i) => i % 7 === 0)) {
    const object = store.objects.get(key)!
    store.objects.delete(key)
    const { findings } = await verify(kafka, store)
    assert.deepEqual(
      findings.map(({ kind }) => kind),
      ['gap'],
      key,
    )
    assert.equal(findings[0]!.records, Number(object.metadata['weir-count']), key)
    store.objects.set(key, object)
  }
})
