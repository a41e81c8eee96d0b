// A process that starts a store, says where it is, and never ends it. Run by servers.test.ts, which kills it.

import { startVersitygw } from './versitygw.ts'

const store = await startVersitygw({ after: () => undefined }, { under: process.argv[2]! })
process.stdout.write(`${store.endpoint}\n`)
