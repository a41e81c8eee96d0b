// The table that a run prints: one Markdown row per case and contender, and what each number is made of. Pure: results
// in, text out. Called by main.ts; targets.ts has the rows about targets.

import type { Result } from './result.ts'
import { ratiosByRound, summarize } from './statistics.ts'
import type { Rounded, Summary } from './statistics.ts'

/** The contender that the others of its model are compared with; a ratio never crosses models. */
export const baselines: Readonly<Record<Result['model'], string>> = {
  compile: 'compile-closures',
  kernel: 'json-parse',
  engine: 'engine-1',
  command: 'jq',
  start: 'node-start',
}

/** Returns the rg that has as many threads as a contender of the model *command*. */
export function rgBeside(result: Result): string {
  return result.threads === 1 ? 'rg' : `rg-${result.threads}`
}

/** Returns the bytes a second of each sample. */
export function speeds(result: Result): Rounded[] {
  return result.samples.map(({ round, seconds, bytes = result.bytes }) => ({ round, value: bytes / seconds }))
}

/** Returns speed ÷ speed of another contender of the same case and model, round by round; undefined without rounds. */
export function ratioTo(result: Result, id: string, results: readonly Result[]): Summary | undefined {
  const other = results.find((each) => each.id === id && each.case === result.case && each.model === result.model)
  return other === undefined || other === result ? undefined : speedRatio(result, other)
}

/**
 * Returns speed ÷ speed of two results, round by round; undefined without rounds that both have. They may be of two
 * cases or models that share rounds: speeds are bytes a second, whatever the inputs' sizes.
 */
export function speedRatio(result: Result, other: Result): Summary | undefined {
  const ratios = ratiosByRound(speeds(result), speeds(other))
  return ratios.length === 0 ? undefined : summarize(ratios)
}

/** Returns a number with about three digits. */
export function digits(value: number): string {
  if (value >= 100) return String(Math.round(value)).replace(/\B(?=(?:\d{3})+$)/g, ',')
  if (value > 0 && value < 0.1) return value.toPrecision(2)
  return value >= 10 ? value.toFixed(1) : value.toFixed(2)
}

/** Returns median and, behind it, the spread. */
export function withSpread(summary: Summary | undefined): string {
  if (summary === undefined) return ''
  const { median, least, most, count } = summary
  return count === 1 ? digits(median) : `${digits(median)} (${digits(least)}–${digits(most)})`
}

function escapeCell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ')
}

/** Returns a Markdown table; the columns named in `right` are aligned to the right. */
export function markdownTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly string[],
): string {
  const all = [head, ...rows].map((row) => row.map(escapeCell))
  const widths = head.map((_, i) => Math.max(3, ...all.map((row) => row[i]!.length)))
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, i) => (right.includes(head[i]!) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!))).join(' | ')} |`
  const rule = widths.map((width, i) => (right.includes(head[i]!) ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width)))
  return [line(all[0]!), `| ${rule.join(' | ')} |`, ...all.slice(1).map(line)].join('\n')
}

const head = [
  'case',
  'model',
  'contender',
  'threads',
  'MB/s',
  'records/s',
  'ns/record',
  '× baseline',
  '× rg',
  'CPU s/GB',
  'peak MB',
  'samples',
  'note',
]
const right = ['threads', 'MB/s', 'records/s', 'ns/record', '× baseline', '× rg', 'CPU s/GB', 'peak MB', 'samples']

const untimed: Readonly<Record<Result['status'], string>> = {
  measured: 'not timed',
  skipped: 'skipped',
  wrong: 'WRONG, not timed',
  failed: 'FAILED, not timed',
}

const timeHead = ['case', 'model', 'contender', 'rules', 'ms', 'time ÷ baseline', 'samples', 'note']
const timeRight = ['rules', 'ms', 'time ÷ baseline', 'samples']

/** Whether a model is about the time of something that reads next to no input, so that bytes a second say nothing. */
export function isTimed({ model }: Pick<Result, 'model'>): boolean {
  return model === 'compile' || model === 'start'
}

/** Returns the tables of all results, and below them the reasons of what is not in them. */
export function renderResults(results: readonly Result[]): string {
  const reasons = [...new Set(results.flatMap(({ reason }) => (reason === undefined ? [] : [reason])))]
  const [byTime, bySpeed] = [results.filter(isTimed), results.filter((result) => !isTimed(result))]
  const speedRows = bySpeed.map((result) => row(result, results, reasons))
  const timeRows = byTime.map((result) => timeRow(result, results, reasons))
  const list = reasons.map((reason, i) => `${i + 1}. ${reason.replaceAll('\n', ' ')}`)
  const parts = [
    ...(speedRows.length === 0 ? [] : [markdownTable(head, speedRows, right)]),
    ...(timeRows.length === 0 ? [] : [markdownTable(timeHead, timeRows, timeRight)]),
    ...(list.length === 0 ? [] : [list.join('\n')]),
  ]
  return parts.join('\n\n')
}

function timeRow(result: Result, results: readonly Result[], reasons: readonly string[]): string[] {
  const { case: caseName, model, label, rules, samples, status, reason } = result
  const start = [caseName, model, label, rules === undefined ? '' : String(rules)]
  if (status !== 'measured' || samples.length === 0) {
    return [...start, '', '', '0', `${untimed[status]} (${reasons.indexOf(reason ?? '') + 1})`]
  }
  const base = results.find((each) => each.case === caseName && each.model === model && each.id === baselines[model])
  const ratio = base === undefined || base === result ? undefined : timeRatio(result, base)
  return [
    ...start,
    withSpread(summarize(samples.map(({ seconds }) => seconds * 1000))),
    base === result ? 'baseline' : withSpread(ratio),
    String(samples.length),
    '',
  ]
}

/** Returns time ÷ time of two results, round by round; undefined without rounds that both have. */
export function timeRatio(result: Result, other: Result): Summary | undefined {
  const times = ({ samples }: Result): Rounded[] => samples.map(({ round, seconds }) => ({ round, value: seconds }))
  const ratios = ratiosByRound(times(result), times(other))
  return ratios.length === 0 ? undefined : summarize(ratios)
}

function row(result: Result, results: readonly Result[], reasons: readonly string[]): string[] {
  const { samples, bytes, records, model, status, reason } = result
  const start = [result.case, model, result.label, String(result.threads)]
  if (status !== 'measured' || samples.length === 0) {
    return [...start, '', '', '', '', '', '', '', '0', `${untimed[status]} (${reasons.indexOf(reason ?? '') + 1})`]
  }
  const speed = summarize(speeds(result).map(({ value }) => value))
  const recordsPerSecond = (speed.median / bytes) * records
  const isBaseline = baselines[model] === result.id
  const cpu = samples.flatMap((sample) =>
    sample.cpuSeconds === undefined ? [] : [sample.cpuSeconds / (sample.bytes ?? bytes)],
  )
  const peak = peakOf(result)
  const longest = results.filter((each) => each.case === result.case && each.model === model)
  const isPart = longest.some((each) => each.bytes > bytes)
  return [
    ...start,
    withSpread({ ...speed, median: speed.median / 1e6, least: speed.least / 1e6, most: speed.most / 1e6 }),
    digits(recordsPerSecond),
    digits(1e9 / recordsPerSecond),
    isBaseline ? 'baseline' : withSpread(ratioTo(result, baselines[model], results)),
    model === 'command' && result.id.startsWith('weir') ? withSpread(ratioTo(result, rgBeside(result), results)) : '',
    cpu.length === 0 ? '' : digits(1e9 * summarize(cpu).median),
    peak === undefined ? '' : digits(peak / 1e6),
    String(samples.length),
    [...(isPart ? [`on the first ${digits(bytes / 1e6)} MB`] : []), ...latencyNote(result)].join('; '),
  ]
}

function latencyNote({ samples }: Result): string[] {
  const latencies = samples.flatMap(({ latencyMs }) => latencyMs ?? [])
  if (latencies.length === 0) return []
  const median = (of: 'p50' | 'p99'): string => digits(summarize(latencies.map((each) => each[of])).median)
  return [`batch p50 ${median('p50')} ms, p99 ${median('p99')} ms`]
}

/** Returns the largest memory of value caches of all samples, undefined where it was not told. */
export function cacheOf(result: Result): number | undefined {
  const sizes = result.samples.flatMap(({ cacheBytes }) => cacheBytes ?? [])
  return sizes.length === 0 ? undefined : Math.max(...sizes)
}

/** Returns the largest resident memory of all samples, undefined where it was not measured. */
export function peakOf(result: Result): number | undefined {
  const peaks = result.samples.flatMap(({ peakBytes }) => peakBytes ?? [])
  return peaks.length === 0 ? undefined : Math.max(...peaks)
}
