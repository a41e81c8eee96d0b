// What every object store does, whichever server is behind it: a test file of one is a call of this and a set-up. What is
// stored is judged by another client.

import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { test } from 'node:test'
import type { TestContext } from 'node:test'

import type { NewObject, ObjectStore } from '#src/ports/object-store.js'
import { listBucket, readBucket } from '../servers/s3/reader.js'
import type { S3Server } from '../servers/s3/server.js'

/** A store under test, and the server behind it. */
export interface StoreUnderTest {
  readonly server: S3Server
  /** The store of a bucket that is there, or of another. */
  open(bucket?: string): Promise<ObjectStore>
}

/** A new object, and what became of its streams. */
export interface CountedObject extends NewObject {
  /** Each that was asked for, in order. */
  readonly streams: readonly Readable[]
}

const chunkBytes = 60_000

/** Makes an object of bytes, which are read in chunks. */
export function objectOf(key: string, bytes: Buffer | string, metadata: Record<string, string> = {}): CountedObject {
  const content = Buffer.from(bytes)
  const streams: Readable[] = []
  const read = () => {
    const chunks = Array.from({ length: Math.ceil(content.length / chunkBytes) }, (_, i) =>
      content.subarray(i * chunkBytes, (i + 1) * chunkBytes),
    )
    const stream = Readable.from(chunks, { objectMode: false })
    streams.push(stream)
    return stream
  }
  return { key, body: { bytes: content.length, read }, metadata, contentType: 'application/x-ndjson', streams }
}

/** Lines of JSON of about so many bytes, that no compression makes much smaller. */
export function linesOf(bytes: number): Buffer {
  const lines = Math.max(1, Math.round(bytes / 1024))
  return Buffer.from(Array.from({ length: lines }, () => `{"a":"${randomBytes(508).toString('hex')}"}\n`).join(''))
}

/** Defines the suite. */
export function testObjectStore(name: string, skip: string | false, open: (t: TestContext) => Promise<StoreUnderTest>) {
  test(`${name}: an object is written once, with all its bytes, and left as it is`, { skip }, async (t) => {
    const { server, open: openStore } = await open(t)
    const store = await openStore()
    // The largest are asked for before they are sent.
    for (const bytes of [1, 1000, 100_000, 5 << 20]) {
      const [key, first, second] = [`once/${bytes}.ndjson`, linesOf(bytes), linesOf(bytes + 10)]
      assert.equal(await store.create(objectOf(key, first, { 'weir-count': '7', 'weir-rules': '' })), 'written')
      assert.equal(await store.create(objectOf(key, second)), 'exists')
      const [found] = await readBucket(server, 'logs', key)
      assert.equal(found!.sha256, createHash('sha256').update(first).digest('hex'))
      assert.equal(found!.contentType, 'application/x-ndjson')
      assert.equal(found!.metadata['weir-count'], '7')
      await store.overwrite(objectOf(key, second))
      const [after] = await readBucket(server, 'logs', key)
      assert.equal(after!.sha256, createHash('sha256').update(second).digest('hex'))
    }
  })

  test(`${name}: of many who write one object at once, exactly one does`, { skip }, async (t) => {
    const { server, open: openStore } = await open(t)
    const stores = await Promise.all(Array.from({ length: 4 }, () => openStore()))
    for (let round = 0; round < 5; round++) {
      const bytes = Array.from({ length: 8 }, () => linesOf(1000 + round * 100_000))
      const key = `race/${round}.ndjson`
      const answers = await Promise.all(bytes.map((each, i) => stores[i % 4]!.create(objectOf(key, each))))
      assert.deepEqual(answers.toSorted(), [...Array<string>(7).fill('exists'), 'written'])
      const [found] = await readBucket(server, 'logs', key)
      const winner = bytes[answers.indexOf('written')]!
      assert.equal(found!.sha256, createHash('sha256').update(winner).digest('hex'))
    }
  })

  test(`${name}: an object is found with its size and metadata, read whole, and missed`, { skip }, async (t) => {
    const store = await (await open(t)).open()
    const [key, bytes] = ['found/a+b=c/topic.x+0+00000000000000000001.ndjson', linesOf(3 << 20)]
    const metadata = { 'weir-topic': 'topic.x', 'weir-rules': 'aa bb', 'weir-first': '1' }
    const began = Math.floor(Date.now() / 1000) * 1000
    await store.create(objectOf(key, bytes, metadata))
    const { modifiedMs, ...found } = (await store.head(key))!
    assert.deepEqual(found, { key, bytes: bytes.length, metadata })
    assert.ok(modifiedMs >= began && modifiedMs <= Date.now())
    assert.ok((await buffer(await store.read(key))).equals(bytes))
    assert.equal(await store.head('found/none'), undefined)
    await assert.rejects(store.read('found/none'), { code: 'ERR_S3_REQUEST', retryable: false, message: /NoSuchKey/ })
    // A reader that stops in the middle, or never begins, leaves nothing open.
    for await (const _ of await store.read(key)) break
    ;(await store.read(key)).destroy()
  })

  test(`${name}: objects are listed in order, below a prefix and behind a key`, { skip }, async (t) => {
    const { server, open: openStore } = await open(t)
    const store = await openStore()
    const keys = ['listed/b/2', 'listed/a/10', 'listed/a/9', 'listed/a+1/1', 'listed/ü&<x>', 'listedx']
    for (const key of keys) await store.create(objectOf(key, 'x'.repeat(key.length)))
    const listed = async (prefix: string, after?: string) => {
      const found: { readonly key: string; readonly bytes: number }[] = []
      for await (const { key, bytes } of store.list(prefix, after)) found.push({ key, bytes })
      return found
    }
    const sorted = ['listed/a+1/1', 'listed/a/10', 'listed/a/9', 'listed/b/2', 'listed/ü&<x>']
    const expected = sorted.map((key) => ({ key, bytes: key.length }))
    assert.deepEqual(await listed('listed/'), expected)
    assert.deepEqual(await listed('listed/', 'listed/a/10'), expected.slice(2))
    assert.deepEqual(await listed('listed/', 'listed/a/5'), expected.slice(2))
    assert.deepEqual(await listed('nothing/'), [])
    const judged = await listBucket(server, 'logs', 'listed/')
    assert.deepEqual(
      judged.map(({ key }) => key),
      sorted,
    )
  })

  test(`${name}: a probe finds that conditions are obeyed, at the first start and later`, { skip }, async (t) => {
    const store = await (await open(t)).open()
    for (let start = 0; start < 2; start++) assert.equal(await store.probe('_weir/probe'), true)
    assert.ok((await store.head('_weir/probe')) !== undefined)
  })

  test(`${name}: every call tells that there is no bucket`, { skip }, async (t) => {
    const store = await (await open(t)).open('no-such-bucket')
    const refusal = {
      name: 'S3Error',
      code: 'ERR_S3_BUCKET',
      retryable: true,
      message: /s3:\/\/no-such-bucket at http/,
    }
    const read = async () => buffer(await store.read('key'))
    const list = async () => {
      for await (const { key } of store.list('')) assert.fail(key)
    }
    const large = objectOf('large', linesOf(8 << 20))
    await assert.rejects(store.create(objectOf('key', 'x')), refusal)
    await assert.rejects(store.create(large), refusal)
    await assert.rejects(store.overwrite(objectOf('key', 'x')), refusal)
    for (const call of [() => store.head('key'), read, list, () => store.probe('key')]) {
      await assert.rejects(call, refusal)
    }
  })

  test(`${name}: a body that cannot be read is told as it is, and nothing is written`, { skip }, async (t) => {
    const { server, open: openStore } = await open(t)
    const store = await openStore()
    for (const bytes of [200_000, 5 << 20]) {
      const fault = Object.assign(new Error('the disk is gone'), { code: 'EIO' })
      const pieces = async function* () {
        yield await Promise.resolve(Buffer.alloc(100_000))
        throw fault
      }
      const key = `unread/${bytes}`
      const body = { bytes, read: () => Readable.from(pieces(), { objectMode: false }) }
      await assert.rejects(store.create({ ...objectOf(key, ''), body }), fault)
      assert.deepEqual(await listBucket(server, 'logs', 'unread/'), [])
    }
  })

  test(`${name}: no stream of a body is left open, and a closed store refuses`, { skip }, async (t) => {
    const store = await (await open(t)).open()
    for (const bytes of [10, 5 << 20]) {
      const [first, second] = [1, 2].map(() => objectOf(`streams/${bytes}`, linesOf(bytes)))
      await store.create(first!)
      await store.create(second!)
      for (const stream of [...first!.streams, ...second!.streams]) assert.ok(stream.destroyed)
    }
    store.close()
    await assert.rejects(store.head('streams/10'), { code: 'ERR_S3_CONNECT', message: /the store was closed/ })
  })
}
