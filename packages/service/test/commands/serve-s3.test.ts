// The bucket of an output: what its store is asked, how often, and what becomes of the answer.

import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'

import { Buckets, openBuckets, PipelineS3, probeKey } from '#src/commands/serve-s3.js'
import type { S3SinkSettings } from '#src/config/schema.js'
import { openSpool } from '#src/objects/spool.js'
import { Metrics } from '#src/metrics.js'
import type { StructuredLog } from '#src/structured-log.js'
import { load } from '../config/loading.js'
import { MemoryStore } from '../contract/memory-store.js'

function settingsOf(more = ''): S3SinkSettings {
  const text = `pipelines: { a: { source: { stdin: {} }, routes: { keep: { s3: { bucket: logs${more} } } } } }`
  return load(text).settings.pipelines['a']?.routes.keep.s3 ?? assert.fail('no S3')
}

/** A bucket in memory, and what its log was told. */
async function openBucket(more = '', sharesNames = true) {
  const settings = settingsOf(more)
  const store = new MemoryStore()
  const told: string[] = []
  const tell = (message: string) => void told.push(message)
  const log = { debug: tell, info: tell, warn: tell, error: tell } as unknown as StructuredLog
  const spool = await openSpool({ memoryBytes: settings.memoryBytes })
  return { settings, store, told, s3: new PipelineS3(settings, store, spool, { log, sharesNames }) }
}

test('a store is asked until it has answered, once at a time, and then no more', async () => {
  const { store, s3, told } = await openBucket(', prefix: /a/')
  let answers = false
  store.fateOf = () => (answers ? 'done' : 'busy')
  s3.ask()
  await assert.rejects(s3.probed(), { code: 'ERR_S3_BUSY' })
  assert.deepEqual([s3.isConditional, store.calls], [undefined, ['probe a/_weir/probe']])
  answers = true
  assert.deepEqual(await Promise.all([s3.probed(), s3.probed()]), ['conditional', 'conditional'])
  assert.equal(await s3.probed(), 'conditional')
  assert.equal(s3.isConditional, true)
  assert.equal(store.calls.length, 2)
  const back = ['The store works again.', 'The store obeys create-only writes.']
  assert.deepEqual(told, ['The bucket cannot be used yet; it is tried again.', ...back])
  await s3.close()
  assert.ok(store.isClosed)
})

test('a store that ignores conditions is told once, with what may happen', async () => {
  const { store, s3, told } = await openBucket()
  store.obeysConditions = false
  assert.deepEqual([await s3.probed(), await s3.probed(), s3.isConditional], ['ignored', 'ignored', false])
  assert.equal(told.length, 1)
  assert.match(told[0]!, /ignores create-only writes: records may come twice, or be lost/)
  await s3.close()
})

test('where names are given once, a store that ignores conditions is no danger, and nothing is asked of it that it refuses', async () => {
  const { store, s3, told } = await openBucket('', false)
  store.obeysConditions = false
  await s3.probed()
  assert.deepEqual(told, ['The store ignores create-only writes; names are given once.'])
  const sink = s3.openSink({ pipeline: 'a', metrics: new Metrics({ version: '1' }).pipeline('a') })
  await sink.write([Buffer.from('{}\n')])
  await sink.finish()
  assert.deepEqual(
    store.calls.map((call) => call.split(' ')[0]),
    ['probe', 'overwrite'],
  )
  await s3.close()
})

test('a bucket that is closed while it is asked ends, and tells nothing', async () => {
  const { store, s3, told } = await openBucket()
  let answer = () => undefined as void
  store.fateOf = () => new Promise((resolve) => (answer = () => resolve('done')))
  s3.ask()
  const closed = s3.close()
  answer()
  await closed
  assert.deepEqual(told, [])
})

test('the object that a store is probed with is none of an archive', () => {
  assert.equal(probeKey(''), '_weir/probe')
  assert.equal(probeKey('/logs/web/'), 'logs/web/_weir/probe')
})

test('buckets of a pipeline are found by their settings, and measured together', async () => {
  const [one, other] = [await openBucket(), await openBucket()]
  const buckets = new Buckets(new Map([one, other].map(({ settings, s3 }) => [settings, s3])))
  assert.equal(buckets.of(other.settings), other.s3)
  assert.throws(() => buckets.of(settingsOf()), TypeError)
  assert.deepEqual(buckets.measured(), { paused: [], open: [], spool: { memoryBytes: 0, diskBytes: 0 } })
  assert.deepEqual(new Buckets(new Map()).measured(), { paused: [], open: [] })
  assert.deepEqual(buckets.whyHeld, [])
  one.s3.spool.diskFailed(Object.assign(new Error('no room'), { code: 'ENOSPC' }))
  assert.deepEqual([buckets.measured().paused, buckets.whyHeld.length], [[{ reason: 'spool' }], 1])
  await buckets.close()
  assert.ok(one.store.isClosed && other.store.isClosed)
})

test('buckets are opened all or none: with keys that cannot be used, no folder stays taken', async (t) => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'weir-s3-'))
  t.after(() => rm(folder, { recursive: true }))
  const keys = '[default]\naws_access_key_id = a\naws_secret_access_key = b\n'
  await writeFile(path.join(folder, 'one.keys'), keys)
  const bucket = (name: string) => `{ bucket: ${name}, endpoint: "http://127.0.0.1:1", credentials: ${folder}/${name}.keys, spool: { folder: ${folder}/${name} } }` // prettier-ignore
  const text = `pipelines: { a: { source: { stdin: {} }, routes: { keep: { s3: ${bucket('one')} }, slow: { s3: ${bucket('two')} } } } }`
  const pipeline = load(text).settings.pipelines['a'] ?? assert.fail('no pipeline')
  const silent = () => undefined
  const log = { debug: silent, info: silent, warn: silent, error: silent } as unknown as StructuredLog
  const surroundings = { metrics: new Metrics({ version: '1' }).pipeline('a'), log }
  await assert.rejects(openBuckets(pipeline, surroundings), { code: 'ERR_CONFIG_S3' })
  await writeFile(path.join(folder, 'two.keys'), keys)
  // A second process would find the folders taken.
  const buckets = await openBuckets(pipeline, surroundings)
  await assert.rejects(openBuckets(pipeline, surroundings), { code: 'ERR_CONNECTOR_LOCKED' })
  await buckets.close()
  const again = await openBuckets(pipeline, surroundings)
  await again.close()
  assert.deepEqual((await readdir(folder)).sort(), ['one', 'one.keys', 'two', 'two.keys'])
})
