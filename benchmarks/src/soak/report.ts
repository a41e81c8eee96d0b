// What a soak prints and draws. Pure: results in, text out. Called by ../soak.ts.

import { summarize } from '../statistics.ts'
import { digits, markdownTable, withSpread } from '../table.ts'
import { roles } from './chain.ts'
import { chartsSvg } from './charts.ts'
import type { Chart } from './charts.ts'
import type { SoakOptions } from './options.ts'
import type { RoleSample, SoakSample } from './sampler.ts'
import { closeLimitMs, figuresOf } from './verdict.ts'
import type { SoakResults } from './verdict.ts'

const columns = ['process', 'processors', 'memory MB', 'peak MB', '% an hour', 'event loop p99, median ms', 'worst ms', 'most lag'] // prettier-ignore

/** Returns the tables, as Markdown. */
export function renderSoak(results: SoakResults): string {
  const rows = figuresOf(results).map((figures) => [
    figures.role,
    digits(figures.processors),
    digits(figures.residentBytes / 1e6),
    digits(figures.peakBytes / 1e6),
    figures.growthPerHour?.toFixed(2) ?? '',
    digits(figures.medianEventLoopMs),
    digits(figures.worstEventLoopMs),
    digits(figures.mostLag),
  ])
  const about =
    'While bodies came, after a third of the time or ten minutes, but for peaks. Lag is in offsets: values of chunks for the filter; for the archive records and markers, whose objects are open.'
  return `${markdownTable(columns, rows, columns.slice(1))}\n\n${about}\n\n${sentences(results).join('\n')}`
}

function sentences(results: SoakResults): string[] {
  const { posts, bytes, seconds, statuses, latencyMs, objects, content, verified, loadCpuSeconds } = results
  const answers = Object.entries(statuses).map(([status, count]) => `${count} × ${status}`)
  const posted = `${posts} bodies, ${digits(bytes / 1e6)} MB in ${Math.round(seconds)} s, answered ${answers.join(', ')}; p50 ${digits(latencyMs.p50)} ms, p99 ${digits(latencyMs.p99)} ms, max ${digits(latencyMs.max)} ms; who posts takes ${digits(loadCpuSeconds / seconds)} processors.`
  const { records, lost, repeated, wrong } = content
  const held = `${objects.length} objects hold ${records} records: ${lost} lost, ${repeated} twice, ${wrong} wrong. weir archive verify: ${verified.said}`
  if (objects.length === 0) return [posted, held]
  const of = (value: (object: SoakResults['objects'][number]) => number) => withSpread(summarize(objects.map(value)))
  const delays = objects.flatMap(({ delayMs }) => (delayMs === undefined ? [] : [delayMs / 1000]))
  const sizes = `An object has ${of(({ records: each }) => each)} records, ${of(({ rawBytes }) => rawBytes / 1e6)} MB, stored as ${of(({ storedBytes }) => storedBytes / 1e6)} MB; the last one of a minute is there ${withSpread(summarize(delays))} s after it.`
  return [posted, held, sizes]
}

/** Returns the charts, as an SVG image. */
export function drawSoak(results: SoakResults, { recordsPerSecond, minutes, kept }: SoakOptions): string {
  const title = `HTTP → raw → filter → processed → archive: ${recordsPerSecond} records/s for ${minutes} min, ${kept} % kept`
  return chartsSvg(title, chartsOf(results))
}

function chartsOf({ samples, objects, startedMs }: SoakResults): readonly Chart[] {
  const over = (value: (sample: SoakSample) => number) =>
    samples.map((each) => [each.seconds / 60, value(each)] as const)
  const byRole = (value: (sample: RoleSample) => number) =>
    roles.map((name) => ({ name, points: over((sample) => value(sample.roles[name])) }))
  const one = (name: string, value: (sample: SoakSample) => number) => [{ name, points: over(value) }]
  const byObject = (value: (object: SoakResults['objects'][number]) => number | undefined) =>
    objects.flatMap((object) => {
      const found = value(object)
      return found === undefined ? [] : [[(object.modifiedMs - startedMs) / 60_000, found] as const]
    })
  return [
    { title: 'Resident memory', unit: 'MB', series: byRole(({ residentBytes }) => residentBytes / 1e6) },
    { title: 'Processor time', unit: 'processors', series: byRole(({ processors }) => processors) },
    { title: 'Event-loop delay, p99', unit: 'ms', series: byRole(({ eventLoopMs }) => eventLoopMs || 0), limit: 50 },
    { title: 'Bytes in flight', unit: 'MB', series: one('ingest', ({ inFlightBytes }) => inFlightBytes / 1e6) },
    { title: 'Lag of the filter', unit: 'values', series: one('filter', (sample) => sample.roles.filter.lag) },
    { title: 'Lag of the archive', unit: 'records', series: one('archive', (sample) => sample.roles.archive.lag) },
    {
      title: 'Objects, by when they were written',
      unit: 'MB',
      areDots: true,
      series: [
        { name: 'records', points: byObject(({ rawBytes }) => rawBytes / 1e6) },
        { name: 'stored', points: byObject(({ storedBytes }) => storedBytes / 1e6) },
      ],
    },
    {
      title: 'From the end of a minute to its last object',
      unit: 's',
      areDots: true,
      limit: closeLimitMs / 1000,
      series: [{ name: 'delay', points: byObject(({ delayMs }) => delayMs && delayMs / 1000) }],
    },
  ]
}
