// All faults, in the order in which they run. Called by command.ts and its test.

import { adminBrowser } from './admin-browser.js'
import { clock } from './archive-clock.js'
import { groupForgotten, killArchive } from './archive-kills.js'
import { conditionIgnored, storeRefuses } from './archive-refusals.js'
import { spoolFull } from './archive-spool.js'
import { answerLost, storeIll } from './archive-store.js'
import { bomb } from './bomb.js'
import { crashPoints } from './crash-points.js'
import { descriptors } from './descriptors.js'
import { diskFull } from './disk-full.js'
import type { Fault } from './fault.js'
import { garbage } from './garbage.js'
import { killLoop } from './kill-loop.js'
import { endTxnLost, lateCall } from './kafka-calls.js'
import { credentials } from './kafka-credentials.js'
import { killBroker, killFilter, rebalances } from './kafka-kills.js'
import { leaderMoves } from './kafka-moves.js'
import { brokerDiskFull, brokersAway, lastReplica } from './kafka-outages.js'
import { offsetGone } from './kafka-offsets.js'
import { kafkaPoints } from './kafka-points.js'
import { kafkaPoison, kafkaReload } from './kafka-records.js'
import { twoOwners, zombie } from './kafka-zombies.js'
import { hangPoison, processPoison } from './lethal.js'
import { manyReloads } from './many-reloads.js'
import { quarantine } from './quarantine.js'
import { reload } from './reload.js'
import { sigterm } from './sigterm.js'
import { slowClients } from './slow-clients.js'
import { smuggling } from './smuggling.js'
import { wholeChain } from './whole-chain.js'
import { poison, workerExit, workerFault, workerHang, workerMemory } from './workers.js'

/** Every fault. */
export const faults: readonly Fault[] = [
  ...[crashPoints, killLoop, sigterm],
  ...[reload, manyReloads],
  ...[workerExit, workerMemory, workerHang, workerFault, poison, processPoison, hangPoison],
  ...[diskFull, descriptors],
  ...[killFilter, killBroker, rebalances, kafkaPoints, zombie, twoOwners, endTxnLost, lateCall],
  ...[offsetGone, brokersAway, lastReplica, brokerDiskFull, leaderMoves, credentials, kafkaPoison, kafkaReload],
  ...[storeIll, answerLost, killArchive, groupForgotten, conditionIgnored, storeRefuses, spoolFull, clock, wholeChain],
  ...[bomb, slowClients, smuggling, garbage, quarantine, adminBrowser],
]
