// Verifying an archive that was made by hand, and harmed: gaps, overlaps, and where the group stands. Objects by themselves
// are object-checks.test.ts's.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { beginKey, beginMetadata } from '#src/objects/begin-note.js'
import { group, MadeArchive, prefix, topic } from './made-archive.js'
import { filled, kindsOf, verify } from './verifying.js'
import type { Depth, Verified } from './verifying.js'

/** Runs the same at all three depths, each on an archive anew. */
async function atEachDepth(
  make: () => Promise<MadeArchive>,
  check: (verified: Verified, depth: Depth) => void,
): Promise<void> {
  for (const depth of ['manifests', 'objects', 'topic'] as const) check(await verify(await make(), depth), depth)
}

test('an archive that is whole is clean, and each of its partitions is added up', async () => {
  await atEachDepth(
    () => filled(20, 3),
    ({ findings, summary }, depth) => {
      assert.deepEqual(findings, [], depth)
      const { objects, foreign, partitions } = summary
      assert.deepEqual([objects, foreign, summary.findings], [60, 0, 0])
      assert.deepEqual(
        partitions.map((each) => [each.topic, each.partition, each.objects, each.records, each.begin, each.end]),
        [0, 1, 2].map((partition) => [topic, partition, 20, 1200, 0n, 1200n]),
      )
      const [first] = partitions
      assert.deepEqual([first!.committed, first!.lag], depth === 'topic' ? [1200n, 0n] : [undefined, undefined])
      assert.deepEqual([first!.compared, first!.isBeginUnknown], [depth === 'topic' ? 20 : 0, false])
    },
  )
})

test('an object that is gone is a gap, whichever it is', async () => {
  const gone = async (n: number) => {
    const archive = await filled(20, 2)
    archive.store.objects.delete(archive.store.keys.filter((key) => key.includes('+1+'))[n]!)
    return archive
  }
  await atEachDepth(
    () => gone(7),
    (verified, depth) => {
      assert.deepEqual(kindsOf(verified), ['gap 1'])
      const [finding] = verified.findings
      assert.deepEqual([finding!.from, finding!.to, finding!.records], [420n, 480n, depth === 'topic' ? 60 : undefined])
      assert.match(
        finding!.message,
        /^offsets 420 to 479 of processed\/1 are in no object, between .*360\.ndjson\.gz and .*480\.ndjson\.gz/,
      )
    },
  )
  // Of the first and the last one the topic alone, and the group, know.
  const first = await verify(await gone(0))
  assert.deepEqual(kindsOf(first), ['gap 1'])
  assert.match(first.findings[0]!.message, /offsets 0 to 59 .* before the first.*; the topic has 60 records there\.$/)
  const last = await verify(await gone(19))
  assert.deepEqual(kindsOf(last), ['gap 1'])
  assert.match(
    last.findings[0]!.message,
    /archive stands at 1200 in processed\/1, and the last object.* ends at 1139: offsets 1140 to 1199 are in none/,
  )
  const all = new MadeArchive()
  all.produce(0, 10)
  all.commit(0, 10)
  assert.match(
    (await verify(all)).findings[0]!.message,
    /there is no object: offsets 0 to 9 are in none; the topic has 10 records there/,
  )
})

test('where the topic does not reach back, gaps are found by manifests and by what the group has noted', async () => {
  const archive = await filled(20)
  const { keys } = archive.store
  archive.kafka.deleteBelow({ topic, partition: 0 }, 1200n)
  for (const n of [0, 7, 19]) archive.store.objects.delete(keys[n]!)
  const verified = await verify(archive)
  assert.deepEqual(
    verified.findings.map(({ from, to, records }) => [from, to, records]),
    [
      [420n, 480n, undefined],
      [1140n, 1200n, undefined],
    ],
  )
  assert.match(verified.findings[1]!.message, /offsets 1140 to 1199 are in none; the topic does not hold them any more/)
  const [partition] = verified.summary.partitions
  assert.deepEqual([partition!.begin, partition!.isBeginUnknown, partition!.compared], [60n, true, 0])
})

test('where it is noted in the bucket where an archive began, the first object is missed without the topic', async () => {
  const begun = async (first: bigint, topicId = 'topic-1') => {
    const archive = await filled(3)
    archive.store.objects.delete(archive.store.keys[0]!)
    const metadata = beginMetadata({ clusterId: 'memory', topicId, first })
    const note = { bytes: Buffer.from('note'), metadata, contentType: '', modifiedMs: 0 }
    archive.store.objects.set(beginKey(prefix, topic, 0), note)
    return archive
  }
  await atEachDepth(
    () => begun(10n),
    ({ findings, summary }, depth) => {
      const counted = depth === 'topic' ? 50 : undefined
      assert.deepEqual(
        findings.map(({ from, to, records }) => [from, to, records]),
        [[10n, 60n, counted]],
      )
      assert.match(findings[0]!.message, /offsets 10 to 59 .* between the begin of the archive and .*060\.ndjson\.gz/)
      assert.equal(summary.partitions[0]!.isBeginUnknown, false)
    },
  )
  assert.deepEqual(kindsOf(await verify(await begun(60n))), [])
  // Of another topic it says nothing.
  const { findings, summary } = await verify(await begun(10n, 'topic-0'), 'objects')
  assert.deepEqual([findings, summary.partitions[0]!.isBeginUnknown], [[], true])
})

test('markers and tombstones between objects are no gap, and a group that stands behind them is not ahead', async () => {
  const archive = new MadeArchive()
  archive.produce(0, 200, (offset) => (offset % 50 < 3 ? null : `{"n":${offset}}`))
  await archive.archive(0, 3, 49, { from: 0 })
  await archive.archive(0, 53, 99, { from: 50 })
  await archive.archive(0, 103, 147, { from: 100 })
  archive.commit(0, 148)
  assert.deepEqual(kindsOf(await verify(archive)), [])
  // As when nothing but markers came: only what is noted tells where they begin, once the topic does not.
  archive.produce(0, 260, (offset) => (offset < 253 ? `{"n":${offset}}` : null))
  await archive.archive(0, 148, 252)
  archive.commit(0, 260, 'archived to 253')
  assert.deepEqual(kindsOf(await verify(archive)), [])
  archive.kafka.deleteBelow({ topic, partition: 0 }, 259n)
  assert.deepEqual(kindsOf(await verify(archive)), [])
  archive.commit(0, 260, 'set: I know better')
  assert.deepEqual(kindsOf(await verify(archive)), ['gap 0'])
})

test('an offset that was set by hand over records is a gap, and over markers is none', async () => {
  const archive = new MadeArchive()
  archive.produce(0, 300, (offset) => (offset >= 200 && offset < 210 ? null : `{"n":${offset}}`))
  await archive.archive(0, 0, 99)
  await archive.archive(0, 120, 199)
  await archive.archive(0, 210, 299)
  const verified = await verify(archive)
  assert.deepEqual(
    verified.findings.map(({ from, to, records }) => [from, to, records]),
    [[100n, 120n, 20]],
  )
  assert.deepEqual(kindsOf(await verify(archive, 'objects')), ['gap 0', 'gap 0'])
})

test('records that an object leaves out before its first are a gap', async () => {
  const archive = new MadeArchive()
  archive.produce(0, 200)
  await archive.archive(0, 0, 99)
  await archive.archive(0, 105, 199, { from: 100 })
  const verified = await verify(archive)
  assert.deepEqual(
    verified.findings.map(({ kind, from, to, records }) => [kind, from, to, records]),
    [['gap', 100n, 105n, 5]],
  )
  assert.deepEqual(kindsOf(await verify(archive, 'objects')), [])
})

test('what is not archived yet is lag, and no gap', async () => {
  const archive = await filled(3, 2)
  archive.produce(1, 250)
  const { findings, summary } = await verify(archive)
  assert.deepEqual([findings, summary.partitions.map(({ lag }) => lag)], [[], [0n, 70n]])
  const begun = new MadeArchive()
  begun.produce(0, 10)
  assert.deepEqual((await verify(begun)).findings, [])
  begun.commit(0, 0)
  assert.deepEqual((await verify(begun)).findings, [])
})

test('what the topic has lost before it was archived is a gap, and no lag', async () => {
  const gapsOf = async (archive: MadeArchive) =>
    (await verify(archive)).findings.map(({ kind, hour, from, to }) => [kind, hour, from, to])
  const archive = await filled(3)
  const of = { topic, partition: 0 }
  archive.produce(0, 300)
  archive.kafka.deleteBelow(of, 180n)
  assert.deepEqual(await gapsOf(archive), [])
  archive.kafka.deleteBelow(of, 250n)
  assert.deepEqual(await gapsOf(archive), [['gap', '2026-11-22T09', 180n, 250n]])
  const { findings, summary } = await verify(archive)
  assert.match(
    findings[0]!.message,
    /^offsets 180 to 249 of processed\/0 are in no object, behind the last, .*120\.ndjson\.gz, and the topic does not hold them any more; archive stands at 180\.$/,
  )
  assert.equal(summary.partitions[0]!.lag, 50n)
  // Markers alone lie before where the group stands.
  archive.commit(0, 250, 'archived to 180')
  assert.deepEqual(await gapsOf(archive), [])
  const begun = new MadeArchive()
  begun.produce(0, 10)
  begun.commit(0, 0)
  begun.kafka.deleteBelow(of, 4n)
  assert.deepEqual(await gapsOf(begun), [['gap', undefined, 0n, 4n]])
})

test('partitions of which nothing is archived yet are among those that were looked at', async () => {
  const archive = new MadeArchive(3)
  archive.produce(1, 60)
  await archive.archive(1, 0, 59)
  archive.produce(2, 7)
  const lags = async (...given: Parameters<typeof verify>) =>
    (await verify(...given)).summary.partitions.map(({ partition, objects, lag }) => [partition, objects, lag])
  assert.deepEqual(await lags(archive), [[0, 0, 0n], [1, 1, 0n], [2, 0, 7n]]) // prettier-ignore
  assert.deepEqual(await lags(archive, 'topic', { scope: { prefix, partition: 2 } }), [[2, 0, 7n]])
  assert.deepEqual(await lags(archive, 'topic', { scope: { prefix, since: '2026-11-22T09' } }), [[1, 1, 0n]])
  assert.deepEqual(await lags(archive, 'objects'), [[1, 1, undefined]])
})

test('two objects with the same records overlap, and the copy is named', async () => {
  const archive = await filled(5)
  const other = await archive.archive(0, 90, 130)
  archive.commit(0, 300)
  await atEachDepth(
    () => Promise.resolve(archive),
    (verified) => {
      assert.deepEqual(kindsOf(verified), ['overlap 0', 'overlap 0'])
      assert.ok(verified.findings[0]!.message.startsWith(other))
      assert.match(
        verified.findings[0]!.message,
        /reaches from offset 90 to 130, overlaps with .*, which reaches from 60 to 119/,
      )
      assert.match(verified.findings[1]!.message, /overlaps with .*00090\.ndjson\.gz, which reaches from 90 to 130/)
    },
  )
})

test('a group without an offset, or far behind its objects, is told', async () => {
  const archive = await filled(5)
  archive.commit(0, 240)
  assert.deepEqual(kindsOf(await verify(archive)), [])
  archive.commit(0, 180)
  assert.match(
    (await verify(archive)).findings[0]!.message,
    /^archive stands at 180 in processed\/0, behind which more than one object begins/,
  )
  archive.kafka.forgetOffset(group, { topic, partition: 0 })
  assert.match(
    (await verify(archive)).findings[0]!.message,
    /^archive has no offset in processed\/0, and there are objects; the last one ends at 299/,
  )
})

test('only the hours and the partition that are asked for are looked at', async () => {
  const archive = await filled(90, 2)
  const within = async (scope: object, depth: Depth = 'topic') => {
    const { findings, summary } = await verify(archive, depth, { scope: { prefix, ...scope } })
    assert.deepEqual(findings, [])
    return summary.partitions.map(({ partition, objects, begin, end }) => [
      partition,
      objects,
      Number(begin),
      Number(end),
    ])
  }
  assert.deepEqual(await within({ since: '2026-11-22T10', until: '2026-11-22T10' }), [
    [0, 60, 600, 4200],
    [1, 60, 600, 4200],
  ])
  assert.deepEqual(await within({ since: '2026-11-22T11' }, 'manifests'), [
    [0, 20, 4200, 5400],
    [1, 20, 4200, 5400],
  ])
  assert.deepEqual(await within({ partition: 1, until: '2026-11-22T09' }), [[1, 10, 0, 600]])
  assert.deepEqual(await within({ since: '2026-11-23T00' }), [])
})

test('objects that are written while others are looked at are no gap', async () => {
  const archive = await filled(30)
  const late = archive.store.keys.slice(12, 15).map((key) => [key, archive.store.objects.get(key)!] as const)
  for (const [key] of late) archive.store.objects.delete(key)
  archive.store.fateOf = (call) => {
    // By then all names are listed.
    if (call === 'read') for (const [key, object] of late) archive.store.objects.set(key, object)
    return 'done'
  }
  const { findings, summary } = await verify(archive)
  assert.deepEqual([findings, summary.objects], [[], 30])
})

test('clocks that were set back put objects into hours before, which is no gap', async () => {
  const archive = new MadeArchive()
  archive.produce(0, 5000)
  await archive.archive(0, 0, 999)
  // Its first record is of the hour behind that of the next object.
  await archive.archive(0, 1000, 4799)
  await archive.archive(0, 4800, 4999)
  const moved = archive.store.keys.find((key) => key.endsWith('4800.ndjson.gz'))!
  const object = archive.store.objects.get(moved)!
  archive.store.objects.delete(moved)
  const metadata = { ...object.metadata, 'weir-first-ms': String(Date.UTC(2026, 10, 22, 9, 59)) }
  archive.store.objects.set(moved.replace('hr=11', 'hr=09'), { ...object, metadata })
  assert.deepEqual(kindsOf(await verify(archive, 'objects')), [])
})

test('progress is told in bytes as they are stored', async () => {
  const archive = await filled(5)
  const told: number[] = []
  await verify(archive, 'manifests', { onProgress: (bytes) => told.push(bytes) })
  const all = [...archive.store.objects.values()].reduce((sum, { bytes }) => sum + bytes.length, 0)
  assert.deepEqual([told.length, told.at(-1)], [5, all])
})
