// The table of the README: a row for each case, with Weir's speed and what it is beside the others of the same case.
// Where nothing was measured, a column is left out. Also what stands between two marks of a text, which is replaced.
// Pure; called by page.ts and report.ts.

import { UsageError } from '../errors.ts'
import type { ResultFile } from '../result-file.ts'
import type { Model } from '../contender.ts'
import type { CalibrationResult, Result } from '../result.ts'
import { summarize } from '../statistics.ts'
import type { Summary } from '../statistics.ts'
import { digits, markdownTable, peakOf, ratioTo, speeds, withSpread } from '../table.ts'

interface Column {
  readonly name: string
  readonly cell: (find: (model: Model, id: string) => Result | undefined, results: readonly Result[]) => string
}

const median = (summary: Summary | undefined): string => (summary === undefined ? '' : digits(summary.median))

const speed = (name: string, model: Model, id: string): Column => ({
  name,
  cell: (find) => {
    const result = find(model, id)
    const values = result === undefined ? [] : speeds(result)
    return values.length === 0 ? '' : median(summarize(values.map(({ value }) => value / 1e6)))
  },
})

const ratio = (name: string, model: Model, id: string, other: string): Column => ({
  name,
  cell: (find, results) => {
    const result = find(model, id)
    return result === undefined ? '' : median(ratioTo(result, other, results))
  },
})

const columns: readonly Column[] = [
  speed('kernel MB/s', 'kernel', 'native'),
  ratio('÷ JSON.parse', 'kernel', 'native', 'json-parse'),
  ratio('÷ plain C++', 'kernel', 'native', 'plain-cpp'),
  speed('`weir filter` MB/s', 'command', 'weir-1'),
  ratio('÷ rg', 'command', 'weir-1', 'rg'),
  ratio('÷ jq', 'command', 'weir-1', 'jq'),
  ratio('÷ DuckDB', 'command', 'weir-1', 'duckdb'),
  ratio('÷ chDB', 'command', 'weir-1', 'chdb'),
  speed('on 2 threads', 'command', 'weir-2'),
  {
    name: 'peak MB',
    cell: (find) => {
      const peak = ['weir-1', 'weir-2'].flatMap((id) => {
        const result = find('command', id)
        return (result && peakOf(result)) ?? []
      })
      return peak.length === 0 ? '' : digits(Math.max(...peak) / 1e6)
    },
  },
]

/** Returns the names of the cases of some results, in their order. */
export function casesOf(results: readonly Result[]): string[] {
  return [...new Set(results.map((each) => each.case))]
}

/** Returns one table of a run: medians, cases in their order. */
export function renderSummary({ results }: Pick<ResultFile, 'results'>): string {
  const rows = casesOf(results).map((name) => {
    const find = (model: Model, id: string): Result | undefined =>
      results.find((each) => each.case === name && each.model === model && each.id === id)
    return { name, cells: columns.map(({ cell }) => cell(find, results)) }
  })
  const isUsed = columns.map((_, i) => rows.some(({ cells }) => cells[i] !== ''))
  const used = <T>(items: readonly T[]): T[] => items.filter((_, i) => isUsed[i])
  const head = ['case', ...used(columns).map(({ name }) => name)]
  const body = rows
    .filter(({ cells }) => cells.some((cell) => cell !== ''))
    .map(({ name, cells }) => [name, ...used(cells).map((cell) => (cell === '' ? '–' : cell))])
  return markdownTable(head, body, head.slice(1))
}

/** Returns what a run was taken with, as a sentence. */
export function describeRun({ machine, options, results, calibrations }: ResultFile): string {
  const { processor, processors, memoryBytes, system, node, commit } = machine
  const of = (model: Model): number =>
    Math.max(0, ...results.filter((each) => each.model === model).map(({ bytes }) => bytes))
  return (
    `One run of \`npm run bench\` at commit ${commit?.slice(0, 12) ?? 'none'}, ${options.samples} samples, on ` +
    `${processors} processors of an ${processor} with ${Math.round(memoryBytes / 2 ** 30)} GiB, ${system}, Node ${node}: ` +
    `kernels on ${digits(of('kernel') / 1e6)} MB in memory, commands on a file of ${digits(of('command') / 1e6)} MB in the page cache.${describeScaling(calibrations)}`
  )
}

function describeScaling(calibrations: readonly CalibrationResult[]): string {
  const factors = calibrations.flatMap(({ samples }) => samples.map(({ one, two }) => two / one))
  if (factors.length === 0) return ''
  const factor = withSpread(summarize(factors))
  return ` Two loops of the native kernel at once did ${factor} × the work of one.`
}

/** What stands before and behind the generated part of a text. */
export const marks = { from: '<!-- from npm run bench:report -->', to: '<!-- end of bench:report -->' } as const

/** Returns the text with other content between the marks. Errors: UsageError where the marks are not there, in order. */
export function replaceMarked(text: string, content: string, name: string): string {
  const [from, to] = [text.indexOf(marks.from), text.indexOf(marks.to)]
  if (from < 0 || to < from)
    throw new UsageError(`${name} needs the lines ${marks.from} and ${marks.to}, in this order.`)
  return `${text.slice(0, from + marks.from.length)}\n\n${content}\n\n${text.slice(to)}`
}
