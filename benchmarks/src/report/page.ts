// The report of a run: a page of Markdown with every table, and a chart for each model. Pure: a result file in, texts out.
// Called by ../report.ts.

import type { Model } from '../contender.ts'
import type { ResultFile } from '../result-file.ts'
import type { Result } from '../result.ts'
import type { ThroughputResult } from '../service/throughput.ts'
import { renderCalibration } from '../calibration-report.ts'
import { summarize } from '../statistics.ts'
import { digits, isTimed, markdownTable, renderResults, speeds } from '../table.ts'
import { renderTargets } from '../targets.ts'
import { drawChart } from './chart.ts'
import type { Bar, BarKind, Chart } from './chart.ts'
import type { ServiceRun } from './service-run.ts'
import { casesOf, describeRun, renderSummary } from './summary.ts'

/** Texts by the name of their file, in the folder of the results. */
export type ReportFiles = ReadonlyMap<string, string>

/** The name of the page. */
export const pageName = 'comparison.md'

/** Contenders that do less than the work: nobody who filters can be faster. */
const ceilings = new Set(['newlines', 'inflate', 'node-start', 'nginx'])
/** A chart of every case would be as long as a table; these are an ordinary, a long and a hostile one of each kind. */
const chartedCases = ['one-rule', 'ten-rules', 'hundred-rules', 'generated-1000', 'unique', 'escapes']
const models: readonly Model[] = ['compile', 'kernel', 'engine', 'command', 'start']
const headings: Readonly<Record<Model, string>> = {
  compile: 'Compiling a rule set',
  kernel: 'Kernels: one thread, records in memory',
  engine: 'The engine: worker threads, a file in the page cache',
  command: 'Whole commands: from a file to a file',
  start: 'Starting: a command that has one record',
}

/** Returns the page and its charts. `name` is that of the result file, which lies beside them. */
export function renderReport(name: string, file: ResultFile, service: ServiceRun | undefined): ReportFiles {
  const files = new Map<string, string>()
  const sections = models.flatMap((model) => {
    const results = file.results.filter((each) => each.model === model)
    if (results.length === 0) return []
    const chart = chartOf(model, results)
    if (chart !== undefined) files.set(chartName(model), drawChart(chart))
    return [`## ${headings[model]}`, ...(chart === undefined ? [] : [image(model, chart)]), renderResults(results)]
  })
  const serviceChart = service && chartOfService(service)
  if (serviceChart !== undefined) files.set(chartName('service'), drawChart(serviceChart))
  const page = [
    '# What was measured',
    '<!-- Written by npm run bench:report; do not edit. -->',
    `${describeRun(file)} The file is [${name}](${name}); how to read it, and what it does not tell, is in ` +
      '[METHODOLOGY.md](../METHODOLOGY.md).',
    renderSummary(file),
    'Medians; `÷` is the speed beside that of another in the same round. An empty place was not measured; the tables below say why.',
    '## Targets',
    renderTargets(file.targets),
    ...sections,
    ...(serviceChart === undefined ? [] : serviceSection(service!, serviceChart)),
    '## Who took part where',
    renderParts(file.results),
    '## Two threads',
    'What a second thread could bring at most, beside each case:',
    file.calibrations.map((each) => `- ${renderCalibration(each)}`).join('\n'),
    '## With what',
    versions(file),
  ]
  files.set(pageName, `${page.filter((part) => part !== '').join('\n\n')}\n`)
  return files
}

function chartName(model: Model | 'service'): string {
  return `comparison-${model}.svg`
}

function image(model: Model | 'service', chart: Chart): string {
  return `![${chart.title}](${chartName(model)})`
}

/** Returns the chart of a model; undefined for a model of which nothing was timed. */
function chartOf(model: Model, results: readonly Result[]): Chart | undefined {
  const timed = results.filter(({ samples }) => samples.length > 0)
  if (timed.length === 0) return undefined
  const names = casesOf(timed)
  const charted = names.filter((name) => chartedCases.includes(name))
  const byTime = isTimed({ model })
  const groups = (charted.length === 0 || byTime ? names : charted).map((name) => {
    const bars = timed.filter((each) => each.case === name).map((each) => barOf(each, byTime))
    const rules = timed.find((each) => each.case === name)?.rules
    const isFaster = byTime ? 1 : -1
    return {
      name: rules === undefined ? name : `${name}, ${rules} ${rules === 1 ? 'rule' : 'rules'}`,
      bars: bars.toSorted((a, b) => isFaster * (a.value.median - b.value.median)),
    }
  })
  const axis = byTime ? 'Milliseconds, less is better' : 'MB of records a second, more is better'
  return { title: headings[model], axis: `${axis}; logarithmic; whiskers from the least to the most.`, groups }
}

function barOf(result: Result, byTime: boolean): Bar {
  const values = byTime
    ? result.samples.map(({ seconds }) => seconds * 1000)
    : speeds(result).map(({ value }) => value / 1e6)
  return { label: result.label, kind: kindOf(result), value: summarize(values) }
}

function kindOf({ id, label }: { readonly id: string; readonly label: string }): BarKind {
  if (ceilings.has(id)) return 'ceiling'
  return /weir/i.test(label) ? 'weir' : 'other'
}

function chartOfService({ throughput }: ServiceRun): Chart | undefined {
  const timed = throughput.filter(({ samples }) => samples.length > 0)
  if (timed.length === 0) return undefined
  const nameOf = ({ bodyBytes, encoding }: ThroughputResult): string =>
    `bodies of ${bodyBytes / 1e6} MB, ${encoding === 'gzip' ? 'gzip' : 'plain'}`
  return {
    title: 'The service: bodies over HTTP to a folder',
    axis: 'MB of records a second, more is better; logarithmic; whiskers from the least to the most.',
    groups: [...new Set(timed.map(nameOf))].map((name) => ({
      name,
      bars: timed
        .filter((each) => nameOf(each) === name)
        .map((each) => ({
          label: each.label,
          kind: kindOf(each),
          value: summarize(each.samples.map(({ seconds }) => each.bytes / seconds / 1e6)),
        }))
        .toSorted((a, b) => b.value.median - a.value.median),
    })),
  }
}

function serviceSection({ name }: ServiceRun, chart: Chart): string[] {
  return [
    '## The service: bodies over HTTP to a folder',
    image('service', chart),
    `A run of \`npm run bench:service\` by itself: [${name}](${name}). Who makes the load shares the processors.`,
  ]
}

/** Returns which cases each contender was measured in, and why it was not in the others. */
function renderParts(results: readonly Result[]): string {
  const contenders = [...new Map(results.map((each) => [`${each.model} ${each.id}`, each])).values()]
  const rows = contenders.map(({ model, id, label }) => {
    const own = results.filter((each) => each.model === model && each.id === id)
    const measured = own.filter(({ status }) => status === 'measured')
    const others = own.filter(({ status }) => status !== 'measured')
    const reasons = [...new Set(others.map(({ status, reason = '' }) => `${status}: ${reason}`))].map((reason) => {
      const names = others.filter((each) => `${each.status}: ${each.reason ?? ''}` === reason)
      return `${names.map((each) => each.case).join(', ')}: ${reason}`
    })
    const isEverywhere = others.length === 0
    return [model, label, isEverywhere ? 'all' : measured.map((each) => each.case).join(', '), reasons.join('; ')]
  })
  return markdownTable(['model', 'contender', 'cases', 'not in'], rows, [])
}

function versions({ machine }: ResultFile): string {
  const { tools, packages = {}, instructions = [] } = machine
  const rows: (readonly string[])[] = [
    ...Object.entries(tools).map(([name, version]) => [name, version ?? 'not installed']),
    ...Object.entries(packages).map(([name, version]) => [`npm ${name}`, version]),
    ...(instructions.length === 0 ? [] : [['instructions of the processor', instructions.join(', ')]]),
    ['memory', `${digits(machine.memoryBytes / 2 ** 30)} GiB`],
  ]
  return markdownTable(['what', 'version'], rows, [])
}
