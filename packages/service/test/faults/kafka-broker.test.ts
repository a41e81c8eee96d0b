// Faults of calls, offsets and brokers, each once and reduced, on one broker; and the harm of one of them done to filters
// without the lock, in which the oracle has to see what it looks for.

import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { test } from 'node:test'

import { skipWithoutKafka } from '../servers/kafka/install.js'
import type { PassingFrame } from '../servers/kafka/lanes.js'
import { useProxiedBroker } from '../servers/kafka/proxied.js'
import type { Fault } from './fault.js'
import { endTxnLost, lateCall, lateCalls } from './kafka-calls.js'
import { killBroker } from './kafka-kills.js'
import { offsetGone } from './kafka-offsets.js'
import { brokersAway } from './kafka-outages.js'
import type { Ledger } from './ledger.js'
import { runFault, testFault } from './running.js'

const skip = await skipWithoutKafka()
const kafka = useProxiedBroker(skip)

for (const fault of [endTxnLost, lateCall, offsetGone, killBroker, brokersAway]) testFault(fault, kafka)

/** Another filter takes what a killed one had, and cannot refuse what that one sent: it counts as well. */
const control: Fault = {
  name: 'control',
  what: 'late calls, of filters whose transactional ids nobody else has',
  run: (context) => {
    // What is left open ends no sooner than what is late arrives, however long others take to take over.
    const environment = { FAULT_RANDOM_IDS: '1', FAULT_TRANSACTION_MS: '60000' }
    // Each transaction writes something, and the one that is late is to count: its last byte says so.
    const body = (ledger: Ledger, records: number) => ledger.body(records, ['keep'])
    const isCommit = ({ bytes }: PassingFrame) => bytes.at(-1) === 1
    return lateCalls(context, { environment, body }, { on: 'request', api: 'EndTxn', when: isCommit })
  },
}

test('filters whose transactional ids nobody else has are found to write records twice', { skip }, async (t) => {
  const run = await runFault(control, { seed: 1, scale: 'reduced', log: (line) => t.diagnostic(line), kafka: kafka() })
  const { figures, error, folder } = run
  assert.ok(figures, error)
  const { twice, lost, posted, notes } = figures
  t.diagnostic(JSON.stringify({ posted, twice, lost, notes }))
  assert.ok(twice > 0)
  await rm(folder!, { recursive: true })
})
