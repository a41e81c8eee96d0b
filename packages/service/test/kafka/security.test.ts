// Passwords, certificates and rights on a real broker: who comes in, who is told why not, and what a changed file changes.

import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'

import type { AclOperationTypes, AclResourceTypes, ResourcePatternTypes } from 'kafkajs'

import { openCluster } from '#src/kafka/cluster.js'
import { library } from '#src/kafka/library.js'
import { saslMechanisms } from '#src/kafka/options.js'
import type { KafkaOptions, SaslMechanism } from '#src/kafka/options.js'
import type { StructuredLog } from '#src/structured-log.js'
import { eventually } from '../faults/fault.js'
import { folder } from '../running.js'
import { useBroker } from '../servers/kafka/broker.js'
import { skipWithoutKafka } from '../servers/kafka/install.js'
import { setPassword } from '../servers/kafka/reading.js'
import type { SecureListener } from '../servers/kafka/settings.js'
import { makePair } from '../sources/certificate.js'
import { listen } from './listening.js'
import { answered, makeTopic, open, owner, record, write } from './opening.js'

const skip = await skipWithoutKafka()
const [ofBroker, ofClient] = [makePair(1), makePair(2)]
const users = [
  { name: 'admin', password: 'admin-secret' },
  { name: 'worker', password: 'worker-secret' },
  { name: 'stranger', password: 'stranger-secret' },
  { name: 'changing', password: 'first-secret' },
]
const broker = useBroker(skip, {
  ...{ users, certificate: ofBroker, clientCertificates: [ofClient.certificate] },
  // Whoever comes over the plain listeners is the broker itself, or a judge.
  settings: {
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'super.users': 'User:ANONYMOUS;User:admin;User:changing;User:CN=localhost',
  },
})

/** Returns options for a user of the broker, whose password stands in a file. */
async function asUser(
  t: TestContext,
  name: string,
  mechanism: SaslMechanism = 'scram-sha-512',
  listener: SecureListener = 'SASL_PLAINTEXT',
): Promise<KafkaOptions & { readonly passwordFile: string }> {
  const passwordFile = path.join(await folder(t), 'password')
  await writeFile(passwordFile, `${users.find((user) => user.name === name)!.password}\n`)
  const sasl = { mechanism, user: name, passwordFile }
  return { brokers: [broker().addressOf(listener)], sasl, passwordFile }
}

async function pemFile(t: TestContext, text: string): Promise<string> {
  const file = path.join(await folder(t), 'pem')
  await writeFile(file, text)
  return file
}

/** A log that keeps what it is told at the levels that people read. */
function keptLog(): { readonly log: StructuredLog; readonly said: string[] } {
  const said: string[] = []
  const say = (message: string) => void said.push(message)
  const log: StructuredLog = { debug: () => undefined, info: say, warn: say, error: say, child: () => log }
  return { log, said }
}

test('users come in by each mechanism, with TLS and without, and write', { skip }, async (t) => {
  const ca = await pemFile(t, ofBroker.certificate)
  await makeTopic(await open(t, { brokers: broker().addresses }), 'mechanisms')
  for (const mechanism of saslMechanisms) {
    for (const listener of ['SASL_PLAINTEXT', 'SASL_SSL'] as const) {
      const { passwordFile: _, ...options } = await asUser(t, 'admin', mechanism, listener)
      const cluster = await open(t, { ...options, ...(listener === 'SASL_SSL' ? { tls: { ca } } : {}) })
      await write(cluster, 'mechanisms', [mechanism])
    }
  }
  assert.equal(
    (await (await open(t, { brokers: broker().addresses })).admin.range({ topic: 'mechanisms', partition: 0 })).end,
    6n,
  )
})

test('a wrong password is refused everywhere, by name and without the password', { skip }, async (t) => {
  for (const mechanism of saslMechanisms) {
    const options = await asUser(t, 'admin', mechanism)
    await writeFile(options.passwordFile, 'not-the-secret')
    const cluster = await open(t, options)
    const refusal = (error: Error & { code?: string }) => {
      assert.equal(error.code, 'ERR_KAFKA_AUTH', error.message)
      assert.doesNotMatch(`${error.message} ${error.stack}`, /not-the-secret/)
      return true
    }
    await assert.rejects(cluster.admin.clusterId(), refusal)
    await assert.rejects(cluster.producer(), refusal)
    const reading = await listen(cluster, 'g-wrong', 'wrong')
    const { lost } = await reading.until((told) => told.lost.length > 0)
    refusal(lost[0]!.error)
    assert.equal(lost[0]!.isFinal, true)
  }
})

test(
  'a password that was changed in its file serves the next connections, and whoever wants to know is told',
  { skip },
  async (t) => {
    const { log, said } = keptLog()
    const options = await asUser(t, 'changing')
    const cluster = await open(t, { ...options, log, pollMs: 20 })
    await makeTopic(cluster, 'changed')
    await write(cluster, 'changed', ['before'])
    await setPassword(broker(), { name: 'changing', password: 'second-secret' }, 'SCRAM-SHA-512')
    const isOut = async () =>
      (await open(t, options)).admin.clusterId().then(
        () => false,
        () => true,
      )
    await eventually('the broker has heard of it', isOut)
    const refused = await listen(cluster, 'g-changed', 'changed')
    const { lost } = await refused.until((told) => told.lost.length > 0)
    assert.deepEqual([(lost[0]!.error as { code?: string }).code, lost[0]!.isFinal], ['ERR_KAFKA_AUTH', true])
    const isChanged = new Promise<void>((resolve) => cluster.onCredentials(resolve))
    await writeFile(options.passwordFile, 'second-secret\n')
    await isChanged
    const reading = await listen(cluster, 'g-changed', 'changed')
    await reading.until(({ records }) => records.length === 1)
    await write(cluster, 'changed', ['after'])
    await reading.until(({ records }) => records.length === 2)
    assert.deepEqual(said, ['Changed credentials for Kafka serve new connections.'])
    // What is no password does not take the place of one that is.
    await writeFile(options.passwordFile, '')
    while (said.length < 2) await write(cluster, 'changed', ['while there is none'])
    assert.equal(said[1], 'Changed credentials for Kafka cannot be used; those before stay in force.')
    await write(cluster, 'changed', ['still'])
  },
)

test('a certificate that is not trusted is refused by us, and by the broker', { skip }, async (t) => {
  const [ca, other] = [await pemFile(t, ofBroker.certificate), await pemFile(t, makePair(3).certificate)]
  const [certificate, key] = [await pemFile(t, ofClient.certificate), await pemFile(t, ofClient.key)]
  const stranger = makePair(4)
  const [strange, strangeKey] = [await pemFile(t, stranger.certificate), await pemFile(t, stranger.key)]
  const enter = async (listener: SecureListener, options: Partial<KafkaOptions>) => {
    const cluster = await open(t, { brokers: [broker().addressOf(listener)], ...options })
    return cluster.admin.clusterId()
  }
  assert.match(await enter('SSL', { tls: { ca } }), /./)
  assert.match(await enter('MTLS', { tls: { ca, certificate, key } }), /./)
  await assert.rejects(enter('SSL', { tls: { ca: other } }), {
    code: 'ERR_KAFKA_AUTH',
    message: /self.signed certificate/,
  })
  await assert.rejects(enter('SSL', { tls: {} }), { code: 'ERR_KAFKA_AUTH' })
  await assert.rejects(enter('MTLS', { tls: { ca, certificate: strange, key: strangeKey } }), {
    code: 'ERR_KAFKA_AUTH',
  })
  await assert.rejects(enter('MTLS', { tls: { ca } }), { code: 'ERR_KAFKA_AUTH' })
  // Without TLS where it is meant nobody says what is wrong: the connection is closed.
  const plain = () => enter('SSL', { requestMs: 1_000 })
  await assert.rejects(answered(plain), { code: 'ERR_KAFKA_CONNECT' })
})

test('files that hold no password or no certificate are refused at the start', async (t) => {
  const brokers = ['127.0.0.1:1']
  const [empty, absent] = [await pemFile(t, ''), path.join(await folder(t), 'absent')]
  const sasl = { mechanism: 'plain', user: 'u' } as const
  for (const passwordFile of [empty, absent, await pemFile(t, 'two\nlines')]) {
    await assert.rejects(openCluster({ brokers, sasl: { ...sasl, passwordFile } }), { code: 'ERR_CONFIG_KAFKA' })
  }
  await assert.rejects(openCluster({ brokers, tls: { ca: absent } }), { code: 'ERR_CONFIG_TLS' })
  const broken = await pemFile(t, '-----BEGIN CERTIFICATE-----\nbroken\n-----END CERTIFICATE-----\n')
  await assert.rejects(openCluster({ brokers, tls: { certificate: broken } }), { code: 'ERR_CONFIG_TLS' })
  for (const address of ['host', 'host:0', 'host:99999', ':9092', '::1:9092', 'a b:1', 'http://a:1']) {
    await assert.rejects(openCluster({ brokers: [address] }), { code: 'ERR_CONFIG_KAFKA', message: /HOST:PORT/ })
  }
  await assert.rejects(openCluster({ brokers: [] }), { code: 'ERR_CONFIG_KAFKA' })
})

test('who lacks a right is told which, whatever the call', { skip }, async (t) => {
  await makeTopic(await open(t, { brokers: broker().addresses }), 'closed')
  const cluster = await open(t, await asUser(t, 'stranger'))
  const of = { topic: 'closed', partition: 0 }
  const refused = { code: 'ERR_KAFKA_ACL', message: /_AUTHORIZATION_FAILED/ }
  await assert.rejects(cluster.admin.describe(['closed']), refused)
  await assert.rejects(cluster.admin.range(of), refused)
  await assert.rejects(cluster.admin.committed('g-closed', of), refused)
  await assert.rejects(cluster.admin.create([{ name: 'more', partitions: 1, replicas: 1, config: {} }]), refused)
  await assert.rejects(
    (async () => {
      const producer = await cluster.producer()
      await producer.send(of, [record('x')])
    })(),
    refused,
  )
  await assert.rejects(owner(cluster, 'weir.closed'), refused)
  const reading = await listen(cluster, 'g-closed', 'closed')
  const { lost } = await reading.until((told) => told.lost.length > 0)
  assert.deepEqual([(lost[0]!.error as { code?: string }).code, lost[0]!.isFinal], ['ERR_KAFKA_ACL', true])
})

test('the rights that docs/errors.md names are enough', { skip }, async (t) => {
  const judge = await open(t, { brokers: broker().addresses })
  await makeTopic(judge, 'rights-in')
  await makeTopic(judge, 'rights-out')
  await write(judge, 'rights-in', ['a'])
  const kafkajs = library().kafkajs
  const { READ, WRITE, DESCRIBE_CONFIGS } = kafkajs.AclOperationTypes
  const { TOPIC, GROUP, TRANSACTIONAL_ID } = kafkajs.AclResourceTypes
  const { LITERAL, PREFIXED } = kafkajs.ResourcePatternTypes
  const admin = new kafkajs.Kafka({ brokers: [...broker().addresses] }).admin()
  await admin.connect()
  const right = (
    resourceType: AclResourceTypes,
    resourceName: string,
    operation: AclOperationTypes,
    resourcePatternType: ResourcePatternTypes = LITERAL,
  ) => ({
    ...{ resourceType, resourceName, resourcePatternType, operation },
    ...{ principal: 'User:worker', host: '*', permissionType: kafkajs.AclPermissionTypes.ALLOW },
  })
  await admin.createAcls({
    acl: [
      right(TOPIC, 'rights-in', READ),
      right(TOPIC, 'rights-in', DESCRIBE_CONFIGS),
      right(TOPIC, 'rights-out', WRITE),
      right(TOPIC, 'rights-out', DESCRIBE_CONFIGS),
      right(GROUP, 'g-rights', READ),
      right(TRANSACTIONAL_ID, 'weir.', WRITE, PREFIXED),
    ],
  })
  await admin.disconnect()

  const cluster = await open(t, await asUser(t, 'worker'))
  const [from, to] = [
    { topic: 'rights-in', partition: 0 },
    { topic: 'rights-out', partition: 0 },
  ]
  const [found] = await cluster.admin.describe(['rights-in', 'rights-out'])
  assert.equal(found?.config['cleanup.policy'], 'delete')
  const producer = await owner(cluster, 'weir.g-rights.rights-in.0')
  assert.equal(await cluster.admin.committed('g-rights', from), undefined)
  assert.deepEqual(await cluster.admin.range(from), { first: 0n, end: 1n })
  assert.deepEqual(await cluster.admin.range(to), { first: 0n, end: 0n })
  const reading = await listen(cluster, 'g-rights', 'rights-in')
  await reading.until(({ records }) => records.length === 1)
  const transaction = await producer.begin()
  await transaction.send(to, [record('b')])
  await transaction.moveOffset('g-rights', from, 1n, '')
  await transaction.commit()
  const idempotent = await cluster.producer()
  await idempotent.send(to, [record('c')])
  await reading.member.close()
  await cluster.admin.setCommitted('g-rights', from, 0n, '')
})
