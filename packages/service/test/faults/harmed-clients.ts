// Has the client library of Kafka wait shorter, so that a reduced run need not, or take transactional ids that nobody else
// has, so that a run without the lock can be judged: a preload for Node's `--import`. The environment says which:
// FAULT_REQUEST_MS, FAULT_TRANSACTION_MS, FAULT_RANDOM_IDS. Only tests use it.

import { randomBytes } from 'node:crypto'
import Module from 'node:module'

interface Settings {
  readonly transactionalId?: string
  readonly transactionTimeout?: number
  readonly requestTimeout?: number
}
interface Library {
  producer(settings: Settings): unknown
}
type Load = (module: { exports: unknown }, file: string) => void

const environment = process.env
const requestMs = Number(environment['FAULT_REQUEST_MS'] ?? 0)
const transactionMs = Number(environment['FAULT_TRANSACTION_MS'] ?? 0)
const hasRandomIds = environment['FAULT_RANDOM_IDS'] === '1'

function harmed(library: new (settings: Settings) => Library): unknown {
  return class extends library {
    constructor(settings: Settings) {
      super(requestMs === 0 ? settings : { ...settings, requestTimeout: requestMs })
    }

    override producer(settings: Settings): unknown {
      const { transactionalId: id } = settings
      if (id === undefined) return super.producer(settings)
      return super.producer({
        ...settings,
        ...(transactionMs === 0 ? {} : { transactionTimeout: transactionMs }),
        ...(hasRandomIds ? { transactionalId: `${id}.${randomBytes(6).toString('hex')}` } : {}),
      })
    }
  }
}

// The service loads the library late, and anew: what is harmed is whatever is loaded.
const { _extensions: extensions } = Module as unknown as { readonly _extensions: Record<string, Load> }
const load = extensions['.js']!
extensions['.js'] = (module, file) => {
  load(module, file)
  if (!/[\\/]kafkajs[\\/]src[\\/]index\.js$/.test(file)) return
  module.exports = harmed(module.exports as new (settings: Settings) => Library)
}
