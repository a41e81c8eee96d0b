// A process that starts a broker, says where it is, and never ends it. Run by broker.test.ts, which kills it.

import { startBroker } from './broker.ts'

const broker = await startBroker({ after: () => undefined }, { under: process.argv[2]! })
process.stdout.write(`${broker.address}\n`)
