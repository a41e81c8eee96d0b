// A cluster that is closed while its brokers say nothing: what is under way ends at once, and nobody is called any more.
// What listens here is no broker.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { test } from 'node:test'
import type { TestContext } from 'node:test'

import type { KafkaCluster } from '#src/kafka/port.js'
import { open } from './opening.js'

/** A cluster whose only broker takes connections and never answers, and these connections. */
async function silentCluster(
  t: TestContext,
): Promise<{ cluster: KafkaCluster; calls: Socket[]; called: Promise<void> }> {
  const calls: Socket[] = []
  const server = createServer((socket) => calls.push(socket.on('error', () => undefined)))
  t.after(() => {
    for (const socket of calls) socket.destroy()
    server.close()
  })
  const called = once(server, 'connection').then(() => undefined)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const cluster = await open(t, { brokers: [`127.0.0.1:${(server.address() as AddressInfo).port}`] })
  return { cluster, calls, called }
}

test('a question ends with the cluster, and none is asked afterwards', { timeout: 60_000 }, async (t) => {
  const { cluster, calls, called } = await silentCluster(t)
  const asked = assert.rejects(cluster.admin.clusterId(), { code: 'ERR_KAFKA_DISCARDED' })
  await called
  await cluster.close()
  await asked
  await assert.rejects(cluster.admin.clusterId(), { code: 'ERR_KAFKA_DISCARDED' })
  assert.equal(calls.length, 1)
})

test(
  'a producer that connects ends with the cluster, and none is opened afterwards',
  { timeout: 60_000 },
  async (t) => {
    const { cluster, calls, called } = await silentCluster(t)
    const opened = assert.rejects(cluster.transactional('weir.g.t.0'), { code: 'ERR_KAFKA_DISCARDED' })
    await called
    await cluster.close()
    await opened
    await assert.rejects(cluster.producer(), { code: 'ERR_KAFKA_DISCARDED' })
    assert.equal(calls.length, 1)
  },
)
