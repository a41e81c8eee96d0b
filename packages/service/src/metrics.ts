// What feeds the metrics of metric-table.ts, once for a batch, a request or a scrape, and what renders them. The only
// file that imports the metrics library, with a registry of its own. Called by every layer above.

import { malformedReason } from '@weir/engine'
import type { Counts } from '@weir/engine'
import { Counter, Gauge, Registry } from 'prom-client'
import type { Metric } from 'prom-client'

import { BinnedHistogram } from './binned-histogram.ts'
import type { Labels } from './binned-histogram.ts'
import { setKafka } from './kafka-metrics.ts'
import type { SetGauge } from './kafka-metrics.ts'
import { metricTable } from './metric-table.ts'
import type { MetricName, MetricRow } from './metric-table.ts'
import type {
  EngineFigures,
  MeasuredBatch,
  MeasuredDelays,
  MeasuredKafka,
  MeasuredRequest,
  MeasuredRules,
  MeasuredS3,
  MeasuredS3Call,
  MeasuredS3Object,
  RuleOrigin,
  RuleOutcome,
  WatchedFile,
} from './measured.ts'
import { countS3Object, setS3 } from './s3-metrics.ts'
import { EventLoopDelay } from './process-figures.ts'
import { setProcess } from './process-metrics.ts'

/** What surrounds the metrics; tests replace the clock. */
export interface MetricsOptions {
  /** Version of the service. */
  readonly version: string
  /** Bounds in seconds of `weir_record_delay_seconds`, where the engine counts by others. */
  readonly recordDelayBounds?: readonly number[]
  /** A clock in milliseconds that never goes back. */
  readonly now?: () => number
}

/** Code under which an error without a code of ours is counted: labels must not grow with what systems say. */
const unexpected = 'ERR_UNEXPECTED'

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' && /^ERR_(RULESET|CONFIG|ENGINE|CONNECTOR|KAFKA|S3)_[A-Z_]+$/.test(code)
    ? code
    : unexpected
}

/** All metrics of a process. Make one with `createMetrics`. */
export class Metrics {
  /** The media type of what `render()` returns. */
  readonly contentType: string
  readonly #registry = new Registry()
  readonly #counters = new Map<MetricName, Counter>()
  readonly #gauges = new Map<MetricName, Gauge>()
  readonly #histograms = new Map<MetricName, BinnedHistogram>()
  readonly #readers = new Set<() => void>()
  readonly #pipelines = new Map<string, PipelineMetrics>()
  readonly #loop: EventLoopDelay

  constructor({ version, recordDelayBounds, now }: MetricsOptions) {
    this.contentType = this.#registry.contentType
    for (const [name, row] of Object.entries<MetricRow>(metricTable)) this.#register(name as MetricName, row)
    if (recordDelayBounds !== undefined) this.#replaceDelays(recordDelayBounds)
    this.#loop = new EventLoopDelay(now)
    this.set('weir_build_info', { version, node: process.versions.node }, 1)
    this.set('process_start_time_seconds', {}, Date.now() / 1000 - process.uptime())
    this.#readers.add(() => setProcess(this, this.#loop))
  }

  #register(name: MetricName, row: MetricRow): void {
    const made = { name, help: row.meaning, labelNames: row.labels, registers: [this.#registry] }
    if (row.type === 'counter') this.#counters.set(name, new Counter(made))
    else if (row.type === 'gauge') this.#gauges.set(name, new Gauge(made))
    else this.#addHistogram(name, row, row.bounds ?? [])
  }

  #addHistogram(name: MetricName, row: MetricRow, bounds: readonly number[]): void {
    const made = new BinnedHistogram(name, row.meaning, bounds)
    this.#histograms.set(name, made)
    // The registry asks a metric for no more than the histogram has.
    this.#registry.registerMetric(made as unknown as Metric)
  }

  #replaceDelays(bounds: readonly number[]): void {
    const name = 'weir_record_delay_seconds'
    this.#registry.removeSingleMetric(name)
    this.#addHistogram(name, metricTable[name], bounds)
  }

  /** The metrics of one pipeline, the same object for the same name. */
  pipeline(name: string): PipelineMetrics {
    let found = this.#pipelines.get(name)
    if (found === undefined) this.#pipelines.set(name, (found = new PipelineMetrics(name, this)))
    return found
  }

  /** Counts an answer of the admin port. `path`: one of those that it knows, else `other`. */
  adminRequest(path: string, status: number): void {
    this.add('weir_admin_requests_total', { path, code: String(status) }, 1)
  }

  /** Tells whether the token file is bad, and the tokens before are in force. */
  adminTokens(isStale: boolean): void {
    this.set('weir_admin_token_stale', {}, isStale ? 1 : 0)
  }

  /** Has the byte budget read at every scrape. Returns what ends that. */
  watchBudget(figures: () => { readonly usedBytes: number; readonly budgetBytes: number }): () => void {
    return this.watch(() => {
      const { usedBytes, budgetBytes } = figures()
      this.set('weir_in_flight_bytes', {}, usedBytes)
      this.set('weir_in_flight_budget_bytes', {}, budgetBytes)
    })
  }

  /** Calls `reader` at every scrape, which sets what is read then. Returns what ends that. */
  watch(reader: () => void): () => void {
    this.#readers.add(reader)
    return () => void this.#readers.delete(reader)
  }

  /** Returns all metrics in the text format of Prometheus. */
  render(): Promise<string> {
    for (const [name, row] of Object.entries<MetricRow>(metricTable)) {
      if (row.isRead !== true) continue
      this.#counters.get(name as MetricName)?.reset()
      this.#gauges.get(name as MetricName)?.reset()
    }
    for (const reader of this.#readers) reader()
    return this.#registry.metrics()
  }

  /** Stops measuring. What was counted can still be rendered. */
  close(): void {
    this.#loop.close()
  }

  /** Adds to a counter; with 0, makes the series visible. */
  add(name: MetricName, labels: Labels, value: number): void {
    this.#counters.get(name)!.inc(labels, value)
  }

  /** Sets a gauge. */
  set(name: MetricName, labels: Labels, value: number): void {
    this.#gauges.get(name)!.set(labels, value)
  }

  /** Takes one series off. */
  remove(name: MetricName, labels: Labels): void {
    ;(this.#counters.get(name) ?? this.#gauges.get(name)!).remove(labels)
  }

  /** The histogram of that name. */
  histogram(name: MetricName): BinnedHistogram {
    return this.#histograms.get(name)!
  }
}

/** How many rule sets are remembered whose batches may still be in flight: the one in force and those before it. */
const rememberedVersions = 4

/** The metrics of one pipeline. */
export class PipelineMetrics {
  readonly #labels: { readonly pipeline: string }
  readonly #all: Metrics
  readonly #ruleIds = new Map<string, readonly string[]>()
  readonly #gauge: SetGauge = (name, labels, value) => this.#all.set(name, { ...this.#labels, ...labels }, value)
  #inForce: string | undefined

  /** Made by `Metrics.pipeline`. */
  constructor(name: string, all: Metrics) {
    this.#labels = { pipeline: name }
    this.#all = all
    for (const verdict of ['kept', 'dropped', 'malformed']) this.#add('weir_records_total', { verdict }, 0)
    for (const reason of Object.keys(malformedReason)) this.#add('weir_malformed_records_total', { reason }, 0)
    this.#add('weir_batches_total', {}, 0)
    this.#add('weir_input_bytes_total', {}, 0)
    this.#set('weir_session_waiting', 0)
    this.#set('weir_rule_set_stale', 0)
  }

  /** Tells of rules before they are put in force, so that their first batch can be counted. */
  announce({ version, ruleIds }: MeasuredRules): void {
    this.#ruleIds.delete(version)
    this.#ruleIds.set(version, ruleIds)
    for (const rule of [...ruleIds, 'default']) this.#add('weir_rule_records_total', { rule }, 0)
    const others = [...this.#ruleIds.keys()].filter((other) => other !== this.#inForce)
    if (others.length >= rememberedVersions) this.#forget(others[0]!)
  }

  /**
   * Tells that announced rules are in force. Rules that they no longer have stay visible until the load after next, for
   * their last counts to be read.
   */
  inForce({ version, ruleIds }: MeasuredRules, epochMs: number): void {
    const before = this.#inForce
    if (before !== undefined && before !== version) {
      this.#all.remove('weir_rule_set_info', { ...this.#labels, version: before })
    }
    this.#inForce = version
    for (const known of this.#ruleIds.keys()) if (known !== version && known !== before) this.#forget(known)
    this.#all.set('weir_rule_set_info', { ...this.#labels, version }, 1)
    this.#set('weir_rule_set_rules', ruleIds.length)
    this.#set('weir_rule_set_loaded_timestamp_seconds', epochMs / 1000)
  }

  /** Takes the series off of rules that no other remembered rule set has. */
  #forget(version: string): void {
    const gone = this.#ruleIds.get(version) ?? []
    this.#ruleIds.delete(version)
    const others = new Set([...this.#ruleIds.values()].flat())
    for (const rule of gone) {
      if (!others.has(rule)) this.#all.remove('weir_rule_records_total', { ...this.#labels, rule })
    }
  }

  /** Counts an attempt to put rules in force, and whether refused ones are waiting to be mended. */
  ruleLoad(origin: RuleOrigin, outcome: RuleOutcome, isStale: boolean): void {
    this.#add('weir_rule_loads_total', { origin, outcome }, 1)
    this.#set('weir_rule_set_stale', isStale ? 1 : 0)
  }

  /** Tells whether a file that the source watches is bad, and the one before is in force. */
  sourceFile(file: WatchedFile, isStale: boolean): void {
    this.#all.set('weir_source_file_stale', { ...this.#labels, file }, isStale ? 1 : 0)
  }

  /** Counts a delivered batch. */
  batch({ counts, bytesIn, version }: MeasuredBatch): void {
    const { kept, dropped, malformed } = counts
    for (const [verdict, records] of Object.entries({ kept, dropped, malformed })) {
      this.#add('weir_records_total', { verdict }, records)
    }
    for (const [reason, records] of Object.entries(counts.malformedByReason)) {
      if (records > 0) this.#add('weir_malformed_records_total', { reason }, records)
    }
    for (const [route, records] of Object.entries(counts.byRoute)) {
      this.#add('weir_route_records_total', { route }, records)
    }
    const ruleIds = version === undefined ? undefined : this.#ruleIds.get(version)
    if (ruleIds !== undefined) this.#countRules(counts, ruleIds)
    this.#add('weir_input_bytes_total', {}, bytesIn)
    this.#add('weir_batches_total', {}, 1)
  }

  #countRules({ byRule, byDefault }: Counts, ruleIds: readonly string[]): void {
    for (const [i, records] of byRule.entries()) {
      const rule = ruleIds[i]
      if (records > 0 && rule !== undefined) this.#add('weir_rule_records_total', { rule }, records)
    }
    if (byDefault > 0) this.#add('weir_rule_records_total', { rule: 'default' }, byDefault)
  }

  /** Counts how long so many records took from their arrival until they were safe. */
  arrivalDelay(seconds: number, records: number): void {
    this.#all.histogram('weir_arrival_delay_seconds').observe(this.#labels, seconds, records)
  }

  /** Counts the delays of a batch's kept records from their own time. */
  recordDelays({ counts, sumMs, missing, unreadable, future }: MeasuredDelays): void {
    this.#all.histogram('weir_record_delay_seconds').add(this.#labels, counts, sumMs / 1000)
    for (const [reason, records] of Object.entries({ missing, unreadable, future })) {
      this.#add('weir_record_times_unusable_total', { reason }, records)
    }
  }

  /** Counts a write that a sink has taken. `sink`: the route's name, or `dead-letter`; never a path. */
  wrote(sink: string, bytes: number): void {
    this.#add('weir_sink_writes_total', { sink }, 1)
    this.#add('weir_output_bytes_total', { sink }, bytes)
  }

  /** Counts a flush that succeeded. */
  flushed(sink: string, seconds: number): void {
    this.#all.histogram('weir_sink_flush_seconds').observe({ ...this.#labels, sink }, seconds)
  }

  /** Counts a failed call of a sink. */
  sinkFailed(sink: string, error: unknown): void {
    this.#add('weir_sink_errors_total', { sink, code: codeOf(error) }, 1)
  }

  /** Counts dead letters that are safe. */
  buried(reason: string, letters: number, records: number): void {
    this.#add('weir_dead_letters_total', { reason }, letters)
    this.#add('weir_dead_letter_records_total', { reason }, records)
  }

  /** Counts records that nothing could judge and that have no dead letters to go to. */
  leftOut(reason: string, records: number): void {
    this.#add('weir_left_out_records_total', { reason }, records)
  }

  /** Tells whether batches are judged in a process of its own, and how many processes have died lately. */
  careful(isCareful: boolean, deaths: number): void {
    this.#set('weir_careful', isCareful ? 1 : 0)
    this.#set('weir_process_deaths', deaths)
  }

  /** Counts a session that failed and is begun anew. */
  restarted(error: unknown): void {
    this.#add('weir_session_restarts_total', { code: codeOf(error) }, 1)
  }

  /** Tells whether the pipeline waits for the next attempt. */
  waiting(isWaiting: boolean): void {
    this.#set('weir_session_waiting', isWaiting ? 1 : 0)
  }

  /** Counts an answered request. */
  request({ status, error = '', seconds, receivedBytes, inflatedBytes }: MeasuredRequest): void {
    this.#add('weir_http_requests_total', { code: String(status), error }, 1)
    this.#add('weir_http_received_bytes_total', {}, receivedBytes)
    this.#add('weir_http_inflated_bytes_total', {}, inflatedBytes)
    this.#all.histogram('weir_http_request_seconds').observe(this.#labels, seconds)
  }

  /** Has the bytes of unanswered bodies read at every scrape. Returns what ends that. */
  watchHttp(inFlightBytes: () => number): () => void {
    return this.#all.watch(() => this.#set('weir_http_in_flight_bytes', inFlightBytes()))
  }

  /** Counts a takeover of a partition, or a transaction whose commit was answered. */
  kafkaTook(what: 'takeover' | 'transaction', seconds: number): void {
    this.#all.histogram(`weir_kafka_${what}_seconds`).observe(this.#labels, seconds)
  }

  /** Counts a producer that was given up; without an error, in order. */
  discardedProducer(error?: unknown): void {
    this.#add('weir_kafka_discarded_producers_total', { code: error === undefined ? '' : codeOf(error) }, 1)
  }

  /** Counts a batch that was not the one that comes next. */
  wrongBatch(): void {
    this.#add('weir_kafka_wrong_batches_total', {}, 1)
  }

  /** Has a source, and its partitions, read at every scrape. Returns what ends that. */
  watchKafka(read: () => MeasuredKafka): () => void {
    return this.#all.watch(() => setKafka(this.#gauge, read()))
  }

  /** Counts a request to an object store. */
  s3Call({ operation, seconds, error }: MeasuredS3Call): void {
    this.#all.histogram('weir_s3_calls_seconds').observe({ ...this.#labels, operation }, seconds)
    if (error !== undefined) this.#add('weir_s3_errors_total', { operation, code: error }, 1)
  }

  /** Counts an object that is safe in a store. */
  s3Object(object: MeasuredS3Object): void {
    countS3Object((name, labels, value) => this.#add(name, labels, value), object)
  }

  /** Has what waits to be an object read at every scrape. Returns what ends that. */
  watchS3(read: () => MeasuredS3): () => void {
    return this.#all.watch(() => setS3(this.#gauge, read(), Date.now()))
  }

  /** Has the engine read at every scrape. Returns what ends that. */
  watchEngine(figures: () => EngineFigures): () => void {
    return this.#all.watch(() => {
      const { threads, slabsInUse, evaluateNs, retries, workersLost, workersHung, kernel } = figures()
      this.#set('weir_engine_threads', threads)
      this.#set('weir_engine_slabs', slabsInUse)
      this.#add('weir_engine_evaluate_seconds_total', {}, evaluateNs / 1e9)
      this.#add('weir_engine_retries_total', {}, retries)
      this.#add('weir_engine_workers_lost_total', {}, workersLost)
      this.#add('weir_engine_workers_hung_total', {}, workersHung)
      this.#all.set('weir_engine_kernel_info', { ...this.#labels, kernel: kernel.name }, 1)
      this.#set('weir_engine_fallback', kernel.fallback === undefined ? 0 : 1)
    })
  }

  #add(name: MetricName, labels: Labels, value: number): void {
    this.#all.add(name, { ...this.#labels, ...labels }, value)
  }

  #set(name: MetricName, value: number): void {
    this.#all.set(name, this.#labels, value)
  }
}

/** Returns metrics in a registry of their own. Close them when done. */
export function createMetrics(options: MetricsOptions): Metrics {
  return new Metrics(options)
}
