// What is no proper request: framing that proxies read in two ways, slow senders, too many connections, pages of
// browsers. Written byte by byte, since no client would send it.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'

import { RawClient, openSource, post, read, requestText, until } from './http-client.js'
import type { Opened } from './http-client.js'

const body = '{"a":1}\n'
const chunkedBody = `8\r\n${body}\r\n0\r\n\r\n`

const hostile: Readonly<Record<string, string>> = {
  'a length and chunks': requestText(chunkedBody, ['Content-Length: 8', 'Transfer-Encoding: chunked']),
  'chunks and a length': requestText(chunkedBody, ['Transfer-Encoding: chunked', 'Content-Length: 8']),
  'two lengths': requestText(body, ['Content-Length: 8', 'Content-Length: 8']),
  'two lengths in one line': requestText(body, ['Content-Length: 8, 8']),
  'a signed length': requestText(body, ['Content-Length: +8']),
  'line feeds alone': requestText(body).replaceAll('\r\n', '\n'),
  'a line feed alone behind a header': requestText(body, ['X: y']).replace('X: y\r\n', 'X: y\n'),
  'a line feed alone behind the size of a chunk': requestText(`8\n${body}\r\n0\r\n\r\n`, [
    'Transfer-Encoding: chunked',
  ]),
  'chunks that are not last': requestText(chunkedBody, ['Transfer-Encoding: chunked, gzip']),
  'chunks that are not alone': requestText(chunkedBody, ['Transfer-Encoding: gzip, chunked']),
  'chunks twice': requestText(chunkedBody, ['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked']),
  'no chunks at all': requestText(body, ['Transfer-Encoding: identity']),
  'the preface of HTTP/2': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  'another version': requestText(body).replace('HTTP/1.1', 'HTTP/2.0'),
  'a space before a colon': requestText(body, ['Content-Length : 8']),
  'a folded header': requestText(body, ['X: y\r\n z']),
  'a NUL in a header': requestText(body, ['X: y\0']),
  'two hosts': requestText(body, ['Host: other']),
  'no host': requestText(body).replace('Host: localhost\r\n', ''),
  'a head that is too long': requestText(body, [`X: ${'y'.repeat(17_000)}`]),
  'a target that is none': requestText(body, [], 'ingest'),
  'what is no HTTP': '\x16\x03\x01\x02\x00\x01\x00\r\n\r\n',
}

for (const [what, text] of Object.entries(hostile)) {
  test(`${what}: 400, and the connection is closed`, async (t) => {
    const { source, outcomes } = await openSource(t)
    const reading = read(source)
    const client = new RawClient(source, t).send(Buffer.from(text, 'latin1'))
    const received = await client.closed()
    assert.deepEqual(client.statuses, [400])
    assert.match(received, /\r\nConnection: close\r\n/)
    assert.match(received, /\{"code":"bad-framing","message":"[^"]+"\}\n$/)
    assert.deepEqual(
      outcomes.map(({ code }) => code),
      ['bad-framing'],
    )
    assert.deepEqual(reading.bodies, [])
    assert.equal(source.inFlightBytes, 0)
  })
}

test('what stands behind a request of bad framing is no request', async (t) => {
  const { source, outcomes } = await openSource(t)
  const reading = read(source)
  for (const [what, text] of Object.entries(hostile)) {
    const client = new RawClient(source, t).send(Buffer.from(text + requestText(body), 'latin1'))
    await client.closed()
    assert.deepEqual(client.statuses, [400], what)
  }
  source.drain()
  await reading.ended
  assert.deepEqual(reading.bodies, [])
  assert.ok(outcomes.every(({ code }) => code === 'bad-framing'))
})

test('a request that is smuggled behind a good one is refused after that one has its own answer', async (t) => {
  const { source } = await openSource(t)
  const reading = read(source, false)
  const client = new RawClient(source, t).send(requestText(body) + (hostile['a length and chunks'] ?? ''))
  await until(() => reading.bodies.length === 1)
  assert.equal(client.received, '')
  await source.commit(1)
  await client.closed()
  assert.deepEqual(client.statuses, [200, 400])
})

const manyHeaders = Array.from({ length: 2300 }, () => 'Y:a')

test('headers behind thousands of others are seen', async (t) => {
  const { source } = await openSource(t)
  const reading = read(source)
  const good = requestText(body, [...manyHeaders, 'Content-Length: 8'])
  const client = new RawClient(source, t).send(good)
  await client.until(() => client.statuses.length > 0)
  assert.deepEqual(client.statuses, [200])
  assert.deepEqual(reading.bodies, [body])
  for (const header of ['Host: other', 'Transfer-Encoding: gzip, chunked', 'Origin: http://example.org']) {
    const other = new RawClient(source, t).send(requestText(chunkedBody, [...manyHeaders, header]))
    await other.closed()
    assert.deepEqual(other.statuses, [header.startsWith('Origin') ? 403 : 400], header)
  }
  assert.deepEqual(reading.bodies, [body])
})

test('CONNECT is answered 405, after what came before it', async (t) => {
  const { source, outcomes } = await openSource(t)
  read(source)
  const connect = 'CONNECT 127.0.0.1:80 HTTP/1.1\r\nHost: localhost\r\n\r\n'
  const client = new RawClient(source, t).send(requestText(body) + connect)
  const received = await client.closed()
  assert.deepEqual(client.statuses, [200, 405])
  assert.match(received, /\r\nAllow: POST\r\n[^]*"code":"wrong-method"/)
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    [200, 405],
  )
})

test('the connection of a request for another protocol ends with its answer', async (t) => {
  const { source } = await openSource(t)
  const reading = read(source)
  const text = requestText(body, ['Connection: Upgrade', 'Upgrade: h2c'])
  const client = new RawClient(source, t).send(text + requestText(body))
  assert.match(await client.closed(), /^HTTP\/1\.1 200 OK\r\n[^]*Connection: close\r\n/)
  assert.deepEqual(client.statuses, [200])
  assert.deepEqual(reading.bodies, [body])
})

test('an upgrade to h2c is ignored', async (t) => {
  const { source } = await openSource(t)
  const reading = read(source)
  const upgrade = ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA']
  const client = new RawClient(source, t).send(requestText(body, upgrade))
  await client.until(() => client.statuses.length > 0)
  assert.deepEqual(client.statuses, [200])
  assert.deepEqual(reading.bodies, [body])
})

/** Sends the beginning of a request to a source that waits for the rest hardly, then longer, until `isRead` says that it was read. */
async function sendSlowly(t: TestContext, text: string, isRead: (came: Late) => boolean): Promise<Late> {
  for (const headersTimeoutMs of [50, 1_000, 10_000]) {
    const limits = { requestTimeoutMs: headersTimeoutMs + 10, headersTimeoutMs, checkIntervalMs: 10 }
    const opened = await openSource(t, { limits })
    read(opened.source)
    const client = new RawClient(opened.source, t).send(text)
    const came = { ...opened, client, received: await client.closed() }
    // Else the process stood still: the time was up before it looked at what had come.
    if (isRead(came)) return came
  }
  return assert.fail('Nothing is read in time here.')
}

interface Late extends Opened {
  readonly client: RawClient
  readonly received: string
}

test('a body that does not come in time is answered 503, never 408, and leaves nothing behind', async (t) => {
  const begun = requestText('{"a"', ['Content-Length: 100'])
  const isRead = ({ outcomes }: Late) => outcomes[0]?.compressedBytes === 4
  const { source, outcomes, client, received } = await sendSlowly(t, begun, isRead)
  assert.deepEqual(client.statuses, [503])
  assert.match(received, /Retry-After: 5\r\n[^]*"code":"timed-out"/)
  assert.deepEqual(
    outcomes.map(({ code, compressedBytes }) => [code, compressedBytes]),
    [['timed-out', 4]],
  )
  assert.equal(source.inFlightBytes, 0)
})

test('a head that does not come in time is answered 503', async (t) => {
  const { received } = await sendSlowly(t, 'POST /ingest HTTP/1.1\r\nHost: local', (came) => came.received !== '')
  assert.match(received, /^HTTP\/1\.1 503 [^]*"code":"timed-out"/)
})

test('a connection that says nothing is closed without an answer, and counts as no fault', async (t) => {
  const limits = { requestTimeoutMs: 60, headersTimeoutMs: 50, checkIntervalMs: 10 }
  const { source, outcomes } = await openSource(t, { limits })
  assert.equal(await new RawClient(source, t).closed(), '')
  assert.deepEqual(outcomes, [])
})

test('connections that are too many are answered 503, and the others go on', async (t) => {
  const { source } = await openSource(t, { limits: { connections: 2 } })
  read(source)
  const clients = [new RawClient(source, t), new RawClient(source, t)]
  for (const client of clients) {
    client.send(requestText(body))
    await client.until(() => client.statuses.length === 1)
  }
  const third = new RawClient(source, t)
  assert.match(await third.closed(), /^HTTP\/1\.1 503 [^]*Retry-After: 5\r\n[^]*"code":"too-many-connections"/)
  for (const client of clients) {
    client.send(requestText(body))
    await client.until(() => client.statuses.length === 2)
    client.socket.end()
  }
  await Promise.all(clients.map((client) => client.closed()))
  await until(() => true)
  assert.equal((await post(source, body)).status, 200)
})

test('a connection rests between requests for as long as its answers say', async (t) => {
  const { source } = await openSource(t)
  read(source)
  const client = new RawClient(source, t).send(requestText(body))
  await client.until(() => client.received.includes('\r\n\r\n'))
  assert.match(client.received, /\r\nKeep-Alive: timeout=75\r\n/)
})

test('on a loopback address only its own names are served', async (t) => {
  const { source } = await openSource(t, { hosts: ['Weir.test'] })
  read(source)
  const statusFor = async (host: string) => (await post(source, body, { headers: { Host: host } })).status
  for (const host of ['localhost', 'LOCALHOST:80', '127.0.0.1:9', '[::1]:80', '10.0.0.1', 'weir.test:9880']) {
    assert.equal(await statusFor(host), 200, host)
  }
  for (const host of ['evil.test', 'localhost.evil.test', '127.0.0.1.evil.test', '[evil]', 'a:b:c']) {
    assert.equal(await statusFor(host), 403, host)
  }
  const client = new RawClient(source, t).send(requestText(body, [], 'http://evil.test/ingest'))
  await client.until(() => client.received.includes('foreign-host'))
})

test('requests of pages of another origin are refused', async (t) => {
  const { source } = await openSource(t)
  read(source)
  const { port } = source.address
  const codeFor = async (origin: string) =>
    (await post(source, body, { headers: { Host: `localhost:${port}`, Origin: origin } })).code
  assert.equal(await codeFor('http://evil.test'), 'foreign-origin')
  assert.equal(await codeFor('null'), 'foreign-origin')
  assert.equal(await codeFor(`http://localhost:${port + 1}`), 'foreign-origin')
  assert.equal(await codeFor(`http://localhost:${port}`), undefined)
  // Without an origin, browsers still say that a page sent it.
  const headers = { Host: `localhost:${port}`, 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'no-cors' }
  assert.equal((await post(source, body, { headers })).code, 'foreign-origin')
})
