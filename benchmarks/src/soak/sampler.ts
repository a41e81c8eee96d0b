// What is seen of a chain while it runs: every few seconds the memory and processor time of each process, by /proc, and what
// each says of itself. Called by ../soak.ts.

import { cpuSecondsOf, pause, residentOf } from '../service/processes.ts'
import { ask, metricOf, metricSumOf } from '../service/servers.ts'
import type { Chain, Link, Role } from './chain.ts'

/** One process at one time. */
export interface RoleSample {
  readonly residentBytes: number
  /** Of processors, since the sample before. */
  readonly processors: number
  /** How late its event loop ran since the sample before, the 99th percentile. */
  readonly eventLoopMs: number
  /** Offsets between where the group stands and the ends of the partitions; of *ingest* none. */
  readonly lag: number
}

/** A chain at one time. */
export interface SoakSample {
  /** Since the first body was due. */
  readonly seconds: number
  readonly roles: Readonly<Record<Role, RoleSample>>
  /** Bytes of bodies that wait for their answer. */
  readonly inFlightBytes: number
  /** What objects take that are not written yet, in memory and on disk. */
  readonly spoolBytes: number
  /** Records in objects that are safe. */
  readonly archivedRecords: number
}

/** How often samples are taken. */
export const sampleEveryMs = 5000
const lookMs = 100

/** Returns what one process says of itself. */
export function readMetrics(
  text: string,
): Omit<RoleSample, 'residentBytes' | 'processors'> &
  Pick<SoakSample, 'inFlightBytes' | 'spoolBytes' | 'archivedRecords'> {
  return {
    eventLoopMs: 1000 * metricOf(text, 'weir_event_loop_delay_seconds{quantile="0.99"}'),
    lag: metricSumOf(text, 'weir_kafka_partition_lag_records'),
    inFlightBytes: metricSumOf(text, 'weir_in_flight_bytes'),
    spoolBytes: metricSumOf(text, 'weir_s3_spool_bytes'),
    archivedRecords: metricSumOf(text, 'weir_s3_object_records_total'),
  }
}

/** Takes samples of a chain from when it is made, until it is stopped. */
export class Sampler {
  readonly samples: SoakSample[] = []
  private readonly chain: Chain
  private readonly startedMs = performance.now()
  private readonly cpu = new Map<Role, { readonly atMs: number; readonly seconds: number }>()
  private readonly onSample: (sample: SoakSample) => void
  private readonly sampling: Promise<void>
  /** Rejects when a process of the chain has ended; else it never settles. */
  readonly failure: Promise<never>
  private isStopped = false

  constructor(chain: Chain, onSample: (sample: SoakSample) => void) {
    this.chain = chain
    this.onSample = onSample
    this.sampling = this.run()
    this.failure = this.sampling.then(() => new Promise<never>(() => undefined))
    // Told by stop().
    this.failure.catch(() => undefined)
  }

  /** *Errors*: where a process of the chain has ended. */
  async stop(): Promise<void> {
    this.isStopped = true
    await this.sampling
  }

  /** Resolves when a sample says so, or with false after `withinMs`. *Errors*: as of `stop()`. */
  async until(isSo: (sample: SoakSample) => boolean, withinMs: number): Promise<boolean> {
    const fromMs = performance.now()
    const seen = this.samples.length
    for (;;) {
      if (this.samples.slice(seen).some(isSo)) return true
      if (performance.now() - fromMs > withinMs) return false
      await Promise.race([this.sampling, pause(lookMs)])
    }
  }

  private async run(): Promise<void> {
    for (let count = 0; !this.isStopped; count++) {
      while (!this.isStopped && performance.now() < this.startedMs + count * sampleEveryMs) await pause(lookMs)
      this.chain.checkRunning()
      const sample = await this.take()
      this.samples.push(sample)
      this.onSample(sample)
    }
  }

  private async take(): Promise<SoakSample> {
    const all = await Promise.all(this.chain.links.map((link) => this.takeOf(link)))
    const sum = (of: (each: (typeof all)[number]) => number): number => all.reduce((total, each) => total + of(each), 0)
    const roles = Object.fromEntries(
      all.map(({ role, residentBytes, processors, eventLoopMs, lag }) => [role, { residentBytes, processors, eventLoopMs, lag }]), // prettier-ignore
    ) as Record<Role, RoleSample>
    return {
      seconds: (performance.now() - this.startedMs) / 1000,
      roles,
      inFlightBytes: sum(({ inFlightBytes }) => inFlightBytes),
      spoolBytes: sum(({ spoolBytes }) => spoolBytes),
      archivedRecords: sum(({ archivedRecords }) => archivedRecords),
    }
  }

  private async takeOf({ role, running: { pid }, admin }: Link) {
    const { text } = await ask(`${admin}/metrics`)
    const now = { atMs: performance.now(), seconds: cpuSecondsOf(pid) }
    const before = this.cpu.get(role) ?? { atMs: this.startedMs, seconds: now.seconds }
    this.cpu.set(role, now)
    const processors = (1000 * (now.seconds - before.seconds)) / Math.max(1, now.atMs - before.atMs)
    return { role, residentBytes: residentOf(pid).nowBytes, processors, ...readMetrics(text) }
  }
}
