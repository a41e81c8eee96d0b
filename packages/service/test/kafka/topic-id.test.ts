// Ids of topics: the request and the answer as bytes that a broker of Kafka 4.1 has taken and sent, and a real broker.

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'

import { decodeTopicId, encodeTopicId, topicIdDefinition } from '#src/kafka/topic-id.js'
import { useBroker } from '../servers/kafka/broker.js'
import { clientOf } from '../servers/kafka/clients.js'
import { skipWithoutKafka } from '../servers/kafka/install.js'
import { answered, makeTopic, open } from './opening.js'

const skip = await skipWithoutKafka()
const broker = useBroker(skip)

/** About a topic `again` of three partitions. */
const answer = Buffer.from(
  'AAAAAAACAAAAAQoxMjcuMC4wLjEAAFMhAAAXQUFBQUFBQUFBQUFBQUFBQUFBQUFBQQAAAAECAAAGYWdhaW6ODPPAU9tPYYFX+0+oYTAxAAQAAAAAAAEAAAABAAAAAAIAAAABAgAAAAEBAAAAAAAAAgAAAAEAAAAAAgAAAAECAAAAAQEAAAAAAAAAAAAAAQAAAAACAAAAAQIAAAABAQCAAAAAAAA=',
  'base64',
)
/** Where the id begins in it. */
const idAt = answer.indexOf('again') + 'again'.length

test('the request asks for one topic by its name, which nobody is to make', () => {
  const name = Buffer.from('again').toString('hex')
  assert.equal(encodeTopicId('again').toString('hex'), `0002${'00'.repeat(16)}06${name}00000000`)
  // A length of more than seven bits takes two bytes.
  assert.equal(encodeTopicId('x'.repeat(200)).subarray(18, 21).toString('hex'), 'c90178')
})

test('the answer tells the id in 22 characters, or why not', () => {
  const told = (bytes: Buffer) => decodeTopicId(bytes, 'again')
  assert.deepEqual(told(answer), { errorCode: 0, id: 'jgzzwFPbT2GBV_tPqGEwMQ', clientSideThrottleTime: 0 })
  const without = Buffer.from(answer).fill(0, idAt, idAt + 16)
  assert.equal(told(without).id, undefined)
  const unknown = Buffer.from(answer)
  unknown.writeInt16BE(3, idAt - 'again'.length - 3)
  assert.equal(told(unknown).errorCode, 3)
  const slow = Buffer.from(answer)
  slow.writeInt32BE(250, 1)
  assert.equal(told(slow).clientSideThrottleTime, 250)
})

test('an answer with tags of later versions is read, one that is cut off or about another topic is none', () => {
  const tags = Buffer.from([1, 9, 2, 0xff, 0xff])
  const tagged = Buffer.concat([tags, answer.subarray(1, -1), tags])
  assert.equal(decodeTopicId(tagged, 'again').id, 'jgzzwFPbT2GBV_tPqGEwMQ')
  const code = { code: 'ERR_KAFKA_ANSWER' }
  for (let length = 0; length < answer.length; length++) {
    assert.throws(() => decodeTopicId(answer.subarray(0, length), 'again'), code, String(length))
  }
  assert.throws(() => decodeTopicId(answer, 'other'), code)
  assert.throws(() => decodeTopicId(Buffer.alloc(64, 0xff), 'again'), code)
})

test('a broker that is too old is not asked', () => {
  assert.equal(topicIdDefinition.protocol({ version: 11 })({ topic: 'a' }), undefined)
  assert.equal(topicIdDefinition.protocol({ version: 12 })({ topic: 'a' })?.request.apiVersion, 12)
})

/** What the broker has noted beside the records. */
async function noted(topic: string): Promise<string | undefined> {
  const file = path.join(path.dirname(broker().node.logPath), 'data', `${topic}-0`, 'partition.metadata')
  for (;;) {
    const text = await readFile(file, 'utf8').catch(() => '')
    const id = /^topic_id: (\S+)$/m.exec(text)?.[1]
    if (id !== undefined) return id
  }
}

test('a topic that is made anew has another id, and both are those of the broker', { skip }, async (t) => {
  const cluster = await open(t, { brokers: broker().addresses })
  await makeTopic(cluster, 'again', 3)
  const first = await cluster.admin.topicId('again')
  assert.equal(first, await noted('again'))
  assert.match(first ?? '', /^[\w-]{22}$/)
  assert.equal(await cluster.admin.topicId('again'), first)
  const admin = clientOf(broker().addresses).admin()
  await admin.connect()
  await admin.deleteTopics({ topics: ['again'] })
  await admin.disconnect()
  await makeTopic(cluster, 'again')
  const second = await cluster.admin.topicId('again')
  assert.notEqual(second, first)
  assert.match(second ?? '', /^[\w-]{22}$/)
})

test('a topic that is not there has none, and that is told', { skip }, async (t) => {
  const cluster = await open(t, { brokers: broker().addresses, requestMs: 2_000 })
  const asked = answered(() => cluster.admin.topicId('nowhere'))
  await assert.rejects(asked, {
    code: 'ERR_KAFKA_TOPIC',
    message: /^Asking for the id of nowhere failed: .*\(UNKNOWN_TOPIC_OR_PARTITION\)\.$/,
  })
})
