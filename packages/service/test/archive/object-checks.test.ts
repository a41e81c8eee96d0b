// What is found of single objects that somebody has harmed.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gunzipSync, gzipSync } from 'node:zlib'

import { S3Error } from '#src/errors.js'
import { MadeArchive, prefix } from './made-archive.js'
import { filled, kindsOf, verify } from './verifying.js'

test('an object under the name of another contradicts its manifest, and overlaps', async () => {
  const archive = await filled(5)
  const [first] = archive.store.keys
  const name = first!.replace(/\d{20}/, '00000000000000000777').replace('hr=09', 'hr=11')
  archive.store.objects.set(name, archive.store.objects.get(first!)!)
  const verified = await verify(archive)
  assert.deepEqual(kindsOf(verified), ['key 0', 'overlap 0'])
  assert.match(
    verified.findings[0]!.message,
    /777\.ndjson\.gz: its name has the first offset 777, its manifest 0; its name has the hour 2026-11-22T11, its manifest 2026-11-22T09\.$/,
  )
})

test('an object that holds something else, is cut off, or goes on, is told by what can be read of it', async () => {
  const harmed = async (change: (bytes: Buffer) => Buffer) => {
    const archive = await filled(5)
    const key = archive.store.keys[2]!
    const object = archive.store.objects.get(key)!
    archive.store.objects.set(key, { ...object, bytes: change(object.bytes) })
    const { findings } = await verify(archive)
    assert.equal(findings.length, 1)
    assert.equal(findings[0]!.key, key)
    assert.deepEqual([findings[0]!.from, findings[0]!.to, findings[0]!.hour], [120n, 180n, '2026-11-22T09'])
    assert.deepEqual(kindsOf(await verify(archive, 'manifests')), [])
    return `${findings[0]!.kind}: ${findings[0]!.message}`
  }
  const lines = (bytes: Buffer) => gunzipSync(bytes).toString().split('\n').slice(0, -1)
  const packed = (all: readonly string[]) => gzipSync(all.map((line) => `${line}\n`).join(''))
  assert.match(
    await harmed((bytes) => packed(lines(bytes).slice(1))),
    /^content: .*: it holds 59 lines, and its manifest says 60; \d+ bytes/,
  )
  assert.match(
    await harmed((bytes) => packed(lines(bytes).toReversed())),
    /^content: .*: it holds other bytes of the same number/,
  )
  assert.match(
    await harmed((bytes) => bytes.subarray(0, -20)),
    /^damaged: .* ends too early, after \d+ bytes; \d+ of 60 lines/,
  )
  assert.match(await harmed((bytes) => bytes.subarray(0, 0)), /^damaged: .* ends too early, after 0 bytes/)
  assert.match(
    await harmed((bytes) => Buffer.concat([bytes, Buffer.from('\0more')])),
    /^damaged: .* goes on behind the end of its gzip/,
  )
  assert.match(await harmed((bytes) => Buffer.concat([bytes, packed(['{"n":1}'])])), /^content: .* it holds 61 lines/)
  assert.match(
    await harmed(() => Buffer.from('{"n":1}\n')),
    /^damaged: .* is damaged near byte \d+ \(incorrect header check\)/,
  )
  const flipped = (bytes: Buffer) => Buffer.from(bytes.map((byte, i) => (i === bytes.length - 6 ? byte ^ 1 : byte)))
  assert.match(await harmed(flipped), /^damaged: .* is damaged near byte \d+ \(incorrect data check\)/)
})

test('an object whose manifest is true to it and not to the topic is found by the topic alone', async () => {
  const archive = await filled(5)
  const key = archive.store.keys[2]!
  archive.store.objects.delete(key)
  await archive.archive(0, 120, 179, { change: (text) => text.replace('"n":150', '"n":151') })
  archive.commit(0, 300)
  assert.deepEqual(kindsOf(await verify(archive, 'objects')), [])
  const { findings } = await verify(archive)
  assert.equal(findings.length, 1)
  assert.match(
    findings[0]!.message,
    /00120\.ndjson\.gz: at offsets 120 to 179 the topic holds other bytes of the same number/,
  )
  archive.store.objects.delete(key)
  await archive.archive(0, 120, 179, { change: (text) => text.slice(0, text.lastIndexOf('{')) })
  archive.commit(0, 300)
  assert.match(
    (await verify(archive)).findings[0]!.message,
    /the topic holds 60 lines, and the manifest says 59; \d+ bytes/,
  )
})

test('what is foreign is named, in an hour and elsewhere, and our own folder is not', async () => {
  const archive = await filled(3)
  const strange = { bytes: Buffer.from('x'), metadata: {}, contentType: '', modifiedMs: 0 }
  const names = [`${prefix}/dt=2026-11-22/hr=09/notes.txt`, `${prefix}/${prefix}/readme`]
  for (const name of [...names, `${prefix}/_weir/probe`, 'elsewhere']) archive.store.objects.set(name, strange)
  const [key] = archive.store.keys.filter((each) => each.endsWith('60.ndjson.gz'))
  archive.store.objects.set(key!, { ...archive.store.objects.get(key!)!, metadata: {} })
  const verified = await verify(archive)
  assert.deepEqual(
    verified.findings.map(({ kind, key: each, hour }) => [kind, each ?? '', hour ?? '']),
    [
      ['foreign', names[0], '2026-11-22T09'],
      ['foreign', key, '2026-11-22T09'],
      ['foreign', names[1], ''],
      ['gap', '', '2026-11-22T09'],
    ],
  )
  assert.match(verified.findings[1]!.message, /it carries no manifest/)
  assert.equal(verified.summary.foreign, 3)
})

test('objects of a topic that was made anew are told once for each partition, and make no gap and no overlap', async () => {
  const archive = await filled(5, 2)
  const later = new MadeArchive(2)
  Object.assign(later.identity, { topicId: 'topic-2' })
  later.produce(0, 120)
  for (const [key, object] of archive.store.objects)
    later.store.objects.set(key.replace('dt=2026-11-22', 'dt=2026-11-21'), object)
  for (const { objects } of [later.store]) for (const [key, object] of objects) objects.set(key, withDayBefore(object))
  await later.archive(0, 0, 119)
  const verified = await verify(later)
  assert.deepEqual(kindsOf(verified), ['identity 0', 'identity 1'])
  assert.match(verified.findings[0]!.message, /^5 objects of processed\/0, from .*topic topic-1.*now .*topic topic-2/)
  // Of the second, nothing of the topic that is there now.
  assert.deepEqual(
    verified.summary.partitions.map(({ objects }) => objects),
    [1, 0],
  )
  assert.deepEqual(kindsOf(await verify(later, 'objects')), ['identity 0', 'identity 1'])
})

/** Moves the times of a manifest a day back. */
function withDayBefore<T extends { readonly metadata: Readonly<Record<string, string>> }>(object: T): T {
  const moved = (name: string) => String(Number(object.metadata[name]) - 86_400_000)
  const metadata = {
    ...object.metadata,
    'weir-first-ms': moved('weir-first-ms'),
    'weir-last-ms': moved('weir-last-ms'),
  }
  return { ...object, metadata }
}

test('an object that the store does not give is told, and the others are looked at', async () => {
  const archive = await filled(5)
  const [, key] = archive.store.keys
  archive.store.fateOf = (call, about) =>
    call === 'read' && about === key ? new S3Error('ERR_S3_DENIED', 'No.') : 'done'
  const { findings, summary } = await verify(archive)
  assert.deepEqual([findings.map(({ kind }) => kind), summary.objects], [['unread'], 5])
  let busy = 2
  archive.store.fateOf = (call) => (call === 'read' && busy-- > 0 ? 'busy' : 'done')
  assert.deepEqual((await verify(archive)).findings, [])
  archive.store.fateOf = (call) => (call === 'head' ? 'busy' : 'done')
  await assert.rejects(verify(archive), { code: 'ERR_S3_BUSY' })
})
