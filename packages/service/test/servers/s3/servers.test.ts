// Object stores as tests use them, and the judge: that the real one starts, answers, comes back with what it had and leaves
// nothing behind, and that the judge reads what is there and takes nothing that is wrong.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'

import { eventually } from '../../faults/fault.ts'
import { folder } from '../../running.ts'
import { startFakeS3 } from './fake-s3.ts'
import { skipWithoutS3 } from './install.ts'
import { deleteObject, listBucket, makeBucket, putObject, readBucket, skipWithoutReader } from './reader.ts'
import type { S3Server } from './server.ts'
import { startVersitygw, useVersitygw } from './versitygw.ts'

const withoutReader = skipWithoutReader()
const skip = withoutReader === false ? await skipWithoutS3() : withoutReader
const shared = useVersitygw(skip)
const lines = ['{"a":1}', '{"ü":"\u2028 + ä"}', '[]']
const raw = Buffer.from(lines.map((line) => `${line}\n`).join(''))

/** What every store has to do for the judge to be able to judge. */
async function judgeStore(server: S3Server): Promise<void> {
  const [a, b] = ['judged/dt=2026-11-22/topic+0+1.ndjson.gz', 'judged/dt=2026-11-22/topic+0+2.ndjson']
  await putObject(server, 'logs', { key: a, bytes: gzipSync(raw), metadata: { 'weir-count': '3' } })
  await putObject(server, 'logs', { key: b, bytes: raw })
  await putObject(server, 'logs', { key: 'judges/other', bytes: 'not of them' })
  const judged = await readBucket(server, 'logs', 'judged/')
  assert.deepEqual(
    judged.map(({ key }) => key),
    [a, b],
  )
  for (const object of judged) {
    assert.deepEqual(object.lines, lines)
    assert.equal(object.count, 3)
    assert.equal(object.rawBytes, raw.length)
    assert.equal(object.sha256, createHash('sha256').update(raw).digest('hex'))
  }
  assert.equal(judged[0]!.metadata['weir-count'], '3')
  assert.equal(judged[0]!.storedHead.slice(0, 8), '1f8b0800')
  assert.equal(judged[1]!.storedBytes, raw.length)
  await deleteObject(server, 'logs', a)
  assert.deepEqual(await listBucket(server, 'logs', 'judged/'), [{ key: b, storedBytes: raw.length }])
}

/** Objects that the judge must not take. */
async function judgeBadObjects(server: S3Server): Promise<void> {
  const bad: [key: string, bytes: Uint8Array | string, complaint: RegExp][] = [
    ['bad-1.ndjson', '{"a":1}\n{"a":\n', /bad-1\.ndjson, line 2 is not JSON/],
    ['bad-2.ndjson', '{"a":1}\n{"a":2}', /bad-2\.ndjson does not end with a line feed/],
    ['bad-3.ndjson.gz', '{"a":1}\n', /bad-3\.ndjson\.gz is not gzip/],
    ['bad-4.ndjson.gz', gzipSync(raw).subarray(0, -3), /bad-4\.ndjson\.gz cannot be inflated/],
    ['bad-5.ndjson.gz', Buffer.concat([gzipSync(raw), Buffer.from('x')]), /bad-5\.ndjson\.gz cannot be inflated/],
    ['bad-6.ndjson', '{"a":1}\n\n', /bad-6\.ndjson, line 2 is not JSON/],
  ]
  for (const [key, bytes, complaint] of bad) {
    await putObject(server, 'logs', { key, bytes })
    await assert.rejects(readBucket(server, 'logs', key), complaint)
  }
}

test('the judge reads every byte from the real store, and takes nothing that is wrong', { skip }, async () => {
  await judgeStore(shared())
  await judgeBadObjects(shared())
  await makeBucket(shared(), 'logs')
  await assert.rejects(readBucket(shared(), 'none'), /NoSuchBucket/)
  await assert.rejects(
    readBucket({ ...shared(), endpoint: shared().endpoint, secretKey: 'other' }, 'logs'),
    /Signature/,
  )
})

test('the judge reads every byte from the fake, page by page', { skip: withoutReader }, async (t) => {
  const fake = await startFakeS3(t, { pageSize: 1 })
  await judgeStore(fake)
  await judgeBadObjects(fake)
  await makeBucket(fake, 'another')
  assert.deepEqual([...fake.buckets.keys()], ['logs', 'another'])
  await assert.rejects(readBucket(fake, 'none'), /NoSuchBucket/)
})

test('a store that is killed or stopped comes back with its objects, on the same port', { skip }, async (t) => {
  const store = await startVersitygw(t)
  await putObject(store, 'logs', { key: 'a/b.ndjson', bytes: raw })
  await store.kill()
  assert.equal(store.pid, undefined)
  await assert.rejects(listBucket(store, 'logs'), /ConnectionRefused/)
  await store.start()
  assert.equal((await readBucket(store, 'logs')).length, 1)
  await store.stop()
  await store.start()
  assert.equal((await readBucket(store, 'logs'))[0]!.count, 3)
})

test('a store ends with the process that started it, even when that is killed', { skip }, async (t) => {
  const script = fileURLToPath(new URL('abandoning.js', import.meta.url))
  const owner = spawn(process.execPath, [script, await folder(t)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [endpoint] = (await once(owner.stdout, 'data')) as [Buffer]
  const isThere = () =>
    fetch(`${String(endpoint).trim()}/health`).then(
      () => true,
      () => false,
    )
  assert.ok(await isThere())
  owner.kill('SIGKILL')
  await eventually('the store has ended', async () => !(await isThere()))
})
