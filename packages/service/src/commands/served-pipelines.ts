// One pipeline of `weir serve`, from its settings: rules, engine, source, outputs, and what is measured of them. Called
// by serve.ts.

import { setTimeout as delay } from 'node:timers/promises'

import { createEngine } from '@weir/engine'
import type { Engine, EngineOptions, KernelInUse, RuleSource } from '@weir/engine'

import { pipelineOf, rulesOf } from '../config/load.ts'
import type { LoadedSettings } from '../config/load.ts'
import { archiveOf, deliveryOf, isArchive, outputsOf } from '../config/delivery.ts'
import { checkRoutes } from '../config/routes.ts'
import { chosen } from '../config/schema.ts'
import type { KafkaSettings, PipelineSettings } from '../config/schema.ts'
import type { PipelineMetrics } from '../metrics.ts'
import { deadlines } from '../pipeline/deadlines.ts'
import type { PipelineResult } from '../pipeline/feed.ts'
import { Backoff } from '../pipeline/retry.ts'
import { openRulesControl } from '../pipeline/rules-control.ts'
import type { RulesControl } from '../pipeline/rules-control.ts'
import { PartitionedPipeline } from '../pipeline/partitioned.ts'
import { ServedPipeline } from '../pipeline/served.ts'
import { routedSessions } from '../pipeline/session.ts'
import type { PipelineState, RunningPipeline } from '../pipeline/served.ts'
import type { Source } from '../ports/source.ts'
import { KafkaSource } from '../sources/kafka.ts'
import type { ByteBudget } from '../sources/byte-budget.ts'
import { batchIds } from '../structured-log.ts'
import type { StructuredLog } from '../structured-log.ts'
import { isClosedPipe } from './report.ts'
import { ArchiveUnit } from './serve-archive.ts'
import { measuredKafka, usesKafka } from './serve-kafka.ts'
import type { PipelineKafka, SharedKafka } from './serve-kafka.ts'
import { openBuckets, openS3 } from './serve-s3.ts'
import type { Buckets } from './serve-s3.ts'
import { openOutputs } from './serve-sinks.ts'
import { openSource } from './serve-sources.ts'
import { Rescue } from './served-rescue.ts'
import { toldState, whyNotReady } from './served-unit.ts'
import type { AnySource, ServedUnit } from './served-unit.ts'
import { openNotesPlace } from './state-folder.ts'
import type { NotesPlace } from './state-folder.ts'

/** What all pipelines of a process share. */
export interface SharedParts {
  readonly budget: ByteBudget
  readonly kafka: SharedKafka
  readonly log: StructuredLog
}

/** Rules that stand in for such that cannot be used. */
const keepAll = { version: 1, default: 'keep', rules: [] } as const satisfies RuleSource

/** What belongs to one pipeline. */
type PipelineParts = Pick<
  PipelineUnit,
  'name' | 'settings' | 'rules' | 'engine' | 'source' | 'pipeline' | 'buckets' | 'rescue' | 'notes'
>

/** A pipeline in which rules decide. */
class PipelineUnit implements ServedUnit {
  readonly name: string
  readonly settings: PipelineSettings
  readonly rules: RulesControl
  readonly engine: Engine
  readonly source: AnySource
  readonly pipeline: RunningPipeline
  readonly buckets: Buckets
  readonly rescue: Rescue
  readonly notes: NotesPlace

  /** Made by `openPipeline`. */
  constructor(parts: PipelineParts) {
    this.name = parts.name
    this.settings = parts.settings
    this.rules = parts.rules
    this.engine = parts.engine
    this.source = parts.source
    this.pipeline = parts.pipeline
    this.buckets = parts.buckets
    this.rescue = parts.rescue
    this.notes = parts.notes
  }

  get whyNotReady(): string | undefined {
    return whyNotReady(this.pipeline, this.source, this.buckets.whyHeld)
  }

  get kernel(): KernelInUse {
    return this.engine.kernel
  }

  /** A worker hangs in native code. */
  get isStuck(): boolean {
    return this.rescue.look() > 0
  }

  status(): object {
    const { kernel, version } = this.engine
    const { threads, retries, workersLost, workersHung } = this.engine.stats()
    return {
      name: this.name,
      ...toldState(this.pipeline.state),
      source: this.source.name,
      position: this.pipeline.position,
      ...(this.pipeline instanceof PartitionedPipeline ? { partitions: this.pipeline.partitions } : {}),
      ...(this.source instanceof KafkaSource ? { warnings: this.source.watch.warnings.map(({ message }) => message) } : {}), // prettier-ignore
      ruleSetVersion: version,
      guarantees: guaranteesOf(this.settings),
      careful: this.rescue.status(),
      engine: { kernel: kernel.name, fallback: kernel.fallback, threads, retries, workersLost, workersHung },
    }
  }

  async close(): Promise<void> {
    this.rescue.close()
    await this.source.close()
    await this.buckets.close()
    await this.rules.close()
    await this.engine.close()
    await this.notes.release()
  }
}

/**
 * Opens one pipeline. Nothing is read before its `run()`.
 * *Errors*: of settings, rules, sinks and the source; then nothing is left open.
 */
export async function openPipeline(
  loaded: LoadedSettings,
  name: string,
  metrics: PipelineMetrics,
  { budget, kafka: sharedKafka, log }: SharedParts,
): Promise<ServedUnit> {
  const settings = pipelineOf(loaded.settings, name)
  if (isArchive(settings)) return openArchive(name, settings, metrics, { kafka: sharedKafka, log })
  const closings: (() => Promise<void>)[] = []
  try {
    const { rules, engine, options } = await openEngine(loaded, name, { metrics, log, closings })
    const buckets = await openBuckets(settings, { metrics, log })
    closings.push(() => buckets.close())
    metrics.watchS3(() => buckets.measured())
    const kafka = usesKafka(settings) ? await sharedKafka.forPipeline(settings, log, metrics) : undefined
    const late: { pipeline?: ServedPipeline<unknown> } = {}
    const quarantine = counted((letter) => late.pipeline!.quarantine(letter), metrics)
    const partitioned = settings.source.kafka === undefined ? undefined : kafka!.openSource(settings.source.kafka)
    const source = partitioned ?? (await openSource(name, settings, { budget, quarantine, metrics, log }))
    closings.push(() => source.close())
    const about = { engineOptions: options, routes: wantedRoutes(settings), metrics, log }
    const notes = await openNotesPlace(loaded.settings, name, settings, log)
    closings.push(() => notes.release())
    const rescue = new Rescue({ settings, notesFolder: notes.folder, rules, engine, source: source.name, ...about })
    const tally = { nextBatch: batchIds(), unkept: 0 }
    const parts = { name, settings, engine, rescue, kafka, buckets, metrics, log, tally }
    let pipeline: RunningPipeline
    if (partitioned === undefined) {
      pipeline = late.pipeline = makePipeline(source as Source, parts)
      await late.pipeline.open()
    } else pipeline = makePartitioned(partitioned, parts)
    rescue.open()
    return new PipelineUnit({ name, settings, rules, engine, source, pipeline, buckets, rescue, notes })
  } catch (error) {
    for (const close of closings.reverse()) await close()
    throw error
  }
}

interface EngineSurroundings {
  readonly metrics: PipelineMetrics
  readonly log: StructuredLog
  /** Takes what ends what was opened. */
  readonly closings: (() => Promise<void>)[]
}

/** Opens the rules, and the engine that judges by them. */
async function openEngine(loaded: LoadedSettings, name: string, { metrics, log, closings }: EngineSurroundings) {
  const rules = await openRules(loaded, name, metrics, log)
  closings.push(() => rules.close())
  const options = engineOptions(pipelineOf(loaded.settings, name), loaded.settings.kafka)
  const engine = await createEngine({ ...options, rules: rules.prepared })
  closings.push(() => engine.close())
  rules.attach(engine)
  metrics.watchEngine(() => ({ ...engine.stats(), kernel: engine.kernel }))
  return { rules, engine, options }
}

async function openArchive(
  name: string,
  settings: PipelineSettings,
  metrics: PipelineMetrics,
  { kafka: sharedKafka, log }: Pick<SharedParts, 'kafka' | 'log'>,
): Promise<ServedUnit> {
  const kafka = await sharedKafka.forPipeline(settings, log, metrics)
  const s3 = await openS3(archiveOf(settings)!.s3, { metrics, log, sharesNames: true })
  s3.ask()
  const onState = (state: PipelineState) => tell(state, metrics, log)
  return new ArchiveUnit({ name, settings, kafka, s3, metrics, log, onState })
}

type Quarantine = ServedPipeline<unknown>['quarantine']

/** Inputs that are set aside are in no batch, with which all other dead letters are counted. */
function counted(quarantine: Quarantine, metrics: PipelineMetrics): Quarantine {
  return async (letter) => {
    const isKept = await quarantine(letter)
    if (isKept) metrics.buried(letter.reason, 1, letter.records)
    return isKept
  }
}

/** What loops of a pipeline are made of. */
interface LoopParts extends Pick<PipelineParts, 'name' | 'settings' | 'engine' | 'buckets' | 'rescue'> {
  readonly kafka: PipelineKafka | undefined
  readonly metrics: PipelineMetrics
  readonly log: StructuredLog
  /** Over all loops: names of batches, and malformed records that nobody kept. */
  readonly tally: { readonly nextBatch: () => string; unkept: number }
}

function makePipeline(source: Source, parts: LoopParts): ServedPipeline<unknown> {
  const onState = (state: PipelineState) => tellState(state, parts)
  return new ServedPipeline({ source, ...loopOf<unknown>(parts, undefined, parts.log), onState })
}

/** A loop for each partition; what is told of the pipeline is told of all together. */
function makePartitioned(source: KafkaSource, parts: LoopParts): PartitionedPipeline<bigint> {
  const { name, metrics, log } = parts
  metrics.watchKafka(() => measuredKafka(source))
  return new PartitionedPipeline({
    name,
    source,
    makePipeline: (partition, onState) => {
      const ownLog = log.child({ partition: partition.partition })
      return new ServedPipeline({ source: partition, ...loopOf<bigint>(parts, partition.partition, ownLog), onState })
    },
    onState: (state) => tellState(state, parts),
    now: Date.now,
  })
}
/** What a loop is made of besides its source and whoever hears of its state. */
function loopOf<P>(parts: LoopParts, partition: number | undefined, log: StructuredLog) {
  const { name, settings, engine, rescue, kafka, buckets, metrics, tally } = parts
  const outputs = { pipeline: name, metrics, log, kafka, buckets, ...(partition === undefined ? {} : { partition }) }
  return {
    name,
    openSession: routedSessions<P>({
      engine,
      openRouter: () => openOutputs(settings, outputs),
      ...rescue.hooks,
      batchAgeMs: settings.batchAgeMs,
      nextBatch: tally.nextBatch,
      onBatch: (result: PipelineResult) => {
        measure(result, metrics, log)
        if (settings.deadLetter === undefined) tally.unkept += result.counts.malformed
      },
      onGivenBack: (batches: readonly string[]) => giveBack(batches, log),
    }),
    backoff: new Backoff(),
    // Nobody gives this process another standard output.
    isFinal: isClosedPipe,
    onFailure: (error: unknown) => {
      metrics.restarted(error)
      log.error('The pipeline has stopped, and is started again.', { error })
    },
    now: Date.now,
    wait: async (ms: number, signal: AbortSignal) => {
      await delay(ms, undefined, { signal }).catch(() => undefined)
      // Until then nothing that is sent could be made safe.
      await buckets.freed(signal)
    },
  }
}

function tellState(state: PipelineState, { metrics, log, tally }: LoopParts): void {
  tell(state, metrics, log)
  const isOver = state.status === 'ended' || state.status === 'failed'
  if (!isOver || tally.unkept === 0) return
  log.warn('Malformed records were not kept: there are no dead letters.', { records: tally.unkept })
}

function openRules(
  loaded: LoadedSettings,
  name: string,
  metrics: PipelineMetrics,
  log: StructuredLog,
): Promise<RulesControl> {
  const settings = pipelineOf(loaded.settings, name)
  const source = rulesOf(loaded, name)
  return openRulesControl({
    pipeline: name,
    rules: typeof source === 'string' ? { file: source } : { inline: source },
    ...(settings.rules === undefined ? { readOnly: 'the settings name no rule file' } : {}),
    ...(settings.rulesOnError === 'keep' ? { fallback: keepAll } : {}),
    checkRoutes: (routes) => checkRoutes(loaded, { [name]: routes }),
    engine: settings,
    metrics,
    log,
  })
}

function engineOptions(settings: PipelineSettings, kafka: KafkaSettings | undefined): Omit<EngineOptions, 'rules'> {
  const { threads, maxRecordBytes, kernel, validation, timeField } = settings
  // What is fetched at a time is judged at a time: cut into batches, it would be copied twice more.
  const fetchBytes = settings.source.kafka === undefined ? 0 : kafka!.fetchBytes
  return {
    ...{
      batchBytes: Math.max(settings.batchBytes, fetchBytes),
      maxRecordBytes,
      kernel,
      validation,
      batchDeadlineMs: deadlines.batchMs,
    },
    ...(threads === undefined ? {} : { threads }),
    ...(timeField === undefined ? {} : { timeField }),
  }
}

/** What may be relied on, as the settings have it. */
function guaranteesOf(settings: PipelineSettings): object {
  const { deadLetter, validation } = settings
  const durability = {
    directory: 'synced to the disk',
    kafka: 'acknowledged by the replicas in sync',
    s3: 'in the bucket',
    stdout: 'not durable',
    discard: 'not kept',
  } as const
  const outputs = outputsOf(settings).filter(([name]) => name !== 'deadLetter')
  return {
    delivery: deliveryOf(settings).replaceAll('-', ' '),
    outputs: Object.fromEntries(outputs.map(([route, sink]) => [route, durability[chosen(sink).kind]])),
    malformed: deadLetter === undefined ? 'counted' : durability[chosen(deadLetter).kind],
    validation,
  }
}

/** Routes whose records go somewhere. */
function wantedRoutes({ routes, deadLetter }: PipelineSettings): string[] {
  const withSink = Object.entries(routes).flatMap(([route, sink]) =>
    sink === undefined || chosen(sink).kind === 'discard' ? [] : [route],
  )
  return deadLetter === undefined ? withSink : [...withSink, 'malformed']
}

function measure(result: PipelineResult, metrics: PipelineMetrics, log: StructuredLog): void {
  metrics.batch(result)
  const { batch, counts, ageMs, bytesIn, version, letters = [] } = result
  for (const { reason, records } of letters) metrics.buried(reason, 1, records)
  if (ageMs !== undefined) metrics.arrivalDelay(ageMs / 1000, counts.records)
  const { records, kept, dropped, malformed, delays } = counts
  if (delays !== undefined) metrics.recordDelays({ ...delays, counts: delays.buckets, future: delays.ahead })
  log.debug('A batch is safe.', { batch, records, kept, dropped, malformed, bytesIn, ageMs, version })
}

/** Names that one line of the log tells. */
const mostNames = 20

function giveBack(batches: readonly string[], log: StructuredLog): void {
  const fields = { batches: batches.slice(0, mostNames).join(' '), count: batches.length }
  log.warn('Batches are given back to their source: nothing of them is acknowledged.', fields)
}

function tell(state: PipelineState, metrics: PipelineMetrics, log: StructuredLog): void {
  const { status, reason } = state
  metrics.waiting(status === 'waiting')
  const fields = reason === undefined ? { status } : { status, reason }
  if (status === 'waiting' || status === 'failed') log.warn('The pipeline has another state.', fields)
  else log.info('The pipeline has another state.', fields)
}
