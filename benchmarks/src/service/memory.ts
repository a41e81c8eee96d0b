// Case *memory*: what resident memory the service takes above what it has when idle, under a gzip bomb, thousands of slow
// connections, and fifty large bodies at once. A service of its own for each. Called by ../service.ts.

import { numberedRules } from './bodies.ts'
import type { BurstBody, Job, Statuses } from './load-protocol.ts'
import { forgetPeak, residentOf } from './processes.ts'
import { latencyOf, withWeir } from './rated.ts'
import type { Latency } from './rated.ts'

/** What came of one of them. */
export interface MemoryResult {
  readonly name: string
  readonly idleBytes: number
  readonly peakBytes: number
  /** Connections that were open at once. */
  readonly connections: number
  readonly statuses: Statuses
  /** Of ordinary bodies that were posted beside slow connections. */
  readonly latencyMs?: Latency
}

/** What the case is given. */
export interface MemoryTask {
  readonly cache: string
  readonly slowConnections: number
  readonly seconds: number
  readonly tell: (text: string) => void
}

const mebibyte = 2 ** 20
/** Above the ratio, and so long that all of it would be felt. */
const bomb: BurstBody = { of: 'zeros', bytes: 1024 * mebibyte }
const largeBody: BurstBody = { of: 'records', bytes: 16 * mebibyte }
const warmBody: BurstBody = { of: 'records', bytes: mebibyte / 4 }
/** Time that slow connections stand; they are cut when their request takes too long. */
const longestSlowSeconds = 20

/** Measures all of them. */
export async function measureMemory(task: MemoryTask): Promise<readonly MemoryResult[]> {
  const { slowConnections: connections, tell } = task
  const seconds = Math.min(task.seconds, longestSlowSeconds)
  const jobs: readonly (readonly [string, Unaimed])[] = [
    ['gzip bomb of 1 GiB', { kind: 'burst', connections: 1, body: bomb }],
    ['eight gzip bombs at once', { kind: 'burst', connections: 8, body: bomb }],
    [`${connections} slow connections`, { kind: 'slow', connections, seconds }],
    ['fifty bodies of 16 MiB at once', { kind: 'burst', connections: 50, body: largeBody }],
  ]
  const results: MemoryResult[] = []
  for (const [name, job] of jobs) {
    tell(`memory: ${name}`)
    results.push(await measureOne(task.cache, name, job))
  }
  return results
}

type Unaimed = Job extends infer J ? (J extends { readonly target: unknown } ? Omit<J, 'target'> : never) : never

function measureOne(cache: string, name: string, job: Unaimed): Promise<MemoryResult> {
  return withWeir({ cache, rules: numberedRules }, async (server, load) => {
    const { pid } = server.process
    const { target } = server
    // Idle is a service that has worked: the first body brings code and buffers with it that stay.
    await load.run({ kind: 'burst', target, connections: 1, body: warmBody })
    forgetPeak(pid)
    const idleBytes = residentOf(pid).nowBytes
    const { statuses, connections, latenciesMs } = await load.run({ ...job, target })
    const { peakBytes } = residentOf(pid)
    const latency = latenciesMs.length === 0 ? {} : { latencyMs: latencyOf(latenciesMs) }
    return { name, idleBytes, peakBytes, connections, statuses, ...latency }
  })
}
