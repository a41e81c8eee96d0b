// An archive in memory: where objects end, what they are called, and that every record is in exactly one of them, whatever
// fails on the way.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { S3Error } from '#src/errors.js'
import { MemoryStore } from '../contract/memory-store.js'
import { append, archiveCluster, archiveOnce, assertWhole, group, hourMs, minuteMs, objectsIn, record, startArchive, topic, until } from './archiver.js' // prettier-ignore

const target = { topic, partition: 0 }

test('objects end with their minute, and are named by their first record', async (t) => {
  const [kafka, store] = [archiveCluster(), new MemoryStore()]
  append(kafka, 0, 130)
  const archive = await startArchive(t, kafka, store, 'a')
  await until(kafka, () => objectsIn(store).length === 2)
  assertWhole(store, 120)
  const [first, second] = objectsIn(store)
  assert.equal(first!.key, 'logs/dt=2026-01-02/hr=03/processed+0+00000000000000000000.ndjson')
  assert.equal(second!.key, 'logs/dt=2026-01-02/hr=03/processed+0+00000000000000000060.ndjson')
  const { sha256, ...manifest } = second!.manifest
  assert.match(sha256, /^[0-9a-f]{64}$/)
  assert.deepEqual(manifest, {
    ...{ topic, partition: 0, clusterId: 'memory', topicId: 'topic-1', from: 60n, first: 60n, last: 119n, count: 60 },
    ...{
      rawBytes: 40 * 9 + 20 * 10,
      firstMs: hourMs + 60_000,
      lastMs: hourMs + 119_000,
      versions: [],
      moreVersions: 0,
    },
  })
  await until(kafka, () => kafka.offsetOf(group, target) === 120n)
  assert.ok(archive.events.includes('written 60-119 60 period'))
  // Whoever begins where nothing is noted looks up to the end of the log, and has whoever comes next do the same.
  assert.equal(kafka.metadataOf(group, target), 'archived to 120; more may be there')
  append(kafka, 130, 190)
  await until(kafka, () => kafka.offsetOf(group, target) === 180n)
  assert.equal(kafka.metadataOf(group, target), 'archived to 180')
})

test('an object is closed when its minute is long over and nothing comes', async (t) => {
  const [kafka, store] = [archiveCluster(), new MemoryStore()]
  append(kafka, 0, 11)
  const { time, openRecords } = await startArchive(t, kafka, store, 'a')
  await until(kafka, () => openRecords() === 11)
  // The last record came 10 s into its minute.
  time.advance(50_000 + 19_000)
  await until(kafka, () => true)
  assert.equal(objectsIn(store).length, 0)
  time.advance(1_000)
  await until(kafka, () => kafka.offsetOf(group, target) === 11n)
  assertWhole(store, 11)
})

test('records and bytes end an object too, and a value that is larger has one of its own', async (t) => {
  const [kafka, store] = [archiveCluster(), new MemoryStore()]
  append(kafka, 0, 25, { stepMs: 1 })
  kafka.append(target, [record('x'.repeat(500), hourMs + 25), record('{}', hourMs + 26), record('{}', hourMs + 27)])
  const limits = { maxRecords: 10, maxBytes: 300, periodMs: minuteMs, mostStoredBytes: 60e6 }
  const { events, time } = await startArchive(t, kafka, store, 'a', { limits })
  await until(kafka, () => objectsIn(store).length === 4)
  time.advance(2 * minuteMs)
  await until(kafka, () => kafka.offsetOf(group, target) === 28n)
  const written = events.filter((event) => event.startsWith('written'))
  const expected = ['0-9 10 records', '10-19 10 records', '20-24 5 bytes', '25-25 1 bytes', '26-27 2 idle']
  assert.deepEqual(written, expected.map((each) => `written ${each}`)) // prettier-ignore
})

test('tombstones and empty values are no records; versions of rules are told', async (t) => {
  const [kafka, store] = [archiveCluster(), new MemoryStore()]
  const none = record(null, hourMs)
  kafka.append(target, [none, record('a', hourMs, 'v1'), record('', hourMs), record('b\n', hourMs, 'v2'), record('c\nd', hourMs, 'v1'), none]) // prettier-ignore
  const { time, openRecords } = await startArchive(t, kafka, store, 'a')
  await until(kafka, () => openRecords() === 3)
  time.advance(2 * minuteMs)
  await until(kafka, () => kafka.offsetOf(group, target) === 6n)
  const [object] = objectsIn(store)
  assert.deepEqual(object!.lines, ['a', 'b', 'c', 'd'])
  const { first, last, from, count, versions } = object!.manifest
  assert.deepEqual({ first, last, from, count, versions }, { first: 1n, last: 4n, from: 0n, count: 4, versions: ['v1', 'v2'] }) // prettier-ignore
})

test('a group does not stand before what is none of its records, when nothing else comes', async (t) => {
  const [kafka, store] = [archiveCluster(), new MemoryStore()]
  append(kafka, 0, 3)
  const { pipeline, time, openRecords, done } = await startArchive(t, kafka, store, 'a')
  await until(kafka, () => openRecords() === 3)
  time.advance(2 * minuteMs)
  await until(kafka, () => kafka.offsetOf(group, target) === 3n)
  kafka.append(target, [record(null, hourMs)])
  await until(kafka, () => kafka.offsetOf(group, target) === 4n)
  pipeline.drain()
  await done
  kafka.append(target, [record('', hourMs)])
  const next = await startArchive(t, kafka, store, 'b')
  await until(kafka, () => kafka.offsetOf(group, target) === 5n)
  kafka.deleteBelow(target, 5n)
  append(kafka, 5, 8)
  await until(kafka, () => next.openRecords() === 3)
  next.time.advance(2 * minuteMs)
  await until(kafka, () => kafka.offsetOf(group, target) === 8n)
  assert.deepEqual(next.events, ['assigned 0', 'take 0 at 4', 'commit 0 5', 'commit 0 8', 'written 5-7 3 idle'])
  const ranges = objectsIn(store).map(({ manifest: { from, first, last } }) => [from, first, last])
  assert.deepEqual(ranges, [[0n, 0n, 2n], [3n, 5n, 7n]]) // prettier-ignore
})

for (const fate of ['twice', 'unanswered'] as const) {
  test(`an object whose answer was lost (${fate}) is found written`, async (t) => {
    const [kafka, store] = [archiveCluster(), new MemoryStore()]
    const seen = new Set<string>()
    store.fateOf = (call, key) => (call === 'create' && !seen.has(key) && seen.add(key) ? fate : 'done')
    append(kafka, 0, 130)
    const { events } = await startArchive(t, kafka, store, 'a')
    await until(kafka, () => kafka.offsetOf(group, target) === 120n)
    assertWhole(store, 120)
    assert.ok(events.includes('adopted 60-119 60 period'), events.join('; '))
  })
}

test('a store that fails is waited for, and told', async (t) => {
  const [kafka, store] = [archiveCluster(), new MemoryStore()]
  let calls = 0
  store.fateOf = (_, key) => (key.includes('dt=') && ++calls < 40 ? 'busy' : 'done')
  append(kafka, 0, 130)
  const { events, pipeline } = await startArchive(t, kafka, store, 'a')
  await until(kafka, () => pipeline.state.status === 'waiting')
  assert.match(pipeline.state.reason ?? '', /busy/)
  await until(kafka, () => objectsIn(store).length === 2)
  await until(kafka, () => pipeline.state.status === 'running')
  assertWhole(store, 120)
  assert.ok(events.includes('freed'))
})

test('a store that has an object when it is written, and none when it is looked at, is waited for like one that fails', async (t) => {
  const [kafka, store] = [archiveCluster(), new MemoryStore()]
  const create = store.create.bind(store)
  let isOfTwoMinds = true
  store.create = (object) => (isOfTwoMinds && object.key.includes('dt=') ? Promise.resolve('exists') : create(object))
  append(kafka, 0, 130)
  const { events, pipeline, done } = await startArchive(t, kafka, store, 'a')
  await until(kafka, () => pipeline.state.status === 'waiting')
  assert.ok(events.includes('held ERR_S3_CONFLICT'), events.join('; '))
  isOfTwoMinds = false
  await until(kafka, () => kafka.offsetOf(group, target) === 120n)
  assertWhole(store, 120)
  // It ends also while it waits.
  isOfTwoMinds = true
  append(kafka, 130, 190)
  await until(kafka, () => pipeline.state.status === 'waiting')
  pipeline.drain()
  await done
})

test('what another process wrote and did not commit is adopted, wherever it ends', async (t) => {
  for (const maxRecords of [25, 60, 1000]) {
    const [kafka, store] = [archiveCluster(), new MemoryStore()]
    append(kafka, 0, 190, { stepMs: 500 })
    // It dies with its first commit.
    kafka.fateOf = (call, { process }) =>
      process === 'dead' && call === 'moveOffset' && objectsIn(store).length > 0 ? 'hang' : 'done'
    const about = { periodMs: minuteMs, maxBytes: 1 << 20, mostStoredBytes: 60e6 }
    const dead = await startArchive(t, kafka, store, 'dead', { limits: { ...about, maxRecords } })
    await until(kafka, () => kafka.calls.filter((call) => call === 'dead moveOffset').length === 2)
    kafka.fateOf = (_, { process }) => (process === 'dead' ? 'hang' : 'done')
    kafka.kill(group, 0)
    const { events } = await startArchive(t, kafka, store, 'alive', { limits: { ...about, maxRecords: 60 } })
    await until(kafka, () => kafka.offsetOf(group, target) === 180n)
    assert.ok(
      events.some((event) => event.startsWith(`adopted 0-${Math.min(maxRecords, 120) - 1} `)),
      events.join('; '),
    )
    assertWhole(store, 180)
    assert.deepEqual(
      dead.events.filter((event) => event.startsWith('written')),
      [],
    )
  }
})

test('an object that appears while the same one is built is adopted, though it ends elsewhere', async (t) => {
  const [kafka, store] = [archiveCluster(), new MemoryStore()]
  append(kafka, 0, 130)
  const other = new MemoryStore()
  const rival = archiveCluster()
  append(rival, 0, 130)
  const limits = { maxRecords: 7, periodMs: minuteMs, maxBytes: 1 << 20, mostStoredBytes: 60e6 }
  await startArchive(t, rival, other, 'rival', { limits })
  await until(rival, () => objectsIn(other).length > 3)
  const { key } = objectsIn(other)[0]!
  // It comes between the look and the write.
  store.fateOf = (call, name) => {
    if (call === 'create' && name === key && !store.objects.has(key)) store.objects.set(key, other.objects.get(key)!)
    return 'done'
  }
  const { events } = await startArchive(t, kafka, store, 'a')
  await until(kafka, () => kafka.offsetOf(group, target) === 120n)
  assert.ok(events.includes('failed ERR_S3_CUT') && events.includes('adopted 0-6 7 adopted'), events.join('; '))
  assertWhole(store, 120)
})

test('what is in the way and is none of the log is left alone, named, and waited out', async (t) => {
  const key = 'logs/dt=2026-01-02/hr=03/processed+0+00000000000000000000.ndjson'
  const [kafka, store] = [archiveCluster(), new MemoryStore()]
  append(kafka, 0, 130)
  const foreign = { bytes: Buffer.from('mine'), metadata: {}, contentType: 'text/plain', modifiedMs: 0 }
  store.objects.set(key, foreign)
  const { pipeline, events } = await startArchive(t, kafka, store, 'a')
  await until(kafka, () => events.includes('failed ERR_S3_FOREIGN'))
  assert.ok(pipeline.state.lastError?.message.includes(key))
  assert.equal(store.objects.get(key), foreign)
  assert.equal(kafka.offsetOf(group, target), 0n)
  store.objects.delete(key)
  await until(kafka, () => kafka.offsetOf(group, target) === 120n)
  assertWhole(store, 120)
})

test('an object of the same name from a topic that was there before is none of the log', async (t) => {
  const [kafka, store] = [archiveCluster(), new MemoryStore()]
  append(kafka, 0, 130)
  await archiveOnce(t, kafka, store, 120n, { topicId: 'topic-0' })
  const anew = archiveCluster()
  append(anew, 0, 130)
  const without = await startArchive(t, anew, store, 'b')
  await until(anew, () => without.events.includes('stop 0 no_offset'))
  assert.match(
    without.source.whyFull ?? '',
    /made anew \(.*\): what is archived from now on needs a `prefix` of its own/,
  )
  without.pipeline.drain()
  await without.done
  anew.setOffset(group, target, 0n)
  const { events, pipeline } = await startArchive(t, anew, store, 'c')
  await until(anew, () => events.includes('failed ERR_S3_FOREIGN'))
  assert.match(pipeline.state.lastError?.message ?? '', /topic-0.*topic-1/)
})

test('a group that has lost its offset begins where the archive did, and writes nothing twice', async (t) => {
  for (const obeysConditions of [true, false]) {
    const [kafka, store] = [archiveCluster(), new MemoryStore()]
    store.obeysConditions = obeysConditions
    append(kafka, 0, 130)
    await archiveOnce(t, kafka, store, 120n)
    kafka.forgetOffset(group, target)
    const { events } = await startArchive(t, kafka, store, 'b')
    await until(kafka, () => kafka.offsetOf(group, target) === 120n)
    assert.deepEqual(events.filter((event) => event.startsWith('written')), []) // prettier-ignore
    assertWhole(store, 120)
  }
})

test('a group that has lost its offset, where the log has lost what was archived first, stops', async (t) => {
  const [kafka, store] = [archiveCluster(), new MemoryStore()]
  append(kafka, 0, 130)
  await archiveOnce(t, kafka, store, 120n)
  kafka.forgetOffset(group, target)
  kafka.deleteBelow(target, 30n)
  const { events, source } = await startArchive(t, kafka, store, 'b')
  await until(kafka, () => events.includes('stop 0 no_offset'))
  assert.match(source.whyFull ?? '', /archived from offset 0 on, and its log begins at 30/)
  assertWhole(store, 120)
})

test('a store that ignores conditions is looked at before each write', async (t) => {
  const [kafka, store] = [archiveCluster(), new MemoryStore()]
  store.obeysConditions = false
  append(kafka, 0, 130, { stepMs: 10 })
  await startArchive(t, kafka, store, 'a', { rangeOffsets: 50 })
  await until(kafka, () => kafka.offsetOf(group, target) === 100n)
  assertWhole(store, 100)
  assert.equal(
    store.calls.some((call) => call.startsWith('create')),
    false,
  )
})

test('a member that joins takes its partition, and what was open comes again there', async (t) => {
  const [kafka, store] = [archiveCluster(2), new MemoryStore()]
  for (const partition of [0, 1]) append(kafka, 0, 90, { partition })
  const a = await startArchive(t, kafka, store, 'a')
  const stood = (partition: number) => kafka.offsetOf(group, { topic, partition })
  await until(kafka, () => stood(0) === 60n && stood(1) === 60n)
  const b = await startArchive(t, kafka, store, 'b')
  await until(kafka, () => b.events.some((event) => event.startsWith('take')))
  for (const partition of [0, 1]) append(kafka, 90, 130, { partition })
  await until(kafka, () => stood(0) === 120n && stood(1) === 120n)
  for (const partition of [0, 1]) {
    const lines = objectsIn(store).filter(({ manifest }) => manifest.partition === partition).flatMap(({ lines: all }) => all) // prettier-ignore
    assert.deepEqual(lines, Array.from({ length: 120 }, (_, n) => `{"n":${n}}`)) // prettier-ignore
  }
  assert.ok([...a.events, ...b.events].filter((event) => event.startsWith('written')).length === 4)
})

test('a stop drops what is open, also while the store is away', async (t) => {
  const [kafka, store] = [archiveCluster(), new MemoryStore()]
  append(kafka, 0, 70)
  const { pipeline, done } = await startArchive(t, kafka, store, 'a')
  await until(kafka, () => kafka.offsetOf(group, target) === 60n)
  store.fateOf = () => new S3Error('ERR_S3_CONNECT', 'The store is away.', { retryable: true })
  append(kafka, 70, 130)
  await until(kafka, () => pipeline.state.status === 'waiting')
  pipeline.drain()
  await done
  assert.equal(pipeline.state.status, 'ended')
  assert.equal(objectsIn(store).length, 1)
})
