// The store on a real server, versitygw: the contract, and what only a real one shows.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { objectOf, linesOf, testObjectStore } from '../contract/object-store.js'
import { skipWithoutS3 } from '../servers/s3/install.js'
import { skipWithoutReader } from '../servers/s3/reader.js'
import { useVersitygw } from '../servers/s3/versitygw.js'
import { open } from './opening.js'

const withoutReader = skipWithoutReader()
const skip = withoutReader === false ? await skipWithoutS3() : withoutReader
const server = useVersitygw(skip, { buckets: ['logs', 'many'] })

testObjectStore('versitygw', skip, (t) => {
  return Promise.resolve({
    server: server(),
    open: (bucket) => open(t, server(), bucket === undefined ? {} : { bucket }),
  })
})

test('more objects are listed than fit into one answer', { skip }, async (t) => {
  const store = await open(t, server(), { bucket: 'many' })
  const keys = Array.from({ length: 1005 }, (_, i) => `many/${String(i).padStart(5, '0')}`)
  for (let at = 0; at < keys.length; at += 32) {
    await Promise.all(keys.slice(at, at + 32).map((key) => store.create(objectOf(key, 'x'))))
  }
  const listed: string[] = []
  for await (const { key } of store.list('many/')) listed.push(key)
  assert.deepEqual(listed, keys)
})

test('wrong keys, a wrong region and a name that is a folder are each told as what they are', { skip }, async (t) => {
  const refused = async (options: Parameters<typeof open>[2], keys: object, code: string, message: RegExp) => {
    const store = await open(t, { ...server(), endpoint: server().endpoint, ...keys }, options)
    await assert.rejects(store.create(objectOf('refused/a', 'x')), { code, retryable: true, message })
    await assert.rejects(store.create(objectOf('refused/large', linesOf(8 << 20))), { code, retryable: true })
    await assert.rejects(store.head('refused/a'), { code, retryable: true, message })
  }
  await refused({}, { secretKey: 'not-the-secret' }, 'ERR_S3_CREDENTIALS', /\(SignatureDoesNotMatch, 403\)\.$/)
  await refused({}, { accessKey: 'nobody' }, 'ERR_S3_CREDENTIALS', /No user exists/)
  await refused({ region: 'eu-west-1' }, {}, 'ERR_S3_REGION', /The bucket is in region us-east-1, and calls are signed for eu-west-1\.$/) // prettier-ignore
  const store = await open(t, server())
  await store.create(objectOf('refused/file', 'x'))
  const conflict = { code: 'ERR_S3_CONFLICT', retryable: false, message: /ObjectParentIsFile/ }
  await assert.rejects(store.create(objectOf('refused/file/below', 'x')), conflict)
})

test('a call goes on when the store that was killed is there again, and its objects are', { skip }, async (t) => {
  const store = await open(t, server())
  await store.create(objectOf('killed/a', 'x'))
  await server().kill()
  const refusal = { code: 'ERR_S3_CONNECT', retryable: true, message: /connection refused \(ECONNREFUSED\)/ }
  await assert.rejects(store.create(objectOf('killed/b', 'x')), refusal)
  await server().start()
  assert.equal(await store.create(objectOf('killed/a', 'y')), 'exists')
  assert.equal(await store.create(objectOf('killed/b', 'y')), 'written')
})
