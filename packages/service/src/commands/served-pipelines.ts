// One pipeline of `weir serve`, from its settings: rules, engine, source, outputs, and what is measured of them. Called
// by serve.ts.

import { setTimeout as delay } from 'node:timers/promises'

import { createEngine } from '@weir/engine'
import type { Engine, EngineOptions, RuleSource } from '@weir/engine'

import { pipelineOf, rulesOf } from '../config/load.ts'
import type { LoadedSettings } from '../config/load.ts'
import { checkRoutes } from '../config/routes.ts'
import { chosen } from '../config/schema.ts'
import type { PipelineSettings } from '../config/schema.ts'
import type { PipelineMetrics } from '../metrics.ts'
import { deadlines } from '../pipeline/deadlines.ts'
import type { PipelineResult } from '../pipeline/feed.ts'
import { Backoff } from '../pipeline/retry.ts'
import { openRulesControl } from '../pipeline/rules-control.ts'
import type { RulesControl } from '../pipeline/rules-control.ts'
import { ServedPipeline } from '../pipeline/served.ts'
import type { PipelineState } from '../pipeline/served.ts'
import type { Source } from '../ports/source.ts'
import type { ByteBudget } from '../sources/byte-budget.ts'
import { batchIds } from '../structured-log.ts'
import type { StructuredLog } from '../structured-log.ts'
import { isClosedPipe } from './report.ts'
import { openOutputs } from './serve-sinks.ts'
import { openSource } from './serve-sources.ts'
import { Rescue } from './served-rescue.ts'

/** What all pipelines of a process share. */
export interface SharedParts {
  readonly budget: ByteBudget
  readonly log: StructuredLog
}

/** Rules that stand in for such that cannot be used. */
const keepAll = { version: 1, default: 'keep', rules: [] } as const satisfies RuleSource

/** What belongs to one pipeline. */
type PipelineParts = Pick<PipelineUnit, 'name' | 'settings' | 'rules' | 'engine' | 'source' | 'pipeline' | 'rescue'>

/** A pipeline with everything that belongs to it. *Order of calls*: `openPipeline`, `run()`, `close()`. */
export class PipelineUnit {
  readonly name: string
  readonly settings: PipelineSettings
  readonly rules: RulesControl
  readonly engine: Engine
  readonly source: Source
  readonly pipeline: ServedPipeline<unknown>
  readonly rescue: Rescue

  /** Made by `openPipeline`. */
  constructor(parts: PipelineParts) {
    this.name = parts.name
    this.settings = parts.settings
    this.rules = parts.rules
    this.engine = parts.engine
    this.source = parts.source
    this.pipeline = parts.pipeline
    this.rescue = parts.rescue
  }

  /** Why the pipeline takes no records at the moment; nothing while it does. */
  get whyNotReady(): string | undefined {
    const { status, reason } = this.pipeline.state
    if (status === 'running') return this.source.whyFull
    if (status === 'ended') return undefined
    return reason === undefined ? status : `${status}: ${reason}`
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
  { budget, log }: SharedParts,
): Promise<PipelineUnit> {
  const settings = pipelineOf(loaded.settings, name)
  const closings: (() => Promise<void>)[] = []
  try {
    const rules = await openRules(loaded, name, metrics, log)
    closings.push(() => rules.close())
    const engine = await createEngine({ ...engineOptions(settings), rules: rules.prepared })
    closings.push(() => engine.close())
    rules.attach(engine)
    metrics.watchEngine(() => ({ ...engine.stats(), kernel: engine.kernel }))
    const late: { pipeline?: ServedPipeline<unknown> } = {}
    const quarantine: ServedPipeline<unknown>['quarantine'] = (letter) => late.pipeline!.quarantine(letter)
    const source = await openSource(name, settings, { budget, quarantine, metrics, log })
    closings.push(() => source.close())
    const about = { engineOptions: engineOptions(settings), routes: wantedRoutes(settings), metrics, log }
    const rescue = new Rescue({ settings, rules, engine, source: source.name, ...about })
    const pipeline = makePipeline({ name, settings, engine, source, rescue }, metrics, log)
    late.pipeline = pipeline
    await pipeline.open()
    rescue.open()
    return new PipelineUnit({ name, settings, rules, engine, source, pipeline, rescue })
  } catch (error) {
    for (const close of closings.reverse()) await close()
    throw error
  }
}

function makePipeline(
  { name, settings, source, engine, rescue }: Omit<PipelineParts, 'pipeline' | 'rules'>,
  metrics: PipelineMetrics,
  log: StructuredLog,
): ServedPipeline<unknown> {
  let unkept = 0
  return new ServedPipeline({
    name,
    source,
    engine,
    openRouter: () => openOutputs(settings, metrics, log),
    backoff: new Backoff(),
    ...rescue.hooks,
    batchAgeMs: settings.batchAgeMs,
    nextBatch: batchIds(),
    onBatch: (result) => {
      measure(result, metrics, log)
      if (settings.deadLetter === undefined) unkept += result.counts.malformed
    },
    onGivenBack: (batches) => giveBack(batches, log),
    // Nobody gives this process another standard output.
    isFinal: isClosedPipe,
    onFailure: (error) => {
      metrics.restarted(error)
      log.error('The pipeline has stopped, and is started again.', { error })
    },
    onState: (state) => {
      tell(state, metrics, log)
      const isOver = state.status === 'ended' || state.status === 'failed'
      if (isOver && unkept > 0)
        log.warn('Malformed records were not kept: there are no dead letters.', { records: unkept })
    },
    now: Date.now,
    wait: (ms, signal) => delay(ms, undefined, { signal }).catch(() => undefined),
  })
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

function engineOptions(settings: PipelineSettings): Omit<EngineOptions, 'rules'> {
  const { threads, batchBytes, maxRecordBytes, kernel, validation, timeField } = settings
  return {
    ...{ batchBytes, maxRecordBytes, kernel, validation, batchDeadlineMs: deadlines.batchMs },
    ...(threads === undefined ? {} : { threads }),
    ...(timeField === undefined ? {} : { timeField }),
  }
}

function toldError({ message, atMs }: NonNullable<PipelineState['lastError']>): object {
  return { message, at: new Date(atMs).toISOString() }
}

/** What may be relied on, as the settings have it. */
function guaranteesOf({ source, routes, deadLetter, validation }: PipelineSettings): object {
  const outputs = Object.entries(routes).flatMap(([route, sink]) =>
    sink === undefined ? [] : [[route, sink] as const],
  )
  const durability = { directory: 'synced to the disk', stdout: 'not durable', discard: 'not kept' } as const
  return {
    delivery: chosen(source).kind === 'stdin' ? 'at most once' : 'at least once',
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
  const { batch, counts, ageMs, bytesIn, version } = result
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
