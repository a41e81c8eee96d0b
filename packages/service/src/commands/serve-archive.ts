// A pipeline of `weir serve` that copies a topic into a bucket, each record into exactly one object: no rules, no engine.
// Puts source, store and loop together; what the loop does is in ../pipeline/archive.ts. Called by served-pipelines.ts.

import { setTimeout as delay } from 'node:timers/promises'

import { archiveOf } from '../config/delivery.ts'
import type { PipelineSettings } from '../config/schema.ts'
import { S3Error } from '../errors.ts'
import { askedTogether } from '../joint-question.ts'
import type { MeasuredS3 } from '../measured.ts'
import type { PipelineMetrics } from '../metrics.ts'
import { buildObject } from '../objects/object-builder.ts'
import { digestFormat } from '../objects/digest-format.ts'
import { objectCompressions, objectFormat } from '../objects/object-format.ts'
import type { Target } from '../kafka/port.ts'
import { ArchiveSession } from '../pipeline/archive.ts'
import { beginArchive } from '../pipeline/archive-begin.ts'
import type { ArchivedObject, ArchiveParts, LogIdentity } from '../pipeline/archive-object.ts'
import { PartitionedPipeline } from '../pipeline/partitioned.ts'
import type { PatienceParts } from '../pipeline/patience.ts'
import { Backoff } from '../pipeline/retry.ts'
import { ServedPipeline } from '../pipeline/served.ts'
import type { PipelineState } from '../pipeline/served.ts'
import type { SourcePartition } from '../ports/partitioned.ts'
import { PartitionStop } from '../sources/kafka-stops.ts'
import type { KafkaSource } from '../sources/kafka.ts'
import type { StructuredLog } from '../structured-log.ts'
import { startSystemTimer, steadyClock } from '../time.ts'
import { alarmMs } from './held-store.ts'
import { measuredKafka } from './serve-kafka.ts'
import type { PipelineKafka } from './serve-kafka.ts'
import { mostStoredBytes } from './serve-s3.ts'
import type { PipelineS3 } from './serve-s3.ts'
import { toldState, whyNotReady } from './served-unit.ts'
import type { ServedUnit } from './served-unit.ts'

/** What an archive is opened with. */
export interface ArchiveUnitParts {
  readonly name: string
  readonly settings: PipelineSettings
  readonly kafka: PipelineKafka
  readonly s3: PipelineS3
  readonly metrics: PipelineMetrics
  readonly log: StructuredLog
  readonly onState: (state: PipelineState) => void
}

/** What is promised where the store obeys create-only writes, and where it ignores them. */
const deliveries = {
  obeyed: 'exactly once',
  ignored: 'exactly once; under split brain, not even at least once',
} as const

/** An archive. */
export class ArchiveUnit implements ServedUnit {
  readonly name: string
  readonly source: KafkaSource
  readonly pipeline: PartitionedPipeline<bigint>
  /** Nothing runs in native code. */
  readonly isStuck = false
  private readonly parts: ArchiveUnitParts
  /** Asked for each object, and many begin at the same time. */
  private readonly identify: () => Promise<LogIdentity>
  private readonly partitions = new Map<number, PartitionArchive>()

  /** Opens nothing: what is away at the start is waited for. */
  constructor(parts: ArchiveUnitParts) {
    const { name, settings, kafka, metrics } = parts
    this.name = name
    this.parts = parts
    const { source: topic } = archiveOf(settings)!
    this.identify = askedTogether(() => identify(kafka, topic.topic))
    const source = kafka.openSource(topic, {
      beginAt: (of, first) => this.beginAt(of, first),
      onAssigned: (partitions) => this.assigned(partitions),
      onLost: () => this.assigned([]),
      onTakeover: ({ partition, offset }) => this.partitions.get(partition)?.takenOver(offset),
    })
    this.source = source
    metrics.watchKafka(() => measuredKafka(source))
    metrics.watchS3(() => this.measured())
    this.pipeline = new PartitionedPipeline({
      name,
      source,
      makePipeline: (partition, onState) => {
        const archive = new PartitionArchive(partition, parts, this.identify)
        this.partitions.set(partition.partition, archive)
        return archive.makePipeline(onState)
      },
      onState: parts.onState,
      now: Date.now,
    })
  }

  get whyNotReady(): string | undefined {
    // What failed last may be something else than what is waited for.
    const held = [...this.partitions.values()].flatMap(({ whyHeld }) => whyHeld ?? [])
    return whyNotReady(this.pipeline, this.source, [...this.parts.s3.whyHeld, ...held])
  }

  status(): object {
    const { s3 } = this.parts
    const { isConditional } = s3
    const delivery = isConditional === undefined ? 'not known yet' : deliveries[isConditional ? 'obeyed' : 'ignored']
    const open = Object.fromEntries(this.own.flatMap(({ partition, open: each }) => (each === undefined ? [] : [[partition, each]]))) // prettier-ignore
    return {
      name: this.name,
      ...toldState(this.pipeline.state),
      source: this.source.name,
      position: this.pipeline.position,
      partitions: this.pipeline.partitions,
      warnings: this.source.watch.warnings.map(({ message }) => message),
      bucket: s3.store.name,
      open,
      guarantees: { delivery, outputs: { keep: 'in the bucket' }, conditionalWrites: isConditional ?? 'not known yet' },
    }
  }

  async close(): Promise<void> {
    await this.source.close()
    await this.parts.s3.close()
  }

  /** Those of this process: what it knows of others is over. */
  private get own(): PartitionArchive[] {
    return [...this.partitions.values()].filter(({ isAssigned }) => isAssigned)
  }

  private assigned(partitions: readonly number[]): void {
    for (const [number, archive] of this.partitions) if (!partitions.includes(number)) archive.lost()
  }

  private async beginAt({ topic, partition }: Target, first: bigint): Promise<bigint> {
    const { s3 } = this.parts
    const isConditional = (await s3.probed()) === 'conditional'
    const identity = await this.identify()
    const { store, settings } = s3
    try {
      const { prefix } = settings
      const begun = await beginArchive({ store, prefix, topic, partition, identity, isConditional }, first)
      this.partitions.get(partition)?.begun()
      return begun
    } catch (error) {
      // The store has answered: what is waited for now is of the log.
      if (error instanceof PartitionStop) this.partitions.get(partition)?.answered()
      throw error
    }
  }

  private measured(): MeasuredS3 {
    const { spool, paused } = this.parts.s3
    const all = this.own
    const held = all.flatMap(({ partition, heldBy }) => (heldBy === undefined ? [] : [{ partition, reason: heldBy }]))
    return {
      paused: [...held, ...paused],
      spool: { memoryBytes: spool.memoryBytes, diskBytes: spool.diskBytes },
      open: all.flatMap(({ partition, openSinceMs: sinceMs }) =>
        sinceMs === undefined ? [] : [{ partition, sinceMs }],
      ),
    }
  }
}

/** Returns the ids of what is archived. *Errors*: the cluster's. */
async function identify({ cluster: { admin } }: PipelineKafka, topic: string): Promise<LogIdentity> {
  return { clusterId: await admin.clusterId(), topicId: (await admin.topicId(topic)) ?? '' }
}

/** What a partition waits for. */
interface Held {
  readonly error: S3Error
  readonly sinceMs: number
  /** Where the group stood. */
  readonly position: bigint
  /** Whether it was met when an object was begun. */
  readonly isOfBegin: boolean
}

/** The loop of one partition, and what is told of it. */
class PartitionArchive {
  readonly partition: number
  /** What it waits for. */
  private held: Held | undefined
  private readonly parts: ArchiveUnitParts
  private readonly identify: () => Promise<LogIdentity>
  private readonly source: SourcePartition<bigint>
  private readonly log: StructuredLog
  private session: ArchiveSession | undefined
  private pipeline: ServedPipeline<bigint> | undefined
  private hasAlarmed = false
  private readonly begin = { isNoted: false }

  constructor(source: SourcePartition<bigint>, parts: ArchiveUnitParts, identify: () => Promise<LogIdentity>) {
    this.partition = source.partition
    this.source = source
    this.parts = parts
    this.identify = identify
    this.log = parts.log.child({ partition: source.partition })
  }

  get isAssigned(): boolean {
    return this.source.condition !== 'unassigned'
  }

  /** Code of what it waits for; undefined where it waits for nothing, or is somebody else's. */
  get heldBy(): string | undefined {
    return this.isAssigned ? this.held?.error.code : undefined
  }

  /** The same as a sentence. */
  get whyHeld(): string | undefined {
    return this.heldBy === undefined ? undefined : this.held?.error.message
  }

  get open(): object | undefined {
    return this.session?.status
  }

  /** It is known where it begins. */
  begun(): void {
    this.begin.isNoted = true
    this.answered()
  }

  /** The store has answered. */
  answered(): void {
    if (this.held !== undefined) this.free(steadyClock() - this.held.sinceMs)
  }

  /** The group stands somewhere else than it did: what was waited for there, somebody else has archived. */
  takenOver(offset: bigint): void {
    if (this.held !== undefined && this.held.position !== offset) this.letGo()
  }

  /** It is somebody else's: what it waited for is no concern of this process any more. */
  lost(): void {
    if (this.held !== undefined) this.letGo()
  }

  /** When the object was begun that is open, in milliseconds since 1970. */
  get openSinceMs(): number | undefined {
    return this.session?.openSinceMs
  }

  makePipeline(onState: (state: PipelineState) => void): ServedPipeline<bigint> {
    const parts = this.archiveParts()
    this.pipeline = new ServedPipeline({
      name: this.parts.name,
      source: this.source,
      // It is begun again and again, and runs only when the store has answered.
      isHeld: () => this.heldBy !== undefined,
      openSession: () => Promise.resolve((this.session = new ArchiveSession(parts))),
      backoff: new Backoff(),
      onFailure: (error: unknown) => {
        this.parts.metrics.restarted(error)
        // It comes again with each attempt: told once, and not each time.
        // Nothing is waited for where an object ends elsewhere: it is taken over next.
        if (error instanceof S3Error && error.code !== 'ERR_S3_CUT') return this.hold(error)
        // Somebody else may archive what waited for the store: then nothing comes that would find out that it is back.
        this.letGo()
        this.log.error('The archive of a partition has stopped, and is started again.', { error })
      },
      onState,
      now: Date.now,
      wait: (ms, signal) => delay(ms, undefined, { signal }).catch(() => undefined),
    })
    return this.pipeline
  }

  private archiveParts(): ArchiveParts {
    const { s3 } = this.parts
    const { prefix, periodMs, idleMs, maxObjectBytes, maxObjectRecords, compression, level } = s3.settings
    const format = objectFormat(compression, level)
    return {
      ...{ store: s3.store, prefix, extension: format.extension, contentType: format.contentType, idleMs },
      extensions: objectCompressions.map((each) => objectFormat(each, level).extension),
      limits: { periodMs, maxBytes: maxObjectBytes, maxRecords: maxObjectRecords, mostStoredBytes },
      rangeOffsets: maxObjectRecords,
      build: (isCopy, onMustEnd) => buildObject({ format: isCopy ? digestFormat : format, spool: s3.spool, onMustEnd }),
      identify: this.identify,
      begun: this.begin,
      isConditional: async () => (await s3.probed()) === 'conditional',
      startTimer: startSystemTimer,
      now: Date.now,
      isHeld: () => this.heldBy !== undefined,
      onBegun: (isNew) => this.objectBegun(isNew),
      onObject: (object) => this.tell(object),
      ...this.patience(),
    }
  }

  private patience(): PatienceParts {
    return {
      backoff: new Backoff(),
      clock: steadyClock,
      wait: (ms, signal) => delay(ms, undefined, { signal }).catch(() => undefined),
      // One that is stopped is ours still: what was read of it can be written.
      isOurs: () => ['running', 'stopped'].includes(this.source.condition),
      onHeld: (error) => this.hold(error),
      onFreed: (heldMs) => this.free(heldMs),
    }
  }

  private hold(error: S3Error): void {
    const isNew = this.held?.error.code !== error.code
    const sinceMs = this.held?.sinceMs ?? steadyClock()
    this.held = { error, sinceMs, position: this.source.position, isOfBegin: this.session?.isBeginning === true }
    if (isNew && error.retryable) this.log.warn('The store is waited for; nothing is lost.', { error })
    else if (isNew) this.log.error('The archive of a partition has stopped, and is tried again.', { error })
    const heldMs = Math.round(steadyClock() - sinceMs)
    if (this.hasAlarmed || heldMs < alarmMs) return
    this.hasAlarmed = true
    this.log.error('The store has been waited for for minutes; somebody has to look.', { error, heldMs })
  }

  /** Ends what kept objects from being begun, or was in the way of this one. What refused to be written has to be written. */
  private objectBegun(isNew: boolean): void {
    const { held } = this
    if (held?.isOfBegin === true || (isNew && held?.error.code === 'ERR_S3_FOREIGN')) this.answered()
  }

  private letGo(): void {
    this.held = undefined
    this.hasAlarmed = false
    this.pipeline?.goOn()
  }

  private free(heldMs: number): void {
    const isMended = this.held?.error.retryable === false
    this.letGo()
    this.log.info(isMended ? 'The archive of a partition goes on.' : 'The store works again.', { heldMs: Math.round(heldMs) }) // prettier-ignore
  }

  private tell({ key, first, last, count, rawBytes, storedBytes, result, why }: ArchivedObject): void {
    this.letGo()
    this.parts.metrics.s3Object({ result, rawBytes, storedBytes, records: count })
    const offsets = { first: String(first), last: String(last) }
    const words = result === 'written' ? 'An object is written.' : 'An object was there already, and is adopted.'
    this.log.info(words, { key, ...offsets, records: count, bytes: rawBytes, storedBytes, why })
  }
}
