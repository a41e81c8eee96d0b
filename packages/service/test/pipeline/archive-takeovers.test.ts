// An archive in memory that goes on where another has been: with other settings, from an offset that somebody has set, beside
// a process that does not know yet that it has lost a partition.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { buildObject } from '#src/objects/object-builder.js'
import { digestFormat } from '#src/objects/digest-format.js'
import { objectFormat } from '#src/objects/object-format.js'
import { openSpool } from '#src/objects/spool.js'
import { MemoryStore } from '../contract/memory-store.js'
import { append, archiveCluster, archiveOnce, assertWhole, group, hourMs, minuteMs, objectsIn, record, startArchive, topic, until } from './archiver.js' // prettier-ignore

const target = { topic, partition: 0 }

test('who has lost a partition writes nothing over what its new owner wrote, also where conditions are ignored', async (t) => {
  const [kafka, store] = [archiveCluster(2), new MemoryStore()]
  store.obeysConditions = false
  for (const partition of [0, 1]) append(kafka, 0, 20, { partition })
  const a = await startArchive(t, kafka, store, 'a')
  await until(kafka, () => a.openRecords(0) === 20 && a.openRecords(1) === 20)
  const b = await startArchive(t, kafka, store, 'b')
  await until(kafka, () => b.openRecords(0) + b.openRecords(1) === 20)
  const partition = b.openRecords(0) === 20 ? 0 : 1
  append(kafka, 20, 40, { partition })
  await until(kafka, () => b.openRecords(partition) === 40)
  b.time.advance(2 * minuteMs)
  await until(kafka, () => kafka.offsetOf(group, { topic, partition }) === 40n)
  a.time.advance(2 * minuteMs)
  await until(kafka, () => kafka.offsetOf(group, { topic, partition: 1 - partition }) === 20n)
  const written = objectsIn(store).filter(({ manifest }) => manifest.partition === partition)
  assert.deepEqual(written.flatMap(({ lines }) => lines), Array.from({ length: 40 }, (_, n) => `{"n":${n}}`)) // prettier-ignore
})

test('where conditions are ignored, an object that has come since it was looked for is left as it is', async (t) => {
  const [rival, kafka, other, store] = [archiveCluster(), archiveCluster(), new MemoryStore(), new MemoryStore()]
  append(rival, 0, 130)
  await startArchive(t, rival, other, 'rival')
  await until(rival, () => objectsIn(other).length === 2)
  store.obeysConditions = false
  append(kafka, 0, 30)
  const { events, openRecords, time } = await startArchive(t, kafka, store, 'a')
  await until(kafka, () => openRecords() === 30)
  const { key } = objectsIn(other)[0]!
  store.objects.set(key, other.objects.get(key)!)
  time.advance(2 * minuteMs)
  await until(kafka, () => events.includes('failed ERR_S3_CUT') || kafka.offsetOf(group, target) === 30n)
  append(kafka, 30, 130)
  await until(kafka, () => kafka.offsetOf(group, target) === 120n)
  assertWhole(store, 120)
})

test('what is written in another format is adopted, and not written again', async (t) => {
  const [kafka, store] = [archiveCluster(), new MemoryStore()]
  append(kafka, 0, 130)
  kafka.fateOf = (call) => (call === 'moveOffset' && objectsIn(store).length > 0 ? 'hang' : 'done')
  await startArchive(t, kafka, store, 'dead', { compression: 'gzip' })
  await until(kafka, () => kafka.calls.filter((call) => call === 'dead moveOffset').length === 2)
  kafka.fateOf = (_, { process }) => (process === 'dead' ? 'hang' : 'done')
  kafka.kill(group, 0)
  const { events } = await startArchive(t, kafka, store, 'alive', { compression: 'none' })
  await until(kafka, () => kafka.offsetOf(group, target) === 120n)
  assert.ok(events.includes('adopted 0-59 60 adopted'), events.join('; '))
  assertWhole(store, 120)
})

test('an object that is only compared is not ended for want of room', async (t) => {
  const [before, kafka, store] = [archiveCluster(), archiveCluster(), new MemoryStore()]
  append(before, 0, 130)
  await startArchive(t, before, store, 'dead')
  await until(before, () => before.offsetOf(group, target) === 120n)
  append(kafka, 0, 30)
  const spool = await openSpool({ memoryBytes: 1 << 20 })
  let wake = () => undefined as void
  const { events, openRecords } = await startArchive(t, kafka, store, 'alive', {
    build: (isCopy, onMustEnd) => {
      wake = onMustEnd
      return buildObject({ format: isCopy ? digestFormat : objectFormat('none', 1), spool, onMustEnd })
    },
  })
  await until(kafka, () => openRecords() === 30)
  wake()
  append(kafka, 30, 130)
  await until(kafka, () => kafka.offsetOf(group, target) === 120n || events.some((event) => event.startsWith('failed')))
  assert.deepEqual(events.filter((event) => event.startsWith('failed')), []) // prettier-ignore
  assertWhole(store, 120)
  await spool.close()
})

test('times that no calendar has are no reason to stop, and their objects are known again', async (t) => {
  for (const timeMs of [-1, -9e17, Date.UTC(10_000, 0), 1.7e18]) {
    const [kafka, store] = [archiveCluster(), new MemoryStore()]
    kafka.append(target, [record('{"n":0}', timeMs), record('{"n":1}', timeMs)])
    // The answer to the first write is lost: what it wrote is looked at.
    const seen = new Set<string>()
    store.fateOf = (call, key) => (call === 'create' && !seen.has(key) && seen.add(key) ? 'twice' : 'done')
    const { time, events } = await startArchive(t, kafka, store, 'a')
    await until(kafka, () => events.some((event) => event.startsWith('take') || event.startsWith('failed')))
    await until(kafka, () => {
      time.advance(minuteMs)
      return kafka.offsetOf(group, target) === 2n
    })
    assert.deepEqual(events.filter((event) => event.startsWith('failed')), []) // prettier-ignore
    assertWhole(store, 2)
  }
})

test('a group that somebody has set into the middle of an object writes none of it again, and says why', async (t) => {
  const [kafka, store] = [archiveCluster(), new MemoryStore()]
  append(kafka, 0, 130)
  await archiveOnce(t, kafka, store, 120n)
  kafka.setOffset(group, target, 70n, 'set: by hand')
  const { events, pipeline } = await startArchive(t, kafka, store, 'b')
  await until(kafka, () => events.some((event) => event.startsWith('failed') || event.startsWith('written')))
  assert.ok(events.includes('failed ERR_S3_CONFLICT'), events.join('; '))
  assert.match(pipeline.state.lastError?.message ?? '', /at 70 .*60 to 119.*resume/)
  pipeline.drain()
  kafka.setOffset(group, target, 60n, 'set: by hand')
  await startArchive(t, kafka, store, 'c')
  await until(kafka, () => kafka.offsetOf(group, target) === 120n)
  assertWhole(store, 120)
})

test('objects that are gone are written again, up to those that are there, however objects are cut by now', async (t) => {
  const about = { periodMs: minuteMs, maxBytes: 1 << 20, mostStoredBytes: 60e6 }
  for (const obeysConditions of [true, false]) {
    for (const maxRecords of [7, 20, 30, 1000]) {
      for (const startMs of [hourMs, hourMs + 59 * minuteMs]) {
        const [kafka, store] = [archiveCluster(), new MemoryStore()]
        store.obeysConditions = obeysConditions
        append(kafka, 0, 190, { startMs })
        await archiveOnce(t, kafka, store, 180n, { limits: { ...about, maxRecords: 20 }, rangeOffsets: 20 })
        const { keys } = store
        for (const first of [20, 40, 60, 100]) {
          const key = keys.find((each) => each.includes(`+${String(first).padStart(20, '0')}.`))
          assert.ok(store.objects.delete(key!))
        }
        kafka.setOffset(group, target, 20n, 'set: by hand')
        const { events, pipeline, done } = await startArchive(t, kafka, store, 'b', {
          limits: { ...about, maxRecords },
          rangeOffsets: maxRecords,
        })
        const reached = () => kafka.offsetOf(group, target) ?? 0n
        await until(kafka, () => reached() >= 180n)
        // With seven records at most, one object more is full.
        assertWhole(store, Number(reached()))
        assert.ok(events.includes('adopted 80-99 20 adopted'), events.join('; '))
        pipeline.drain()
        await done
      }
    }
  }
})

test('what fills a gap ends before an object that lies in the hour before, since the clock of a broker was behind', async (t) => {
  const about = { periodMs: minuteMs, maxBytes: 1 << 20, mostStoredBytes: 60e6 }
  const [kafka, store] = [archiveCluster(), new MemoryStore()]
  // Twenty each: of the hour, of the one before, of the hour; then the minute is over.
  const timeOf = (n: number) => hourMs + [300, -200, 500, 2 * minuteMs][Math.floor(n / 20)]!
  for (let n = 0; n < 80; n++) kafka.append(target, [record(`{"n":${n}}`, timeOf(n))])
  await archiveOnce(t, kafka, store, 60n, { limits: { ...about, maxRecords: 20 } })
  const first = objectsIn(store).find(({ manifest }) => manifest.first === 0n)
  assert.ok(store.objects.delete(first!.key))
  kafka.setOffset(group, target, 0n, 'set: by hand')
  await startArchive(t, kafka, store, 'b', { limits: { ...about, maxRecords: 1000 } })
  await until(kafka, () => (kafka.offsetOf(group, target) ?? 0n) >= 60n)
  const objects = objectsIn(store).sort((a, b) => Number(a.manifest.first - b.manifest.first))
  assert.deepEqual(objects.map(({ manifest: { first, last } }) => [first, last]), [[0n, 19n], [20n, 39n], [40n, 59n]]) // prettier-ignore
})

test('a group that stands in an object of the hour behind, since the clock of a broker was behind, writes none of it again', async (t) => {
  const [kafka, store] = [archiveCluster(), new MemoryStore()]
  const timeOf = (n: number) => hourMs + [300, -200, 500, 2 * minuteMs][Math.floor(n / 20)]!
  for (let n = 0; n < 80; n++) kafka.append(target, [record(`{"n":${n}}`, timeOf(n))])
  await archiveOnce(t, kafka, store, 60n)
  assert.equal(objectsIn(store).length, 1)
  kafka.setOffset(group, target, 30n, 'set: by hand')
  const { events } = await startArchive(t, kafka, store, 'b')
  await until(kafka, () => events.some((event) => event.startsWith('failed') || event.startsWith('written')))
  assert.ok(events.includes('failed ERR_S3_CONFLICT'), events.join('; '))
})

test('an archive that goes on in another bucket begins there, also when the group loses its offset', async (t) => {
  const [kafka, one, two] = [archiveCluster(), new MemoryStore(), new MemoryStore()]
  append(kafka, 0, 130)
  one.fateOf = (call, key) => (call === 'create' && key.includes('+00000000000000000110.') ? 'busy' : 'done')
  const limits = { maxRecords: 55, maxBytes: 1 << 20, periodMs: minuteMs, mostStoredBytes: 60e6 }
  const before = await startArchive(t, kafka, one, 'a', { limits: { ...limits, periodMs: 60 * minuteMs } })
  await until(kafka, () => kafka.offsetOf(group, target) === 110n)
  before.pipeline.drain()
  await before.done
  append(kafka, 130, 200)
  const after = await startArchive(t, kafka, two, 'b')
  await until(kafka, () => kafka.offsetOf(group, target) === 180n)
  after.pipeline.drain()
  await after.done
  kafka.forgetOffset(group, target)
  const { events } = await startArchive(t, kafka, two, 'c')
  await until(kafka, () => kafka.offsetOf(group, target) === 180n)
  assert.deepEqual(objectsIn(two).flatMap(({ lines }) => lines), Array.from({ length: 70 }, (_, n) => `{"n":${n + 110}}`)) // prettier-ignore
  assert.ok(events.includes('take 0 at 110'), events.join('; '))
})
