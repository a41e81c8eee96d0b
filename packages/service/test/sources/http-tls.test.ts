// HTTP over TLS: versions, the certificate that changes, and files that cannot be used.

import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import https from 'node:https'
import net from 'node:net'
import path from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import tls from 'node:tls'

import type { ConfigError } from '#src/errors.js'
import type { HttpSource } from '#src/sources/http.js'
import { lookTwice } from '../held-time.js'
import { folder } from '../running.js'
import { makePair } from './certificate.js'
import { answerOf, openSource, read } from './http-client.js'
import type { Answer } from './http-client.js'

async function files(t: TestContext): Promise<{ certificate: string; key: string }> {
  const directory = await folder(t)
  const { certificate, key } = makePair(1)
  const paths = { certificate: path.join(directory, 'cert.pem'), key: path.join(directory, 'key.pem') }
  await writeFile(paths.certificate, certificate)
  await writeFile(paths.key, key)
  return paths
}

/** Returns the serial number of the certificate that a new connection is shown. */
async function serialOf(source: HttpSource, options: tls.ConnectionOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ ...source.address, rejectUnauthorized: false, ...options }, () => {
      resolve(socket.getPeerCertificate().serialNumber)
      socket.destroy()
    })
    socket.on('error', reject)
  })
}

test('bodies arrive over TLS, at least 1.2', async (t) => {
  const { source } = await openSource(t, { tls: await files(t) })
  const reading = read(source)
  assert.match(source.name, /^https:\/\/127\.0\.0\.1:\d+\/ingest$/)
  const body = '{"a":1}\n'.repeat(50_000)
  const answer = await new Promise<Answer>((resolve, reject) => {
    const { host, port } = source.address
    const options = { host, port, path: '/ingest', method: 'POST', rejectUnauthorized: false, agent: false as const }
    const request = https.request(options, (response) => void answerOf(response).then(resolve, reject))
    request.on('error', reject)
    request.end(body)
  })
  assert.equal(answer.status, 200)
  assert.ok(reading.bodies[0] === body)
  await assert.rejects(serialOf(source, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1' }))
})

test('a pair that changed is shown to new connections; one that does not belong together is reported and is not', async (t) => {
  const paths = await files(t)
  const { source, reported } = await openSource(t, { tls: paths })
  assert.equal(await serialOf(source), '01')
  const next = makePair(2)
  await writeFile(paths.certificate, next.certificate)
  await lookTwice(source)
  assert.equal((reported[0] as { code?: string }).code, 'ERR_CONFIG_TLS')
  assert.equal(await serialOf(source), '01')
  await writeFile(paths.key, next.key)
  await lookTwice(source)
  assert.equal(await serialOf(source), '02')
  assert.deepEqual(reported.slice(1), ['tls in force'])
})

test('files that are no pair are a fault of the settings', async (t) => {
  const paths = await files(t)
  await assert.rejects(openSource(t, { tls: { ...paths, key: paths.certificate } }), {
    code: 'ERR_CONFIG_TLS',
    message: /cert\.pem cannot be used with the key /,
  })
  await assert.rejects(openSource(t, { tls: { ...paths, key: '/no/such/file' } }), (error: ConfigError) => {
    assert.equal(error.code, 'ERR_CONFIG_TLS')
    assert.equal(error.message, 'Cannot read /no/such/file: no such file or directory (ENOENT).')
    // By which the watch knows that it has to try again.
    assert.equal((error.cause as { code?: string }).code, 'ENOENT')
    return true
  })
})

test('a connection in the middle of its handshake does not keep the source from being closed', async (t) => {
  const { source } = await openSource(t, {
    tls: await files(t),
    limits: { headersTimeoutMs: 600_000, requestTimeoutMs: 600_000 },
  })
  const silent = net.connect(source.address.port, source.address.host)
  const closed = new Promise<void>((resolve) => silent.on('error', () => undefined).on('close', () => resolve()))
  await new Promise<void>((resolve) => silent.once('connect', resolve))
  // Accepted after it.
  await serialOf(source)
  await source.close()
  await closed
})
