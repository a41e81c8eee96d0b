// The fault `quarantine`: gzip bodies that are damaged somewhere. Called by list.ts and a test.

import assert from 'node:assert/strict'
import { gzipSync } from 'node:zlib'

import { counted } from '#src/counted.js'
import type { Random } from '#src/generators/random.js'
import type { Fault, FaultContext } from './fault.js'
import { Ledger } from './ledger.js'
import { progress, serveUnderLoad } from './load.js'
import { judge, readOutputs } from './oracle.js'
import { request } from './served.js'

const damages = { reduced: 12, full: 300 }

/** Damages a body so that it is no gzip any more, though it begins as one. */
function damaged(whole: Buffer, random: Random): Buffer {
  const headBytes = 10
  const inside = headBytes + random.below(whole.length - headBytes - 1)
  const ways = [
    // Breaks off.
    () => whole.subarray(0, inside),
    // Goes on behind its end.
    () => Buffer.concat([whole, Buffer.from('more')]),
    // Has a checksum of something else.
    () => Buffer.concat([whole.subarray(0, -8), Buffer.alloc(4, random.below(256)), whole.subarray(-4)]),
    // Has another length than it says.
    () => Buffer.concat([whole.subarray(0, -1), Buffer.from([1 + whole.at(-1)!])]),
  ]
  return random.pick(ways)()
}

async function run(context: FaultContext) {
  const { random, scale } = context
  const { served, ledger, load } = await serveUnderLoad(context, 2)
  const wanted: string[] = []
  try {
    for (let index = 0; index < damages[scale]; index++) {
      // Never to be seen as records: their ids are of a ledger that nobody judges.
      const body = damaged(gzipSync(new Ledger(random).body(1 + random.below(50)).bytes), random)
      const answer = await request(served.ingest.href, body)
      assert.equal(answer.status, 400)
      assert.match(answer.text, /corrupt-gzip/)
      wanted.push(body.toString('latin1'))
    }
    await load.more(5)
  } finally {
    await load.stop()
  }
  await progress(served, ledger, random)
  assert.deepEqual(await served.end('SIGTERM'), { code: 0, signal: null })
  const outputs = await readOutputs(served.outputs)
  const aside = outputs.found.filter(({ place }) => place === 'quarantine').map(({ text }) => text)
  assert.ok(
    aside.length === wanted.length && wanted.every((text, index) => aside[index] === text),
    'set aside otherwise',
  )
  return { ...judge(ledger, outputs), notes: `${counted(wanted.length, 'body', 'bodies')} set aside` }
}

/** See `what`. */
export const quarantine: Fault = {
  name: 'quarantine',
  what: 'posts damaged gzip bodies: 400 once they are set aside byte for byte, and nothing of them is a record',
  run,
}
