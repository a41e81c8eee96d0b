// The suite of sources that are sent their records, over HTTP: plain, and as gzip in chunks.

import { gzipSync } from 'node:zlib'

import { testPushedSource } from '../contract/source.js'
import { openSource, post } from './http-client.js'

testPushedSource('http', async (t) => {
  const { source } = await openSource(t)
  return { source, send: async (lines) => (await post(source, lines)).status === 200 }
})

testPushedSource('http, gzip in chunks', async (t) => {
  const { source } = await openSource(t)
  return { source, send: async (lines) => (await post(source, gzipSync(lines), { chunked: true })).status === 200 }
})
