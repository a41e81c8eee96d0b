// Where the objects of a partition end, and how few of them are asked for it.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { newestEnd } from '#src/archive/newest.js'
import { manifestMetadata } from '#src/objects/manifest.js'
import { beginMs, MadeArchive, madeObject, minuteMs, prefix, topic } from './made-archive.js'

const where = { prefix, topic, partition: 0 }
const hourMs = 60 * minuteMs

/** Puts an object of records [first, last] there whose first one is of that time. Returns its name. */
async function put(
  { store, identity }: MadeArchive,
  { first, last, atMs, ...other }: { first: number; last: number; atMs: number; topicId?: string; extension?: string },
): Promise<string> {
  const { extension = '.ndjson.gz', ...more } = other
  const place = {
    topic,
    partition: 0,
    ...identity,
    ...more,
    from: BigInt(first),
    first: BigInt(first),
    last: BigInt(last),
  }
  const object = madeObject(prefix, Buffer.from('{}\n'), { ...place, firstMs: atMs, lastMs: atMs })
  const key = object.key.replace('.ndjson.gz', extension)
  await store.create({ ...object, key })
  return key
}

/** Returns what the archive ends with, and the objects that were asked for it. */
async function found(archive: MadeArchive) {
  const { store, identity } = archive
  store.calls.length = 0
  const end = await newestEnd(store, where, identity)
  const heads = new Set(store.calls.flatMap((call) => (call.startsWith('head ') ? [call.slice(5)] : [])))
  return { end, heads }
}

test('of many objects only those of the hours around the newest are asked', async () => {
  const archive = new MadeArchive()
  const keys: string[] = []
  for (let n = 0; n < 600; n++) {
    keys.push(await put(archive, { first: n * 10, last: n * 10 + 9, atMs: beginMs + n * minuteMs }))
  }
  const { end, heads } = await found(archive)
  assert.equal(end, 6000n)
  assert.ok(heads.has(keys.at(-1)!))
  // It begins at ten minutes before an hour, so that the newest stands in the fiftieth minute of its hour.
  assert.equal(heads.size, 110)
})

test('an object that reaches over the newest one is not passed by', async () => {
  const archive = new MadeArchive()
  const old = Array.from({ length: 5 }, (_, n) => put(archive, { first: n, last: n, atMs: beginMs - 5 * hourMs }))
  await Promise.all(old)
  // Written in another form by somebody who worked at the same time; its first record came from a broker whose clock was ahead.
  await put(archive, { first: 100, last: 300, atMs: beginMs + hourMs, extension: '.ndjson' })
  for (let n = 0; n < 50; n++) await put(archive, { first: 101 + n, last: 101 + n, atMs: beginMs })
  const { end, heads } = await found(archive)
  assert.deepEqual([end, heads.size], [301n, 51])
})

test('the newest is told by offsets, where a clock was put back', async () => {
  const archive = new MadeArchive()
  await put(archive, { first: 0, last: 9, atMs: beginMs + 48 * hourMs })
  await put(archive, { first: 10, last: 19, atMs: beginMs })
  assert.equal((await found(archive)).end, 20n)
})

test('objects of a topic that was there before say nothing, however far they go', async () => {
  const archive = new MadeArchive()
  const before = { topicId: 'topic-0', atMs: beginMs }
  for (let n = 0; n < 40; n++) await put(archive, { first: 1000 + n, last: 1000 + n, ...before })
  assert.equal((await found(archive)).end, undefined)
  await put(archive, { first: 0, last: 7, atMs: beginMs + 5 * hourMs })
  assert.equal((await found(archive)).end, 8n)
})

test('what lies under a name that it cannot have is not taken for the newest', async () => {
  const archive = new MadeArchive(2)
  await archive.fill(3)
  const { store } = archive
  const [key] = store.keys as [string]
  const object = store.objects.get(key)!
  const far = (to: string) => to.replace(/\d{20}/, '00000000000000999999').replace('dt=2026', 'dt=2031')
  // Copied, without a manifest, and of another partition.
  store.objects.set(far(key), object)
  store.objects.set(far(key).replace('.gz', ''), { ...object, metadata: {} })
  const place = { topic, partition: 1, ...archive.identity, from: 0n, first: 999_999n, last: 1_999_999n }
  const metadata = manifestMetadata({ ...place, count: 1, rawBytes: 1, sha256: '0'.repeat(64), firstMs: 0, lastMs: 0, versions: [], moreVersions: 0 }) // prettier-ignore
  store.objects.set(far(key).replace('2031', '2032'), { ...object, metadata })
  assert.equal((await found(archive)).end, 180n)
})

test('a partition without objects has no end', async () => {
  const archive = new MadeArchive(2)
  assert.equal((await found(archive)).end, undefined)
})
