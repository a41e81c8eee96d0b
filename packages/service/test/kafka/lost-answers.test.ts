// Answers that are lost, and requests that come late, between the client and a real broker: what was asked counts once or
// not at all, and whoever asked is never asked again where that is not known.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { TestContext } from 'node:test'

import type { KafkaCluster } from '#src/kafka/port.js'
import { sendMemory } from '#src/kafka/send-memory.js'
import { eventually } from '../faults/fault.js'
import { startBroker } from '../servers/kafka/broker.js'
import type { Broker, Cluster } from '../servers/kafka/broker.js'
import { skipWithoutKafka } from '../servers/kafka/install.js'
import { startProxy } from '../servers/kafka/proxy.js'
import type { FaultProxy } from '../servers/kafka/proxy.js'
import { readTopic } from '../servers/kafka/reading.js'
import { makeTopic, open, owner, record, settled, settledOffset, valuesOf } from './opening.js'

const skip = await skipWithoutKafka()
const cleanings: (() => Promise<void>)[] = []
let proxy: FaultProxy
let broker: Broker & Cluster

if (skip === false) {
  before(async () => {
    const forFile = { after: (clean: () => Promise<void>) => void cleanings.unshift(clean) }
    proxy = startProxy(forFile)
    broker = await startBroker(forFile, { advertise: (port) => proxy.open(port) })
  })
  after(async () => {
    for (const clean of cleanings) await clean()
  })
}

/**
 * Opens a cluster behind the proxy, with a topic of that name. `requestMs`: what is not harmed has as long, however slow the
 * machine is.
 */
async function behind(t: TestContext, topic: string, requestMs = 4_000): Promise<KafkaCluster> {
  t.after(() => proxy.clear())
  await makeTopic(await open(t, { brokers: broker.addresses }), topic)
  return open(t, { brokers: broker.addresses, requestMs })
}

async function written(topic: string): Promise<(string | null)[]> {
  return valuesOf((await readTopic(broker, topic))[0]!)
}

test('a send whose answer is lost is asked again, and counts once', { skip }, async (t) => {
  const cluster = await behind(t, 'produced')
  const to = { topic: 'produced', partition: 0 }
  const producer = await cluster.producer()
  assert.equal(await producer.send(to, [record('1')]), 0n)
  for (const [action, value, offset] of [
    ['cut', '2', 1n],
    ['drop', '3', 2n],
  ] as const) {
    const fault = proxy.plan({ on: 'answer', api: 'Produce', do: action })
    assert.equal(await producer.send(to, [record(value)]), offset)
    assert.equal(fault.strikes, 1)
  }
  const transactional = await owner(cluster, 'produced.0')
  const transaction = await transactional.begin()
  proxy.plan({ on: 'answer', api: 'Produce', do: 'cut' })
  await transaction.send(to, [record('4')])
  await transaction.commit()
  await settled(cluster, 'produced.0')
  assert.deepEqual(await written('produced'), ['1', '2', '3', '4'])
})

test('memory of a request whose answer is lost is not used again', { skip }, async (t) => {
  // No other request is to be tried again, however slow the machine is.
  const cluster = await behind(t, 'large', 20_000)
  const to = { topic: 'large', partition: 0 }
  const producer = await cluster.producer()
  const large = (letter: string) => letter.repeat(200_000)
  await producer.send(to, [record(large('1'))])
  const { freeBytes } = sendMemory
  assert.ok(freeBytes > 0)
  await producer.send(to, [record(large('2'))])
  assert.equal(sendMemory.freeBytes, freeBytes)
  const fault = proxy.plan({ on: 'answer', api: 'Produce', do: 'cut' })
  await producer.send(to, [record(large('3'))])
  assert.equal(fault.strikes, 1)
  assert.equal(sendMemory.freeBytes, 0)
  await producer.send(to, [record(large('4'))])
  assert.equal(sendMemory.freeBytes, freeBytes)
  assert.deepEqual(await written('large'), ['1', '2', '3', '4'].map(large))
})

test('a commit whose answer is lost is asked once; who initialises next knows what came of it', { skip }, async (t) => {
  const cluster = await behind(t, 'committed')
  const to = { topic: 'committed', partition: 0 }
  for (const [turn, action] of (['cut', 'drop'] as const).entries()) {
    const first = await owner(cluster, 'committed.0')
    const transaction = await first.begin()
    await transaction.send(to, [record(action)])
    await transaction.moveOffset('g-committed', to, BigInt(turn + 1), action)
    const fault = proxy.plan({ on: 'answer', api: 'EndTxn', do: action })
    await assert.rejects(transaction.commit(), { code: /^ERR_KAFKA_(CONNECT|TIMEOUT)$/ })
    await assert.rejects(transaction.commit(), { code: 'ERR_KAFKA_DISCARDED' })
    await assert.rejects(first.initialise(), { code: 'ERR_KAFKA_DISCARDED' })
    assert.equal(fault.fitted, 1)
    const settled = await settledOffset(cluster, 'committed.0', 'g-committed', to)
    assert.deepEqual(settled, { offset: BigInt(turn + 1), metadata: action })
  }
  assert.deepEqual(await written('committed'), ['cut', 'drop'])
})

test('a commit that comes when the id has another owner does not count, and harms nothing', { skip }, async (t) => {
  const cluster = await behind(t, 'late')
  const to = { topic: 'late', partition: 0 }
  const first = await owner(cluster, 'late.0')
  const transaction = await first.begin()
  await transaction.send(to, [record('too late')])
  await transaction.moveOffset('g-late', to, 5n, '')
  const stranded = proxy.plan({ on: 'request', api: 'EndTxn', do: 'strand' })
  await assert.rejects(transaction.commit(), { code: 'ERR_KAFKA_CONNECT' })

  const next = await owner(cluster, 'late.0')
  assert.equal(await cluster.admin.committed('g-late', to), undefined)
  const following = await next.begin()
  await following.send(to, [record('in time')])
  stranded.release()
  await following.moveOffset('g-late', to, 6n, '')
  await following.commit()
  assert.deepEqual(await settledOffset(cluster, 'late.0', 'g-late', to), { offset: 6n, metadata: '' })
  assert.deepEqual(await written('late'), ['in time'])
})

test('whatever else is not answered ends the producer, and the next one begins anew', { skip }, async (t) => {
  const hasty = await behind(t, 'others', 600)
  const cluster = await open(t, { brokers: broker.addresses })
  const to = { topic: 'others', partition: 0 }
  for (const api of ['AddOffsetsToTxn', 'TxnOffsetCommit', 'AddPartitionsToTxn', 'InitProducerId'] as const) {
    const fault = proxy.plan({ on: 'answer', api, do: 'drop', times: 100 })
    const failing = async () => {
      const producer = await owner(hasty, 'others.0')
      const transaction = await producer.begin()
      await transaction.send(to, [record(api)])
      await transaction.moveOffset('g-others', to, 1n, api)
      await transaction.commit()
    }
    // Something before it may take too long as well.
    for (let attempt = 0; attempt < 20 && fault.strikes === 0; attempt++) {
      await assert.rejects(failing(), { code: 'ERR_KAFKA_TIMEOUT' }, api)
    }
    assert.ok(fault.strikes > 0, api)
    proxy.clear()
  }
  const producer = await owner(cluster, 'others.0')
  const transaction = await producer.begin()
  await transaction.send(to, [record('anew')])
  await transaction.commit()
  await settled(cluster, 'others.0')
  assert.deepEqual(await written('others'), ['anew'])
  assert.equal(await cluster.admin.committed('g-others', to), undefined)
})

test('a member whose way back into the group is cut off joins again', { skip }, async (t) => {
  await behind(t, 'rejoined')
  const assigned = new Map<string, readonly number[]>()
  const join = async (clientId: string) => {
    const cluster = await open(t, { brokers: broker.addresses, clientId })
    await cluster.join('g-rejoined', 'rejoined', {
      onAssigned: (partitions) => void assigned.set(clientId, partitions),
      onRevoked: () => void assigned.delete(clientId),
      onLost: () => assert.fail('The member was lost.'),
      onFault: (_, error) => assert.fail(error),
      onBatch: () => Promise.resolve(false),
      onHeartbeat: () => undefined,
    })
  }
  await join('first')
  await eventually('the first is assigned', () => assigned.has('first'))
  const cut = proxy.plan({
    ...{ on: 'answer', api: 'SyncGroup', do: 'cut' },
    when: ({ requestBytes }) => requestBytes.includes('first'),
  })
  await join('second')
  await cut.struck
  await eventually('each has its own', () => {
    return [...assigned.values()].flat().length === 1 && assigned.size === 2
  })
})
