// The proxy before stores: what each harm does to a call, on both sides.

import assert from 'node:assert/strict'
import http from 'node:http'
import { test } from 'node:test'
import type { TestContext } from 'node:test'

import { startFakeS3 } from './fake-s3.js'
import { startStoreProxy } from './proxy.js'
import type { CallFate } from './proxy.js'

/** A call as it ends: the status, or `cut`. */
type Outcome = number | 'cut'

/** A store, the proxy before it, and calls that end for whoever waits no longer than he is told. */
async function proxied(t: TestContext) {
  const store = await startFakeS3(t)
  const proxy = startStoreProxy(t, store.endpoint)
  const door = await proxy.open(() => 7)
  const ask = async (method: string, key: string, { giveUp }: { giveUp?: Promise<unknown> } = {}) => {
    const authorization =
      'AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0'
    const date = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '')
    const headers = { authorization, 'x-amz-date': date, ...(method === 'PUT' ? { 'content-length': 3, expect: '100-continue' } : {}) } // prettier-ignore
    const request = http.request(`${door}/logs/${key}`, { method, headers, agent: false })
    void giveUp?.then(() => request.destroy())
    return new Promise<{ outcome: Outcome; headers: http.IncomingHttpHeaders; body: string }>((resolve) => {
      request.on('error', () => resolve({ outcome: 'cut', headers: {}, body: '' }))
      request.on('response', (answer) => {
        let body = ''
        answer.setEncoding('utf8').on('data', (text: string) => (body += text))
        answer.on('end', () => resolve({ outcome: answer.statusCode!, headers: answer.headers, body }))
      })
      request.end(method === 'PUT' ? 'abc' : undefined)
    })
  }
  const isStored = (key: string) => store.objects().get(key)?.bytes.toString() === 'abc'
  const harm = (fate: CallFate) => proxy.plan({ on: 'put', do: fate })
  return { store, proxy, ask, isStored, harm }
}

test('what passes arrives as it was sent, and so does its answer', async (t) => {
  const { proxy, ask, isStored } = await proxied(t)
  assert.equal((await ask('PUT', 'a%2Fb/c')).outcome, 200)
  assert.ok(isStored('a/b/c'))
  assert.equal((await ask('GET', 'a/b/c')).body, 'abc')
  const head = await ask('HEAD', 'a/b/c')
  assert.deepEqual([head.outcome, head.headers['content-length'], head.body], [200, '3', ''])
  assert.equal((await ask('HEAD', 'none')).outcome, 404)
  assert.equal((await ask('GET', '?list-type=2')).outcome, 200)
  const seen = proxy.calls.map(({ operation, key, status, bytes }) => [operation, key, status, bytes])
  assert.ok(proxy.calls.every(({ client }) => client === 7))
  assert.deepEqual(seen, [
    ['put', 'a/b/c', 200, 3],
    ['get', 'a/b/c', 200, 0],
    ['head', 'a/b/c', 200, 0],
    ['head', 'none', 404, 0],
    ['list', '', 200, 0],
  ])
})

test('a refusal is answered in place of the store, as often as it is planned', async (t) => {
  const { proxy, ask, isStored } = await proxied(t)
  const refusal = { status: 503, code: 'SlowDown', retryAfter: 2 }
  const fault = proxy.plan({ on: 'all', when: ({ key }) => key === 'a', times: 2, do: () => refusal })
  const put = await ask('PUT', 'a')
  assert.deepEqual([put.outcome, put.headers['retry-after']], [503, '2'])
  assert.match(put.body, /<Code>SlowDown<\/Code>/)
  assert.ok(!isStored('a'))
  assert.equal((await ask('PUT', 'b')).outcome, 200)
  assert.deepEqual([(await ask('HEAD', 'a')).outcome, (await ask('PUT', 'a')).outcome], [503, 200])
  assert.equal(fault.strikes, 2)
})

test('a call that is cut has no effect, and one whose answer is lost has', async (t) => {
  const { ask, isStored, harm } = await proxied(t)
  harm('reset')
  assert.equal((await ask('PUT', 'a')).outcome, 'cut')
  harm('lose')
  assert.equal((await ask('PUT', 'b')).outcome, 'cut')
  assert.deepEqual([isStored('a'), isStored('b')], [false, true])
})

test('a call that nobody answers ends when the client gives up, with or without effect', async (t) => {
  const { proxy, ask, isStored, harm } = await proxied(t)
  for (const [fate, key] of [
    ['hang', 'a'],
    ['swallow', 'b'],
  ] as const) {
    const { struck } = harm(fate)
    assert.equal((await ask('PUT', key, { giveUp: struck })).outcome, 'cut')
    const { atMs, connection } = proxy.calls.at(-1)!
    while (connection.closedAtMs === undefined) await new Promise((resolve) => setImmediate(resolve))
    assert.ok(connection.closedAtMs >= atMs)
  }
  assert.deepEqual([isStored('a'), isStored('b')], [false, true])
})

test('a call that is held arrives when it is let go, also when its client has given up', async (t) => {
  const { store, ask, isStored, harm } = await proxied(t)
  const held = harm('hold')
  const put = ask('PUT', 'a')
  await held.struck
  assert.ok(!isStored('a'))
  held.release()
  assert.equal((await put).outcome, 200)
  const late = harm('hold')
  assert.equal((await ask('PUT', 'b', { giveUp: late.struck })).outcome, 'cut')
  assert.ok(!isStored('b'))
  late.release()
  while (!isStored('b')) await new Promise((resolve) => setImmediate(resolve))
  assert.equal(store.objects().size, 2)
})

test('an answer that is held comes when it is let go, and what is forgotten is let go', async (t) => {
  const { proxy, ask, isStored, harm } = await proxied(t)
  const held = harm('hold-answer')
  const put = ask('PUT', 'a')
  await held.struck
  assert.ok(isStored('a'))
  proxy.clear()
  assert.equal((await put).outcome, 200)
})
