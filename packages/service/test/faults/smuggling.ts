// The fault `smuggling`: requests whose framing two readers could take differently, each with another request hidden in it.
// Called by list.ts and a test.

import assert from 'node:assert/strict'
import net from 'node:net'

import type { Fault, FaultContext } from './fault.js'
import { progress, serveUnderLoad } from './load.js'
import { judge, readOutputs } from './oracle.js'

const rounds = { reduced: 1, full: 20 }

/** A request that nobody has sent: its record must never appear. */
const inner = '{"id":"hidden","to":"keep"}'
const hidden = `POST /ingest HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${inner.length}\r\n\r\n${inner}`

/** Heads and bodies, by what is wrong. */
const attacks: Readonly<Record<string, string>> = {
  'a length beside chunks': `Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`,
  'chunks beside a length': `Transfer-Encoding: chunked\r\nContent-Length: ${hidden.length}\r\n\r\n0\r\n\r\n${hidden}`,
  'two lengths': `Content-Length: 0\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}`,
  'two lengths in one': `Content-Length: 0, ${hidden.length}\r\n\r\n${hidden}`,
  'a length with a sign': `Content-Length: +0\r\n\r\n${hidden}`,
  'a negative length': `Content-Length: -1\r\n\r\n${hidden}`,
  'another coding before chunks': `Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n${hidden}`,
  'another coding behind chunks': `Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n${hidden}`,
  'a coding that is none': `Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${hidden}`,
  'chunks named twice': `Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`,
  'a space before the colon': `Content-Length : 0\r\n\r\n${hidden}`,
  'a folded line': `X: a\r\n Content-Length: 0\r\n\r\n${hidden}`,
  'line feeds alone': `Content-Length: 0\n\n${hidden}`,
  'a chunk length that is none': `Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n${hidden}`,
  'a chunk that is longer than it says': `Transfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n${hidden}`,
  'a chunk length beyond 64 bits': `Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n{}\r\n0\r\n\r\n${hidden}`,
}

/** Sends raw bytes; resolves with everything that came until the other side closed. */
function raw(port: number, text: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1')
    let came = ''
    socket.setEncoding('latin1').on('data', (part: string) => (came += part))
    socket.on('error', () => undefined).on('close', () => resolve(came))
    socket.write(text)
  })
}

async function run(context: FaultContext) {
  const { random, scale } = context
  const { served, ledger, load } = await serveUnderLoad(context, 1)
  const port = Number(served.ingest.port)
  try {
    for (let round = 0; round < rounds[scale]; round++) {
      for (const [what, rest] of Object.entries(attacks)) {
        const came = await raw(port, `POST /ingest HTTP/1.1\r\nHost: localhost\r\n${rest}`)
        const statuses = [...came.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map((match) => match[1])
        assert.deepEqual(statuses, ['400'], what)
      }
      const preface = await raw(port, `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${hidden}`)
      assert.match(preface, /^HTTP\/1\.1 400 /)
    }
    await load.more(5)
  } finally {
    await load.stop()
  }
  await progress(served, ledger, random)
  assert.deepEqual(await served.end('SIGTERM'), { code: 0, signal: null })
  const notes = `${rounds[scale] * (Object.keys(attacks).length + 1)} requests refused`
  return { ...judge(ledger, await readOutputs(served.outputs)), notes }
}

/** See `what`. */
export const smuggling: Fault = {
  name: 'smuggling',
  what: 'sends requests that two readers could frame differently: 400 and close, and nothing of them is a record',
  run,
}
