// Faults of archives and of the store, each once and reduced, on one broker. Others are run by command.

import { skipWithoutKafka } from '../servers/kafka/install.js'
import { useProxiedBroker } from '../servers/kafka/proxied.js'
import { clock } from './archive-clock.js'
import { killArchive } from './archive-kills.js'
import { answerLost, storeIll } from './archive-store.js'
import { testFault } from './running.js'

const kafka = useProxiedBroker(await skipWithoutKafka())

for (const fault of [storeIll, answerLost, killArchive, clock]) testFault(fault, kafka)
