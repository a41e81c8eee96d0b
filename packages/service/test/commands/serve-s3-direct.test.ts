// `weir serve` from HTTP into a bucket of a real store, without Kafka: at least once, and answered when it is there.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { gzipSync } from 'node:zlib'

import { weir } from '../running.js'
import { skipWithoutS3 } from '../servers/s3/install.js'
import { putObject, readBucket, skipWithoutReader } from '../servers/s3/reader.js'
import { credentialsText } from '../servers/s3/server.js'
import { startVersitygw } from '../servers/s3/versitygw.js'
import type { Versitygw } from '../servers/s3/versitygw.js'
import { anyPort, pipelineText, post, serve, settingsText } from './serving.js'
import type { Serving } from './serving.js'

const skip = (await skipWithoutS3()) || skipWithoutReader()

const rules = 'version: 1\ndefault: drop\nrules: [{ id: good, when: { field: s, equals: a }, then: keep }]\n'

/** Serves a pipeline `one` from HTTP into two prefixes of the store. */
function serveInto(t: TestContext, store: Versitygw): Promise<Serving> {
  const s3 = (prefix: string) => `s3: { bucket: logs, prefix: ${prefix}, endpoint: "${store.endpoint}", credentials: keys, maxWaitMs: 10ms }` // prettier-ignore
  const more = `rules: rules.yaml\n    deadLetter: { ${s3('dead')} }`
  const settings = settingsText([pipelineText('one', anyPort, `{ keep: { ${s3('kept')} } }`, more)])
  return serve(t, settings, { files: { 'rules.yaml': rules, keys: credentialsText(store) } })
}

async function linesIn(store: Versitygw, prefix: string): Promise<string[]> {
  return (await readBucket(store, 'logs', `${prefix}/dt=`)).flatMap(({ lines }) => lines).sort()
}

test('what is posted lies in the bucket when it is answered: kept records, and dead letters', { skip }, async (t) => {
  const store = await startVersitygw(t)
  const started = await serveInto(t, store)
  const address = await started.source()
  const kept = Array.from({ length: 500 }, (_, n) => `{"s":"a","n":${n}}`)
  const dropped = kept.map((line) => line.replace('"a"', '"b"'))
  const { status } = await post(address, [...kept, ...dropped, 'no JSON'].join('\n'))
  assert.equal(status, 200)
  assert.deepEqual(await linesIn(store, 'kept'), [...kept].sort())
  const [letter, ...others] = (await linesIn(store, 'dead')).map((line) => JSON.parse(line) as Record<string, unknown>)
  assert.deepEqual([letter?.['reason'], others], ['malformed', []])
  assert.equal(Buffer.from(String(letter?.['data']), 'base64').toString().trim(), 'no JSON')

  const { pipelines } = (await (await started.ask('/api/status')).json()) as {
    pipelines: readonly Record<string, unknown>[]
  }
  const { delivery, outputs, malformed } = pipelines[0]!['guarantees'] as Record<string, unknown>
  assert.deepEqual([delivery, outputs, malformed], ['at least once', { keep: 'in the bucket' }, 'in the bucket'])
  assert.equal(await started.metric('weir_s3_objects_total{pipeline="one",result="written"}'), '2')
  assert.equal(await started.metric('weir_s3_object_records_total{pipeline="one"}'), '501')
  assert.equal((await started.stop()).code, 0)
  assert.equal((await linesIn(store, 'kept')).length, kept.length)
  await verified(started.directory, store)
})

/** What can be verified of it is, and that it is no archive is said. */
async function verified(cwd: string, store: Versitygw): Promise<void> {
  const run = (...args: readonly string[]) => weir(['archive', ...args, '--config', 'weir.yaml'], { cwd })
  const clean = await run('verify')
  assert.deepEqual([clean.code, clean.stderr], [0, ''])
  assert.match(clean.stdout.toString(), /^one \(keep\): 1 object, 500 records, .*; without a topic they have no offsets: .*\none \(keep\): 1 object, all read: nothing is wrong\none \(deadLetter\): 1 object, 1 record, /) // prettier-ignore
  const [listed] = (await run('ls')).stdout.toString().split('\n')
  assert.match(listed!, /^\S+T\d\d {2}one +no offsets +500 .*kept\/dt=\S+\/one\+/)
  const { key, metadata } = (await readBucket(store, 'logs', 'kept/dt='))[0]!
  await putObject(store, 'logs', { key, bytes: gzipSync('{"n":1}\n'), metadata: { ...metadata } })
  const harmed = await run('verify', '--json')
  assert.equal(harmed.code, 1)
  const lines = harmed.stdout.toString().trimEnd().split('\n')
  const [{ finding }, { summary }] = lines.map(
    (line) => JSON.parse(line) as Record<string, Record<string, unknown>>,
  ) as [Record<string, Record<string, unknown>>, Record<string, Record<string, unknown>>]
  assert.deepEqual([finding!['pipeline'], finding!['kind'], finding!['key']], ['one', 'content', key])
  const { pipeline, output, depth, objects, findings } = summary!
  assert.deepEqual([pipeline, output, depth, objects, findings], ['one', 'keep', 'objects', 1, 1])
  assert.equal((await run('verify', '--manifests')).code, 0)
  const refused: [args: readonly string[], message: RegExp][] = [
    [
      ['verify', '--partition', '0'],
      /^weir: --partition: one writes objects to S3 without a topic: they have no partitions/,
    ],
    [['resume', '--partition', '0', '--reason', 'x'], /^weir: one writes objects to S3 without a topic/],
  ]
  for (const [args, message] of refused) {
    const { code, stderr } = await run(...args)
    assert.deepEqual([code, message.test(stderr)], [2, true], stderr)
  }
}

test('a store that is away is no reason to end: bodies are answered 503 until it is back', { skip }, async (t) => {
  const store = await startVersitygw(t)
  await store.stop()
  const started = await serveInto(t, store)
  const address = await started.source()
  await started.logged('The bucket cannot be used yet; it is tried again.')
  const record = '{"s":"a","n":1}'
  const refused = await post(address, record)
  assert.equal(refused.status, 503)
  assert.ok(Number(refused.headers.get('retry-after')) > 0)
  await store.start()
  let status = 503
  while (status === 503) status = (await post(address, record)).status
  assert.equal(status, 200)
  assert.deepEqual([...new Set(await linesIn(store, 'kept'))], [record])
})
