// Cases with a rate: *steady*, a load that the service should bear with ease, and *overload*, three times what a slow disk
// lets it store. Bodies are posted when they are due, whatever became of those before; times count from then. Every
// record has a number, by which it is looked for afterwards. Called by ../service.ts.

import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'hdr-histogram-js'
import { isKept, numberedBytes, numberedRules } from './bodies.ts'
import { LoadMaker } from './load-protocol.ts'
import type { LoadResult, Statuses } from './load-protocol.ts'
import { readNumbered } from './outputs.ts'
import type { NumberedContent } from './outputs.ts'
import { cpuSecondsOf, pause, residentOf } from './processes.ts'
import { ask, metricOf, startWeir } from './servers.ts'
import type { Server } from './servers.ts'

/** What a case is given. */
export interface RatedTask {
  readonly cache: string
  readonly seconds: number
  readonly tell: (text: string) => void
}

/** Times of answers in milliseconds. */
export interface Latency {
  readonly p50: number
  readonly p95: number
  readonly p99: number
  readonly max: number
}

/** Returns percentiles of times in milliseconds; in the histogram they have three digits. */
export function latencyOf(latenciesMs: readonly number[]): Latency {
  const histogram = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: 3.6e9,
    numberOfSignificantValueDigits: 3,
  })
  for (const ms of latenciesMs) histogram.recordValue(Math.max(1, Math.round(1000 * ms)))
  const at = (percent: number): number => histogram.getValueAtPercentile(percent) / 1000
  return { p50: at(50), p95: at(95), p99: at(99), max: at(100) }
}

/** What came of *steady*. */
export interface SteadyResult {
  readonly recordsPerSecond: number
  readonly seconds: number
  readonly posts: number
  readonly statuses: Statuses
  readonly latencyMs: Latency
  readonly eventLoopMs: { readonly p99: number; readonly max: number }
  readonly idleBytes: number
  readonly peakBytes: number
  readonly cpuSeconds: number
  readonly loadCpuSeconds: number
  /** What the service says it judged, and what lies in its folder. */
  readonly judged: number
  readonly content: NumberedContent
}

const steadyRate = { bodiesPerSecond: 100, recordsPerBody: 100 }
/** The service tells the delay since a reading at least ten seconds back. */
const scrapeEveryMs = 10_000

/** Measures 10,000 records a second of 1 KB, in bodies of 100. */
export async function measureSteady({ cache, seconds, tell }: RatedTask): Promise<SteadyResult> {
  tell(`steady: ${seconds} s`)
  return withWeir({ cache, rules: numberedRules }, async (server, load) => {
    const { pid } = server.process
    const idleBytes = residentOf(pid).nowBytes
    const usedBefore = cpuSecondsOf(pid)
    const watch = watchEventLoop(server)
    const connections = 256
    const result = await load.run({
      kind: 'open',
      target: server.target,
      ...steadyRate,
      seconds,
      connections,
      firstId: 0,
    })
    const eventLoopMs = await watch.stop()
    const { text } = await ask(`${server.admin}/metrics`)
    const judged = ['kept', 'dropped'].reduce(
      (sum, verdict) => sum + metricOf(text, `weir_records_total{pipeline="bench",verdict="${verdict}"}`),
      0,
    )
    const { recordsPerBody, bodiesPerSecond } = steadyRate
    return {
      recordsPerSecond: recordsPerBody * bodiesPerSecond,
      seconds,
      posts: result.posts,
      statuses: result.statuses,
      latencyMs: latencyOf(result.latenciesMs),
      eventLoopMs,
      idleBytes,
      peakBytes: residentOf(pid).peakBytes,
      cpuSeconds: cpuSecondsOf(pid) - usedBefore,
      loadCpuSeconds: result.cpuSeconds,
      judged,
      content: readNumbered(server.folder, result.posts * recordsPerBody, acknowledged(result, recordsPerBody), isKept),
    }
  })
}

/** What came of *overload*. */
export interface OverloadResult {
  readonly diskBytesPerSecond: number
  /** Bytes a second of bodies that a closed loop had acknowledged, which is what there is to have. */
  readonly capacityBytesPerSecond: number
  readonly offeredBytesPerSecond: number
  readonly seconds: number
  readonly statuses: Statuses
  /** Bytes a second of bodies that were answered 200, until the last such answer. */
  readonly goodputBytesPerSecond: number
  /** Of answers with 200, and of refusals. */
  readonly latencyMs: Latency
  readonly refusalMs: Latency
  /** Of answers with 200 to bodies that were due in the second half: the first has the burst, which is let pass. */
  readonly standingMs: Latency
  /** From the end of the load until bodies at half the capacity are all answered 200, within a second each. */
  readonly normalAfterSeconds: number | undefined
  readonly idleBytes: number
  readonly peakBytes: number
  readonly content: NumberedContent
}

const diskBytesPerSecond = 10_000_000
const overloadFactor = 3
const overloadRecords = 100
const overloadBodyBytes = overloadRecords * numberedBytes
const capacitySeconds = 10
const keepAll = { version: 1, default: 'keep', rules: [] } as const
/** How long is waited for it to be normal again. */
const recoverySeconds = 60
const keptAll = (): boolean => true

/** Loads that follow one another, each with records of its own numbers. */
class Offers {
  private readonly server: Server
  private readonly load: LoadMaker
  private readonly offers: { readonly firstId: number; readonly isAcknowledged: (id: number) => boolean }[] = []
  /** One more than the largest number so far. */
  endId = 0

  constructor(server: Server, load: LoadMaker) {
    this.server = server
    this.load = load
  }

  async offer(bytesPerSecond: number, seconds: number): Promise<LoadResult> {
    const { target } = this.server
    const bodiesPerSecond = bytesPerSecond / overloadBodyBytes
    const rate = { bodiesPerSecond, recordsPerBody: overloadRecords, seconds, connections: 4096, firstId: this.endId }
    const result = await this.load.run({ kind: 'open', target, ...rate })
    this.offers.push({ firstId: this.endId, isAcknowledged: acknowledged(result, overloadRecords) })
    this.endId += result.posts * overloadRecords
    return result
  }

  /** Whether the body of the record was answered 200. */
  wasAcknowledged(id: number): boolean {
    const offer = this.offers.findLast(({ firstId }) => firstId <= id)
    return offer?.isAcknowledged(id - offer.firstId) === true
  }
}

/** Measures three times the capacity of a disk that takes 10 MB/s, all records kept; nobody repeats what is refused. */
export async function measureOverload({ cache, seconds, tell }: RatedTask): Promise<OverloadResult> {
  return withWeir({ cache, rules: keepAll, diskBytesPerSecond }, async (server, load) => {
    const { pid } = server.process
    const idleBytes = residentOf(pid).nowBytes
    const offers = new Offers(server, load)
    tell('overload: capacity')
    // Slightly more than the disk can take, in one go: what is acknowledged until the last answer is its capacity.
    const calmRate = 1.2 * diskBytesPerSecond
    const capacityBytesPerSecond = goodput(await offers.offer(calmRate, capacitySeconds), calmRate)
    tell(`overload: ${overloadFactor} × ${Math.round(capacityBytesPerSecond / 1e6)} MB/s for ${seconds} s`)
    const offeredBytesPerSecond = overloadFactor * capacityBytesPerSecond
    const result = await offers.offer(offeredBytesPerSecond, seconds)
    const { peakBytes } = residentOf(pid)
    // The last answers came later than the load ended.
    const endedMs = performance.now() - 1000 * Math.max(0, result.seconds - seconds)
    const normalAfterSeconds = await recovery(offers, capacityBytesPerSecond / 2, endedMs)
    const isOk = (_: unknown, index: number): boolean => result.answers[index] === 200
    return {
      diskBytesPerSecond,
      capacityBytesPerSecond,
      offeredBytesPerSecond,
      seconds,
      statuses: result.statuses,
      goodputBytesPerSecond: goodput(result, offeredBytesPerSecond),
      latencyMs: latencyOf(result.latenciesMs.filter(isOk)),
      refusalMs: latencyOf(result.latenciesMs.filter((_, index) => !isOk(_, index))),
      standingMs: latencyOf(result.latenciesMs.filter((_, index) => isOk(_, index) && 2 * index >= result.posts)),
      normalAfterSeconds,
      idleBytes,
      peakBytes,
      content: readNumbered(server.folder, offers.endId, (id) => offers.wasAcknowledged(id), keptAll),
    }
  })
}

/** Offers a second's load again and again. Returns seconds until the first that was answered well; undefined for none. */
async function recovery(offers: Offers, bytesPerSecond: number, endedMs: number): Promise<number | undefined> {
  while (performance.now() - endedMs < 1000 * recoverySeconds) {
    const probe = await offers.offer(bytesPerSecond, 1)
    const isNormal = probe.answers.every((status) => status === 200) && Math.max(...probe.latenciesMs) < 1000
    if (isNormal) return (performance.now() - endedMs) / 1000 - probe.seconds
  }
  return undefined
}

/** Bytes a second of bodies that were answered 200, from when the first one was due to the last such answer. */
function goodput({ answers, latenciesMs }: LoadResult, bytesPerSecond: number): number {
  let [bodies, lastMs] = [0, 0]
  for (const [index, status] of answers.entries()) {
    if (status !== 200) continue
    bodies++
    lastMs = Math.max(lastMs, (1000 * index * overloadBodyBytes) / bytesPerSecond + latenciesMs[index]!)
  }
  return bodies === 0 ? 0 : (1000 * bodies * overloadBodyBytes) / lastMs
}

/** Returns whether the body of a record, numbered from the first of the load, was answered 200. */
function acknowledged({ answers }: LoadResult, recordsPerBody: number): (id: number) => boolean {
  return (id) => answers[Math.floor(id / recordsPerBody)] === 200
}

/** What `withWeir` starts the service with. */
export interface WeirTask {
  readonly cache: string
  readonly rules: object
  readonly diskBytesPerSecond?: number
}

/** Starts the service and a load maker, and ends both whatever happens. */
export async function withWeir<T>(
  { cache, rules, diskBytesPerSecond: bytesPerSecond }: WeirTask,
  run: (server: Server, load: LoadMaker) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(cache, 'service-weir-'))
  const disk = bytesPerSecond === undefined ? {} : { diskBytesPerSecond: bytesPerSecond }
  const server = await startWeir({ folder, rules, ...disk })
  const load = new LoadMaker()
  try {
    return await run(server, load)
  } finally {
    load.close()
    await server.process.stop()
    rmSync(folder, { recursive: true })
  }
}

/** Reads the delay of the event loop again and again; `stop` resolves with the worst readings. */
function watchEventLoop(server: Server): { stop(): Promise<{ p99: number; max: number }> } {
  const worst = { p99: 0, max: 0 }
  const stopping = new AbortController()
  const read = async () => {
    const { text } = await ask(`${server.admin}/metrics`)
    const at = (quantile: string): number =>
      1000 * metricOf(text, `weir_event_loop_delay_seconds{quantile="${quantile}"}`)
    worst.p99 = Math.max(worst.p99, at('0.99'))
    worst.max = Math.max(worst.max, at('1'))
  }
  const watching = (async () => {
    for (let lastMs = performance.now(); !stopping.signal.aborted; await pause(100)) {
      if (performance.now() - lastMs < scrapeEveryMs) continue
      lastMs = performance.now()
      await read()
    }
    await read()
  })()
  return {
    stop: async () => {
      stopping.abort()
      await watching
      return worst
    },
  }
}
