// Reading a range of a partition, as no member of a group, on a real broker.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'

import type { FetchedRecord, KafkaCluster, OutgoingRecord, Target } from '#src/kafka/port.js'
import { useBroker } from '../servers/kafka/broker.js'
import { clientOf } from '../servers/kafka/clients.js'
import { skipWithoutKafka } from '../servers/kafka/install.js'
import { readTopic } from '../servers/kafka/reading.js'
import { makeTopic, open, owner, record, valuesOf, write } from './opening.js'

const skip = await skipWithoutKafka()
const broker = useBroker(skip)

const openHere = (t: TestContext) => open(t, { brokers: broker().addresses })

/** Reads a range, and copies what is only lent. */
async function read(cluster: KafkaCluster, of: Target, from: bigint, to: bigint): Promise<FetchedRecord[]> {
  const records: FetchedRecord[] = []
  for await (const piece of cluster.read(of, from, to)) {
    records.push(...piece.map((each) => ({ ...each, value: each.value && Buffer.from(each.value) })))
  }
  return records
}

const offsetsOf = (records: readonly FetchedRecord[]) => records.map(({ offset }) => Number(offset))

test('a range is read without markers and without what was aborted', { skip }, async (t) => {
  const cluster = await openHere(t)
  await makeTopic(cluster, 'ranges')
  const of = { topic: 'ranges', partition: 0 }
  const [a, b] = [await owner(cluster, 'ranges.a'), await owner(cluster, 'ranges.b')]
  await write(cluster, 'ranges', ['0', '1'])
  const [ta, tb] = [await a.begin(), await b.begin()]
  await ta.send(of, [record('2, aborted'), record('3, aborted')])
  await tb.send(of, [record('4'), record('5'), record('6')])
  // Markers: 7 and 8.
  await ta.abort()
  await tb.commit()
  // A commit is answered before its marker is written.
  while ((await cluster.admin.range(of)).end < 9n);
  await write(cluster, 'ranges', ['9'])
  const all = await read(cluster, of, 0n, 10n)
  assert.deepEqual(valuesOf(all), ['0', '1', '4', '5', '6', '9'])
  assert.deepEqual(offsetsOf(all), [0, 1, 4, 5, 6, 9])
  assert.deepEqual(valuesOf((await readTopic(broker(), 'ranges'))[0]!), valuesOf(all))
  // From the middle of a batch and of an aborted transaction; to the middle of a batch; of markers alone.
  assert.deepEqual(offsetsOf(await read(cluster, of, 3n, 6n)), [4, 5])
  assert.deepEqual(offsetsOf(await read(cluster, of, 5n, 6n)), [5])
  assert.deepEqual(offsetsOf(await read(cluster, of, 7n, 9n)), [])
  assert.deepEqual(offsetsOf(await read(cluster, of, 9n, 9n)), [])
  assert.equal(await cluster.admin.committed('ranges', of), undefined)
})

test('reading ends where the rest is not committed yet', { skip }, async (t) => {
  const cluster = await openHere(t)
  await makeTopic(cluster, 'unstable')
  const of = { topic: 'unstable', partition: 0 }
  await write(cluster, 'unstable', ['0'])
  const transaction = await (await owner(cluster, 'unstable.a')).begin()
  await transaction.send(of, [record('1')])
  await write(cluster, 'unstable', ['2'])
  assert.deepEqual(valuesOf(await read(cluster, of, 0n, 3n)), ['0'])
  await transaction.commit()
  // A commit is answered before its marker is written.
  while ((await cluster.admin.range(of)).end < 4n);
  assert.deepEqual(valuesOf(await read(cluster, of, 0n, 3n)), ['0', '1', '2'])
})

test('a range of many fetches comes in order and whole', { skip }, async (t) => {
  const cluster = await openHere(t)
  await makeTopic(cluster, 'long', 2)
  const of = { topic: 'long', partition: 1 }
  const producer = await cluster.producer()
  const line = (i: number): OutgoingRecord => ({ key: null, value: Buffer.from(`${i} ${'x'.repeat(2_000)}`) })
  for (let batch = 0; batch < 30; batch++) {
    await producer.send(
      of,
      Array.from({ length: 400 }, (_, i) => line(batch * 400 + i)),
    )
  }
  let next = 500
  let pieces = 0
  for await (const piece of cluster.read(of, 500n, 11_500n)) {
    pieces++
    for (const { offset, value } of piece) {
      assert.equal(Number(offset), next)
      assert.ok(Buffer.from(value!).toString().startsWith(`${next} `))
      next++
    }
  }
  assert.equal(next, 11_500)
  assert.ok(pieces > 3, `${pieces} pieces`)
})

test('what the log does not hold any more, and a partition that is not there, are told', { skip }, async (t) => {
  const cluster = await openHere(t)
  await makeTopic(cluster, 'deleted')
  const of = { topic: 'deleted', partition: 0 }
  await write(cluster, 'deleted', ['0', '1', '2'])
  const admin = clientOf(broker().addresses).admin()
  await admin.connect()
  // Without a question before, the library knows no leader.
  await admin.fetchTopicOffsets('deleted')
  await admin.deleteTopicRecords({ topic: 'deleted', partitions: [{ partition: 0, offset: '2' }] })
  await admin.disconnect()
  await assert.rejects(read(cluster, of, 0n, 3n), { code: 'ERR_KAFKA_OFFSET', message: /deleted\/0 from offset 0/ })
  assert.deepEqual(valuesOf(await read(cluster, of, 2n, 3n)), ['2'])
  const missing = { topic: 'deleted', partition: 9 }
  await assert.rejects(read(cluster, missing, 0n, 1n), { code: 'ERR_KAFKA_TOPIC', message: /no partition deleted\/9/ })
})
