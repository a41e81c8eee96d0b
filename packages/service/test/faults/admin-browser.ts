// The fault `admin-browser`: requests as a page in a browser makes them, to both ports. Called by list.ts and a test.

import assert from 'node:assert/strict'

import { counted } from '#src/counted.js'
import type { Fault, FaultContext } from './fault.js'
import { progress, serveUnderLoad } from './load.js'
import { judge, readOutputs } from './oracle.js'
import { request } from './served.js'

const rounds = { reduced: 1, full: 20 }

const foreign: readonly Readonly<Record<string, string>>[] = [
  { Host: 'attacker.example' },
  { Host: 'attacker.example:9881' },
  { Host: 'localhost.attacker.example' },
  { Host: '127.0.0.1.attacker.example' },
  { Origin: 'http://attacker.example' },
  { Origin: 'https://127.0.0.1' },
  { Origin: 'null' },
]
const record = '{"id":"forged","to":"keep"}'
const rules = 'version: 1\ndefault: drop\nrules: []\n'

async function run(context: FaultContext) {
  const { random, scale } = context
  const { served, ledger, load } = await serveUnderLoad(context, 1)
  const { ingest, admin } = served
  let refused = 0
  try {
    for (let round = 0; round < rounds[scale]; round++) {
      for (const headers of foreign) {
        const answers = [
          await request(ingest.href, record, { ...headers, 'Content-Type': 'text/plain' }),
          await request(`${admin}/api/status`, undefined, headers),
          await request(`${admin}/metrics`, undefined, headers),
          await request(`${admin}/api/rules`, rules, { ...headers, 'Content-Type': 'application/yaml' }),
          await request(`${admin}/api/rules/reload`, '', headers),
        ]
        for (const { status } of answers) assert.equal(status, 403, JSON.stringify(headers))
        refused += answers.length
      }
    }
    await load.more(5)
  } finally {
    await load.stop()
  }
  // With the rules of the beginning still in force.
  await progress(served, ledger, random)
  assert.deepEqual(await served.end('SIGTERM'), { code: 0, signal: null })
  return { ...judge(ledger, await readOutputs(served.outputs)), notes: `${counted(refused, 'request')} refused` }
}

/** See `what`. */
export const adminBrowser: Fault = {
  name: 'admin-browser',
  what: 'asks both ports as a page of another origin does: 403, no record and no rules of it',
  run,
}
