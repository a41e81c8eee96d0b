// The http source as its senders and its pipeline see it: what is answered when, and what is handed out.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import http from 'node:http'
import { gzipSync } from 'node:zlib'

import type { SourceValue } from '#src/ports/source.js'
import { ByteBudget } from '#src/sources/byte-budget.js'
import { openHttpSource } from '#src/sources/http.js'
import type { HttpOutcome } from '#src/sources/http.js'
import { HeldTime } from '../held-time.js'
import { RawClient, openSource, post, read, requestText, until } from './http-client.js'

test('a body is answered 200 when it is committed, and not before', async (t) => {
  const { source, outcomes, budget } = await openSource(t)
  const reading = read(source, false)
  const answer = post(source, '{"a":1}\n{"a":2}')
  await until(() => reading.bodies.length === 1)
  assert.deepEqual(reading.bodies, ['{"a":1}\n{"a":2}\n'])
  assert.deepEqual(outcomes, [])
  assert.ok(source.inFlightBytes > 0 && source.inFlightBytes === budget.used)
  await source.commit(1)
  const { status, text } = await answer
  assert.equal(status, 200)
  assert.equal(text, '')
  assert.equal(source.inFlightBytes, 0)
  assert.deepEqual(
    outcomes.map(({ seconds, ...rest }: HttpOutcome) => ({ ...rest, isTimed: seconds >= 0 })),
    [{ status: 200, code: 'ok', compressedBytes: 15, inflatedBytes: 15, isTimed: true }],
  )
})

test('a body has come when its last byte is there, however long it was on its way or waits', async (t) => {
  const time = new HeldTime()
  const { clock, startTimer } = time
  const { source, outcomes } = await openSource(t, { clock, startTimer })
  const values = source.values()[Symbol.asyncIterator]()
  const first = values.next()
  const client = new RawClient(source, t).send(requestText('', ['Content-Length: 8']) + '{"n"')
  await until(() => source.inFlightBytes > 0)
  time.forward(3000)
  const wholeMs = time.now
  client.send(':1}\n')
  const value = (await first).value as SourceValue<number>
  time.forward(4000)
  assert.ok(value.kind === 'bytes')
  assert.equal(value.cameMs, wholeMs)
  await source.commit(value.position)
  assert.equal(outcomes[0]?.seconds, 7)
})

test('one commit answers every body before it, and none behind it', async (t) => {
  const { source, outcomes } = await openSource(t)
  const reading = read(source, false)
  const answers: Promise<{ status: number }>[] = []
  for (let index = 0; index < 5; index++) {
    answers.push(post(source, `{"n":${index}}\n`))
    await until(() => reading.bodies.length === index + 1)
  }
  await source.commit(3)
  assert.deepEqual(
    (await Promise.all(answers.slice(0, 3))).map(({ status }) => status),
    [200, 200, 200],
  )
  assert.equal(outcomes.length, 3)
  await source.commit(5)
  assert.deepEqual(
    (await Promise.all(answers)).map(({ status }) => status),
    [200, 200, 200, 200, 200],
  )
})

test('while nobody iterates requests get 503, empty bodies 200', async (t) => {
  const { source } = await openSource(t)
  const { status, headers, code } = await post(source, '{}\n')
  assert.equal(status, 503)
  assert.equal(code, 'unavailable')
  assert.equal(headers['retry-after'], '5')
  assert.equal(headers.connection, 'close')
  assert.equal((await post(source, '')).status, 200)
})

test('ending the iteration gives back what was handed out and what waits, and a new one begins', async (t) => {
  const { source } = await openSource(t)
  const first = read(source, false)
  const lost = [post(source, '{"n":1}\n'), post(source, '{"n":2}\n')]
  await until(() => first.bodies.length === 2)
  await first.stop()
  for (const answer of await Promise.all(lost)) {
    assert.equal(answer.status, 503)
    assert.equal(answer.code, 'not-delivered')
  }
  const second = read(source, true, 2)
  assert.equal((await post(source, '{"n":3}\n')).status, 200)
  assert.deepEqual(second.bodies, ['{"n":3}\n'])
  // A position of the iteration before means nothing any more.
  await source.commit(2)
  assert.equal(source.inFlightBytes, 0)
})

test('an iteration can be ended in the middle of a body', async (t) => {
  const { source } = await openSource(t)
  const answer = post(source, `${'x'.repeat(1 << 20)}\n`)
  let chunks = 0
  for await (const value of source.values()) {
    assert.equal(value.kind, 'bytes')
    if (++chunks === 2) break
  }
  assert.equal((await answer).code, 'not-delivered')
  assert.equal(source.inFlightBytes, 0)
})

test('an iteration can be ended while a body is looked through that is no NDJSON', async (t) => {
  const time = new HeldTime()
  const { source } = await openSource(t, { clock: time.clock, startTimer: time.startTimer })
  const reading = read(source, false)
  const answer = post(source, `[${'{"a":[1,2,3]},'.repeat(1_000_000)}1]`)
  // The time for its answer runs: it is whole, and a megabyte of it is looked at in a turn.
  await until(() => time.waiting === 1)
  await reading.stop()
  assert.equal((await answer).code, 'not-delivered')
  assert.deepEqual(reading.bodies, [])
  assert.equal(source.inFlightBytes, 0)
})

test('what a drained iteration left uncommitted is given back when another one begins', async (t) => {
  const { source } = await openSource(t)
  const reading = read(source, false)
  const answer = post(source, '{"n":1}\n')
  await until(() => reading.bodies.length === 1)
  source.drain()
  await reading.ended
  await read(source).ended
  await source.commit(7)
  assert.equal((await answer).code, 'not-delivered')
})

test('another iteration ends the one before', async (t) => {
  const { source } = await openSource(t)
  const first = read(source, false)
  const lost = post(source, '{"n":1}\n')
  await until(() => first.bodies.length === 1)
  const second = read(source, true, 1)
  assert.equal((await lost).code, 'not-delivered')
  await first.ended
  assert.equal((await post(source, '{"n":2}\n')).status, 200)
  assert.deepEqual([first.bodies, second.bodies], [['{"n":1}\n'], ['{"n":2}\n']])
})

test('a drained source hands out what it took, refuses what comes, and its iteration ends by itself', async (t) => {
  const { source } = await openSource(t)
  const reading = read(source, false)
  const taken = post(source, '{"n":1}\n')
  await until(() => reading.bodies.length === 1)
  const half = new RawClient(source, t).send(requestText('', ['Content-Length: 10']) + '{"n"')
  await until(() => source.inFlightBytes > 16_384)
  source.drain()
  await half.until(() => half.statuses.length === 1)
  assert.deepEqual(half.statuses, [503])
  await reading.ended
  const late = await post(source, '{"n":2}\n')
  assert.equal(late.code, 'draining')
  await source.commit(1)
  const answer = await taken
  assert.equal(answer.status, 200)
  assert.equal(answer.headers.connection, 'close')
  assert.equal(source.inFlightBytes, 0)
})

test('closing gives everything back', async (t) => {
  const { source } = await openSource(t)
  const reading = read(source, false)
  const answer = post(source, '{"n":1}\n')
  await until(() => reading.bodies.length === 1)
  await source.close()
  assert.equal((await answer).code, 'draining')
  await reading.ended
  await assert.rejects(post(source, '{}'), { code: 'ECONNREFUSED' })
})

test('after the deadline a body is answered 503; what was not handed out is not delivered', async (t) => {
  const time = new HeldTime()
  const { source, outcomes } = await openSource(t, { clock: time.clock, startTimer: time.startTimer })
  const iterator = source.values()[Symbol.asyncIterator]()
  const first = post(source, '{"n":1}\n')
  await iterator.next()
  const second = post(source, '{"n":2}\n')
  await until(() => time.waiting === 2)
  time.forward(19_999)
  assert.equal(outcomes.length, 0)
  time.forward(1)
  assert.equal((await first).code, 'deadline')
  assert.equal((await second).code, 'deadline')
  // The first one is with the sinks still; until it is safe nothing else would be in time.
  assert.equal((await post(source, '{}\n')).code, 'behind')
  await source.commit(1)
  const third = post(source, '{"n":3}\n')
  const next = await iterator.next()
  assert.equal(next.done, false)
  assert.ok(next.value?.kind === 'bytes' && Buffer.from(next.value.bytes).toString() === '{"n":3}\n')
  await source.commit(2)
  assert.equal((await third).status, 200)
  assert.equal(source.inFlightBytes, 0)
})

test('a sender that goes away in the middle of a body leaves nothing behind', async (t) => {
  const { source, outcomes } = await openSource(t)
  const reading = read(source)
  const client = new RawClient(source, t).send(requestText('', ['Content-Length: 1000000']) + '{"n":1}\n')
  await until(() => source.inFlightBytes > 12_000)
  client.socket.destroy()
  await until(() => outcomes.length === 1)
  assert.deepEqual([outcomes[0]?.status, outcomes[0]?.code], [499, 'client-gone'])
  assert.equal(source.inFlightBytes, 0)
  assert.equal((await post(source, '{"n":2}\n')).status, 200)
  assert.deepEqual(reading.bodies, ['{"n":2}\n'])
})

test('bodies in chunks, with byte order marks and without a last line feed are taken as they are', async (t) => {
  const { source } = await openSource(t)
  const reading = read(source)
  const long = `{"x":"${'y'.repeat(300_000)}"}\n`
  assert.equal((await post(source, `\ufeff${long}{"b":2}`, { chunked: true })).status, 200)
  assert.equal((await post(source, '\ufeff{"b":3}\n', { chunked: true })).status, 200)
  assert.deepEqual(reading.bodies, [`${long}{"b":2}\n`, '{"b":3}\n'])
  const client = new RawClient(source, t).send(requestText('', ['Transfer-Encoding: chunked']))
  for (const byte of '\xef\xbb\xbf{"c":4}') client.send(Buffer.from(`1\r\n${byte}\r\n`, 'latin1'))
  client.send('0\r\n\r\n')
  await client.until(() => client.statuses.length === 1)
  assert.deepEqual(reading.bodies.slice(2), ['{"c":4}\n'])
  assert.equal(source.inFlightBytes, 0)
})

test('while more waits than becomes safe in time, further bodies get 503 before they are read', async (t) => {
  const time = new HeldTime()
  const { clock, startTimer } = time
  const { source } = await openSource(t, { clock, startTimer, limits: { deadlineMs: 20_000 } })
  const reading = read(source, false)
  const body = '{}\n'.repeat(1000)
  const answers = [post(source, body)]
  await until(() => reading.bodies.length === 1)
  time.forward(2_000)
  await source.commit(1)
  // A body every two seconds: five of them are half of the time for an answer.
  for (let count = 1; count <= 6; count++) {
    answers.push(post(source, body))
    await until(() => reading.bodies.length === count + 1)
  }
  time.forward(1_001)
  const refused = await post(source, body)
  assert.deepEqual([refused.status, refused.code], [503, 'behind'])
  await source.commit(7)
  answers.push(post(source, body))
  await until(() => reading.bodies.length === 8)
  await source.commit(8)
  assert.deepEqual([...new Set((await Promise.all(answers)).map(({ status }) => status))], [200])
})

test('pipelined requests are answered in their order', async (t) => {
  const { source } = await openSource(t)
  read(source)
  const client = new RawClient(source, t)
  client.send(requestText('{"n":1}\n') + requestText('') + requestText('{"n":2}\n', [], '/other'))
  await client.until(() => client.statuses.length === 3)
  assert.deepEqual(client.statuses, [200, 200, 404])
})

test('a source whose budget is spent says so', async (t) => {
  const budget = new ByteBudget(100_000)
  const { source } = await openSource(t, { budget })
  assert.equal(source.whyFull, undefined)
  assert.ok(budget.tryTake(96_000))
  assert.equal(source.whyFull, '96000 of 100000 bytes are in flight')
  budget.give(96_000)
  assert.equal(source.whyFull, undefined)
})

test('path, method, encoding and length are refused with their own codes', async (t) => {
  const { source } = await openSource(t, { path: '/logs', limits: { bodyBytes: 1000 } })
  read(source)
  const send = (options: http.RequestOptions, body = '{}\n') => post(source, body, { path: '/logs?x=1', ...options })
  assert.equal((await send({})).status, 200)
  assert.equal((await send({ path: '/ingest' })).code, 'unknown-path')
  const wrong = await send({ method: 'PUT' })
  assert.equal(wrong.code, 'wrong-method')
  assert.equal(wrong.headers.allow, 'POST')
  assert.equal((await send({ method: 'HEAD' }, '')).status, 405)
  assert.equal((await send({ method: 'GET' }, '')).status, 405)
  assert.equal((await send({ headers: { 'Content-Encoding': 'br' } })).code, 'unknown-encoding')
  assert.equal((await send({ headers: { 'Content-Encoding': 'deflate' } })).code, 'unknown-encoding')
  assert.equal((await send({ headers: { 'Content-Encoding': 'gzip, gzip' } })).code, 'double-encoding')
  assert.equal((await send({ headers: { 'Content-Encoding': 'identity' } })).status, 200)
  assert.equal((await send({}, 'x'.repeat(1001))).code, 'body-too-large')
  const chunked = await post(source, 'x'.repeat(100_000), { path: '/logs', chunked: true })
  assert.equal(chunked.code, 'body-too-large')
  assert.equal(source.inFlightBytes, 0)
})

test('a target that is a whole URL is its path', async (t) => {
  const { source } = await openSource(t)
  read(source)
  const client = new RawClient(source, t).send(requestText('{}\n', [], 'http://localhost/ingest'))
  await client.until(() => client.statuses.length === 1)
  assert.deepEqual(client.statuses, [200])
})

test('who expects 100-continue is told before the body is sent, or refused instead', async (t) => {
  const { source } = await openSource(t)
  const head = requestText('', ['Content-Length: 3', 'Expect: 100-continue'])
  const refused = new RawClient(source, t).send(head)
  await refused.until(() => refused.statuses.length > 0)
  assert.deepEqual(refused.statuses, [503])
  const reading = read(source)
  const client = new RawClient(source, t).send(head)
  await client.until(() => client.statuses.length === 1)
  assert.deepEqual(client.statuses, [100])
  client.send('{}\n')
  await client.until(() => client.statuses.length === 2)
  assert.deepEqual(client.statuses, [100, 200])
  assert.deepEqual(reading.bodies, ['{}\n'])
})

test('a port that is taken is a fault with its reason', async (t) => {
  const { source } = await openSource(t)
  const listen = { host: '127.0.0.1', port: source.address.port }
  const quarantine = async () => true
  await assert.rejects(openHttpSource({ name: 'x', listen, budget: new ByteBudget(1), quarantine }), {
    code: 'ERR_CONNECTOR_LISTEN',
    message: /^Cannot listen on 127\.0\.0\.1:\d+: address already in use \(EADDRINUSE\)\.$/,
  })
})

test('many bodies on few connections all arrive once, whatever way they travel', async (t) => {
  const { source } = await openSource(t)
  const reading = read(source)
  const agent = new http.Agent({ keepAlive: true, maxSockets: 4 })
  t.after(() => agent.destroy())
  const bodies = Array.from({ length: 200 }, (_, index) => `{"n":${index},"x":"${'y'.repeat(index * 97)}"}\n`)
  const answers = bodies.map((body, index) =>
    index % 3 === 0 ? post(source, gzipSync(body), { agent }) : post(source, body, { agent, chunked: index % 3 === 1 }),
  )
  for (const { status } of await Promise.all(answers)) assert.equal(status, 200)
  assert.deepEqual([...reading.bodies].sort(), [...bodies].sort())
  assert.equal(source.inFlightBytes, 0)
})
