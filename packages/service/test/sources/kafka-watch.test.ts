// What a watch finds out about logs and groups, on a cluster in memory: what somebody has to look into, and what not.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { KafkaWatch } from '#src/sources/kafka-watch.js'
import { MemoryKafka } from '../contract/memory-kafka.js'

const [group, minute, hour] = ['filter', 60_000, 3_600_000]
const raw0 = { topic: 'raw', partition: 0 }

/** A watch of both partitions of a topic, and a clock that tests set. */
function watched() {
  const kafka = new MemoryKafka()
  for (const topic of ['raw', 'processed']) kafka.makeTopic(topic, 2)
  const told: string[] = []
  const at = { ms: 0, partitions: [0, 1] }
  const cluster = kafka.cluster('watch')
  const watch = new KafkaWatch({
    ...{ admin: cluster.admin, group, topic: 'raw', outputs: ['processed', 'processed'] },
    partitions: () => at.partitions,
    clock: () => at.ms,
    now: () => 1000 * hour + at.ms,
    startTimer: () => () => undefined,
    onWarning: ({ kind, topic, partition }, isOver) =>
      void told.push(`${isOver ? 'over' : 'warned'} ${kind} ${topic ?? ''} ${partition ?? ''}`.trim()),
    onProblem: (error) => void told.push(`problem ${(error as Error).message}`),
  })
  return { kafka, cluster, watch, told, at }
}

/** Appends records that came at a time, in hours before now. */
function append(kafka: MemoryKafka, count: number, hoursAgo: number): void {
  const at = Buffer.from(String((1000 - hoursAgo) * hour))
  kafka.append(raw0, Array.from({ length: count }, () => ({ key: null, value: Buffer.from('{}'), headers: [['at', at]] as const }))) // prettier-ignore
}

test('how far the group is from both ends of the log is known, also where nobody reads it', async () => {
  const { kafka, watch, at } = watched()
  append(kafka, 10, 1)
  kafka.deleteBelow(raw0, 2n)
  kafka.setOffset(group, raw0, 5n)
  await watch.look()
  const log = { first: 2n, stable: 10n, end: 10n }
  assert.deepEqual(watch.figuresOf(0), { log, offset: 5n, isLate: false })
  assert.equal(watch.figuresOf(1), undefined)
  kafka.setOffset(group, raw0, 1n)
  await watch.look()
  assert.deepEqual(watch.figuresOf(0), { log, offset: 1n, isLate: false })
  at.partitions = []
  await watch.look()
  assert.equal(watch.figuresOf(0), undefined)
})

test('what is older than half of its time is warned of, until it is read', async () => {
  const { kafka, watch, told } = watched()
  kafka.topicConfig = { 'retention.ms': String(72 * hour) }
  append(kafka, 5, 40)
  append(kafka, 5, 30)
  kafka.setOffset(group, raw0, 5n)
  await watch.look()
  assert.equal(watch.figuresOf(0)?.isLate, false)
  kafka.setOffset(group, raw0, 4n)
  await watch.look()
  await watch.look()
  assert.equal(watch.figuresOf(0)?.isLate, true)
  assert.match(
    watch.warnings[0]!.message,
    /raw\/0 keeps what comes next: the group is 6 offsets behind, and 4 offsets from the start of the log/,
  )
  kafka.setOffset(group, raw0, 10n)
  await watch.look()
  assert.deepEqual(told, ['warned retention raw 0', 'over retention raw 0'])
})

test('where all that is there is old, whoever has read it is not late', async () => {
  const { kafka, watch } = watched()
  kafka.topicConfig = { 'retention.ms': String(72 * hour) }
  append(kafka, 5, 70)
  kafka.setOffset(group, raw0, 4n)
  await watch.look()
  assert.equal(watch.figuresOf(0)?.isLate, true)
  kafka.setOffset(group, raw0, 5n)
  await watch.look()
  assert.equal(watch.figuresOf(0)?.isLate, false)
})

test('in a log that is bounded by bytes, half of its offsets is half of its bytes once it has lost some', async () => {
  const { kafka, watch } = watched()
  kafka.topicConfig = { 'retention.ms': '-1', 'retention.bytes': '1000' }
  append(kafka, 20, 1)
  kafka.setOffset(group, raw0, 10n)
  await watch.look()
  assert.equal(watch.figuresOf(0)?.isLate, false)
  kafka.deleteBelow(raw0, 4n)
  await watch.look()
  assert.equal(watch.figuresOf(0)?.isLate, true)
  kafka.setOffset(group, raw0, 12n)
  await watch.look()
  assert.equal(watch.figuresOf(0)?.isLate, false)
})

test('a transaction that holds readers up while more is written is warned of, in outputs too', async () => {
  const { kafka, cluster, watch, told, at } = watched()
  const processed = { topic: 'processed', partition: 1 }
  const hanging = await cluster.transactional('somebody')
  await hanging.initialise()
  await (await hanging.begin()).send(processed, [{ key: null, value: Buffer.from('x') }])
  await watch.look()
  at.ms = 4 * minute
  await watch.look()
  // Open for long, but nobody is held up by it.
  assert.deepEqual(told, [])
  kafka.append(processed, [{ key: null, value: Buffer.from('y') }])
  await watch.look()
  assert.deepEqual(told, ['warned hanging_transaction processed 1'])
  assert.match(watch.warnings[0]!.message, /open at offset 0 of processed\/1/)
  // Whoever initialises the id has it ended.
  await (await cluster.transactional('somebody')).initialise()
  await watch.look()
  assert.equal(told.at(-1), 'over hanging_transaction processed 1')
})

test('transactions that follow each other hold nobody up', async () => {
  const { cluster, watch, told, at } = watched()
  for (let turn = 0; turn < 10; turn++) {
    const producer = await cluster.transactional('somebody')
    await producer.initialise()
    await (await producer.begin()).send({ topic: 'raw', partition: 0 }, [{ key: null, value: Buffer.from('x') }])
    await watch.look()
    at.ms += minute
  }
  assert.deepEqual(told, [])
})

const [a, b] = ['aaaaaaaaaaaaaaaa', 'bbbbbbbbbbbbbbbb']

test('members that judge by different rules for more than five minutes are warned of', async () => {
  const { kafka, watch, told, at } = watched()
  const look = async (minutes: number, versions: readonly [string, string]) => {
    at.ms = minutes * minute
    for (const partition of [0, 1]) {
      kafka.setOffset(group, { topic: 'raw', partition }, BigInt(minutes), versions[partition])
    }
    await watch.look()
  }
  for (let minutes = 0; minutes <= 6; minutes++) await look(minutes, [a, b])
  assert.deepEqual(told, [])
  await look(7, [a, b])
  assert.deepEqual(told, ['warned rule_versions'])
  assert.match(watch.warnings[0]!.message, /judge by different rules: a{16}, b{16}\./)
  await look(8, [b, b])
  assert.deepEqual(told, ['warned rule_versions', 'over rule_versions'])
})

test('a partition that nobody writes to keeps its old version, and says nothing', async () => {
  const { kafka, watch, told, at } = watched()
  kafka.setOffset(group, { topic: 'raw', partition: 1 }, 0n, a)
  await watch.look()
  kafka.setOffset(group, { topic: 'raw', partition: 1 }, 1n, a)
  for (let minutes = 0; minutes < 20; minutes++) {
    at.ms = minutes * minute
    kafka.setOffset(group, raw0, BigInt(minutes), b)
    await watch.look()
  }
  // What somebody noted by hand is no version.
  kafka.setOffset(group, { topic: 'raw', partition: 1 }, 2n, 'set: by hand')
  await watch.look()
  assert.deepEqual(told, [])
})

test('what cannot be asked is told, and nothing old is taken for known', async () => {
  const { kafka, watch, told, at } = watched()
  append(kafka, 3, 1)
  kafka.setOffset(group, raw0, 1n)
  await watch.look()
  assert.equal(watch.figuresOf(0)?.log.end, 3n)
  at.partitions = [7]
  await watch.look()
  assert.equal(watch.figuresOf(0), undefined)
  assert.deepEqual(told, ['problem There is no raw/7.'])
})
