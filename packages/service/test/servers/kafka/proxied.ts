// A broker, or a cluster, whose clients come through the fault proxy. Called by faults and their tests.

import { after, before } from 'node:test'

import { startBroker } from './broker.ts'
import type { Broker, Cluster, ClusterOptions, Owner } from './broker.ts'
import { startProxy } from './proxy.ts'
import type { FaultProxy } from './proxy.ts'

/** Brokers, the first of them by itself, and the proxy before them; the inner addresses go past the proxy. */
export interface ProxiedBroker {
  readonly broker: Broker & Cluster
  readonly proxy: FaultProxy
}

/** Starts both. They are closed when their owner is done. */
export async function startProxiedBroker(owner: Owner, options: ClusterOptions = {}): Promise<ProxiedBroker> {
  const proxy = startProxy(owner)
  const broker = await startBroker(owner, { ...options, advertise: (port) => proxy.open(port) })
  return { broker, proxy }
}

/** Has both run during all tests of a file, unless they are skipped. The returned function gives them, within tests. */
export function useProxiedBroker(skip: string | false): () => ProxiedBroker {
  let proxied: ProxiedBroker | undefined
  const cleanings: (() => Promise<void>)[] = []
  if (skip === false) {
    before(async () => {
      proxied = await startProxiedBroker({ after: (clean) => cleanings.unshift(clean) })
    })
    after(async () => {
      for (const clean of cleanings) await clean()
    })
  }
  return () => {
    if (proxied === undefined) throw new Error('The broker is there within tests only.')
    return proxied
  }
}
