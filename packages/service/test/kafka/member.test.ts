// Members of a group on a real broker: what they are assigned, what they read, and what ends that.

import assert from 'node:assert/strict'
import { open as openFile, readdir } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { TestContext } from 'node:test'

import { crc32c } from '#src/kafka/crc32c.js'
import { library } from '#src/kafka/library.js'
import type { KafkaOptions } from '#src/kafka/options.js'
import { startBroker, useBroker } from '../servers/kafka/broker.js'
import { skipWithoutKafka } from '../servers/kafka/install.js'
import { listen } from './listening.js'
import type { Listening } from './listening.js'
import { makeTopic, open, owner, record, valuesOf, write } from './opening.js'

const skip = await skipWithoutKafka()
const broker = useBroker(skip)

// Heartbeats come every three seconds, and sessions are long: who stands still for a moment stays in the group.
const openHere = (t: TestContext, options: Partial<KafkaOptions> = {}) =>
  open(t, { brokers: broker().addresses, ...options })

test('what is assigned stays paused until it is sought and resumed', { skip }, async (t) => {
  const cluster = await openHere(t)
  await makeTopic(cluster, 'paused', 2)
  await write(cluster, 'paused', ['a', 'b', 'c'], 0)
  await write(cluster, 'paused', ['x', 'y', 'z'], 1)
  const reading = await listen(cluster, 'g-paused', 'paused', { from: () => undefined })
  const { batches, assigned } = await reading.until(({ heartbeats }) => heartbeats > 0)
  assert.deepEqual([assigned, batches], [[[0, 1]], []])
  reading.member.seek(1, 1n)
  reading.member.resume([1])
  const { records } = await reading.until((told) => told.records.length === 2)
  assert.deepEqual(valuesOf(records), ['y', 'z'])
  assert.equal(await cluster.admin.committed('g-paused', { topic: 'paused', partition: 1 }), undefined)
})

test('a batch that is not done comes again, and one that is sought away is stale', { skip }, async (t) => {
  const cluster = await openHere(t)
  await makeTopic(cluster, 'again')
  await write(cluster, 'again', ['a', 'b'])
  const states: boolean[] = []
  let turns = 0
  const reading = await listen(cluster, 'g-again', 'again', {
    onBatch: async (_, turn) => {
      if (++turns === 1) return false
      states.push(turn.isStale)
      if (turns === 2) {
        reading.member.seek(0, 1n)
        states.push(turn.isStale)
        await turn.heartbeat()
        return false
      }
      return true
    },
  })
  const { batches } = await reading.until(({ records }) => records.length === 1)
  assert.deepEqual(
    batches.map(({ records }) => valuesOf(records)),
    [['a', 'b'], ['a', 'b'], ['b']],
  )
  assert.deepEqual(states, [false, true, false])
})

test('members of one group that read different topics each get their own, and no other', { skip }, async (t) => {
  const clusters = [await openHere(t), await openHere(t), await openHere(t)]
  await makeTopic(clusters[0]!, 'mine', 4)
  await makeTopic(clusters[0]!, 'yours', 3)
  const topics = ['mine', 'yours', 'mine']
  const readings = []
  for (const [i, topic] of topics.entries()) {
    readings.push(await listen(clusters[i]!, 'g-topics', topic, { from: () => undefined }))
    await readings[i]!.until(({ assigned }) => assigned.length > 0)
  }
  // Whoever leads shares both topics; the last to join had the others assigned anew.
  const wanted = [2, 3, 2]
  for (const [i, reading] of readings.entries()) {
    await reading.until(({ assigned }) => assigned.at(-1)!.length === wanted[i])
  }
  const shares = readings.map(({ told }) => told.assigned.at(-1)!)
  assert.deepEqual(
    [...shares[0]!, ...shares[2]!].toSorted((a, b) => a - b),
    [0, 1, 2, 3],
  )
  assert.deepEqual(shares[1], [0, 1, 2])
})

test('members share the partitions, and who leaves gives them back', { skip }, async (t) => {
  const cluster = await openHere(t)
  const other = await openHere(t)
  await makeTopic(cluster, 'shared', 4)
  const first = await listen(cluster, 'g-shared', 'shared', { from: () => undefined })
  await first.until(({ assigned }) => assigned.length > 0)
  const second = await listen(other, 'g-shared', 'shared', { from: () => undefined })
  await first.until(({ assigned }) => assigned.at(-1)!.length === 2)
  await second.until(({ assigned }) => assigned.at(-1)?.length === 2)
  assert.equal(first.told.revoked, first.told.assigned.length - 1)
  assert.deepEqual(new Set([...first.told.assigned.at(-1)!, ...second.told.assigned.at(-1)!]), new Set([0, 1, 2, 3]))
  await second.member.close()
  await first.until(({ assigned }) => assigned.at(-1)!.length === 4)
  assert.deepEqual(first.told.lost, [])
})

test('an offset outside of the log is a fault, and nothing is committed in its place', { skip }, async (t) => {
  const cluster = await openHere(t)
  await makeTopic(cluster, 'outside', 2)
  await write(cluster, 'outside', ['a'], 1)
  const reading = await listen(cluster, 'g-outside', 'outside', { from: (partition) => (partition === 0 ? 99n : 0n) })
  const { faults, records } = await reading.until((told) => told.faults.length > 0 && told.records.length > 0)
  assert.deepEqual(
    faults.map(({ partition, error }) => [partition, (error as { code?: string }).code]),
    [[0, 'ERR_KAFKA_OFFSET']],
  )
  assert.match(faults[0]!.error.message, /g-outside in outside\/0 /)
  assert.deepEqual(valuesOf(records), ['a'])
  assert.equal(await cluster.admin.committed('g-outside', { topic: 'outside', partition: 0 }), undefined)
  assert.deepEqual(reading.told.lost, [])
})

/** Changes the one segment of a partition while the broker serves it. */
async function changeLog(topic: string, partition: number, change: (log: Buffer) => void): Promise<void> {
  const folder = path.join(path.dirname(broker().node.logPath), 'data', `${topic}-${partition}`)
  const name = (await readdir(folder)).find((each) => each.endsWith('.log'))!
  const file = await openFile(path.join(folder, name), 'r+')
  const log = await file.readFile()
  change(log)
  await file.write(log, 0, log.length, 0)
  await file.close()
}

test('a batch that is damaged in the log stops its partition, and no other', { skip }, async (t) => {
  const cluster = await openHere(t)
  await makeTopic(cluster, 'damaged', 2)
  await write(cluster, 'damaged', ['good'], 0)
  await write(cluster, 'damaged', ['to be damaged'], 0)
  await write(cluster, 'damaged', ['other'], 1)
  await changeLog('damaged', 0, (log) => {
    log[log.indexOf('to be damaged')]! ^= 1
  })
  const reading = await listen(cluster, 'g-damaged', 'damaged')
  const { faults, records, lost } = await reading.until((told) => told.faults.length > 0 && told.records.length > 1)
  assert.deepEqual(new Set(valuesOf(records)), new Set(['good', 'other']))
  assert.equal((faults[0]!.error as { code?: string }).code, 'ERR_KAFKA_CRC')
  assert.match(faults[0]!.error.message, /^damaged\/0 cannot be read on from offset 1: /)
  assert.deepEqual(lost, [])
  // Not for ever: who asks again where it can be read gets it.
  await write(cluster, 'damaged', ['behind'], 0)
  reading.member.seek(0, 2n)
  reading.member.resume([0])
  await reading.until((told) => valuesOf(told.records).includes('behind'))
})

test('an unknown codec stops its partition, with its name', { skip }, async (t) => {
  const cluster = await openHere(t)
  await makeTopic(cluster, 'codec')
  await write(cluster, 'codec', ['x'])
  await changeLog('codec', 0, (log) => {
    log.writeInt16BE(4, 21)
    log.writeUInt32BE(crc32c(log.subarray(21)), 17)
  })
  const reading = await listen(cluster, 'g-codec', 'codec')
  const { faults } = await reading.until((told) => told.faults.length > 0)
  assert.match(faults[0]!.error.message, /compressed with zstd/)
})

test('a record that inflates to 20 MiB stops its partition', { skip }, async (t) => {
  const cluster = await openHere(t)
  await makeTopic(cluster, 'bomb', 1, { 'max.message.bytes': '4194304' })
  const { Kafka, CompressionTypes, logLevel } = library().kafkajs
  const foreign = new Kafka({ brokers: [...broker().addresses], logLevel: logLevel.NOTHING }).producer()
  await foreign.connect()
  const value = Buffer.alloc(20 << 20, 'x')
  await foreign.send({
    topic: 'bomb',
    compression: CompressionTypes.GZIP,
    messages: [{ key: null, value, headers: [] as never }],
  })
  await foreign.disconnect()
  const reading = await listen(cluster, 'g-bomb', 'bomb')
  const { faults } = await reading.until((told) => told.faults.length > 0)
  assert.equal((faults[0]!.error as { code?: string }).code, 'ERR_KAFKA_SIZE')
})

test('who works on a batch while others join is told by its heartbeat, and joins again', { skip }, async (t) => {
  const cluster = await openHere(t)
  await makeTopic(cluster, 'long')
  await write(cluster, 'long', ['a'])
  let refusal: unknown
  let other: Promise<Listening> | undefined
  const reading = await listen(cluster, 'g-long', 'long', {
    onBatch: async (_, turn) => {
      if (refusal !== undefined) return true
      other ??= listen(cluster, 'g-long', 'long')
      for (;;) {
        await nextTurn()
        try {
          await turn.heartbeat()
        } catch (error) {
          refusal = error
          throw error
        }
      }
    },
  })
  await reading.until(({ assigned }) => assigned.length >= 2)
  assert.equal((refusal as { code?: string }).code, 'ERR_KAFKA_MEMBERSHIP')
  assert.deepEqual(reading.told.lost, [])
})

test('a batch that takes long holds up its own partition, and no other', { skip, timeout: 120_000 }, async (t) => {
  const cluster = await openHere(t)
  await makeTopic(cluster, 'held', 2)
  await write(cluster, 'held', ['a', 'b'], 0)
  let goOn: (isDone: boolean) => void = () => undefined
  let turns = 0
  const reading = await listen(cluster, 'g-held', 'held', {
    onBatch: ({ partition }) =>
      partition === 0 && turns++ < 2 ? new Promise((resolve) => (goOn = resolve)) : Promise.resolve(true),
  })
  for (const isDone of [false, true]) {
    const { length } = reading.told.batches
    await reading.until(({ batches }) => batches.slice(length).some(({ partition }) => partition === 0))
    await write(cluster, 'held', ['other'], 1)
    const before = reading.told.records.length
    await reading.until(({ records }) => records.length > before)
    // What is told while it is worked on counts when it is done.
    if (!isDone) reading.member.resume([0])
    assert.equal(reading.told.batches.filter(({ partition }) => partition === 0).length, isDone ? 2 : 1)
    goOn(isDone)
  }
  await write(cluster, 'held', ['c'], 0)
  const { batches, records, lost } = await reading.until((told) => valuesOf(told.records).includes('c'))
  const ofHeld = batches.filter(({ partition }) => partition === 0)
  assert.deepEqual(
    ofHeld.map((batch) => valuesOf(batch.records)),
    [['a', 'b'], ['a', 'b'], ['c']],
  )
  assert.deepEqual([valuesOf(records), lost], [['other', 'other', 'a', 'b', 'c'], []])
})

test('a batch ends behind the markers of its transactions, where the log does', { skip }, async (t) => {
  const cluster = await openHere(t)
  await makeTopic(cluster, 'marked')
  const producer = await owner(cluster, 'marked.0')
  for (const value of ['a', 'b']) {
    const transaction = await producer.begin()
    await transaction.send({ topic: 'marked', partition: 0 }, [record(value)])
    await transaction.commit()
  }
  const reading = await listen(cluster, 'g-marked', 'marked')
  const { batches } = await reading.until(({ records }) => records.length === 2)
  const { next, end } = batches.at(-1)!
  assert.deepEqual([next, end], [4n, 4n])
})

test('a listener that throws after a long time what it must not is told the loss for good', { skip }, async (t) => {
  const cluster = await openHere(t)
  await makeTopic(cluster, 'throws-late', 2)
  await write(cluster, 'throws-late', ['a'], 0)
  const thrown = new TypeError('a fault of ours')
  let fail: (error: Error) => void = () => undefined
  const reading = await listen(cluster, 'g-throws-late', 'throws-late', {
    onBatch: ({ partition }) => (partition === 1 ? Promise.resolve(true) : new Promise((_, reject) => (fail = reject))),
  })
  await reading.until(({ batches }) => batches.length > 0)
  await write(cluster, 'throws-late', ['other'], 1)
  await reading.until(({ records }) => records.length > 0)
  fail(thrown)
  const { lost } = await reading.until((told) => told.lost.length > 0)
  assert.deepEqual(lost, [{ error: thrown, isFinal: true }])
})

test('a listener that throws what it must not is told the loss for good', { skip }, async (t) => {
  const cluster = await openHere(t)
  await makeTopic(cluster, 'throws')
  await write(cluster, 'throws', ['a'])
  const thrown = new TypeError('a fault of ours')
  const reading = await listen(cluster, 'g-throws', 'throws', { onBatch: () => Promise.reject(thrown) })
  const { lost } = await reading.until((told) => told.lost.length > 0)
  assert.deepEqual(lost, [{ error: thrown, isFinal: true }])
})

test('members outlive brokers that are away, and read on where they are told', { skip }, async (t) => {
  const own = await startBroker(t)
  const cluster = await open(t, { brokers: own.addresses, requestMs: 1_000, sessionMs: 6_000 })
  const patient = await open(t, { brokers: own.addresses })
  await makeTopic(patient, 'away')
  await write(patient, 'away', ['before'])
  let next = 0n
  const reading = await listen(cluster, 'g-away', 'away', {
    from: () => next,
    onBatch: (batch) => {
      next = batch.records.at(-1)!.offset + 1n
      return Promise.resolve(true)
    },
  })
  await reading.until(({ records }) => records.length === 1)
  await own.node.kill()
  await assert.rejects(cluster.admin.range({ topic: 'away', partition: 0 }), { code: /^ERR_KAFKA_(CONNECT|TIMEOUT)$/ })
  await own.node.start()
  assert.equal(await write(patient, 'away', ['after']), 1n)
  const { records, lost } = await reading.until((told) => told.records.length === 2)
  assert.deepEqual(valuesOf(records), ['before', 'after'])
  assert.ok(lost.every(({ isFinal }) => !isFinal))
})

test('closing while a batch is worked on, or while joining, ends', { skip }, async (t) => {
  // As long as leaving may take.
  const cluster = await openHere(t, { requestMs: 3_000 })
  const patient = await openHere(t)
  await makeTopic(patient, 'closing')
  await write(patient, 'closing', ['a'])
  const joining = await listen(cluster, 'g-closing', 'closing')
  // What is said to nobody's member is said too early, and no fault.
  joining.member.pause([0])
  joining.member.seek(0, 5n)
  joining.member.resume([0])
  await joining.member.close()
  const reading = await listen(cluster, 'g-closing', 'closing', { onBatch: () => new Promise(() => undefined) })
  await reading.until(({ batches }) => batches.length > 0)
  await reading.member.close()
  assert.deepEqual([joining.told.lost, reading.told.lost], [[], []])
})

test('records are refused that no reader would tell from a marker', { skip }, async (t) => {
  const cluster = await openHere(t)
  await makeTopic(cluster, 'key')
  const producer = await cluster.producer()
  const to = { topic: 'key', partition: 0 }
  await assert.rejects(producer.send(to, [{ ...record('x'), key: Buffer.alloc(4) }]), { code: 'ERR_KAFKA_KEY' })
  // Nothing was sent, so nothing has failed.
  assert.equal(await producer.send(to, [record('y')]), 0n)
})
