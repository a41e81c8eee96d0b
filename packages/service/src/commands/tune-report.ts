// What `weir tune` tells: the curve, the settings with their figures, the recommendation with its reasons and what others
// would cost, then the rules. As text for people, or as one object. Decides nothing. Called by tune.ts.

import type { FieldReport, KernelInUse, RuleSetIssue } from '@weir/engine'

import { formatGivenSize, formatSize } from '../config/quantities.ts'
import { visible, visibleLine } from '../log.ts'
import { leastAdviceRecords } from '../tuning/advice.ts'
import type { TriedAdvice } from '../tuning/advice-trials.ts'
import type { Calibration, NoCalibration } from '../tuning/calibration.ts'
import type { Alternative, Choice, Figures } from '../tuning/choice.ts'
import type { Interval } from '../tuning/intervals.ts'
import type { Point, Purpose } from '../tuning/points.ts'
import { worthwhile } from '../tuning/race.ts'
import type { Ending, Reason } from '../tuning/race.ts'
import type { RuleCosts } from '../tuning/rule-costs.ts'
import { formatBytes } from './progress.ts'
import { chartLines } from './tune-chart.ts'
import type { WrittenSettings } from './tune-settings.ts'

/** The sample, and what the rules make of it. */
export interface SampleFacts {
  readonly name: string
  readonly bytes: number
  /** Whether the input goes on behind the sample. */
  readonly isCut: boolean
  /** Bytes that each measurement evaluates, and how many times the sample is in them. */
  readonly workBytes: number
  readonly repeats: number
  /** Of the part that was counted. */
  readonly countedBytes: number
  readonly records: number
  readonly kept: number
  readonly malformed: number
}

/** A setting that was measured. */
export interface Measured extends Figures {
  readonly rounds: number
  readonly out?: Reason | undefined
  /** Speed ÷ that of the recommended one, over the rounds that both ran. */
  readonly ratio: Interval | undefined
}

/** A setting that was left out, and why. */
export interface LeftOut {
  readonly point: Point
  readonly why: 'memory' | 'work'
  readonly expectedBytes: number
}

/** What is known about settings. */
export interface SettingsResult {
  readonly calibration: Calibration | NoCalibration
  readonly measured: readonly Measured[]
  readonly leftOut: readonly LeftOut[]
  readonly rounds: number
  readonly ending: Ending
  readonly choice: Choice | undefined
}

/** What is known about rules. */
export interface RulesResult {
  readonly costs: RuleCosts
  readonly advice: TriedAdvice
  /** Of the part of the sample that was counted; empty for the portable kernel. */
  readonly fields: readonly FieldReport[]
  /** Bytes that rules were measured on. */
  readonly bytes: number
  /** Filters of the original are measured as rules that say the same of ordinary records. */
  readonly dialect: 'weir' | 'original'
}

/** Everything that is told. */
export interface TuneResult {
  readonly purpose: Purpose
  readonly machine: { readonly processors: number; readonly model: string; readonly node: string }
  readonly kernel: KernelInUse
  readonly ruleSet: { readonly file: string; readonly version: string; readonly warnings: readonly RuleSetIssue[] }
  readonly sample: SampleFacts
  readonly targetLatencyMs: number | undefined
  readonly maxMemoryBytes: number | undefined
  readonly settings: SettingsResult | undefined
  readonly rules: RulesResult | undefined
  readonly written: WrittenSettings | undefined
  /** Whether a signal ended it before its time: what is told is what was known by then. */
  readonly isInterrupted: boolean
}

/** Returns the result as plain data; what is infinite is null. */
export function tuneObject(result: TuneResult): Record<string, unknown> {
  return { ...result }
}

/** Returns the lines for people. `columns`: how wide they may be, tables apart. */
export function tuneLines(result: TuneResult, columns: number): string[] {
  const { settings, rules } = result
  return [
    ...headLines(result),
    ...(settings === undefined ? [] : ['', ...settingsLines(result, settings, columns)]),
    ...(rules === undefined ? [] : ['', ...rulesLines(rules, result.sample)]),
    ...(result.written === undefined ? [] : ['', ...writtenLines(result.written)]),
    ...(result.isInterrupted ? ['', 'Interrupted: this is what was known by then.'] : []),
  ].map((line) => visible(line))
}

function headLines(result: TuneResult): string[] {
  const { sample, machine, kernel, purpose, settings } = result
  const { name, bytes, isCut, records, kept, malformed, workBytes, repeats, countedBytes } = sample
  const counted = countedBytes < bytes ? ` (counted in the first ${formatBytes(countedBytes)})` : ''
  const use =
    settings === undefined
      ? `rules measured on the first ${formatBytes(result.rules?.bytes ?? 0)}`
      : repeats > 1
        ? `repeated ${repeats} times to ${formatBytes(workBytes)}: values that never repeat in real logs do so here`
        : `measured on ${formatBytes(workBytes)} of it`
  return [
    `sample    ${visibleLine(name)}: ${isCut ? 'the first ' : ''}${formatBytes(bytes)}, ${use}`,
    `          ${records} ${records === 1 ? 'record' : 'records'}, ${percent(kept / Math.max(1, records))} kept or routed, ${malformed} malformed${counted}`,
    `machine   ${machine.processors} ${machine.processors === 1 ? 'processor' : 'processors'}, ${machine.model}, Node ${machine.node}`,
    `kernel    ${kernel.name}${kernel.fallback === undefined ? '' : `, many times slower than the native one: ${kernel.fallback}`}`,
    ...(settings === undefined
      ? []
      : [
          `for       ${purpose === 'filter' ? 'whole files, as `weir filter` reads them' : 'values of Kafka batches, 2 x threads calls in flight'}`,
        ]),
  ]
}

function settingsLines(result: TuneResult, settings: SettingsResult, columns: number): string[] {
  const { measured, choice } = settings
  const isChosen = (figures: Figures) => figures.point === choice?.point
  const modes = [...new Set(measured.map(({ point }) => point.validation))]
  return [
    scalingLine(settings.calibration),
    '',
    ...modes.flatMap((mode) => [
      ...(modes.length > 1 ? [`validation ${mode}`] : []),
      ...chartLines(
        measured.filter(({ point }) => point.validation === mode),
        { columns, isChosen },
      ),
      '',
    ]),
    ...tableLines(settings, modes.length > 1),
    ...leftOutLines(settings.leftOut, result.maxMemoryBytes),
    '',
    ...(choice === undefined
      ? ['Nothing was measured often enough to recommend it.']
      : choiceLines(result, choice, settings)),
  ]
}

function scalingLine(calibration: Calibration | NoCalibration): string {
  if ('reason' in calibration) return `scaling   not measured: ${calibration.reason}`
  const { one, two, ratio } = calibration
  return `scaling   the same kernel loop on one thread ${speedText(one)}, on two together ${speedText(two)}: ${ratio.middle.toFixed(2)} times (${ratio.low.toFixed(2)} to ${ratio.high.toFixed(2)})`
}

function tableLines({ measured, choice }: SettingsResult, hasModes: boolean): string[] {
  const rows = measured.map((each) => [
    String(each.point.threads),
    formatSize(each.point.batchBytes),
    ...(hasModes ? [each.point.validation] : []),
    speedText(each.speed),
    each.ratio === undefined || each.point === choice?.point ? '' : rangeText(each.ratio),
    msText(each.p99Ms),
    formatBytes(each.expectedBytes),
    String(each.rounds),
    each.point === choice?.point ? 'recommended' : each.out === 'late' ? 'too late' : (each.out ?? ''),
  ])
  const head = [
    'threads',
    'batch',
    ...(hasModes ? ['validation'] : []),
    'speed (95 % interval)',
    'of the recommended',
    'p99',
    'memory',
    'rounds',
    '',
  ]
  return table([head, ...rows])
}

/** Returns rows as lines, columns aligned; numbers are as easily read from the left. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)))
  return rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}

function leftOutLines(leftOut: readonly LeftOut[], maxMemoryBytes: number | undefined): string[] {
  const named = (why: LeftOut['why']) => leftOut.filter((each) => each.why === why).map(({ point }) => pointText(point))
  const [memory, work] = [named('memory'), named('work')]
  return [
    ...(memory.length === 0
      ? []
      : [`left out, for they may take more than ${formatGivenSize(maxMemoryBytes ?? 0)}: ${memory.join('; ')}`]),
    ...(work.length === 0 ? [] : [`left out, for what is measured is too short for them: ${work.join('; ')}`]),
  ]
}

function choiceLines(result: TuneResult, choice: Choice, settings: SettingsResult): string[] {
  const { point, speed, p99Ms, expectedBytes } = choice
  const mode = settings.measured.some((each) => each.point.validation !== point.validation)
  return [
    `Recommended: --threads ${point.threads} --batch-bytes ${formatSize(point.batchBytes)}${mode ? ` --validation ${point.validation}` : ''}`,
    `  ${speedText(speed)}, p99 ${msText(p99Ms)}, memory up to about ${formatBytes(expectedBytes)}`,
    ...whyLines(result, choice, settings).map((line) => `  ${line}`),
    ...choice.alternatives.map((each) => `  ${alternativeText(each, choice)}`),
  ]
}

function whyLines(
  { targetLatencyMs }: TuneResult,
  choice: Choice,
  { measured, ending, rounds }: SettingsResult,
): string[] {
  const inTime = measured.filter(({ p99Ms }) => targetLatencyMs !== undefined && p99Ms.middle <= targetLatencyMs).length
  const settings =
    targetLatencyMs === undefined
      ? `${measured.length} settings`
      : `the ${inTime} settings, of ${measured.length}, whose p99 is within ${targetLatencyMs} ms`
  const times = rounds === 1 ? 'one round' : `${rounds} rounds`
  const ends: Readonly<Record<Ending, string>> = {
    clear: `The answer was clear after ${times}.`,
    rounds: `After ${times}.`,
    time: `After ${times} the time was over; --within gives it more.`,
    interrupted: `Interrupted after ${times}.`,
  }
  if (!choice.meetsTarget) {
    return [
      `None of ${measured.length} settings has its p99 within ${targetLatencyMs} ms: this is the nearest. ${ends[ending]}`,
    ]
  }
  const { ties, fastest, rivals } = choice
  const equal = ties.map((point) => pointText(point)).join('; ')
  const why =
    fastest === undefined
      ? `Why: ${rivals.length === 0 ? 'the fastest' : 'on average the fastest'} of ${settings}.`
      : `Why: as fast as any of ${settings}, as far as could be measured, and with the least memory of these.`
  const { low, high, samples } = choice.speed
  const isRestless = samples > 2 && high / low > restless
  return [
    `${why} ${ends[ending]}`,
    ...(rivals.length === 0 ? [] : [undecidedText(rivals.length)]),
    ...(isRestless ? ['Its speed varied much from round to round: something else is at work on this machine.'] : []),
    ...(ties.length === 0 ? [] : [`As good, as far as could be measured: ${equal}.`]),
  ]
}

function undecidedText(rivals: number): string {
  const who = rivals === 1 ? 'one other' : `${rivals} others`
  return `Undecided: ${who} may be faster by more than ${100 * worthwhile} %, as far as could be measured.`
}

const kinds: Readonly<Record<Alternative['kind'], string>> = {
  next: 'Next best',
  'fewer-threads': 'With fewer threads',
  sooner: 'Sooner',
  'other-mode': 'With another validation mode',
}

function alternativeText(each: Alternative, choice: Choice): string {
  const { speedRatio, p99Ms, expectedBytes } = each
  const memory = `${formatBytes(expectedBytes)} instead of ${formatBytes(choice.expectedBytes)}`
  const mode = each.kind === 'other-mode' ? `${each.point.validation}, ` : ''
  return `${kinds[each.kind]}: ${mode}${pointText(each.point)}: ${ratioText(speedRatio, 'the speed')}, p99 ${msText(p99Ms)}, memory ${memory}`
}

/** An interval of speeds that is wider than this is not the rules' doing. */
const restless = 1.5

/** Rules that are told one by one. */
const mostRules = 15

function rulesLines({ costs, advice, fields, dialect }: RulesResult, sample: SampleFacts): string[] {
  const measured = costs.rules.filter(({ aloneNs }) => aloneNs !== undefined)
  const dearest = measured.toSorted((a, b) => b.aloneNs! - a.aloneNs!).slice(0, mostRules)
  const unmeasured = costs.rules.length - measured.length
  const rows = dearest.map(({ id, aloneNs, decided, inSet }) => [
    id,
    nsText(aloneNs!),
    percent(decided / Math.max(1, sample.records)),
    inSet === undefined ? '' : ratioText(inSet, 'the time with it'),
  ])
  const whole = costs.setNs === undefined ? '' : `; all together ${nsText(costs.setNs)}`
  return [
    `Rules: time by itself for a record, above reading it${whole}; on one thread`,
    ...table([
      ['rule', 'by itself', 'decided', 'the set takes'],
      ...rows,
      ['(default)', '', percent(costs.byDefault / Math.max(1, sample.records)), ''],
    ]),
    ...(measured.length > dearest.length ? [`and ${measured.length - dearest.length} rules that cost less`] : []),
    ...(unmeasured > 0 ? [`${unmeasured} rules were not measured: the time was over`] : []),
    ...(dialect === 'original'
      ? ['Filters of the original are measured as the rules that `weir rules import` makes of them.']
      : []),
    ...fieldLines(fields, sample),
    '',
    ...adviceLines({ advice, dialect }, sample),
  ]
}

function fieldLines(fields: readonly FieldReport[], { records }: SampleFacts): string[] {
  if (fields.length === 0) return []
  const rows = fields.map(({ field, decode, values, lookedUp, known }) => [
    decode === 'url' ? `${field} (decoded)` : field,
    percent(values / Math.max(1, records)),
    percent(lookedUp / Math.max(1, values)),
    lookedUp === 0 ? '' : percent(known / lookedUp),
  ])
  return [
    '',
    'Fields: a value that was met before need not be judged again; where few are, they are not looked up for a while',
    ...table([['field', 'read', 'looked up', 'met before'], ...rows]),
  ]
}

function adviceLines(
  { advice: { advice, tried, untried }, dialect }: Pick<RulesResult, 'advice' | 'dialect'>,
  { records }: SampleFacts,
): string[] {
  if (dialect === 'original') return []
  if (records < leastAdviceRecords)
    return [
      `What would make them cheaper: not tried, for times and shares of ${records === 1 ? 'one record' : `${records} records`} are chance: give a sample of ${leastAdviceRecords} or more.`,
    ]
  const time = untried === 0 ? '' : ` ${untried} more were not tried: the time was over.`
  if (advice.length === 0)
    return [
      `What would make them cheaper: of ${tried} changes that were tried, none gains enough to be worth it.${time}`,
    ]
  return [
    `What would make them cheaper (of ${tried} changes that were tried; each by itself):${time}`,
    ...advice.flatMap(({ rules, text, caveat, gain, isPart }) => {
      const who = rules.slice(0, 3).join(', ') + (rules.length > 3 ? `, and ${rules.length - 3} more` : '')
      return [
        `- ${who}: ${text}`,
        isPart === true
          ? `  it takes ${ratioText(gain, 'the time of finding the field')}`
          : `  deciding then takes ${ratioText(inverse(gain), 'the time')}${caveat === undefined ? '' : `. ${caveat}`}`,
      ]
    }),
  ]
}

function writtenLines({ file, pipeline, changes }: WrittenSettings): string[] {
  return [
    `Written to ${visibleLine(file)}, pipeline ${pipeline}:`,
    ...changes.map(({ name, from, to }) => `  ${name}: ${to}${from === to ? '' : ` (was ${from})`}`),
  ]
}

function pointText({ threads, batchBytes }: Point): string {
  return `${threads} ${threads === 1 ? 'thread' : 'threads'} with ${formatSize(batchBytes)}`
}

function speedText({ middle, low, high, samples }: Interval): string {
  if (samples < 3) return `${formatBytes(middle)}/s`
  return `${formatBytes(middle)}/s (${formatBytes(low)} to ${formatBytes(high)})`
}

function msText({ middle }: Interval): string {
  return `${middle >= 100 ? Math.round(middle) : middle.toPrecision(2)} ms`
}

function nsText(ns: number): string {
  return `${ns >= 100 ? Math.round(ns) : ns.toPrecision(2)} ns`
}

/** `0.97 times the speed (0.95 to 0.99)`. */
function ratioText(ratio: Interval, of: string): string {
  const [middle, ...range] = rangeText(ratio).split(' ')
  return [`${middle} times ${of}`, ...range].join(' ')
}

/** `0.97 (0.95 to 0.99)`; of one or two samples nobody can say how far they are off. */
function rangeText({ middle, low, high, samples }: Interval): string {
  return middle.toFixed(2) + (samples < 3 ? '' : ` (${low.toFixed(2)} to ${high.toFixed(2)})`)
}

function inverse({ middle, low, high, samples }: Interval): Interval {
  return { middle: 1 / middle, low: 1 / high, high: 1 / low, samples }
}

function percent(share: number): string {
  if (share === 0) return '0 %'
  return `${(100 * share).toPrecision(share > 0 && share < 0.001 ? 1 : 3)} %`
}
