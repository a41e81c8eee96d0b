// What `weir filter` tells at its end: adds up the batches, and writes the sums for people or as one JSON object.
// Says so where a number is only a bound. Called by filter.ts.

import { addCounts, malformedReason } from '@weir/engine'
import type { Counts, FieldReport, KernelReport, MalformedReason, Validation } from '@weir/engine'

import { visibleLine } from '../log.ts'
import type { MalformedPlace, PipelineResult } from '../pipeline/feed.ts'
import { formatBytes } from './progress.ts'

/** Malformed records that are described one by one. */
const mostSamples = 5

/** A malformed record of one of the inputs. */
export interface MalformedSample extends MalformedPlace {
  readonly input: string
}

/** An input that was not read to its end. */
export interface FailedInput {
  readonly input: string
  readonly code: string
  readonly message: string
}

/** Adds up what the inputs came to. */
export class Tally {
  readonly samples: MalformedSample[] = []
  readonly failed: FailedInput[] = []
  /** First bytes of the first input that has any. */
  head: Uint8Array = new Uint8Array(0)
  counts: Counts
  bytesIn = 0

  /** `ruleIds`, `routes`: of the rule set, so that what did not occur is shown as 0. */
  constructor(ruleIds: readonly string[], routes: readonly string[]) {
    const reasons = Object.keys(malformedReason) as MalformedReason[]
    const kept = routes.filter((route) => route !== 'drop' && route !== 'malformed')
    this.counts = {
      records: 0,
      kept: 0,
      dropped: 0,
      malformed: 0,
      malformedByReason: Object.fromEntries(reasons.map((reason) => [reason, 0])) as Counts['malformedByReason'],
      byRule: ruleIds.map(() => 0),
      byDefault: 0,
      byRoute: Object.fromEntries(kept.map((route) => [route, 0])),
    }
  }

  /** Takes note of how an input begins; the bytes are copied. */
  begin(head: Uint8Array): void {
    if (this.head.length === 0) this.head = head.slice()
  }

  /** Adds one batch of an input. */
  add(input: string, result: PipelineResult): void {
    this.counts = addCounts(this.counts, result.counts)
    this.bytesIn += result.bytesIn
    for (const record of result.malformed) {
      if (this.samples.length === mostSamples) break
      this.samples.push({ input, ...record })
    }
  }
}

/** What stands in the summary besides the sums. */
export interface RunFacts {
  readonly inputs: number
  readonly bytesOut: number
  readonly seconds: number
  readonly kernel: string
  readonly validation: Validation
  readonly ruleSetVersion: string
  readonly ruleIds: readonly string[]
  readonly warnings: readonly string[]
  /** What would probably help, where nothing came of the inputs. */
  readonly hint?: string | undefined
  /** What the kernel's techniques did, where that is wanted. */
  readonly kernelReport?: KernelReport
}

/** Returns the summary as an object for programs. */
export function summaryObject(tally: Tally, facts: RunFacts): Record<string, unknown> {
  const { counts, bytesIn, samples, failed } = tally
  const byRule: Record<string, number> = Object.fromEntries(
    facts.ruleIds.map((id, index) => [id, counts.byRule[index] ?? 0]),
  )
  byRule['default'] = counts.byDefault
  return {
    records: counts.records,
    kept: counts.kept,
    dropped: counts.dropped,
    malformed: counts.malformed,
    malformedByReason: counts.malformedByReason,
    byRule,
    byRoute: counts.byRoute,
    bytesIn,
    bytesOut: facts.bytesOut,
    seconds: Number(facts.seconds.toFixed(6)),
    kernel: facts.kernel,
    ruleSetVersion: facts.ruleSetVersion,
    validation: facts.validation,
    isSplitExact: isSplitExact(tally, facts),
    malformedFirst: samples,
    inputs: facts.inputs,
    failed,
    warnings: facts.warnings,
    ...(facts.hint === undefined ? {} : { hint: facts.hint }),
    ...(facts.kernelReport === undefined ? {} : kernelObject(facts.kernelReport)),
  }
}

/** Returns the summary as lines for people. */
export function summaryLines(tally: Tally, facts: RunFacts): readonly string[] {
  const { counts, bytesIn, samples } = tally
  const isExact = isSplitExact(tally, facts)
  const speed = formatBytes(bytesIn / Math.max(facts.seconds, 1e-6))
  const rate = `${formatBytes(bytesIn)} in ${facts.seconds.toFixed(2)} s, ${speed}/s`
  return [
    row('records', counts.records, rate),
    row(
      'kept',
      counts.kept,
      share(counts.kept, counts.records),
      isExact || facts.validation !== 'read' ? '' : 'at most',
    ),
    row('dropped', counts.dropped, share(counts.dropped, counts.records), isExact ? '' : 'at most'),
    row('malformed', counts.malformed, reasons(counts), isExact ? '' : 'at least'),
    ...ruleRows(counts, facts.ruleIds, isExact),
    ...routeRows(counts),
    ...sampleLines(samples, counts.malformed),
    ...(facts.kernelReport === undefined ? [] : kernelLines(facts.kernelReport)),
    `rule set ${facts.ruleSetVersion}, ${facts.kernel} kernel, validation ${facts.validation}`,
    ...(isExact ? [] : ['Not every record was read to its end; --validation full checks all of them.']),
    ...(tally.failed.length > 0
      ? [`${tally.failed.length} of ${facts.inputs} ${facts.inputs === 1 ? 'input' : 'inputs'} failed; see above.`]
      : []),
    ...(facts.hint === undefined ? [] : [`hint: ${facts.hint}`]),
  ]
}

/** The version stands in the summary already. */
function kernelObject({ techniques, fields, cacheBytes }: KernelReport): KernelReport {
  return { techniques, fields, cacheBytes }
}

function kernelLines({ techniques, fields, cacheBytes }: KernelReport): string[] {
  if (techniques.length === 0) return ['techniques: this kernel has none']
  return [
    'by technique, how often it answered',
    ...techniques.map(({ technique, used, fellBack }) => row(`  ${technique}`, used, `${grouped(fellBack)} fell back`)),
    'by field, values that rules asked for',
    ...fields.map((field) => row(`  ${fieldName(field)}`, field.values, fieldNote(field))),
    row('value cache', cacheBytes, 'bytes in each thread'),
  ]
}

function fieldName({ field, decode }: FieldReport): string {
  return `${visibleLine(field)}${decode === 'none' ? '' : ` (decode: ${decode})`}`
}

function fieldNote({ lookedUp, known, screened, candidates }: FieldReport): string {
  const lookUps = lookedUp === 0 ? [] : [`${grouped(lookedUp)} looked up, ${share(known, lookedUp)} known`]
  const screens = screened === 0 ? [] : [`${grouped(screened)} screened, ${share(candidates, screened)} candidates`]
  return [...lookUps, ...screens].join('; ')
}

/**
 * Returns whether dropped and malformed records are told apart exactly. Under `kept`, one that is dropped for what its
 * readable part says may be malformed further on; under `read`, so may one that is kept.
 */
function isSplitExact({ counts }: Tally, { validation }: RunFacts): boolean {
  return validation === 'full' || (validation === 'kept' ? counts.dropped === 0 : counts.records === counts.malformed)
}

const labelWidth = 24
const numberWidth = 15

function row(label: string, value: number, note = '', bound = ''): string {
  const number = grouped(value)
  const padded = `${label.padEnd(labelWidth)}${(bound === '' ? number : `${bound} ${number}`).padStart(numberWidth)}`
  return note === '' ? padded : `${padded}  ${note}`
}

/** `Intl` would take longer to start than small inputs take. */
function grouped(value: number): string {
  return String(value).replace(/\B(?=(?:\d{3})+$)/g, ',')
}

function share(part: number, whole: number): string {
  return whole === 0 ? '' : `${((100 * part) / whole).toFixed(1)} %`
}

function reasons({ malformedByReason }: Counts): string {
  return Object.entries(malformedByReason)
    .filter(([, count]) => count > 0)
    .map(([reason, count]) => `${grouped(count)} ${reason}`)
    .join(', ')
}

function ruleRows(counts: Counts, ruleIds: readonly string[], isExact: boolean): string[] {
  if (counts.records === 0) return []
  const rows = ruleIds.map((id, index) => row(`  ${id}`, counts.byRule[index] ?? 0))
  const heading = isExact ? 'by rule' : 'by rule (those that drop: at most)'
  return [heading, ...rows, row('  default', counts.byDefault)]
}

function routeRows({ byRoute }: Counts): string[] {
  const routes = Object.entries(byRoute)
  return routes.length < 2 ? [] : ['by route', ...routes.map(([route, count]) => row(`  ${route}`, count))]
}

function sampleLines(samples: readonly MalformedSample[], malformed: number): string[] {
  if (samples.length === 0) return []
  const heading = malformed > samples.length ? `first ${samples.length} malformed records` : 'malformed records'
  return [
    heading,
    ...samples.map(({ input, line, byte, messageLine, reason }) => {
      const within = messageLine === undefined ? '' : `, line ${messageLine} of its message`
      return `  ${visibleLine(input)}:${line}: byte ${byte}${within}: ${reason}`
    }),
  ]
}
