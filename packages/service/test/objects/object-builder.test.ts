// What an object holds: lines, counted and hashed, whatever they came in; and what happens when it is given up.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'

import { buildObject } from '#src/objects/object-builder.js'
import type { BuiltObject } from '#src/objects/object-builder.js'
import { objectFormat } from '#src/objects/object-format.js'
import type { ObjectFormat } from '#src/objects/object-format.js'
import { openSpool } from '#src/objects/spool.js'

const gzip = objectFormat('gzip', 4)
const plain = objectFormat('none', 4)
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const contentOf = async ({ body }: BuiltObject) => buffer(body.read())

/** Builds an object of what is added call by call. */
async function built(format: ObjectFormat, ...added: readonly (readonly (string | null)[])[]) {
  const spool = await openSpool({ memoryBytes: 1 << 20 })
  const builder = buildObject({ format, spool })
  for (const values of added) await builder.add(values.map((value) => (value === null ? null : Buffer.from(value))))
  const { count, rawBytes } = builder
  const object = await builder.finish()
  assert.deepEqual([object.count, object.rawBytes], [count, rawBytes])
  const content = await contentOf(object)
  assert.equal(content.length, object.body.bytes)
  await builder.release()
  assert.deepEqual([spool.memoryBytes, spool.diskBytes], [0, 0])
  return { ...object, content }
}

const rows: readonly (readonly [string, readonly (readonly (string | null)[])[], string, number])[] = [
  ['nothing', [], '', 0],
  ['tombstones and empty values', [[null, '', null], []], '', 0],
  ['values with and without a line feed', [['a', 'b\n'], ['c']], 'a\nb\nc\n', 3],
  ['a value of several lines', [['a\nb\nc', null, 'd\ne\n']], 'a\nb\nc\nd\ne\n', 5],
  ['blank lines, which stay', [['\n', 'a\n\n']], '\na\n\n', 3],
  ['carriage returns, which stay', [['a\r\n', 'b\r']], 'a\r\nb\r\n', 2],
]

for (const [name, added, expected, count] of rows) {
  test(`an object of ${name}`, async () => {
    for (const format of [gzip, plain]) {
      const object = await built(format, ...added)
      const raw = format === gzip ? gunzipSync(object.content) : object.content
      assert.equal(raw.toString(), expected)
      assert.deepEqual([object.count, object.rawBytes], [count, Buffer.byteLength(expected)])
      assert.equal(object.sha256, sha256(Buffer.from(expected)))
    }
  })
}

test('values around the end of a chunk, and longer than some of them', async () => {
  const chunk = 256 << 10
  for (const bytes of [chunk - 2, chunk - 1, chunk, chunk + 1, 3 * chunk - 1, 3 * chunk, 3 * chunk + 1]) {
    const value = 'x'.repeat(bytes)
    const object = await built(plain, [value, 'y'], [value])
    const expected = `${value}\ny\n${value}\n`
    assert.ok(object.content.equals(Buffer.from(expected)), `${bytes} bytes`)
    assert.deepEqual([object.count, object.sha256], [3, sha256(Buffer.from(expected))])
  }
})

test('the memory of values is the caller’s again when the call returns, also shared memory', async () => {
  const spool = await openSpool({ memoryBytes: 1 << 20 })
  const builder = buildObject({ format: plain, spool })
  const value = new Uint8Array(new SharedArrayBuffer(700_000)).fill(65)
  const adding = builder.add([value, value.subarray(0, 10)])
  value.fill(0)
  assert.deepEqual([builder.count, builder.rawBytes], [2, 700_012])
  await adding
  const object = await builder.finish()
  assert.equal((await contentOf(object)).toString(), `${'A'.repeat(700_000)}\n${'A'.repeat(10)}\n`)
  await builder.release()
})

test('a body can be read again and again, also at once and in part', async () => {
  const spool = await openSpool({ memoryBytes: 4 << 20 })
  const builder = buildObject({ format: gzip, spool })
  const value = Buffer.from(Array.from({ length: 50_000 }, (_, n) => `{"n":${n * 7919}}\n`).join(''))
  await builder.add([value])
  const object = await builder.finish()
  const stopped = object.body.read()
  for await (const piece of stopped) {
    assert.ok((piece as Buffer).length > 0)
    break
  }
  const all = await Promise.all([contentOf(object), contentOf(object), contentOf(object)])
  for (const bytes of all) assert.ok(gunzipSync(bytes).equals(value))
  await builder.release()
  await assert.rejects(contentOf(object), /given up/)
})

test('an object may be given up at any time, once or twice, and nothing of it is left', async () => {
  const spool = await openSpool({ memoryBytes: 1 << 20 })
  const value = Buffer.alloc(3 << 20, 'some bytes ')
  const builders = Array.from({ length: 5 }, () => buildObject({ format: gzip, spool }))
  const [idle, adding, waiting, finishing, finished] = builders as [ReturnType<typeof buildObject>, ...typeof builders]
  const settled = [adding!.add([value]), waiting!.add([value, value]), finishing!.add([Buffer.from('a')])]
  await settled[2]
  await finished!.add([Buffer.from('b')])
  await finished!.finish()
  const rejected = assert.rejects(finishing!.finish(), /given up/)
  await Promise.all(builders.map((builder) => builder.release()))
  await Promise.all([...settled, rejected])
  assert.deepEqual([spool.memoryBytes, spool.diskBytes, spool.whyFull], [0, 0, undefined])
  await idle.release()
  await assert.rejects(idle.add([value]), /given up/)
  await assert.rejects(idle.finish(), /given up/)
})

test('a format that fails has every call fail, also one that waits for room', async () => {
  const spool = await openSpool({ memoryBytes: 1 << 20 })
  const failing: ObjectFormat = {
    ...plain,
    open: () => ({ write: () => Promise.reject(new Error('no memory')), end: async () => {}, discard: () => {} }),
  }
  const builder = buildObject({ format: failing, spool })
  await assert.rejects(builder.add([Buffer.alloc(4 << 20)]), /no memory/)
  await assert.rejects(builder.add([Buffer.from('a')]), /no memory/)
  await assert.rejects(builder.finish(), /no memory/)
  await builder.release()
  assert.equal(spool.memoryBytes, 0)
})
