// A process that starts a broker, says where it is, and never ends it. Run by broker.test.ts, which kills it.

import { startBroker } from './broker.ts'

const broker = await startBroker({ after: () => undefined })
process.stdout.write(`${broker.address}\n`)
