// Listeners with passwords and certificates: who is let in, and who is not.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KafkaConfig, SASLOptions } from 'kafkajs'

import { eventually } from '../../faults/fault.ts'
import { makePair } from '../../sources/certificate.ts'
import { useBroker } from './broker.ts'
import { clientOf } from './clients.ts'
import { skipWithoutKafka } from './install.ts'
import { setPassword } from './reading.ts'
import type { SecureListener } from './settings.ts'

const skip = await skipWithoutKafka()
const ofBroker = makePair(1)
const ofClient = makePair(2)
const users = [
  { name: 'reader', password: 'reader-secret' },
  { name: 'writer', password: 'writer-secret' },
]
const shared = useBroker(skip, {
  ...{ users, certificate: ofBroker },
  clientCertificates: [ofClient.certificate],
})

/** Connects, and resolves with the topics that there are: none. */
async function enter(listener: SecureListener, options: Partial<KafkaConfig>): Promise<string[]> {
  const retry = { retries: 0 }
  const admin = clientOf([shared().addressOf(listener)], { retry, ...options }).admin()
  try {
    await admin.connect()
    return await admin.listTopics()
  } finally {
    await admin.disconnect()
  }
}

const ssl = { ca: [ofBroker.certificate] }

test('users come in with their passwords, by each mechanism, with TLS and without', { skip }, async () => {
  for (const mechanism of ['plain', 'scram-sha-256', 'scram-sha-512'] as const) {
    for (const { name: username, password } of users) {
      const sasl = { mechanism, username, password } as SASLOptions
      assert.deepEqual(await enter('SASL_PLAINTEXT', { sasl }), [])
      assert.deepEqual(await enter('SASL_SSL', { sasl, ssl }), [])
    }
    const wrong = { mechanism, username: 'reader', password: 'writer-secret' } as SASLOptions
    await assert.rejects(enter('SASL_PLAINTEXT', { sasl: wrong }), { name: 'KafkaJSSASLAuthenticationError' })
  }
})

test('a password that was changed is wanted of the next connection', { skip }, async () => {
  const sasl = (password: string) => ({ sasl: { mechanism: 'scram-sha-512', username: 'writer', password } }) as const
  await setPassword(shared(), { name: 'writer', password: 'another-secret' }, 'SCRAM-SHA-512')
  const isIn = async () =>
    enter('SASL_PLAINTEXT', sasl('another-secret')).then(
      () => true,
      () => false,
    )
  await eventually('the broker has heard of it', isIn)
  await assert.rejects(enter('SASL_PLAINTEXT', sasl('writer-secret')), { name: 'KafkaJSSASLAuthenticationError' })
})

test('TLS shows a certificate for the address, and asks for the one of a client where it is to', { skip }, async () => {
  assert.deepEqual(await enter('SSL', { ssl }), [])
  await assert.rejects(enter('SSL', { ssl: { ca: [ofClient.certificate] } }), /self-signed certificate/)
  await assert.rejects(enter('SSL', {}), /Closed connection/)
  assert.deepEqual(await enter('MTLS', { ssl: { ...ssl, cert: ofClient.certificate, key: ofClient.key } }), [])
  const stranger = makePair(3)
  await assert.rejects(enter('MTLS', { ssl: { ...ssl, cert: stranger.certificate, key: stranger.key } }))
  await assert.rejects(enter('MTLS', { ssl }))
})
