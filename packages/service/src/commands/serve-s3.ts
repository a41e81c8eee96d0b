// A bucket of a pipeline, from its settings: the store, the spool of what is built for it, and whether the store obeys
// create-only writes. Opened once for each output, and used by all sessions. Called by served-pipelines.ts; used by
// serve-archive.ts and serve-sinks.ts.

import { outputsOf } from '../config/delivery.ts'
import type { PipelineSettings, S3SinkSettings } from '../config/schema.ts'
import { S3Error } from '../errors.ts'
import type { MeasuredS3 } from '../measured.ts'
import type { PipelineMetrics } from '../metrics.ts'
import { objectFormat } from '../objects/object-format.ts'
import { folderOf } from '../objects/object-key.ts'
import { openSpool } from '../objects/spool.ts'
import type { Spool } from '../objects/spool.ts'
import type { ObjectStore } from '../ports/object-store.ts'
import { openStore } from '../s3/store.ts'
import { openS3Sink } from '../sinks/s3.ts'
import type { S3Sink } from '../sinks/s3.ts'
import type { StructuredLog } from '../structured-log.ts'
import { startSystemTimer } from '../time.ts'
import { HeldStore } from './held-store.ts'
import { storeSettings } from './store-settings.ts'

/** What a bucket is opened with besides its settings. */
export interface S3Surroundings {
  /** Whether two processes may give the same name, as archives of one partition do. */
  readonly sharesNames: boolean
  readonly metrics: PipelineMetrics
  readonly log: StructuredLog
}

/** Most bytes of an object as it is stored: a single write takes 64 MB. */
export const mostStoredBytes = 60_000_000

/** What a store does with create-only writes. */
export type StoreConditions = 'conditional' | 'ignored'

/** Opens a bucket. Nothing is asked of the store before `ask()`. *Errors*: of files and folders that settings name. */
export async function openS3(settings: S3SinkSettings, surroundings: S3Surroundings): Promise<PipelineS3> {
  const { memoryBytes, spool: disk } = settings
  const spool = await openSpool({ memoryBytes, ...disk })
  try {
    const store = await openStore(storeOptions(settings, surroundings))
    return new PipelineS3(settings, store, spool, surroundings)
  } catch (error) {
    await spool.close()
    throw error
  }
}

function storeOptions(settings: S3SinkSettings, { metrics, log }: S3Surroundings) {
  const observe = (call: Parameters<PipelineMetrics['s3Call']>[0]) => metrics.s3Call(call)
  return { ...storeSettings(settings), log, observe }
}

/** A bucket, as one output of a pipeline has it. */
export class PipelineS3 {
  readonly settings: S3SinkSettings
  readonly store: ObjectStore
  readonly spool: Spool
  /** What is known against it: from the start on, and by sinks. What partitions of an archive meet they know themselves. */
  readonly waiting: HeldStore
  private readonly log: StructuredLog
  private readonly sharesNames: boolean
  private conditions: StoreConditions | undefined
  private asking: Promise<StoreConditions> | undefined
  private isClosed = false
  private sink: S3Sink | undefined

  /** Made by `openS3`. *Ownership*: of store and spool, which `close()` ends. */
  constructor(
    settings: S3SinkSettings,
    store: ObjectStore,
    spool: Spool,
    { log, sharesNames }: Pick<S3Surroundings, 'log' | 'sharesNames'>,
  ) {
    this.settings = settings
    this.store = store
    this.spool = spool
    this.log = log
    this.sharesNames = sharesNames
    this.waiting = new HeldStore({ name: store.name, ask: () => this.tried(), log })
  }

  /** Whether the store obeys create-only writes; undefined until it has been asked. */
  get isConditional(): boolean | undefined {
    return this.conditions === undefined ? undefined : this.conditions === 'conditional'
  }

  /**
   * Resolves with what the store does with create-only writes: asks until there is an answer, once at a time, and then no
   * more. *Errors*: `S3Error`; the next call asks again.
   */
  async probed(): Promise<StoreConditions> {
    if (this.conditions !== undefined) return this.conditions
    this.asking ??= this.probe().finally(() => (this.asking = undefined))
    return this.asking
  }

  /** Asks, and until there is an answer again and again. Nobody has to wait for it. */
  ask(): void {
    this.probed().catch((error: unknown) => {
      if (this.isClosed) return
      if (error instanceof S3Error) this.waiting.hold(error)
      this.log.warn('The bucket cannot be used yet; it is tried again.', { bucket: this.store.name, error })
    })
  }

  /** Opens the sink of a session, for a source that is no topic. */
  openSink({ pipeline, metrics }: { readonly pipeline: string; readonly metrics: PipelineMetrics }): S3Sink {
    const { store, spool } = this
    const { prefix, compression, level, maxObjectBytes, maxObjectRecords, maxWaitMs } = this.settings
    this.sink = openS3Sink({
      ...{ store, spool, prefix, pipeline, maxObjectBytes, mostStoredBytes, maxObjectRecords, maxWaitMs },
      format: objectFormat(compression, level),
      isConditional: () => this.isConditional !== false,
      clock: Date.now,
      startTimer: startSystemTimer,
      onObject: (object) => {
        this.waiting.free()
        metrics.s3Object(object)
      },
      onRefused: (error) => this.waiting.hold(error),
    })
    return this.sink
  }

  /** Why objects are not written, or wait for room; nothing while neither is so. */
  get whyHeld(): readonly string[] {
    const { waiting, spool } = this
    return [waiting.error?.message, spool.whyFull].filter((why) => why !== undefined)
  }

  /** The same in a word each. */
  get paused(): MeasuredS3['paused'] {
    const { waiting, spool } = this
    const reasons = [waiting.error?.code, spool.whyFull === undefined ? undefined : 'spool']
    return reasons.flatMap((reason) => (reason === undefined ? [] : [{ reason }]))
  }

  /** When the oldest record came that a sink has not made safe yet, in milliseconds since 1970. */
  get openSinceMs(): number | undefined {
    return this.sink?.openSinceMs
  }

  /** Ends what is open. Nothing is written any more by then. Never throws. */
  async close(): Promise<void> {
    this.isClosed = true
    this.waiting.close()
    this.store.close()
    await this.asking?.catch(() => undefined)
    await this.spool.close()
  }

  /** As `probed`, of a store that has answered before. */
  private async tried(): Promise<void> {
    if (this.conditions === undefined) await this.probed()
    else await this.store.probe(probeKey(this.settings.prefix))
  }

  private async probe(): Promise<StoreConditions> {
    const isObeyed = await this.store.probe(probeKey(this.settings.prefix))
    this.conditions = isObeyed ? 'conditional' : 'ignored'
    this.waiting.answered()
    const bucket = this.store.name
    if (isObeyed) this.log.info('The store obeys create-only writes.', { bucket })
    else if (!this.sharesNames) this.log.info('The store ignores create-only writes; names are given once.', { bucket })
    else {
      const cure = 'have one process archive a partition at a time, or use a store that obeys them'
      this.log.warn('The store ignores create-only writes: records may come twice, or be lost, where two processes take a partition for their own.', { bucket, cure }) // prettier-ignore
    }
    return this.conditions
  }
}

/** The buckets of a pipeline that is no archive. Made by `openBuckets`. */
export class Buckets {
  private readonly opened: ReadonlyMap<S3SinkSettings, PipelineS3>

  constructor(opened: ReadonlyMap<S3SinkSettings, PipelineS3>) {
    this.opened = opened
  }

  /** Returns the bucket of an output. */
  of(settings: S3SinkSettings): PipelineS3 {
    const s3 = this.opened.get(settings)
    if (s3 === undefined) throw new TypeError('The bucket of this output was not opened.')
    return s3
  }

  /** Why objects are not written, or wait for room; nothing while neither is so. */
  get whyHeld(): readonly string[] {
    return [...this.opened.values()].flatMap(({ whyHeld }) => whyHeld)
  }

  /** Resolves when all stores take what is written, as far as that is known, or when the signal is aborted. */
  async freed(signal: AbortSignal): Promise<void> {
    await Promise.all([...this.opened.values()].map(({ waiting }) => waiting.freed(signal)))
  }

  /** What metrics are told; nothing where there are no buckets. */
  measured(): MeasuredS3 {
    const all = [...this.opened.values()]
    const spools = all.map(({ spool }) => spool)
    const open = all.flatMap(({ openSinceMs: sinceMs }) => (sinceMs === undefined ? [] : [{ sinceMs }]))
    const memoryBytes = spools.reduce((sum, spool) => sum + spool.memoryBytes, 0)
    const diskBytes = spools.reduce((sum, spool) => sum + spool.diskBytes, 0)
    const paused = all.flatMap((each) => each.paused)
    return { paused, open, ...(spools.length === 0 ? {} : { spool: { memoryBytes, diskBytes } }) }
  }

  /** As that of each. Never throws. */
  async close(): Promise<void> {
    for (const s3 of this.opened.values()) await s3.close()
  }
}

/** Opens the bucket of each output that has one. *Errors*: those of `openS3`; then none is left open. */
export async function openBuckets(
  pipeline: PipelineSettings,
  surroundings: Omit<S3Surroundings, 'sharesNames'>,
): Promise<Buckets> {
  const opened = new Map<S3SinkSettings, PipelineS3>()
  const buckets = new Buckets(opened)
  try {
    for (const [, { s3 }] of outputsOf(pipeline))
      if (s3 !== undefined) opened.set(s3, await openS3(s3, { ...surroundings, sharesNames: false }))
    // A store that does not answer is no reason to end: whoever sends is told to send again.
    for (const s3 of opened.values()) s3.ask()
  } catch (error) {
    await buckets.close()
    throw error
  }
  return buckets
}

/** Returns the name of the object that stores are probed with: one for each prefix, and none that an archive has. */
export function probeKey(prefix: string): string {
  return `${folderOf(prefix)}_weir/probe`
}
