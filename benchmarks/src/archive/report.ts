// What a run of `npm run bench:archive` prints: a table, what stands behind it, targets, and what is wrong with buckets.
// Pure: results in, text out. Called by ../archive.ts.

import { ratiosByRound, summarize } from '../statistics.ts'
import type { Summary } from '../statistics.ts'
import { digits, markdownTable, withSpread } from '../table.ts'
import type { TargetResult } from '../targets.ts'
import type { ArchiveResult, ArchiveSample } from './throughput.ts'

/** Whose processor time the others' is divided by. */
const baseline = 'weir'
const usualCase = 'gzip-4-1'
const memoryPartitions = 64
const memoryLimitBytes = 512 * 2 ** 20

/**
 * What one filter process writes: 10 % of the 262 MB/s that `npm run bench:kafka` found on the machine of its result file,
 * 2026-11-22-f120669ec9f6, chunks. Another machine may have another figure.
 */
export const filterBytesPerSecond = 26e6

/** The whole reason stands below the table. */
const mostNote = 80

const cpuPerByte = ({ cpuSeconds, bytes }: ArchiveSample): number => cpuSeconds / bytes
const speed = ({ seconds, bytes }: ArchiveSample): number => bytes / seconds

const head = ['case', 'contender', 'CPU s/GB', '× Weir’s', 'MB/s', 'objects', 'stored, %', 'start CPU s', 'peak MB', 'passes', 'note'] // prettier-ignore

/** Returns the table, as Markdown, and what it means. */
export function renderArchive(results: readonly ArchiveResult[]): string {
  const rows = results.map((result) => {
    const { case: name, label, delivery, samples, status, reason = '', bytes } = result
    const start = [name, `${label}, ${delivery.replaceAll('-', ' ')}`]
    if (samples.length === 0)
      return [...start, ...new Array<string>(7).fill(''), '0', `${status}: ${reason.slice(0, mostNote)}`]
    const weir = results.find((each) => each.case === name && each.id === baseline)
    return [
      ...start,
      withSpread(scaled(samples, (sample) => 1e9 * cpuPerByte(sample))),
      withSpread(weir === undefined || weir === result ? undefined : ratioOf(cpuPerByte, result, weir)),
      withSpread(scaled(samples, (sample) => speed(sample) / 1e6)),
      String(summarize(samples.map(({ objects }) => objects)).median),
      digits((100 * summarize(samples.map(({ storedBytes }) => storedBytes)).median) / bytes),
      digits(summarize(samples.map(({ start: begun }) => begun.cpuSeconds)).median),
      digits(peakOf(result) / 1e6),
      String(samples.length),
      '',
    ]
  })
  const about =
    'Bytes of records, before they are compressed, from the first commit until the last object is committed. Processor time of the contender alone, which shares the processors with the broker and the store; all before its first commit is its start.'
  return `${markdownTable(head, rows, head.slice(2, -1))}\n\n${about}`
}

/** Returns the targets that took part. */
export function judgeArchiveTargets(results: readonly ArchiveResult[]): TargetResult[] {
  const weir = results.filter(({ id, samples }) => id === baseline && samples.length > 0)
  const keepsUp = weir
    .filter(({ case: name }) => name === usualCase)
    .map(({ case: name, samples }): TargetResult => {
      const ratio = scaled(samples, (sample) => speed(sample) / filterBytesPerSecond)
      const target = `MB/s of the archive ÷ the ${digits(filterBytesPerSecond / 1e6)} that one filter process writes, 10 % kept ≥ 1 ×`
      return { case: name, target, measured: withSpread(ratio), isReached: ratio.median >= 1 }
    })
  const memory = weir
    .filter(({ partitions }) => partitions === memoryPartitions)
    .map((result): TargetResult => {
      const peak = peakOf(result)
      const measured = `${digits(peak / 2 ** 20)} MiB`
      return { case: result.case, target: 'peak memory ≤ 512 MiB', measured, isReached: peak <= memoryLimitBytes }
    })
  return [...keepsUp, ...memory]
}

/** Returns what must not be: wrong buckets, and passes that failed. */
export function faultsOfArchive(results: readonly ArchiveResult[]): string[] {
  return results.flatMap(({ case: name, id, status, reason = '' }) =>
    status === 'measured' ? [] : [`${name}: ${id} ${status === 'failed' ? 'failed: ' : ''}${reason}`],
  )
}

function peakOf({ samples }: ArchiveResult): number {
  return Math.max(...samples.map(({ peakBytes }) => peakBytes))
}

function scaled(samples: readonly ArchiveSample[], of: (sample: ArchiveSample) => number): Summary {
  return summarize(samples.map(of))
}

function ratioOf(of: (sample: ArchiveSample) => number, result: ArchiveResult, other: ArchiveResult) {
  const values = ({ samples }: ArchiveResult) => samples.map((sample) => ({ round: sample.round, value: of(sample) }))
  const ratios = ratiosByRound(values(result), values(other)).filter((ratio) => Number.isFinite(ratio))
  return ratios.length === 0 ? undefined : summarize(ratios)
}
