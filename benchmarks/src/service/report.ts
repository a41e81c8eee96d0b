// What a run prints: a table for each case, and what is wrong with the answers. Pure: results in, text out. Called by
// ../service.ts.

import { ratiosByRound, summarize } from '../statistics.ts'
import { digits, markdownTable, withSpread } from '../table.ts'
import type { Statuses } from './load-protocol.ts'
import type { MemoryResult } from './memory.ts'
import type { Latency, OverloadResult, SteadyResult } from './rated.ts'
import type { ThroughputResult } from './throughput.ts'

/** Results of the cases that were run. */
export interface ServiceResults {
  readonly throughput?: readonly ThroughputResult[]
  readonly steady?: SteadyResult
  readonly overload?: OverloadResult
  readonly memory?: readonly MemoryResult[]
}

const mebibyte = 2 ** 20

/** Returns the tables, as Markdown. */
export function renderService({ throughput, steady, overload, memory }: ServiceResults): string {
  const parts = [
    ...(throughput === undefined ? [] : [renderThroughput(throughput)]),
    ...(steady === undefined ? [] : [renderSteady(steady)]),
    ...(overload === undefined ? [] : [renderOverload(overload)]),
    ...(memory === undefined ? [] : [renderMemory(memory)]),
  ]
  return parts.join('\n\n')
}

/** Returns what must not be: wrong answers, lost and repeated records, and answers that no sender would repeat. */
export function faultsOf({ throughput = [], steady, overload, memory = [] }: ServiceResults): string[] {
  const faults = throughput
    .filter(({ status }) => status === 'wrong')
    .map(({ label, reason }) => `${label} ${reason ?? ''}`)
  for (const [name, rated] of [['steady', steady] as const, ['overload', overload] as const]) {
    if (rated === undefined) continue
    const { lost, repeated, wrong } = rated.content
    if (lost + repeated + wrong > 0) faults.push(`${name}: ${lost} records lost, ${repeated} twice, ${wrong} wrong`)
    const others = Object.keys(rated.statuses).filter((status) => !['200', '429', '503'].includes(status))
    if (others.length > 0) faults.push(`${name}: answers ${JSON.stringify(rated.statuses)}`)
  }
  for (const { name, statuses } of memory) {
    if (statuses[0] !== undefined) faults.push(`memory, ${name}: ${statuses[0]} requests without an answer`)
  }
  return faults
}

function renderThroughput(results: readonly ThroughputResult[]): string {
  const head = ['body', 'contender', 'MB/s', '× Node', 'CPU s/GB', '× less CPU', 'load CPU s/GB', 'peak MB', 'note']
  const rows = results.map((result) => throughputRow(result, results))
  const table = markdownTable(head, rows, head.slice(2, -1))
  return `${table}\n\nMB of records, before compression. The load maker shares the processors with the server.`
}

function throughputRow(result: ThroughputResult, results: readonly ThroughputResult[]): string[] {
  const { bodyBytes, encoding, label, samples, bytes, status, reason = '', peakBytes } = result
  const start = [`${bodyBytes / 1e6} MB ${encoding === 'gzip' ? 'gzip' : 'plain'}`, label]
  if (samples.length === 0)
    return [...start, '', '', '', '', '', '', status === 'skipped' ? reason : `WRONG: ${reason}`]
  const node = results.find(
    (each) => each.id === 'node' && each.bodyBytes === bodyBytes && each.encoding === encoding && each !== result,
  )
  const per = (of: (sample: (typeof samples)[number]) => number, from: ThroughputResult) =>
    from.samples.map((sample) => ({ round: sample.round, value: of(sample) }))
  const ratio = (of: (sample: (typeof samples)[number]) => number): string => {
    const ratios = node === undefined ? [] : ratiosByRound(per(of, node), per(of, result))
    return ratios.length === 0 ? '' : withSpread(summarize(ratios))
  }
  return [
    ...start,
    withSpread(summarize(samples.map(({ seconds }) => bytes / seconds / 1e6))),
    ratio(({ seconds }) => seconds),
    withSpread(summarize(samples.map(({ cpuSeconds }) => (1e9 * cpuSeconds) / bytes))),
    ratio(({ cpuSeconds }) => cpuSeconds),
    digits((1e9 * summarize(samples.map(({ loadCpuSeconds }) => loadCpuSeconds)).median) / bytes),
    peakBytes === undefined ? '' : digits(peakBytes / 1e6),
    '',
  ]
}

function renderSteady(steady: SteadyResult): string {
  const { recordsPerSecond, seconds, statuses, latencyMs, eventLoopMs, content, judged } = steady
  return pairs([
    ['steady load', `${digits(recordsPerSecond)} records/s of 1 KiB for ${seconds} s`],
    ['answers', answers(statuses)],
    ['POST p50, p95, p99, max', latency(latencyMs)],
    ['event loop p99, max', `${digits(eventLoopMs.p99)} ms, ${digits(eventLoopMs.max)} ms`],
    ['judged, kept', `${judged}, ${content.records}`],
    ['lost, twice, wrong', `${content.lost}, ${content.repeated}, ${content.wrong}`],
    ['resident, idle and peak', `${mib(steady.idleBytes)}, ${mib(steady.peakBytes)}`],
    [
      'CPU of service and load maker',
      `${percent(steady.cpuSeconds / seconds)}, ${percent(steady.loadCpuSeconds / seconds)}`,
    ],
  ])
}

function renderOverload(overload: OverloadResult): string {
  const { capacityBytesPerSecond: capacity, goodputBytesPerSecond: good, content, normalAfterSeconds } = overload
  return pairs([
    [
      'overload',
      `a disk of ${digits(overload.diskBytesPerSecond / 1e6)} MB/s; capacity ${digits(capacity / 1e6)} MB/s`,
    ],
    ['offered', `${digits(overload.offeredBytesPerSecond / 1e6)} MB/s for ${overload.seconds} s`],
    ['answers', answers(overload.statuses)],
    ['goodput', `${digits(good / 1e6)} MB/s, ${percent(good / capacity)} of capacity`],
    ['200 p50, p95, p99, max', latency(overload.latencyMs)],
    ['in the second half', latency(overload.standingMs)],
    ['refusal p50, p95, p99, max', latency(overload.refusalMs)],
    ['normal after', normalAfterSeconds === undefined ? 'more than 60 s' : `${digits(normalAfterSeconds)} s`],
    ['lost, twice, wrong', `${content.lost}, ${content.repeated}, ${content.wrong}`],
    ['resident, idle and peak', `${mib(overload.idleBytes)}, ${mib(overload.peakBytes)}`],
  ])
}

function renderMemory(results: readonly MemoryResult[]): string {
  const head = ['memory', 'answers', 'idle', 'peak', 'above idle', 'others p99']
  const rows = results.map(({ name, statuses, idleBytes, peakBytes, connections, latencyMs }) => [
    `${name} (${connections} open)`,
    answers(statuses),
    mib(idleBytes),
    mib(peakBytes),
    mib(peakBytes - idleBytes),
    latencyMs === undefined ? '' : `${digits(latencyMs.p99)} ms`,
  ])
  return markdownTable(head, rows, head.slice(2))
}

function pairs(rows: readonly (readonly [string, string])[]): string {
  const [first, ...rest] = rows
  return markdownTable(first!, rest, [])
}

function answers(statuses: Statuses): string {
  return Object.entries(statuses)
    .map(([status, count]) => `${count} × ${status === '0' ? 'none' : status}`)
    .join(', ')
}

function latency({ p50, p95, p99, max }: Latency): string {
  return [p50, p95, p99, max].map((ms) => `${digits(ms)} ms`).join(', ')
}

function mib(bytes: number): string {
  return `${Math.round(bytes / mebibyte)} MiB`
}

function percent(share: number): string {
  return `${Math.round(100 * share)} %`
}
