// The store on Ceph's radosgw, by command: WEIR_REQUIRE=radosgw npm test -- store-radosgw. The same contract as on the others,
// and what it refuses in words of its own.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import { objectOf, linesOf, testObjectStore } from '../contract/object-store.js'
import { skipWithoutRadosgw, startRadosgw } from '../servers/s3/radosgw.js'
import type { RunningStore, S3Server } from '../servers/s3/server.js'
import { open } from './opening.js'

const skip = skipWithoutRadosgw()
const cleanings: (() => Promise<void>)[] = []
let server: RunningStore | undefined

if (skip === false) {
  before(async () => {
    server = await startRadosgw({ after: (clean) => cleanings.push(clean) })
  })
  after(async () => {
    for (const clean of cleanings) await clean()
  })
}

testObjectStore('radosgw', skip, (t) => {
  return Promise.resolve({
    server: server!,
    open: (bucket) => open(t, server!, bucket === undefined ? {} : { bucket }),
  })
})

test('wrong keys are told as what they are', { skip }, async (t) => {
  const wrong: [keys: Partial<S3Server>, word: RegExp][] = [
    [{ secretKey: 'not-the-secret' }, /: the store says no more \(SignatureDoesNotMatch, 403\)\.$/],
    [{ accessKey: 'nobody' }, /: the store says no more \(InvalidAccessKeyId, 403\)\.$/],
  ]
  for (const [keys, message] of wrong) {
    const store = await open(t, { ...server!, ...keys })
    const refusal = { code: 'ERR_S3_CREDENTIALS', retryable: true, message }
    await assert.rejects(store.create(objectOf('refused/a', 'x')), refusal)
    await assert.rejects(store.create(objectOf('refused/large', linesOf(8 << 20))), refusal)
    await assert.rejects(store.head('refused/a'), refusal)
  }
})

test('a call goes on when the gateway that was killed is there again, and its objects are', { skip }, async (t) => {
  const store = await open(t, server!)
  await store.create(objectOf('killed/a', 'x'))
  await server!.kill()
  const refusal = { code: 'ERR_S3_CONNECT', retryable: true, message: /connection refused \(ECONNREFUSED\)/ }
  await assert.rejects(store.create(objectOf('killed/b', 'x')), refusal)
  await server!.start()
  assert.equal(await store.create(objectOf('killed/a', 'y')), 'exists')
  assert.equal(await store.create(objectOf('killed/b', 'y')), 'written')
})
