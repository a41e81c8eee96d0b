// Real brokers as tests use them: that they start, answer, come back with what they had, and leave nothing behind; and that
// the judges read what is there.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { folder } from '../../running.ts'
import { eventually } from '../../faults/fault.ts'
import { askVersions } from './asking.ts'
import { startBroker, useBroker } from './broker.ts'
import { clientOf, createTopic, patience, writeValue } from './clients.ts'
import { apiKeys } from './framing.ts'
import { skipWithoutKafka } from './install.ts'
import { readByConsole, readTopic } from './reading.ts'
import type { ReadRecord } from './reading.ts'

const skip = await skipWithoutKafka()
const shared = useBroker(skip)

/** What a judge read, without the times. */
function plain(partitions: readonly (readonly ReadRecord[])[]): unknown {
  const fields = ({ offset, key, value, headers }: ReadRecord) => ({ offset, key, value, headers })
  return partitions.map((records) => records.map(fields))
}

test('a broker that is killed or stopped comes back with its records, on the same ports', { skip }, async (t) => {
  const broker = await startBroker(t)
  const kafka = clientOf(broker.addresses, { retry: patience })
  await createTopic(kafka, 'kept', 1)
  await writeValue(kafka, 'kept', 'before it is killed')
  await broker.node.kill()
  const port = Number(broker.address.split(':')[1])
  await assert.rejects(askVersions(port), { code: 'ECONNREFUSED' })
  await broker.node.start()
  assert.ok((await askVersions(port)).get(apiKeys.EndTxn)!.last >= 3)
  await writeValue(kafka, 'kept', 'before it is stopped')
  assert.equal(await broker.node.stop(), 143)
  await broker.node.start()
  const [records] = await readTopic(broker, 'kept')
  assert.deepEqual(
    records!.map(({ value }) => String(value)),
    ['before it is killed', 'before it is stopped'],
  )
})

test('both judges read every committed record as it is, and nothing else', { skip }, async () => {
  const broker = shared()
  const kafka = clientOf(broker.addresses, { retry: patience })
  await createTopic(kafka, 'judged', 3)
  const producer = kafka.producer({ transactionalId: 'judged', maxInFlightRequests: 1, idempotent: true })
  await producer.connect()
  const bytes = Buffer.from([0xff, 0x0a, 0x09, 0x00, 0x7c])
  for (const end of ['commit', 'abort', 'commit'] as const) {
    const transaction = await producer.transaction()
    const headers = { first: bytes, ü: 'ä' }
    await transaction.send({ topic: 'judged', messages: [{ partition: 1, key: null, value: bytes, headers }] })
    await transaction.send({ topic: 'judged', messages: [{ partition: 2, key: 'key', value: null }] })
    await transaction[end]()
  }
  const open = await producer.transaction()
  await open.send({ topic: 'judged', messages: [{ partition: 2, value: 'not yet' }] })
  const first = {
    key: null,
    value: bytes,
    headers: [
      ['first', bytes],
      ['ü', Buffer.from('ä')],
    ],
  }
  const second = { key: Buffer.from('key'), value: null, headers: [] }
  // Between them, each transaction has left its marker, and the one that was aborted its record as well.
  const committed = [first, second].map((record) => [0n, 4n].map((offset) => ({ offset, ...record })))
  assert.deepEqual(plain(await readTopic(broker, 'judged')), [[], ...committed])
  assert.deepEqual(plain(await readByConsole(broker, 'judged', 4)), [[], ...committed])
  const all = await readTopic(broker, 'judged', 'read_uncommitted')
  assert.deepEqual(
    all.map((records) => records.map(({ offset }) => offset)),
    [[], [0n, 2n, 4n], [0n, 2n, 4n, 6n]],
  )
  await open.abort()
  await producer.disconnect()
  await assert.rejects(readTopic(broker, 'no-such-topic'), /TopicReader ended with 1: .*no-such-topic/s)
})

test('a broker ends with the process that started it, even when that is killed', { skip }, async (t) => {
  const script = fileURLToPath(new URL('abandoning.js', import.meta.url))
  // What a killed process stored is left behind; here, for the test to remove.
  const args = [script, await folder(t)]
  const owner = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const [address] = (await once(owner.stdout, 'data')) as [Buffer]
  const port = Number(String(address).trim().split(':')[1])
  assert.ok((await askVersions(port)).size > 0)
  owner.kill('SIGKILL')
  const isGone = async () =>
    askVersions(port).then(
      () => false,
      () => true,
    )
  await eventually('the broker has ended', isGone)
})

test('a broker that cannot start says why', { skip }, async (t) => {
  const settings = { 'log.segment.bytes': 'many' }
  await assert.rejects(startBroker(t, { settings }), /did not start: it ended with 1[^]*log\.segment\.bytes/)
})
