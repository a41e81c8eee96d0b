// One pipeline of `weir serve`, from its settings: rules, engine, source, outputs, and what is measured of them. Called
// by serve.ts.

import { setTimeout as delay } from 'node:timers/promises'

import { createEngine } from '@weir/engine'
import type { Engine, EngineOptions, RuleSource } from '@weir/engine'

import { pipelineOf, rulesOf } from '../config/load.ts'
import type { LoadedSettings } from '../config/load.ts'
import { deliveryOf, outputsOf } from '../config/delivery.ts'
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
import type { PipelineState, RunningPipeline } from '../pipeline/served.ts'
import type { Source } from '../ports/source.ts'
import { KafkaSource } from '../sources/kafka.ts'
import type { ByteBudget } from '../sources/byte-budget.ts'
import { batchIds } from '../structured-log.ts'
import type { StructuredLog } from '../structured-log.ts'
import { isClosedPipe } from './report.ts'
import { measuredKafka, usesKafka } from './serve-kafka.ts'
import type { PipelineKafka, SharedKafka } from './serve-kafka.ts'
import { openOutputs } from './serve-sinks.ts'
import { openSource } from './serve-sources.ts'
import { Rescue } from './served-rescue.ts'
import { openNotesPlace } from './state-folder.ts'
import type { NotesPlace } from './state-folder.ts'

/** What all pipelines of a process share. */
export interface SharedParts {
  readonly budget: ByteBudget
  readonly kafka: SharedKafka
  readonly log: StructuredLog
}

/** What is asked of a source, whether it comes in partitions or not. */
type AnySource = Pick<Source, 'name' | 'whyFull' | 'close'>

/** Rules that stand in for such that cannot be used. */
const keepAll = { version: 1, default: 'keep', rules: [] } as const satisfies RuleSource

/** What belongs to one pipeline. */
type PipelineParts = Pick<
  PipelineUnit,
  'name' | 'settings' | 'rules' | 'engine' | 'source' | 'pipeline' | 'rescue' | 'notes'
>

/** A pipeline with everything that belongs to it. *Order of calls*: `openPipeline`, `run()`, `close()`. */
export class PipelineUnit {
  readonly name: string
  readonly settings: PipelineSettings
  readonly rules: RulesControl
  readonly engine: Engine
  readonly source: AnySource
  readonly pipeline: RunningPipeline
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
    this.rescue = parts.rescue
    this.notes = parts.notes
  }

  /** Why the pipeline takes no records at the moment; nothing while it does. */
  get whyNotReady(): string | undefined {
    const { status, reason } = this.pipeline.state
    const { whyFull } = this.source
    if (status === 'running') return whyFull
    if (status === 'ended') return undefined
    const why = reason === undefined ? status : `${status}: ${reason}`
    // One partition may wait while another is stopped.
    return whyFull === undefined || whyFull === reason ? why : `${why}; ${whyFull}`
  }

  /** Whether a worker hangs in native code, which only the end of the process stops. */
  get isStuck(): boolean {
    return this.rescue.look() > 0
  }

  /** What people ask about: state, guarantees, kernel. */
  status(): object {
    const { status, sinceMs, lastError, ...state } = this.pipeline.state
    const { kernel, version } = this.engine
    const { threads, retries, workersLost, workersHung } = this.engine.stats()
    return {
      name: this.name,
      status,
      since: new Date(sinceMs).toISOString(),
      ...state,
      ...(lastError === undefined ? {} : { lastError: toldError(lastError) }),
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
): Promise<PipelineUnit> {
  const settings = pipelineOf(loaded.settings, name)
  const closings: (() => Promise<void>)[] = []
  try {
    const rules = await openRules(loaded, name, metrics, log)
    closings.push(() => rules.close())
    const options = engineOptions(settings, loaded.settings.kafka)
    const engine = await createEngine({ ...options, rules: rules.prepared })
    closings.push(() => engine.close())
    rules.attach(engine)
    metrics.watchEngine(() => ({ ...engine.stats(), kernel: engine.kernel }))
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
    const parts = { name, settings, engine, rescue, kafka, metrics, log, tally: { nextBatch: batchIds(), unkept: 0 } }
    let pipeline: RunningPipeline
    if (partitioned === undefined) {
      pipeline = late.pipeline = makePipeline(source as Source, parts)
      await late.pipeline.open()
    } else pipeline = makePartitioned(partitioned, parts)
    rescue.open()
    return new PipelineUnit({ name, settings, rules, engine, source, pipeline, rescue, notes })
  } catch (error) {
    for (const close of closings.reverse()) await close()
    throw error
  }
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
interface LoopParts extends Pick<PipelineParts, 'name' | 'settings' | 'engine' | 'rescue'> {
  readonly kafka: PipelineKafka | undefined
  readonly metrics: PipelineMetrics
  readonly log: StructuredLog
  /** Over all loops: names of batches, and malformed records that nobody kept. */
  readonly tally: { readonly nextBatch: () => string; unkept: number }
}

function makePipeline(source: Source, parts: LoopParts): ServedPipeline<unknown> {
  const onState = (state: PipelineState) => tellState(state, parts)
  return new ServedPipeline({ source, ...loopOf(parts, undefined, parts.log), onState })
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
      return new ServedPipeline({ source: partition, ...loopOf(parts, partition.partition, ownLog), onState })
    },
    onState: (state) => tellState(state, parts),
    now: Date.now,
  })
}
/** What a loop is made of besides its source and whoever hears of its state. */
function loopOf(parts: LoopParts, partition: number | undefined, log: StructuredLog) {
  const { name, settings, engine, rescue, kafka, metrics, tally } = parts
  const outputs = { metrics, log, kafka, ...(partition === undefined ? {} : { partition }) }
  return {
    name,
    engine,
    openRouter: () => openOutputs(settings, outputs),
    backoff: new Backoff(),
    ...rescue.hooks,
    batchAgeMs: settings.batchAgeMs,
    nextBatch: tally.nextBatch,
    onBatch: (result: PipelineResult) => {
      measure(result, metrics, log)
      if (settings.deadLetter === undefined) tally.unkept += result.counts.malformed
    },
    onGivenBack: (batches: readonly string[]) => giveBack(batches, log),
    // Nobody gives this process another standard output.
    isFinal: isClosedPipe,
    onFailure: (error: unknown) => {
      metrics.restarted(error)
      log.error('The pipeline has stopped, and is started again.', { error })
    },
    now: Date.now,
    wait: (ms: number, signal: AbortSignal) => delay(ms, undefined, { signal }).catch(() => undefined),
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

function toldError({ message, atMs }: NonNullable<PipelineState['lastError']>): object {
  return { message, at: new Date(atMs).toISOString() }
}

/** What may be relied on, as the settings have it. */
function guaranteesOf(settings: PipelineSettings): object {
  const { deadLetter, validation } = settings
  const durability = {
    directory: 'synced to the disk',
    kafka: 'acknowledged by the replicas in sync',
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
