// Faults of a store that does not do what it is asked: `s3-bucket`, which refuses until somebody has mended something, and
// `s3-condition-ignored`, which writes over what is there. Called by list.ts and by command.

import assert from 'node:assert/strict'
import { isDeepStrictEqual } from 'node:util'

import { counted } from '#src/counted.js'
import { startFakeS3 } from '../servers/s3/fake-s3.js'
import type { Refusal } from '../servers/s3/proxy.js'
import { anyMoment, openArchiveRig } from './archive-rig.js'
import type { ArchiveRig } from './archive-rig.js'
import { eventually } from './fault.js'
import type { Fault, FaultContext } from './fault.js'
import type { Served } from './served.js'

/** What is wrong, and what `/readyz` has to say of it. */
const wrongs: readonly (readonly [refusal: Refusal, told: RegExp])[] = [
  [{ status: 403, code: 'AccessDenied' }, /denied|may not|permission/i],
  [{ status: 404, code: 'NoSuchBucket' }, /no bucket|bucket .*(missing|not exist|not there)|NoSuchBucket/i],
  [{ status: 301, code: 'PermanentRedirect', headers: { 'x-amz-bucket-region': 'eu-west-9' } }, /region/i],
  [{ status: 403, code: 'InvalidAccessKeyId' }, /key/i],
  [{ status: 403, code: 'RequestTimeTooSkewed' }, /clock/i],
]
const rounds = { reduced: 3, full: 10 }

async function refuse(context: FaultContext) {
  const { random, scale, log } = context
  const rig = await openArchiveRig(context, 1)
  await rig.more()
  const [archive] = rig.archives as [Served]
  for (let round = 0; round < rounds[scale]; round++) {
    const [refusal, told] = wrongs[round % wrongs.length]!
    log(`${refusal.status} ${refusal.code}`)
    rig.proxy.plan({ on: 'all', times: Infinity, do: refusal })
    // It may be wrong from the start.
    if (random.chance(400)) {
      await archive.end('SIGKILL')
      await rig.run(archive)
    }
    await isHeld(rig, archive, told)
    await anyMoment(random, 1000)
    rig.proxy.clear()
    await rig.more()
    await eventually('the archive is ready', async () => (await archive.ask('/readyz')).status === 200)
  }
  return rig.finish(counted(rounds[scale], 'time'))
}

/** Not ready, for a reason that helps; alive; and nothing is passed by. */
async function isHeld(rig: ArchiveRig, archive: Served, told: RegExp): Promise<void> {
  let text = ''
  await eventually(`/readyz says ${told.source}`, async () => {
    const answer = await archive.ask('/readyz')
    text = answer.text
    return answer.status === 503 && told.test(text)
  }).catch((error: unknown) => {
    throw new Error(`${(error as Error).message} It says: ${text}`)
  })
  assert.equal((await archive.ask('/healthz')).status, 200)
  // What was written just before may be committed still.
  await eventually('no offset moves', async () => {
    const before = await rig.committed()
    await anyMoment(rig.random, 1000)
    return isDeepStrictEqual(await rig.committed(), before)
  })
}

/** See `what`. */
export const storeRefuses: Fault = {
  name: 's3-bucket',
  what: 'has the store refuse the key, the bucket, the region and the clock: the archive waits, says why in /readyz, and goes on by itself; each record is in one object, in order',
  needs: ['kafka', 's3'],
  run: refuse,
}

const kills = { reduced: 2, full: 20 }

async function ignoreConditions(context: FaultContext) {
  const { random, scale } = context
  const store = await startFakeS3(context, { ignoresConditions: true })
  // Where nobody refuses a second write, all have to cut alike.
  const rig = await openArchiveRig(context, 1, { store, output: { maxObjectRecords: '50', periodMs: '1s' } })
  await rig.more()
  const [archive] = rig.archives as [Served]
  for (let kill = 0; kill < kills[scale]; kill++) {
    await anyMoment(random, 1500)
    await archive.end('SIGKILL')
    await rig.run(archive)
    await rig.more()
    await isTold(archive)
  }
  return rig.finish(counted(kills[scale], 'kill'))
}

/** Whoever reads the status, the log or the metrics learns that it is not what was promised. */
async function isTold(archive: Served): Promise<void> {
  const { text } = await archive.ask('/api/status')
  assert.match(text, /under split brain/)
  const warned = archive.log.some(({ level, msg }) => level === 'warn' && /ignores create-only writes/.test(msg ?? ''))
  assert.ok(warned, 'The log does not tell that conditions are ignored.')
}

/** See `what`. */
export const conditionIgnored: Fault = {
  name: 's3-condition-ignored',
  what: 'has the store write over what is there, while an archive is killed again and again: it says so, looks before it writes, and each record is in one object, in order',
  needs: ['kafka', 'python3'],
  run: ignoreConditions,
}
