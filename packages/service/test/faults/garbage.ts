// The fault `garbage`: bodies of what is no record, with records between. Called by list.ts and a test.

import assert from 'node:assert/strict'

import { counted } from '#src/counted.js'
import type { Random } from '#src/generators/random.js'
import type { Fault, FaultContext } from './fault.js'
import type { Body } from './ledger.js'
import { progress, serveUnderLoad } from './load.js'
import { judge, readOutputs } from './oracle.js'
import { request } from './served.js'

const bodies = { reduced: 8, full: 40 }
const shortLines = { reduced: 200_000, full: 2_000_000 }
/** Beyond what a record may have. */
const longBytes = { reduced: 1_100_000, full: 9_000_000 }
/** Neighbours of one batch are one letter, of at most 1 MiB a line: so many for each MiB, at most. */
const mostLettersPerMiB = 4

/** What stands between two records: its bytes, and how many lines are in it that are no records. */
function garbageOf(random: Random, scale: FaultContext['scale']): { bytes: Buffer; lines: number } {
  const noise = () => Buffer.from(Array.from({ length: 5000 }, () => random.below(256)).filter((byte) => byte !== 0x0a))
  const ways = [
    () => ({ bytes: Buffer.from('x\n'.repeat(shortLines[scale])), lines: shortLines[scale] }),
    () => ({ bytes: Buffer.from(`{"pad":"${'y'.repeat(longBytes[scale])}"}\n`), lines: 1 }),
    () => ({ bytes: Buffer.concat([Buffer.from('#'), noise(), Buffer.from('\n')]), lines: 1 }),
    () => ({ bytes: Buffer.from(`${'['.repeat(3000)}\n{"a":\n[1,2]\n"text"\n`), lines: 4 }),
  ]
  return random.pick(ways)()
}

/** The records of a body with garbage behind the first of them: before it the body has to begin as lines of records. */
function withGarbage(body: Body, bytes: Buffer): Buffer {
  const behindFirst = body.bytes.indexOf(0x0a) + 1
  return Buffer.concat([body.bytes.subarray(0, behindFirst), bytes, body.bytes.subarray(behindFirst)])
}

async function run(context: FaultContext) {
  const { random, scale } = context
  const { served, ledger, load } = await serveUnderLoad(context, 1)
  let lines = 0
  let posted = 0
  try {
    for (let index = 0; index < bodies[scale]; index++) {
      const body = ledger.body(20, ['keep'])
      const made = garbageOf(random, scale)
      body.sent++
      const answer = await request(served.ingest.href, withGarbage(body, made.bytes))
      assert.equal(answer.status, 200, answer.text)
      body.isAnswered = true
      lines += made.lines
      posted += made.bytes.length
    }
    await load.more(5)
  } finally {
    await load.stop()
  }
  await progress(served, ledger, random)
  const { text } = await served.ask('/metrics')
  const metric = (name: RegExp) => Number(new RegExp(`^${name.source} (\\d+)`, 'm').exec(text)?.[1])
  const malformed = metric(/weir_records_total\{[^}]*verdict="malformed"\}/)
  const letters = metric(/weir_dead_letters_total\{[^}]*reason="malformed"[^}]*\}/)
  assert.deepEqual(await served.end('SIGTERM'), { code: 0, signal: null })
  const outputs = await readOutputs(served.outputs)
  const isOurs = (place: string, record: string) => place !== 'malformed' || record.startsWith('{"id":"')
  const found = outputs.found.filter((each) => isOurs(each.place, each.text))
  const unfinished = found.filter(({ place }) => place === 'malformed').length
  assert.equal(malformed, lines + unfinished, 'malformed records are counted otherwise')
  assert.ok(letters <= bodies[scale] + mostLettersPerMiB * (posted / 2 ** 20) + unfinished, `${letters} dead letters`)
  return {
    ...judge(ledger, { ...outputs, found }),
    notes: `${counted(lines, 'line')} of garbage, ${counted(letters, 'dead letter')}`,
  }
}

/** See `what`. */
export const garbage: Fault = {
  name: 'garbage',
  what: 'posts millions of lines that are no records, and lines too long to be one: the records between are delivered',
  run,
}
