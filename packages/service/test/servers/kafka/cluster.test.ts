// Three brokers: what is written is still there, and can be written on, when the one that led is killed.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { eventually } from '../../faults/fault.ts'
import { startCluster } from './broker.ts'
import { clientOf, createTopic, patience, writeValue } from './clients.ts'
import { skipWithoutKafka } from './install.ts'
import { readTopic } from './reading.ts'

const skip = await skipWithoutKafka()

test('two brokers of three go on when the leader is killed, and take it back', { skip }, async (t) => {
  const cluster = await startCluster(t, { nodes: 3 })
  const kafka = clientOf(cluster.addresses, { retry: patience })
  await createTopic(kafka, 'replicated')
  await writeValue(kafka, 'replicated', 'before')
  const admin = kafka.admin()
  await admin.connect()
  const partition = async () => (await admin.fetchTopicMetadata({ topics: ['replicated'] })).topics[0]!.partitions[0]!
  const { leader: killed, replicas } = await partition()
  assert.equal(replicas.length, 3)
  const { node } = cluster.brokers.find(({ id }) => id === killed)!
  await node.kill()
  const now = async () => partition().catch(() => ({ leader: killed, isr: [] }))
  await eventually('another leads', async () => ![killed, -1].includes((await now()).leader))
  await writeValue(kafka, 'replicated', 'without its leader')
  await node.start()
  await eventually('it has caught up', async () => (await now()).isr.length === 3)
  const [records] = await readTopic(cluster, 'replicated')
  assert.deepEqual(
    records!.map(({ value }) => String(value)),
    ['before', 'without its leader'],
  )
  await admin.disconnect()
})
