// A broker whose clients come through the fault proxy. Called by faults and their tests.

import { startBroker } from './broker.ts'
import type { Broker, Cluster, Owner } from './broker.ts'
import { startProxy } from './proxy.ts'
import type { FaultProxy } from './proxy.ts'

/** A broker, and the proxy before it; the inner addresses go past the proxy. */
export interface ProxiedBroker {
  readonly broker: Broker & Cluster
  readonly proxy: FaultProxy
}

/** Starts both. They are closed when their owner is done. */
export async function startProxiedBroker(owner: Owner): Promise<ProxiedBroker> {
  const proxy = startProxy(owner)
  const broker = await startBroker(owner, { advertise: (port) => proxy.open(port) })
  return { broker, proxy }
}
