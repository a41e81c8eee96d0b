// What inflating hands on before damage, judged by zlib on the undamaged bytes alone. Whole inputs and the messages are
// file.test.ts's.

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import zlib, { gzipSync } from 'node:zlib'

import { inflate, keptBytes } from '#src/sources/inflate.js'

const records = (count: number): Buffer =>
  Buffer.from(Array.from({ length: count }, (_, i) => `{"n":${i},"x":"${(i * 2654435761) % 1000003}"}\n`).join(''))

/** Yields bytes in chunks that all lie in one buffer, as files are read. */
async function* chunksOf(bytes: Uint8Array, chunkBytes = 256 << 10): AsyncGenerator<Uint8Array, void, undefined> {
  const buffer = Buffer.alloc(chunkBytes)
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    const chunk = bytes.subarray(at, at + chunkBytes)
    buffer.set(chunk)
    yield buffer.subarray(0, chunk.length)
    await Promise.resolve()
  }
}

async function inflated(compressed: AsyncIterable<Uint8Array>, again?: () => AsyncIterable<Uint8Array>) {
  const parts: Buffer[] = []
  let failure: unknown
  try {
    for await (const { bytes } of inflate(compressed, 'gzip', again)) parts.push(Buffer.from(bytes))
  } catch (error) {
    failure = error
  }
  return { bytes: Buffer.concat(parts), failure: failure as NodeJS.ErrnoException | undefined }
}

test('all of a member is handed on before what stands behind it and is none', async () => {
  for (const count of [1, 2000, 60_000]) {
    const content = records(count)
    const joined = Buffer.concat([gzipSync(content), content])
    for (const chunkBytes of [1000, 64 << 10, 256 << 10]) {
      const { bytes, failure } = await inflated(chunksOf(joined, chunkBytes))
      assert.equal(failure?.code, 'Z_DATA_ERROR')
      assert.ok(bytes.equals(content), `${bytes.length} of ${content.length} bytes, in chunks of ${chunkBytes}`)
    }
  }
})

test('all that the bytes before damage hold is handed on, wherever in a member it is', async () => {
  const content = records(60_000)
  const whole = gzipSync(content, { level: 1 })
  for (const at of [40, 5000, 64 << 10, (64 << 10) + 1, whole.length >> 1, whole.length - 2000]) {
    const damaged = Buffer.concat([whole.subarray(0, at), Buffer.alloc(200, 0xff), whole.subarray(at + 200)])
    const good = zlib.gunzipSync(whole.subarray(0, at), { finishFlush: zlib.constants.Z_SYNC_FLUSH })
    const { bytes, failure } = await inflated(chunksOf(damaged))
    assert.equal(failure?.code, 'Z_DATA_ERROR')
    assert.ok(bytes.subarray(0, good.length).equals(good), `${bytes.length} bytes, ${good.length} before byte ${at}`)
  }
})

test('of a long stream that cannot be read again, little before the damage is lost; of one that can, nothing', async () => {
  const content = Buffer.from(randomBytes(keptBytes).toString('base64'))
  const joined = Buffer.concat([gzipSync(content, { level: 1 }), content])
  assert.ok(joined.length - content.length > keptBytes)
  const once = await inflated(chunksOf(joined))
  assert.equal(once.failure?.code, 'Z_DATA_ERROR')
  assert.ok(once.bytes.length >= content.length - (256 << 10), `${content.length - once.bytes.length} bytes lost`)
  assert.ok(content.subarray(0, once.bytes.length).equals(once.bytes))
  const twice = await inflated(chunksOf(joined), () => chunksOf(joined, 1 << 20))
  assert.equal(twice.failure?.code, 'Z_DATA_ERROR')
  assert.ok(twice.bytes.equals(content))
})

test('a failure to read is no damage, and nothing is read again', async () => {
  const whole = gzipSync(records(60_000))
  const failing = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
    yield whole.subarray(0, 100_000)
    await Promise.resolve()
    throw new Error('the disk is gone')
  }
  const { failure } = await inflated(failing(), () => assert.fail('read again'))
  assert.equal(failure?.message, 'the disk is gone')
})
