// What a store refuses, and what healthy ones never answer, by the scripted fake: each with its code, whether it may pass, and
// a message that says what was asked of which key, and nothing that is secret.

import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { test } from 'node:test'

import type { S3Error, S3ErrorCode } from '#src/errors.js'
import type { ObjectStore } from '#src/ports/object-store.js'
import { objectOf, linesOf } from '../contract/object-store.js'
import { makePair } from '../sources/certificate.js'
import { startFakeS3 } from '../servers/s3/fake-s3.js'
import type { FakeOperation, Misdeed } from '../servers/s3/misdeeds.js'
import { refusals } from '../servers/s3/misdeeds.js'
import { testKeys } from '../servers/s3/server.js'
import { HeldLimits, open, withoutPauses } from './opening.js'

interface Case {
  readonly misdeed: Misdeed
  readonly code: S3ErrorCode
  readonly isFinal?: true
  readonly message: RegExp
  /** Attempts that are made. Default: three. */
  readonly attempts?: number
}

const refuse = (status: number, word?: string, more: Partial<Misdeed & { does: 'refuse' }> = {}): Misdeed => {
  return { does: 'refuse', status, ...(word === undefined ? {} : { code: word }), ...more }
}

const cases: Readonly<Record<string, Case>> = {
  'too many calls': { misdeed: refusals.tooMany, code: 'ERR_S3_BUSY', message: /\(TooManyRequests, 429\)/ },
  'an answer of 429 by something else': { misdeed: refuse(429), code: 'ERR_S3_BUSY', message: /answered 429, without an error of S3/ }, // prettier-ignore
  'slow down': { misdeed: refusals.slowDown(), code: 'ERR_S3_BUSY', message: /\(SlowDown, 503\)/ },
  unavailable: { misdeed: refusals.unavailable, code: 'ERR_S3_BUSY', message: /\(ServiceUnavailable, 503\)/ },
  'another write of the key': { misdeed: refusals.busy, code: 'ERR_S3_BUSY', message: /\(ConditionalRequestConflict, 409\)/ }, // prettier-ignore
  'an internal error': { misdeed: refusals.internal, code: 'ERR_S3_SERVER', message: /\(InternalError, 500\)/ },
  'a gateway without a store': { misdeed: refusals.badGateway, code: 'ERR_S3_SERVER', message: /answered 502, without/ }, // prettier-ignore
  'a page of something else': { misdeed: refuse(404), code: 'ERR_S3_SERVER', message: /answered 404, without/ },
  'an error within 200': { misdeed: { does: 'error-inside' }, code: 'ERR_S3_SERVER', message: /internal error.*InternalError/ }, // prettier-ignore
  'slow down within 200': { misdeed: { does: 'error-inside', code: 'SlowDown' }, code: 'ERR_S3_BUSY', message: /SlowDown/ }, // prettier-ignore
  'a connection that is ended': { misdeed: { does: 'reset' }, code: 'ERR_S3_CONNECT', message: /\(ECONNRESET\)/ },
  'an answer that is lost': { misdeed: { does: 'lose-answer' }, code: 'ERR_S3_CONNECT', message: /\(ECONNRESET\)/ },
  'no rights': { misdeed: refusals.denied, code: 'ERR_S3_DENIED', message: /\(AccessDenied, 403\)/, attempts: 1 },
  'no room by quota': { misdeed: refuse(403, 'QuotaExceeded'), code: 'ERR_S3_DENIED', message: /QuotaExceeded/, attempts: 1 }, // prettier-ignore
  'an unknown key': { misdeed: refuse(403, 'InvalidAccessKeyId'), code: 'ERR_S3_CREDENTIALS', message: /InvalidAccessKeyId/, attempts: 1 }, // prettier-ignore
  'a wrong secret': { misdeed: refuse(403, 'SignatureDoesNotMatch'), code: 'ERR_S3_CREDENTIALS', message: /SignatureDoesNotMatch/, attempts: 1 }, // prettier-ignore
  'keys that have expired': { misdeed: refuse(400, 'ExpiredToken'), code: 'ERR_S3_CREDENTIALS', message: /ExpiredToken/, attempts: 1 }, // prettier-ignore
  'clocks that differ': { misdeed: refuse(403, 'RequestTimeTooSkewed'), code: 'ERR_S3_CLOCK', message: /RequestTimeTooSkewed.* clock of this machine/, attempts: 1 }, // prettier-ignore
  'a bucket elsewhere': {
    misdeed: refuse(301, 'PermanentRedirect', { headers: { 'x-amz-bucket-region': 'eu-central-1' } }),
    code: 'ERR_S3_REGION',
    message: /The bucket is in region eu-central-1, and calls are signed for us-east-1\.$/,
    attempts: 1,
  },
  'a bucket elsewhere, told within': {
    misdeed: refuse(400, 'AuthorizationHeaderMalformed', { inside: { Region: 'ap-south-1' } }),
    code: 'ERR_S3_REGION',
    message: /The bucket is in region ap-south-1,/,
    attempts: 1,
  },
  'no such bucket': { misdeed: refuse(404, 'NoSuchBucket'), code: 'ERR_S3_BUCKET', message: /NoSuchBucket/, attempts: 1 }, // prettier-ignore
  'a word and nothing else, as radosgw says it': {
    misdeed: refuse(404, 'NoSuchBucket', { message: '' }),
    code: 'ERR_S3_BUCKET',
    message: / failed: the store says no more \(NoSuchBucket, 404\)\.$/,
    attempts: 1,
  },
  'a key below an object': { misdeed: refusals.parentIsFile, code: 'ERR_S3_CONFLICT', isFinal: true, message: /ObjectParentIsFile/, attempts: 1 }, // prettier-ignore
  'another refusal': { misdeed: refuse(400, 'KeyTooLongError'), code: 'ERR_S3_REQUEST', isFinal: true, message: /KeyTooLongError/, attempts: 1 }, // prettier-ignore
  'what is not implemented': { misdeed: refuse(501, 'NotImplemented'), code: 'ERR_S3_REQUEST', isFinal: true, message: /NotImplemented, 501/, attempts: 1 }, // prettier-ignore
  'too large for the store': { misdeed: refuse(400, 'EntityTooLarge'), code: 'ERR_S3_REQUEST', isFinal: true, message: /EntityTooLarge, 400\)\./, attempts: 1 }, // prettier-ignore
  'too large for what stands before it': { misdeed: refuse(413), code: 'ERR_S3_SERVER', message: /answered 413, without/ }, // prettier-ignore
  'a body that came damaged': { misdeed: refuse(400, 'BadDigest'), code: 'ERR_S3_CONNECT', message: /BadDigest, 400/ },
}

async function all(store: ObjectStore, prefix: string): Promise<string[]> {
  const keys: string[] = []
  for await (const { key } of store.list(prefix)) keys.push(key)
  return keys
}

/** What is asked in a test, by the call that it becomes. */
const calls = {
  put: { ask: (store: ObjectStore) => store.overwrite(objectOf('a/b', 'x')), doing: 'Writing a/b to' },
  list: { ask: (store: ObjectStore) => all(store, 'a/'), doing: 'Listing a/ of' },
  get: { ask: async (store: ObjectStore) => buffer(await store.read('a/b')), doing: 'Reading a/b from' },
} as const

for (const [name, { misdeed, code, isFinal, message, attempts = 3 }] of Object.entries(cases)) {
  test(`${name}: told by ${code}, to whoever writes, lists or reads`, async (t) => {
    for (const [operation, { ask, doing }] of Object.entries(calls)) {
      // The bytes of an object may be any, also those of an error.
      if (operation === 'get' && misdeed.does === 'error-inside') continue
      const server = await startFakeS3(t)
      const seen: unknown[] = []
      const store = await open(t, server, {
        ...withoutPauses,
        observe: (call) => seen.push([call.operation, call.error]),
      })
      server.script = (call) => (call.operation === operation ? misdeed : undefined)
      await assert.rejects(ask(store), (error: S3Error) => {
        assert.equal(error.code, code)
        assert.equal(error.retryable, isFinal !== true)
        assert.match(error.message, message)
        assert.ok(error.message.startsWith(`${doing} s3://logs at ${server.endpoint} failed: `), error.message)
        assert.doesNotMatch(JSON.stringify({ ...error, message: error.message }), /testsecret|Signature=|AWS4/)
        return true
      })
      assert.equal(server.callsOf(operation as FakeOperation).length, attempts)
      const expected = Array.from({ length: attempts }, () => [operation, code])
      assert.deepEqual(seen, expected)
    }
  })
}

test('a look without a body to its refusal is explained by a list', async (t) => {
  const words: [word: string, code: S3ErrorCode][] = [
    ['InvalidAccessKeyId', 'ERR_S3_CREDENTIALS'],
    ['SignatureDoesNotMatch', 'ERR_S3_CREDENTIALS'],
    ['NoSuchBucket', 'ERR_S3_BUCKET'],
  ]
  for (const [word, code] of words) {
    const server = await startFakeS3(t)
    server.script = ({ operation }) => refuse(403, operation === 'list' ? word : undefined)
    const refusal = { code, message: new RegExp(`^Looking for a/b in s3://logs at .*${word}`) }
    await assert.rejects((await open(t, server)).head('a/b'), refusal)
  }
})

test('a look that is denied says which right is missing', async (t) => {
  const hidden = await startFakeS3(t, { hidesMissing: true })
  hidden.script = ({ operation }) => (operation === 'list' ? refusals.denied : undefined)
  await assert.rejects((await open(t, hidden)).head('a/b'), {
    ...{ code: 'ERR_S3_DENIED', retryable: true },
    message: /lacks the right to read objects; or there is none of that name, and it lacks the right to list them\.$/,
  })
  const unread = await startFakeS3(t)
  unread.script = ({ operation }) => (operation === 'head' ? refusals.denied : undefined)
  await assert.rejects((await open(t, unread)).head('a/b'), { code: 'ERR_S3_DENIED', message: /may list objects, and/ })
  // Where only the right to list is missing, and the store says so.
  const unlisted = await startFakeS3(t)
  unlisted.script = ({ operation }) => (operation === 'list' ? refusals.denied : undefined)
  assert.equal(await (await open(t, unlisted)).head('a/b'), undefined)
})

test('a store that fails once is asked again, and succeeds', async (t) => {
  const server = await startFakeS3(t)
  const store = await open(t, server, withoutPauses)
  const passing: Misdeed[] = [refusals.internal, { does: 'reset' }, { does: 'error-inside' }, refusals.busy]
  for (const [i, misdeed] of passing.entries()) {
    server.next('put', misdeed, refusals.slowDown())
    const object = objectOf(`again/${i}`, linesOf(100_000))
    assert.equal(await store.create(object), 'written')
    assert.equal(server.objects().get(object.key)!.bytes.length, object.body.bytes)
    // One more than attempts, for the signature.
    assert.equal(object.streams.length, 4)
    assert.ok(object.streams.every(({ destroyed }) => destroyed))
  }
  server.next('head', refusals.badGateway)
  assert.ok((await store.head('again/0')) !== undefined)
  server.next('list', { does: 'error-inside' }, refusals.internal)
  assert.equal((await all(store, 'again/')).length, passing.length)
})

test('an object whose answer was lost is found to exist, whatever was lost of it', async (t) => {
  const lost: Misdeed[] = [
    { does: 'lose-answer' },
    { does: 'error-inside', stores: true },
    { does: 'error-inside', code: 'SlowDown', stores: true },
  ]
  for (const bytes of [100, 5 << 20]) {
    for (const misdeed of lost) {
      const server = await startFakeS3(t)
      server.next('put', misdeed)
      assert.equal(await (await open(t, server)).create(objectOf('a', linesOf(bytes))), 'exists')
      assert.equal(server.calls.filter(({ stored }) => stored).length, 1)
    }
  }
})

test('a store that hangs up on a body is asked why', async (t) => {
  const server = await startFakeS3(t)
  const store = await open(t, server)
  const hangUp: Misdeed = { does: 'reset-after', bodyBytes: 1 }
  const object = objectOf('a', linesOf(3 << 20))
  server.next('put', hangUp)
  server.script = ({ operation }) => (operation === 'put' ? undefined : refuse(403, 'InvalidAccessKeyId'))
  await assert.rejects(store.create(object), { code: 'ERR_S3_CREDENTIALS' })
  assert.equal(server.callsOf('put').length, 1)
  // Nor is a store asked again at once that wants to be left alone.
  server.next('put', hangUp)
  server.script = ({ operation }) => (operation === 'put' ? undefined : refusals.slowDown(2))
  await assert.rejects(store.create(object), { code: 'ERR_S3_BUSY', retryAfterMs: 2000 })
  assert.equal(server.callsOf('put').length, 2)
  // Whoever may only write is not kept from it.
  server.script = ({ operation }) => (operation === 'put' ? undefined : refusals.denied)
  assert.equal(await store.create(object), 'written')
})

test('a time limit ends a call that is not answered, and those who write are told at once', async (t) => {
  const server = await startFakeS3(t)
  const limits = new HeldLimits()
  const store = await open(t, server, limits.options)
  const late = { code: 'ERR_S3_TIMEOUT', retryable: true, message: /there was no answer within 60 s\.$/ }
  const isAsked = () => server.calls.length === limits.started
  server.script = () => ({ does: 'hang', stores: true })
  const object = objectOf('a', 'x')
  const isStored = () => server.objects().has('a')
  await assert.rejects(limits.passDuring(store.create(object), isStored), late)
  assert.ok(object.streams.every(({ destroyed }) => destroyed))
  assert.equal(server.callsOf('put').length, 1)
  await assert.rejects(limits.passDuring(store.head('a'), isAsked), late)
  assert.equal(server.callsOf('head').length, 3)
  server.script = () => ({ does: 'stall-body' })
  await assert.rejects(limits.passDuring(all(store, ''), isAsked), late)
  const body = buffer(await store.read('a'))
  await assert.rejects(
    limits.passDuring(body, () => true),
    { ...late, message: /^Reading a from .* within 60 s/ },
  )
  server.script = undefined
  assert.equal(await store.create(objectOf('a', 'x')), 'exists')
  assert.equal((await buffer(await store.read('a'))).toString(), 'x')
})

test('a body of an answer that breaks off is told', async (t) => {
  const server = await startFakeS3(t)
  const store = await open(t, server)
  await store.create(objectOf('a', linesOf(100_000)))
  server.next('get', { does: 'cut-body' })
  await assert.rejects(buffer(await store.read('a')), {
    code: 'ERR_S3_CONNECT',
    retryable: true,
    message: /^Reading a /,
  })
  server.next('list', { does: 'cut-body' })
  assert.deepEqual(await all(store, ''), ['a'])
  // A page that is no list, or a list that lacks how to go on, is no empty list.
  server.script = () => ({ does: 'refuse', status: 200, headers: { 'content-type': 'text/html' } })
  await assert.rejects(all(store, ''), { code: 'ERR_S3_SERVER', retryable: true })
})

test('how long a store wants to be left alone is told, and waited for where it is short', async (t) => {
  const server = await startFakeS3(t)
  const store = await open(t, server)
  const waits = async (retryAfter: number | string, headers: Record<string, string> = {}) => {
    const { retryAfterMs } = await new Promise<S3Error>((resolve) => {
      server.next('put', refuse(503, 'SlowDown', { retryAfter, headers }))
      store.create(objectOf('a', 'x')).then(() => assert.fail(), resolve)
    })
    return retryAfterMs
  }
  assert.equal(await waits(17), 17_000)
  assert.equal(await waits('100000000'), 3_600_000)
  const date = 'Sun, 22 Nov 2026 10:00:00 GMT'
  assert.equal(await waits('Sun, 22 Nov 2026 10:00:30 GMT', { date }), 30_000)
  const pauses: number[] = []
  const startTimer = (ms: number, run: () => void) => {
    if (ms < 20_000) pauses.push(ms)
    const timer = setTimeout(run, ms < 20_000 ? 0 : ms)
    return () => clearTimeout(timer)
  }
  const patient = await open(t, server, { startTimer, random: () => 1, pollMs: 3_600_000 })
  server.next('put', refusals.slowDown(1), refusals.slowDown('soon'))
  assert.equal(await patient.create(objectOf('b', 'x')), 'written')
  assert.deepEqual(pauses, [1000, 400])
})

test('a clock that is wrong is set by the store’s answer, and told where that does not help', async (t) => {
  for (const minutes of [-20, 20]) {
    const server = await startFakeS3(t, { clockMs: minutes * 60_000 })
    const store = await open(t, server, withoutPauses)
    assert.equal(await store.create(objectOf('a', linesOf(3 << 20))), 'written')
    assert.equal(server.callsOf('put').length, 2)
    // Set while it goes on.
    server.clockMs = -server.clockMs
    assert.ok((await store.head('a')) !== undefined)
    assert.equal(server.callsOf('list').length, 0)
    server.clockMs = -server.clockMs
    assert.deepEqual(await all(store, ''), ['a'])
    server.script = () => refuse(403, 'RequestTimeTooSkewed')
    await assert.rejects(store.create(objectOf('b', 'x')), { code: 'ERR_S3_CLOCK', retryable: true })
  }
})

test('a store that ignores conditions is found out, also when answers are lost', async (t) => {
  const server = await startFakeS3(t, { ignoresConditions: true })
  const store = await open(t, server)
  assert.equal(await store.probe('_weir/probe'), false)
  assert.equal(await store.probe('_weir/probe'), false)
  server.next('put', { does: 'lose-answer' }, undefined, { does: 'lose-answer' })
  assert.equal(await store.probe('_weir/probe'), false)
  server.next('put', refuse(501, 'NotImplemented'))
  assert.equal(await store.probe('_weir/probe'), false)
  server.ignoresConditions = false
  server.next('put', refusals.denied)
  await assert.rejects(store.probe('_weir/probe'), { code: 'ERR_S3_DENIED' })
  assert.equal(await store.probe('_weir/probe'), true)
})

test('names that cannot be found, ports without a store and certificates of strangers are told', async (t) => {
  // Longer than a name may be, so that nobody is asked for it.
  const keys = { ...testKeys, endpoint: `http://${'x'.repeat(64)}.invalid` }
  const nameless = await open(t, keys, withoutPauses)
  await assert.rejects(nameless.head('a'), { code: 'ERR_S3_CONNECT', retryable: true, message: /EAI_|ENOTFOUND/ })
  const { certificate, key } = makePair(1)
  const https = await import('node:https')
  const secure = https.createServer({ cert: certificate, key }, (_, response) => response.end())
  const plain = createServer((socket) => socket.end('SSH-2.0-other\r\n'))
  for (const server of [secure, plain]) {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.after(() => server.close())
  }
  const portOf = (server: { address(): unknown }) => (server.address() as AddressInfo).port
  const stranger = await open(t, { ...testKeys, endpoint: `https://127.0.0.1:${portOf(secure)}` })
  const distrust = { code: 'ERR_S3_CONNECT', retryable: true, message: /self-signed certificate|CERT/ }
  await assert.rejects(stranger.create(objectOf('a', 'x')), distrust)
  const other = await open(t, { ...testKeys, endpoint: `http://127.0.0.1:${portOf(plain)}` })
  await assert.rejects(other.create(objectOf('a', 'x')), { code: 'ERR_S3_CONNECT', retryable: true })
  secure.closeAllConnections()
})

test('an object that is too large is told with its size', async (t) => {
  const server = await startFakeS3(t)
  const store = await open(t, server, withoutPauses)
  const message = /The object has 100000 bytes as it is stored\. Lower `maxObjectBytes`, /
  for (const refusal of [refuse(413, 'EntityTooLarge'), refuse(400, 'EntityTooLarge'), refuse(413)]) {
    server.script = () => refusal
    await assert.rejects(store.create(objectOf('a', 'x'.repeat(100_000))), { message })
  }
})

test('TLS where none is spoken, and none where it is, names the setting', async (t) => {
  const { certificate, key } = makePair(1)
  const https = await import('node:https')
  const silent = https.createServer({ cert: certificate, key }, (_, response) => response.end())
  // As servers of OpenSSL and of Go answer what is no TLS.
  const alerting = createServer((socket) => socket.once('data', () => socket.end(Buffer.from('15030100020246', 'hex'))))
  const telling = createServer((socket) => {
    const text = 'Client sent an HTTP request to an HTTPS server.\n'
    socket.once('data', () => socket.end(`HTTP/1.0 400 Bad Request\r\n\r\n${text}`))
  })
  for (const server of [silent, alerting, telling]) {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.after(() => server.close())
    const { port } = server.address() as AddressInfo
    const store = await open(t, { ...testKeys, endpoint: `http://127.0.0.1:${port}` }, withoutPauses)
    const message = /Where the port speaks TLS, write `https:\/\/` in `endpoint`\.$/
    await assert.rejects(store.create(objectOf('a', 'x')), { retryable: true, message })
    await assert.rejects(store.head('a'), { message })
  }
  const plain = await startFakeS3(t)
  const secure = await open(t, { ...plain, endpoint: plain.endpoint.replace('http:', 'https:') }, withoutPauses)
  const message = /What answers speaks no TLS: write `http:\/\/` in `endpoint`, or give the port that does\.$/
  await assert.rejects(secure.create(objectOf('a', 'x')), { code: 'ERR_S3_CONNECT', message })
  const mute = createServer((socket) => socket.once('data', () => socket.end()))
  await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve))
  t.after(() => mute.close())
  const other = await open(t, { ...testKeys, endpoint: `https://127.0.0.1:${(mute.address() as AddressInfo).port}` }, withoutPauses) // prettier-ignore
  await assert.rejects(other.create(objectOf('a', 'x')), { code: 'ERR_S3_CONNECT', message })
})

test('a connection that breaks after answers says nothing of TLS', async (t) => {
  const server = await startFakeS3(t)
  const store = await open(t, server, withoutPauses)
  assert.equal(await store.head('a'), undefined)
  server.script = () => ({ does: 'reset' })
  await assert.rejects(store.overwrite(objectOf('a', 'x')), { code: 'ERR_S3_CONNECT', message: /\(ECONNRESET\)\.$/ })
})

test('a server that says 200 to everything has stored nothing', async (t) => {
  const http = await import('node:http')
  const server = http.createServer((request, response) =>
    request.resume().on('end', () => response.end('<html></html>')),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  const store = await open(t, { ...testKeys, endpoint: `http://127.0.0.1:${port}` }, withoutPauses)
  const refusal = { code: 'ERR_S3_SERVER', retryable: true, message: /no ETag, so it is not that of an object store/ }
  await assert.rejects(store.create(objectOf('a', 'x')), refusal)
  await assert.rejects(store.overwrite(objectOf('a', 'x')), refusal)
  await assert.rejects(store.probe('_weir/probe'), refusal)
  server.closeAllConnections()
})

test('a store that is closed ends what is under way', async (t) => {
  const server = await startFakeS3(t)
  const store = await open(t, server)
  server.script = () => ({ does: 'hang' })
  const writing = store.create(objectOf('a', linesOf(3 << 20)))
  while (server.calls.length === 0) await new Promise((resolve) => setImmediate(resolve))
  store.close()
  await assert.rejects(writing, { code: 'ERR_S3_CONNECT', message: /failed: the store was closed\.$/ })
})
