// The checksum: both ways to compute it agree with each other and with known answers, and a wrong one is not taken.

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'

import { crc32c, isCrc32c, nativeCrc32c, slicedCrc32c } from '#src/kafka/crc32c.js'
import { skipWithout } from '../required.js'

test('the tables give the answers of RFC 3720', () => {
  assert.equal(slicedCrc32c(new Uint8Array(32)), 0x8a9136aa)
  assert.equal(slicedCrc32c(new Uint8Array(32).fill(255)), 0x62a8ab43)
  assert.equal(slicedCrc32c(Uint8Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e)
  assert.equal(slicedCrc32c(Buffer.from('123456789')), 0xe3069283)
  assert.equal(slicedCrc32c(new Uint8Array(0)), 0)
})

const skip = skipWithout('crc32', nativeCrc32c() !== undefined, 'install @node-rs/crc32')

test('native code and tables agree on every length and alignment', { skip }, () => {
  const native = nativeCrc32c()!
  const bytes = randomBytes(5_000)
  for (let i = 0; i < 500; i++) {
    const piece = bytes.subarray(i % 17, (i % 17) + ((i * i) % 4_900))
    assert.equal(native(piece), slicedCrc32c(piece))
  }
  assert.equal(crc32c(bytes), slicedCrc32c(bytes))
})

test('what does not load, throws or is wrong is not taken', () => {
  const unloadable = () => {
    throw new Error('no such module')
  }
  assert.equal(nativeCrc32c(unloadable), undefined)
  assert.equal(
    nativeCrc32c(() => ({})),
    undefined,
  )
  assert.equal(
    nativeCrc32c(() => ({ crc32c: () => 1 })),
    undefined,
  )
  // The checksum of zlib, which is another.
  assert.equal(
    isCrc32c(() => 0xcbf43926),
    false,
  )
})
