// What `weir serve` from HTTP into a bucket tells while the store takes nothing: it is not ready, for a reason, from the first
// object that cannot be written until the store takes one again, whether anybody posts meanwhile or not.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'

import { startFakeS3 } from '../servers/s3/fake-s3.js'
import type { FakeS3 } from '../servers/s3/fake-s3.js'
import { refusals } from '../servers/s3/misdeeds.js'
import type { FakeCall } from '../servers/s3/misdeeds.js'
import { credentialsText } from '../servers/s3/server.js'
import { anyPort, pipelineText, post, serve, settingsText } from './serving.js'
import type { Serving } from './serving.js'

const rules = 'version: 1\ndefault: keep\nrules: []\n'

/** Serves a pipeline `one` from HTTP into the store. */
function serveInto(t: TestContext, store: FakeS3): Promise<Serving> {
  const s3 = `{ s3: { bucket: logs, prefix: kept, endpoint: "${store.endpoint}", credentials: keys, maxWaitMs: 10ms } }`
  const settings = settingsText([pipelineText('one', anyPort, `{ keep: ${s3} }`, 'rules: rules.yaml')])
  return serve(t, settings, { files: { 'rules.yaml': rules, keys: credentialsText(store) } })
}

async function readiness(started: Serving): Promise<string> {
  const answer = await started.ask('/readyz')
  return `${answer.status} ${((await answer.json()) as { reasons: string[] }).reasons.join(' ')}`.trim()
}

/** Asks until the service is ready, or is not. */
async function readyIs(started: Serving, status: 200 | 503): Promise<void> {
  while (!(await readiness(started)).startsWith(String(status)));
}

const paused = (code: string) => `weir_s3_paused{pipeline="one",partition="",reason="${code}"}`
const told = ({ log }: Serving, message: string) => log.filter(({ msg }) => msg === message)

test('while objects cannot be written the service is not ready, and when the store is back it is, though nobody posts', async (t) => {
  const store = await startFakeS3(t)
  const started = await serveInto(t, store)
  const address = await started.source()
  assert.equal((await post(address, '{"n":1}')).status, 200)
  assert.equal(await readiness(started), '200')
  assert.equal(await started.metric(paused('ERR_S3_SERVER')), undefined)

  store.script = ({ operation }) => (operation === 'put' ? refusals.internal : undefined)
  assert.equal((await post(address, '{"n":2}')).status, 503)
  await started.metricIs(paused('ERR_S3_SERVER'), (value) => value === 1)
  // Several more attempts, each of three calls: it does not become ready between them.
  const from = store.callsOf('put').length
  while (store.callsOf('put').length < from + 9) {
    assert.match(await readiness(started), /^503 one: waiting: .*internal error|^503 one: waiting: .*500/i)
    assert.equal(await started.metric(paused('ERR_S3_SERVER')), '1')
  }
  const states = told(started, 'The pipeline has another state.').map(({ status }) => status)
  assert.deepEqual(states, ['running', 'waiting'])
  assert.equal(told(started, 'The pipeline has stopped, and is started again.').length, 1)

  store.script = undefined
  await readyIs(started, 200)
  assert.equal(await started.metric(paused('ERR_S3_SERVER')), undefined)
  assert.equal(told(started, 'The store works again.').length, 1)
  assert.equal((await post(address, '{"n":2}')).status, 200)
  assert.equal((await started.stop()).code, 0)
})

test('a store that does not answer at the start is a reason not to be ready, until it does', async (t) => {
  const store = await startFakeS3(t, { buckets: [] })
  const started = await serveInto(t, store)
  await started.source()
  await readyIs(started, 503)
  assert.match(await readiness(started), /^503 one: .*bucket/i)
  await started.metricIs(paused('ERR_S3_BUCKET'), (value) => value === 1)
  // What is wrong may change; that is told.
  store.script = ({ operation }) => (operation === 'put' ? refusals.denied : undefined)
  await started.metricIs(paused('ERR_S3_DENIED'), (value) => value === 1)
  assert.equal(told(started, 'The bucket cannot be used yet; it is tried again.').length, 2)
  store.buckets.set('logs', new Map())
  store.script = undefined
  await readyIs(started, 200)
})

test('a store that answers, and goes on refusing objects, is told all the time', async (t) => {
  const store = await startFakeS3(t)
  const started = await serveInto(t, store)
  const address = await started.source()
  const isObject = ({ operation, key }: FakeCall) => operation === 'put' && key.includes('/dt=')
  store.script = (call) => (isObject(call) ? refusals.denied : undefined)
  const refused = () => store.calls.filter(isObject).length
  while (refused() < 2) assert.equal((await post(address, '{"n":1}')).status, 503)
  await started.metricIs(paused('ERR_S3_DENIED'), (value) => value === 1)
  while (refused() < 5) {
    assert.equal((await post(address, '{"n":1}')).status, 503)
    assert.equal(await started.metric(paused('ERR_S3_DENIED')), '1')
    assert.match(await readiness(started), /^503/)
  }
  store.script = undefined
  while ((await post(address, '{"n":1}')).status !== 200);
  assert.equal(await readiness(started), '200')
  assert.equal(told(started, 'The store works again.').length, 2)
})

test('a service that waits for its store ends when it is told to', async (t) => {
  const store = await startFakeS3(t, {
    script: ({ operation }) => (operation === 'put' ? { does: 'hang' } : undefined),
  })
  store.next('put', undefined, undefined, refusals.denied)
  const started = await serveInto(t, store)
  const address = await started.source()
  await started.logged('The store obeys create-only writes.')
  const from = store.callsOf('put').length
  // 503 may also come from a pipeline that has only begun.
  do assert.equal((await post(address, '{"n":1}')).status, 503)
  while (!(await readiness(started)).startsWith('503'))
  // The object, and the call that asks.
  while (store.callsOf('put').length < from + 2) assert.match(await readiness(started), /^503/)
  // The call that asks whether it is back is never answered.
  assert.equal((await started.stop()).code, 0)
})
