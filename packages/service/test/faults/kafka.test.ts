// Faults of filters in one group, each once and reduced, on one broker. Of calls and of brokers are those of
// kafka-broker.test.ts; others are run by command: they need brokers of their own, or longer.

import { skipWithoutKafka } from '../servers/kafka/install.js'
import { useProxiedBroker } from '../servers/kafka/proxied.js'
import { killFilter, rebalances } from './kafka-kills.js'
import { kafkaPoints } from './kafka-points.js'
import { twoOwners, zombie } from './kafka-zombies.js'
import { testFault } from './running.js'

const kafka = useProxiedBroker(await skipWithoutKafka())

for (const fault of [killFilter, rebalances, kafkaPoints, zombie, twoOwners]) testFault(fault, kafka)
