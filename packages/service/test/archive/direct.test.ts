// What is found of objects of a pipeline without a topic, and of such objects below the prefix of an archive.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'

import { verifyDirect } from '#src/archive/direct.js'
import type { DirectSummary, Finding } from '#src/archive/findings.js'
import { directMetadata } from '#src/objects/manifest.js'
import { directKey } from '#src/objects/object-key.js'
import { MemoryStore } from '../contract/memory-store.js'
import { beginMs, prefix } from './made-archive.js'
import { filled, verify } from './verifying.js'

const text = '{"n":1}\n{"n":2}\n'

interface Made {
  readonly pipeline?: string
  /** What the manifest says of it. */
  readonly said?: string
  readonly sequence?: number
  readonly bytes?: Buffer
}

/** Puts an object of two records into the store. Returns its name. */
function put(store: MemoryStore, made: Made = {}): string {
  const { pipeline = 'edge', sequence = 0, bytes = gzipSync(text) } = made
  const naming = { pipeline, instance: 'lx1k2j3h-0123456789ab', sequence, timeMs: beginMs, extension: '.ndjson.gz' }
  const key = directKey(prefix, naming)
  const sha256 = createHash('sha256').update(text).digest('hex')
  const manifest = {
    pipeline: made.said ?? pipeline,
    count: 2,
    rawBytes: text.length,
    sha256,
    versions: ['v1'],
    moreVersions: 0,
  }
  store.objects.set(key, { bytes, metadata: directMetadata(manifest), contentType: '', modifiedMs: beginMs })
  return key
}

async function found(
  store: MemoryStore,
  readsObjects = true,
): Promise<{ kinds: string[]; findings: Finding[]; summary: DirectSummary }> {
  const findings: Finding[] = []
  const verifying = verifyDirect({ store, scope: { prefix }, pipeline: 'edge', readsObjects })
  for (;;) {
    const next = await verifying.next()
    if (next.done === true) return { kinds: findings.map(({ kind }) => kind), findings, summary: next.value }
    findings.push(next.value)
  }
}

test('objects that hold what they say are clean, and added up', async () => {
  const store = new MemoryStore()
  for (const sequence of [0, 1, 5]) put(store, { sequence })
  const { kinds, summary } = await found(store)
  const storedBytes = 3 * gzipSync(text).length
  assert.deepEqual(kinds, [])
  assert.deepEqual(summary, { objects: 3, foreign: 0, findings: 0, records: 6, rawBytes: 3 * text.length, storedBytes })
})

test('objects that are damaged, changed, of another pipeline or of nobody are told apart', async () => {
  const store = new MemoryStore()
  put(store, { sequence: 0, bytes: gzipSync(text).subarray(0, 12) })
  const changed = put(store, { sequence: 1, bytes: gzipSync('{"n":3}\n') })
  put(store, { sequence: 2, said: 'other' })
  put(store, { sequence: 3, pipeline: 'web' })
  const note = `${prefix}/dt=2026-11-22/hr=10/notes.txt`
  store.objects.set(note, { bytes: Buffer.from('x'), metadata: {}, contentType: '', modifiedMs: 0 })
  const { kinds, findings, summary } = await found(store)
  assert.deepEqual(kinds, ['damaged', 'content', 'key', 'key', 'foreign'])
  assert.equal(findings[1]!.key, changed)
  assert.match(findings[1]!.message, /it holds 1 line, and its manifest says 2;/)
  assert.match(findings[2]!.message, /its manifest has the pipeline other, and this is edge\.$/)
  assert.match(findings[4]!.message, /notes\.txt \(1 byte\) is foreign/)
  assert.deepEqual([summary.objects, summary.foreign, summary.findings], [4, 1, 5])
  assert.deepEqual((await found(store, false)).kinds, ['key', 'key', 'foreign'])
})

test('objects of the one kind among those of the other are named as what they are', async () => {
  const archive = await filled(2)
  const key = put(archive.store)
  const { findings, summary } = await verify(archive)
  assert.equal(findings.length, 1)
  assert.deepEqual([findings[0]!.kind, findings[0]!.key, summary.foreign], ['foreign', key, 1])
  assert.match(
    findings[0]!.message,
    /a pipeline without a topic wrote it, so that it has no offsets to be held against\.$/,
  )
  const direct = await found(archive.store)
  assert.deepEqual(direct.kinds, ['foreign', 'foreign'])
  assert.match(
    direct.findings[0]!.message,
    /it is an object of an archive, and this is the prefix of a pipeline without/,
  )
})
