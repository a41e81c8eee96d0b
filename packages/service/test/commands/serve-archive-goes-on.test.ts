// An archive that was kept from going on goes on by itself when the cause is gone, and says so within one wait between two
// attempts, also where nothing more comes: not only with the next object. On a cluster and a store in memory; what it waits
// between attempts is real, and short.

import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { test } from 'node:test'
import type { TestContext } from 'node:test'

import { ArchiveUnit } from '#src/commands/serve-archive.js'
import { PipelineKafka } from '#src/commands/serve-kafka.js'
import { PipelineS3 } from '#src/commands/serve-s3.js'
import { S3Error } from '#src/errors.js'
import { Metrics } from '#src/metrics.js'
import { manifestMetadata } from '#src/objects/manifest.js'
import type { Manifest } from '#src/objects/manifest.js'
import { openSpool } from '#src/objects/spool.js'
import type { StructuredLog } from '#src/structured-log.js'
import { load } from '../config/loading.js'
import { MemoryStore } from '../contract/memory-store.js'
import { append, archiveCluster, group, hourMs, topic } from '../pipeline/archiver.js'

const target = { topic, partition: 0 }
const folder = 'dt=2026-01-02/hr=03/'
const keyOf = (first: number) => `${folder}${topic}+0+${String(first).padStart(20, '0')}.ndjson`

/** An object of the archive, as its metadata say. */
function objectOf(first: number, last: number) {
  const manifest: Manifest = {
    ...{ topic, partition: 0, clusterId: 'memory', topicId: '', from: BigInt(first) },
    ...{ first: BigInt(first), last: BigInt(last), count: last - first + 1, rawBytes: 100, sha256: 'a'.repeat(64) },
    ...{ firstMs: hourMs, lastMs: hourMs, versions: [], moreVersions: 0 },
  }
  return { bytes: Buffer.from('x'), metadata: manifestMetadata(manifest), contentType: '', modifiedMs: 0 }
}

/** Serves an archive of a topic with some records, whose objects end by nothing but silence: longer than the test takes. */
async function serveArchive(t: TestContext, output = 'idleMs: 30s') {
  const { settings } = load(`
kafka: { brokers: ['127.0.0.1:1'], strict: false }
pipelines:
  archive:
    source: { kafka: { topic: ${topic}, group: ${group} } }
    routes: { keep: { s3: { bucket: logs, compression: none, ${output} } } }
`)
  const pipeline = settings.pipelines['archive']!
  const [cluster, store] = [archiveCluster(), new MemoryStore()]
  append(cluster, 0, 11)
  const told: string[] = []
  const log = { debug: () => undefined, info: (message: string) => void told.push(message), warn: () => undefined, error: (message: string) => void told.push(message), child: () => log } as unknown as StructuredLog // prettier-ignore
  const all = new Metrics({ version: '0' })
  const metrics = all.pipeline('archive')
  const s3 = new PipelineS3(pipeline.routes.keep.s3!, store, await openSpool({ memoryBytes: 1 << 20 }), {
    ...{ log, sharesNames: true },
  })
  const kafka = new PipelineKafka(cluster.cluster('p'), settings.kafka!, pipeline, log, metrics)
  const unit = new ArchiveUnit({
    name: 'archive',
    settings: pipeline,
    kafka,
    s3,
    metrics,
    log,
    onState: () => undefined,
  })
  let done: Promise<void> | undefined
  t.after(async () => {
    unit.pipeline.drain()
    await done
    await unit.close()
  })
  const run = () => void (done = unit.pipeline.run())
  const paused = async () => (await all.render()).split('\n').filter((line) => line.startsWith('weir_s3_paused{'))
  const until = async (isSo: () => boolean) => {
    while (!isSo()) {
      await turn()
      cluster.beat()
    }
  }
  const open = () => (unit.status() as { readonly open: Readonly<Record<string, { readonly records: number }>> }).open
  const goesOn = async () => {
    await until(() => unit.whyNotReady === undefined)
    assert.deepEqual([unit.pipeline.state.status, await paused()], ['running', []])
  }
  return { unit, cluster, store, told, run, paused, until, goesOn, open }
}

/** What is in the way of the first object, and what says so. */
const obstacles = [
  {
    what: 'an object of somebody else',
    put: (store: MemoryStore) => store.objects.set(keyOf(0), { ...objectOf(0, 0), metadata: {} }),
    code: 'ERR_S3_FOREIGN',
  },
  {
    what: 'an object with other records',
    put: (store: MemoryStore) => store.objects.set(keyOf(0), objectOf(0, 10)),
    code: 'ERR_S3_FOREIGN',
  },
  {
    what: 'an object that reaches over where the group stands',
    put: (store: MemoryStore) => store.objects.set(keyOf(0), objectOf(0, 7)),
    standsAt: 5n,
    code: 'ERR_S3_CONFLICT',
  },
] as const

for (const { what, put, code, ...more } of obstacles) {
  test(`a partition that ${what} has stopped goes on when it is taken away, though nothing more comes`, async (t) => {
    const { unit, cluster, store, told, run, paused, until, goesOn, open } = await serveArchive(t)
    put(store)
    if ('standsAt' in more) cluster.setOffset(group, target, more.standsAt, 'set: by hand')
    run()
    await until(() => unit.pipeline.state.restarts === 2)
    // It stays so from attempt to attempt.
    assert.match(unit.whyNotReady ?? 'ready', new RegExp(keyOf(0).replaceAll('+', '\\+')))
    assert.deepEqual(await paused(), [`weir_s3_paused{pipeline="archive",partition="0",reason="${code}"} 1`])
    store.objects.delete(keyOf(0))
    await goesOn()
    await until(() => open()[0]?.records === ('standsAt' in more ? 6 : 11))
    assert.equal(store.calls.some((call) => call.startsWith(`create ${folder}`)), false) // prettier-ignore
    assert.equal(told.filter((message) => message === 'The archive of a partition goes on.').length, 1)
  })
}

test('what is refused when it is written is waited for until it is taken, and not only until it is begun anew', async (t) => {
  const { unit, cluster, store, run, paused, until, goesOn } = await serveArchive(t, 'maxObjectRecords: 6')
  const refusal = new S3Error('ERR_S3_REQUEST', 'Too large.', { retryable: false })
  store.fateOf = (call, key) => (call === 'create' && key.startsWith(folder) ? refusal : 'done')
  run()
  await until(() => unit.pipeline.state.restarts === 1)
  let hasBeenReady = false
  await until(() => {
    hasBeenReady ||= unit.whyNotReady === undefined
    return unit.pipeline.state.restarts === 3
  })
  assert.equal(hasBeenReady, false)
  assert.deepEqual(await paused(), ['weir_s3_paused{pipeline="archive",partition="0",reason="ERR_S3_REQUEST"} 1'])
  store.fateOf = () => 'done'
  await goesOn()
  assert.equal(cluster.offsetOf(group, target), 6n)
})

test('what a partition waited for is over when the group stands elsewhere: somebody else has archived it', async (t) => {
  const { unit, cluster, store, run, until, goesOn } = await serveArchive(t)
  store.objects.set(keyOf(0), { ...objectOf(0, 0), metadata: {} })
  run()
  await until(() => unit.pipeline.state.restarts === 1)
  // Nothing is left to be done, and the object stays.
  cluster.setOffset(group, target, 11n, 'archived to 11')
  await goesOn()
})
