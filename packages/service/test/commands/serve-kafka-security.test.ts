// `weir serve` among brokers that let nobody in without a password or a certificate: what passes, what is refused and where
// one reads it, and how it goes on when that is mended. What topics hold is read by Kafka's own client.

import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'

import type { AclOperationTypes, AclResourceTypes } from 'kafkajs'

import { library } from '#src/kafka/library.js'

import { startBroker, startCluster } from '../servers/kafka/broker.js'
import type { Cluster } from '../servers/kafka/broker.js'
import { skipWithoutKafka } from '../servers/kafka/install.js'
import { readTopic } from '../servers/kafka/reading.js'
import type { SecureListener } from '../servers/kafka/settings.js'
import { makePair } from '../sources/certificate.js'
import { clusterOf, delivered, filter, ingest, linesOf, options, topics } from './kafka-pipelines.js'
import { post, serve, settingsText } from './serving.js'
import type { Serving } from './serving.js'

const skip = await skipWithoutKafka()
const [ofBroker, ofClient] = [makePair(1), makePair(2)]
const users = [{ name: 'worker', password: 'worker-secret' }]

/** Returns the settings by which `weir serve` comes in at a listener. `files` lie beside the settings. */
function secureConnection(cluster: Cluster, listener: SecureListener, replicas: number) {
  const brokers = cluster.brokers.map((each) => `"${each.addressOf(listener)}"`).join(', ')
  const tls = listener === 'MTLS' ? '{ ca: ca.pem, certificate: own.pem, key: own.key }' : '{ ca: ca.pem }'
  const sasl = listener === 'SASL_SSL' ? '  sasl: { user: worker, passwordFile: password }\n' : ''
  const text = `kafka:\n  brokers: [${brokers}]\n  tls: ${tls}\n${sasl}  topics: create\n  partitions: 2\n  replicas: ${replicas}\n  sessionMs: 6000\nadmin: { listen: '127.0.0.1:0' }\n`
  const files = {
    ...options.files,
    ...{ 'ca.pem': ofBroker.certificate, 'own.pem': ofClient.certificate, 'own.key': ofClient.key },
    password: `${users[0]!.password}\n`,
  }
  return { text, files }
}

test('records pass three brokers by SCRAM over TLS, and by a certificate of our own', { skip }, async (t) => {
  const certificates = { certificate: ofBroker, clientCertificates: [ofClient.certificate] }
  const cluster = await startCluster(t, { nodes: 3, users, ...certificates })
  for (const listener of ['SASL_SSL', 'MTLS'] as const) {
    const names = topics()
    const { text, files } = secureConnection(cluster, listener, 3)
    const serving = await serve(t, settingsText([ingest(names), filter(names)], text), { files })
    const address = await serving.source('ingest')
    const lines = Array.from({ length: 300 }, (_, n) => `{"n":"${n}"}`)
    assert.equal((await post(address, lines.join('\n'))).status, 200)
    await delivered(serving, 300)
    assert.equal((await serving.ask('/readyz')).status, 200)
    assert.equal((await serving.stop()).code, 0)
    const kept = lines.filter((line) => !line.includes('7'))
    assert.deepEqual(linesOf(await readTopic(cluster, names.processed)).sort(), kept.sort())
    const said = JSON.stringify(serving.log)
    assert.doesNotMatch(said, /worker-secret/)
  }
})

/** Resolves when the probe says so. */
async function readySays(serving: Serving, what: RegExp): Promise<void> {
  for (;;) {
    if (what.test(await (await serving.ask('/readyz')).text())) return
    await new Promise<void>((resolve) => setImmediate(resolve))
  }
}

test('a wrong password and missing rights are told by name, and their cure is seen', { skip }, async (t) => {
  const broker = await startBroker(t, {
    ...{ users, certificate: ofBroker },
    settings: {
      'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      'super.users': 'User:ANONYMOUS',
    },
  })
  const names = topics()
  const judge = await clusterOf(t, broker)
  await judge.admin.create([names.raw, names.processed, names.dead].map((name) => ({ name, partitions: 2, replicas: 1, config: {} }))) // prettier-ignore
  const producer = await judge.producer()
  await producer.send({ topic: names.raw, partition: 0 }, [{ key: null, value: Buffer.from('{"n":"1"}') }])
  const { text, files } = secureConnection(broker, 'SASL_SSL', 1)
  const lax = text.replace('topics: create', 'topics: verify\n  strict: false')
  const wrong = { ...files, password: 'not-the-secret\n' }
  const serving = await serve(t, settingsText([filter(names)], lax), { files: wrong })
  const outside = (reason: string) => `weir_kafka_out_of_group{pipeline="filter",reason="${reason}"}`
  const lost = async (reason: string) => {
    const told = await serving.logged('The process is out of the group, until somebody mends it.', (event) => event['reason'] === reason) // prettier-ignore
    assert.match(String(told['cure']), reason === 'no_credentials' ? /password file/ : /give the user the right/)
    await readySays(serving, new RegExp(`out of the group filter-\\d+ \\(${reason}\\)`))
    await serving.metricIs(outside(reason), (value) => value === 1)
  }
  await lost('no_credentials')
  const password = path.join(serving.directory, 'password')
  await writeFile(password, 'worker-secret\n')
  await lost('no_permission')

  const { kafkajs } = library()
  const admin = new kafkajs.Kafka({ brokers: [...broker.addresses], logLevel: kafkajs.logLevel.NOTHING }).admin()
  await admin.connect()
  t.after(() => admin.disconnect())
  const right = (resourceType: AclResourceTypes, resourceName: string, operation: AclOperationTypes) => ({
    ...{ resourceType, resourceName, operation, resourcePatternType: kafkajs.ResourcePatternTypes.LITERAL },
    ...{ principal: 'User:worker', host: '*', permissionType: kafkajs.AclPermissionTypes.ALLOW },
  })
  const { TOPIC, GROUP, TRANSACTIONAL_ID } = kafkajs.AclResourceTypes
  const { READ, WRITE, DESCRIBE_CONFIGS } = kafkajs.AclOperationTypes
  const rights = [
    right(TOPIC, names.raw, READ),
    right(GROUP, names.group, READ),
    ...[names.processed, names.dead].map((topic) => right(TOPIC, topic, WRITE)),
    ...[names.raw, names.processed, names.dead].map((topic) => right(TOPIC, topic, DESCRIBE_CONFIGS)),
  ]
  await admin.createAcls({ acl: rights })
  // Looked at as soon as a file changes, whatever it changes to.
  await writeFile(password, 'worker-secret')
  const stop = await serving.logged(
    'A partition is stopped, until somebody mends it.',
    ({ partition }) => partition === 0,
  )
  assert.equal(stop['reason'], 'no_permission')
  assert.match(String(stop['message']), /TRANSACTIONAL_ID_AUTHORIZATION_FAILED/)
  const stopped = 'weir_kafka_partition_stopped{pipeline="filter",partition="0",reason="no_permission"}'
  await serving.metricIs(stopped, (value) => value === 1)
  assert.equal(await serving.metric(outside('no_permission')), undefined)

  const ids = ['0', '1'].map((n) => right(TRANSACTIONAL_ID, `weir.${names.group}.${names.raw}.${n}`, WRITE))
  await admin.createAcls({ acl: ids })
  await writeFile(password, 'worker-secret\n')
  await serving.metricIs('weir_kafka_partition_position{pipeline="filter",partition="0"}', (offset) => offset === 1)
  assert.equal((await serving.ask('/readyz')).status, 200)
  assert.equal(await serving.metric(stopped), undefined)
  assert.equal((await serving.stop()).code, 0)
  assert.deepEqual(linesOf(await readTopic(broker, names.processed)), ['{"n":"1"}'])
})
