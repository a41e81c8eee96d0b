// The fault `credentials`: the password of the filters is changed at the broker, and then in the file that they read it from.
// Called by list.ts and a test.

import assert from 'node:assert/strict'
import { rename, writeFile } from 'node:fs/promises'
import path from 'node:path'

import { counted } from '#src/counted.js'
import { setPassword } from '../servers/kafka/reading.js'
import { eventually } from './fault.js'
import type { Fault, FaultContext } from './fault.js'
import { anyMoment, openRig } from './kafka-rig.js'
import type { Rig } from './kafka-rig.js'

const changes = { reduced: 1, full: 8 }
/** How long a password that was shown is good for, in milliseconds: the client shows it again ten seconds before that. */
const sessionMs = 12_000
const name = 'filter'

async function run(context: FaultContext) {
  const { random, scale, folder } = context
  const file = path.join(folder, 'password')
  const write = async (password: string) => {
    await writeFile(`${file}.new`, `${password}\n`)
    await rename(`${file}.new`, file)
  }
  await write('first')
  const rig = await openRig(context, 2, {
    brokers: {
      users: [{ name, password: 'first' }],
      settings: { 'connections.max.reauth.ms': sessionMs },
    },
    connection: (broker) =>
      `brokers: ["${broker.addressOf('SASL_PLAINTEXT')}"], sasl: { mechanism: scram-sha-512, user: ${name}, passwordFile: ${JSON.stringify(file)} }`,
  })
  for (let change = 0; change < changes[scale]; change++) {
    await rig.more(1)
    await anyMoment(random, 500)
    const password = `changed-${change}`
    await setPassword(rig.broker, { name, password }, 'SCRAM-SHA-512')
    await areOut(rig)
    const stood = await rig.committed()
    await grown(rig)
    assert.deepEqual(await rig.committed(), stood, 'The group has moved without a password.')
    await write(password)
    await rig.more(1)
    await eventually('all are ready again', () => everyFilter(rig, (_, status) => status === 200))
  }
  return rig.finish(`${counted(changes[scale], 'change')} of the password`)
}

/** Resolves when all filters say that they are out, and why. */
async function areOut(rig: Rig): Promise<void> {
  await eventually('the filters say that the password is refused', () =>
    everyFilter(rig, (text, status) => status === 503 && /authentication/i.test(text)),
  )
}

async function everyFilter(rig: Rig, holds: (text: string, status: number) => boolean): Promise<boolean> {
  for (const filter of rig.filters) {
    const { text, status } = await filter.ask('/readyz')
    if (!holds(text, status)) return false
  }
  return true
}

async function grown(rig: Rig): Promise<void> {
  const ends = async () => (await rig.admin.fetchTopicOffsets(rig.raw)).map(({ high }) => Number(high))
  const before = await ends()
  await eventually('the source grows', async () => (await ends()).every((end, p) => end > before[p]! + 2))
}

/** See `what`. */
export const credentials: Fault = {
  name: 'credentials',
  what: 'changes the password at the broker: filters are out and say why, the group stays where it stood, and goes on when the file has the new one; each record is there once, in order',
  needs: 'kafka',
  run,
}
