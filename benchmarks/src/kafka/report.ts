// What a run prints: a table for each measurement, and what is wrong with outputs. Pure: results in, text out. Called by
// ../kafka.ts.

import type { Latency } from '../service/rated.ts'
import { summarize } from '../statistics.ts'
import type { Summary } from '../statistics.ts'
import { digits, markdownTable, withSpread } from '../table.ts'
import type { IngestResult } from './ingest.ts'
import type { LatencyResult } from './latency.ts'
import type { LimitResult } from './limits.ts'
import type { NumberedCounts } from './numbered-feed.ts'
import type { BacklogResult, TakeoverResult } from './takeover.ts'
import { cpuPerByte, ratioOf, speed } from './targets.ts'
import type { ProcessesResult, ThroughputResult } from './throughput.ts'

/** Results of the measurements that were made. */
export interface KafkaResults {
  readonly throughput?: readonly ThroughputResult[]
  readonly processes?: ProcessesResult
  readonly ingest?: readonly IngestResult[]
  readonly limits?: readonly LimitResult[]
  readonly latency?: readonly LatencyResult[]
  readonly takeover?: TakeoverResult
  readonly backlog?: BacklogResult
}

/** Whose processor time the others' is divided by. */
const baseline = 'weir-exactly-once'

/** Returns the tables, as Markdown. */
export function renderKafka(results: KafkaResults): string {
  const { throughput, processes, ingest, limits, latency, takeover, backlog } = results
  const parts = [
    ...(throughput === undefined ? [] : [renderThroughput(throughput)]),
    ...(processes === undefined ? [] : [`Two processes in one group:\n\n${renderThroughput(processes.results)}`]),
    ...(ingest === undefined ? [] : [renderIngest(ingest)]),
    ...(limits === undefined ? [] : [renderLimits(limits)]),
    ...(latency === undefined ? [] : [renderLatency(latency)]),
    ...(takeover === undefined && backlog === undefined ? [] : [renderLoads(takeover, backlog)]),
  ]
  return parts.join('\n\n')
}

/** Returns what must not be: wrong outputs, passes that failed, records that are lost, twice or wrong. */
export function faultsOf(results: KafkaResults): string[] {
  const { throughput = [], processes, ingest = [], latency = [], takeover, backlog } = results
  const passes = [...throughput, ...(processes?.results ?? [])]
    .filter(({ status }) => status === 'wrong' || status === 'failed')
    .map(
      ({ case: name, id, status, reason }) => `${name}: ${id} ${status === 'failed' ? 'failed: ' : ''}${reason ?? ''}`,
    )
  const topics = ingest.flatMap(({ encoding, reason }) =>
    reason === undefined ? [] : [`ingest, ${encoding}: ${reason}`],
  )
  const loads = latency.flatMap(({ id, status, reason, content }) =>
    status === 'failed' ? [`latency: ${id} failed: ${reason ?? ''}`] : faultOfCounts(`latency: ${id}`, content),
  )
  const harmed = [...faultOfCounts('takeover', takeover?.content), ...faultOfCounts('backlog', backlog?.content)]
  return [...passes, ...topics, ...loads, ...harmed]
}

function faultOfCounts(name: string, content: NumberedCounts | undefined): string[] {
  if (content === undefined || content.lost + content.repeated + content.wrong === 0) return []
  return [`${name}: ${content.lost} records lost, ${content.repeated} twice, ${content.wrong} wrong`]
}

/** In passes of fewer bytes, compiling is most of what Java's programs do. */
const leastBytesOfJava = 400e6

const head = ['case', 'contender', 'CPU s/GB', '× Weir’s', 'MB/s', 'start CPU s', 'peak MB', 'passes', 'note']

function renderThroughput(results: readonly ThroughputResult[]): string {
  const rows = results.map((result) => {
    const { case: name, label, processes, samples, status, reason = '' } = result
    const start = [name, processes > 1 ? `${label} × ${processes}` : label]
    if (samples.length === 0)
      return [...start, '', '', '', '', '', '0', status === 'skipped' ? reason : `${status}: ${reason}`]
    const weir = results.find((each) => each.case === name && each.id === baseline)
    const ratio = weir === undefined || weir === result ? undefined : ratioOf(cpuPerByte, result, weir)
    return [
      ...start,
      withSpread(scaled(summarize(samples.map(cpuPerByte)), 1e9)),
      withSpread(ratio),
      withSpread(scaled(summarize(samples.map(speed)), 1e-6)),
      digits(summarize(samples.map(({ start: begun }) => begun.cpuSeconds)).median),
      digits(Math.max(...samples.map(({ peakBytes }) => peakBytes)) / 1e6),
      String(samples.length),
      samples.some(({ start: begun }) => begun.bytes === 0) ? 'start included: too few bytes' : '',
    ]
  })
  const table = markdownTable(head, rows, head.slice(2, -1))
  const about =
    'Processor time of the contender alone, which shares the processors with the broker. What is timed begins when half of the records is through; all before is its start.'
  const isShort = results.some(({ bytes, samples }) => samples.length > 0 && bytes < leastBytesOfJava)
  const warning = isShort ? ' In passes this short Java is still compiling: ratios to its programs say little.' : ''
  return `${table}\n\n${about}${warning}`
}

function scaled({ median, least, most, count }: Summary, factor: number): Summary {
  return { median: median * factor, least: least * factor, most: most * factor, count }
}

function renderIngest(results: readonly IngestResult[]): string {
  const columns = ['HTTP to chunks', 'CPU s/GB', 'MB/s', 'load CPU s/GB', 'peak MB', 'note']
  const rows = results.map(({ encoding, bytes, samples, peakBytes, reason = '' }) => [
    `1 MB ${encoding === 'gzip' ? 'gzip' : 'plain'}`,
    withSpread(summarize(samples.map(({ cpuSeconds }) => (1e9 * cpuSeconds) / bytes))),
    withSpread(summarize(samples.map(({ seconds }) => bytes / seconds / 1e6))),
    digits((1e9 * summarize(samples.map(({ loadCpuSeconds }) => loadCpuSeconds)).median) / bytes),
    digits(peakBytes / 1e6),
    reason === '' ? '' : `WRONG: ${reason}`,
  ])
  return markdownTable(columns, rows, columns.slice(1, -1))
}

function renderLimits(results: readonly LimitResult[]): string {
  const columns = ['Kafka’s own clients', 'MB/s', 'CPU s/GB']
  const rows = results.map(({ form, does, bytes, bytesPerSecond, cpuSeconds }) => [
    `${does} ${form}`,
    digits(bytesPerSecond / 1e6),
    digits((1e9 * cpuSeconds) / bytes),
  ])
  return markdownTable(columns, rows, columns.slice(1))
}

function renderLatency(results: readonly LatencyResult[]): string {
  const columns = ['latency', 'p50', 'p95', 'p99', 'max', 'CPU s/s', 'lost, twice, wrong', 'note']
  const rows = results.map(({ label, latencyMs, cpuSeconds, seconds, content, reason = '' }) => [
    label,
    ...timesOf(latencyMs),
    cpuSeconds === undefined ? '' : digits(cpuSeconds / seconds),
    content === undefined ? '' : `${content.lost}, ${content.repeated}, ${content.wrong}`,
    reason,
  ])
  const { bytesPerSecond = 0, seconds = 0 } = results[0] ?? {}
  const about = `${digits(bytesPerSecond / 1e6)} MB/s for ${seconds} s, values of 64 records; from when a value was due to a reader of what is committed.`
  return `${markdownTable(columns, rows, columns.slice(1, 7))}\n\n${about}`
}

function timesOf(latency: Latency | undefined): string[] {
  if (latency === undefined) return ['', '', '', '']
  return [latency.p50, latency.p95, latency.p99, latency.max].map((ms) => `${digits(ms)} ms`)
}

function renderLoads(takeover: TakeoverResult | undefined, backlog: BacklogResult | undefined): string {
  const rows: string[][] = []
  if (takeover !== undefined) {
    const { bytesPerSecond, orphans, seconds, content } = takeover
    const what = `one of two processes killed, which had ${orphans} of 4 partitions; ${digits(bytesPerSecond / 1e6)} MB/s`
    rows.push(['takeover', what, `all move again after ${digits(seconds)} s`, counts(content)])
  }
  if (backlog !== undefined) {
    const { bytesPerSecond, awaySeconds, backlogBytes, seconds, startSeconds, drainedPerSecond, content } = backlog
    const what = `away for ${awaySeconds} s at ${digits(bytesPerSecond / 1e6)} MB/s, ${digits(backlogBytes / 1e6)} MB waited`
    const rate = `${digits(drainedPerSecond / 1e6)} MB/s for ${digits(seconds)} s, after ${digits(startSeconds)} s of starting`
    rows.push(['backlog', what, rate, counts(content)])
  }
  return markdownTable(['load', 'what was done', 'measured', 'lost, twice, wrong'], rows, [])
}

function counts({ lost, repeated, wrong }: NumberedCounts): string {
  return `${lost}, ${repeated}, ${wrong}`
}
