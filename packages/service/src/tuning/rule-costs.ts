// What each rule costs: the time that it takes by itself, and, of the most expensive ones, what the set would save without
// it; and how many records it decides. Measured by one kernel on one thread, without the checking and copying of what is
// kept. Called by ../commands/tune.ts.

import type { Counts, RuleSet } from '@weir/engine'

import type { Interval } from './intervals.ts'
import { compareTimes, shortestPassMs } from './kernel-trials.ts'
import type { TrialInput, TrialTime } from './kernel-trials.ts'
import { decidingOnly, withRules } from './rule-sets.ts'

/** What one rule costs. */
export interface RuleCost {
  readonly id: string
  /** Records of the sample that it decided. */
  readonly decided: number
  /**
   * Nanoseconds that it takes for a record when it is the only rule, above what reading records takes without any.
   * Absent where there was no time for it. Rules that read the same field share that work in the set, so these do not
   * add up to the whole.
   */
  readonly aloneNs?: number
  /** Time of the set ÷ time of the set without the rule: 1.05 where it takes a twentieth more with it. */
  readonly inSet?: Interval
}

/** What all of them cost. */
export interface RuleCosts {
  /** In the order of the rule set. */
  readonly rules: readonly RuleCost[]
  /** Nanoseconds that the whole set takes for a record, above what reading records takes without rules. */
  readonly setNs: number | undefined
  /** Records that no rule decided. */
  readonly byDefault: number
}

/** How costs are measured. */
export interface CostOptions extends TrialInput {
  readonly time: TrialTime
  /** Rules whose part in the set is measured, the most expensive by themselves. */
  readonly mostInSet?: number
  /** Bytes of the input that each rule alone is tried on. */
  readonly aloneBytes: number
}

/** The time without rules is taken anew after so many rules: it moves with the machine. */
const rulesPerBase = 16

/** Returns what the rules cost. `counts`: of the whole sample, under these rules. */
export async function costsOf(ruleSet: RuleSet, counts: Counts, options: CostOptions): Promise<RuleCosts> {
  const { time } = options
  const input: TrialInput = { ...options, validation: 'read', bytes: linesWithin(options.bytes, options.aloneBytes) }
  const nsPerRecord = 1e6 / Math.max(1, countLines(input.bytes))
  const none = decidingOnly(withRules(ruleSet, []))
  const alone = new Map<string, number>()
  let baseMs = 0
  for (const [i, rule] of ruleSet.rules.entries()) {
    if (!time.isLeft()) break
    if (i % rulesPerBase === 0) baseMs = await shortestPassMs(none, input)
    const ms = await shortestPassMs(decidingOnly(withRules(ruleSet, [rule])), input)
    alone.set(rule.id, Math.max(0, ms - baseMs) * nsPerRecord)
  }
  const whole = decidingOnly(ruleSet)
  const setNs = time.isLeft() ? Math.max(0, (await shortestPassMs(whole, input)) - baseMs) * nsPerRecord : undefined
  const inSet = await partsInSet(whole, alone, options)
  const rules = ruleSet.rules.map(({ id }, i): RuleCost => {
    const [aloneNs, part] = [alone.get(id), inSet.get(id)]
    const measured = { ...(aloneNs === undefined ? {} : { aloneNs }), ...(part === undefined ? {} : { inSet: part }) }
    return { id, decided: counts.byRule[i] ?? 0, ...measured }
  })
  return { rules, setNs, byDefault: counts.byDefault }
}

const standardInSet = 8

async function partsInSet(
  whole: RuleSet,
  alone: ReadonlyMap<string, number>,
  options: CostOptions,
): Promise<Map<string, Interval>> {
  const { time, mostInSet = standardInSet } = options
  const input: TrialInput = { ...options, validation: 'read' }
  const dearest = [...alone].toSorted(([, a], [, b]) => b - a).slice(0, mostInSet)
  const parts = new Map<string, Interval>()
  // Of a single rule the time by itself says it all.
  if (whole.rules.length < 2) return parts
  for (const [id] of dearest) {
    if (!time.isLeft()) break
    const without = withRules(
      whole,
      whole.rules.filter((rule) => rule.id !== id),
    )
    parts.set(id, await compareTimes(whole, without, input))
  }
  return parts
}

/** Returns whole lines of the start, at most about `most` bytes, but one at least. */
export function linesWithin(bytes: Uint8Array, most: number): Uint8Array {
  if (bytes.length <= most) return bytes
  const before = bytes.subarray(0, most).lastIndexOf(0x0a)
  if (before >= 0) return bytes.subarray(0, before + 1)
  const behind = bytes.indexOf(0x0a, most)
  return behind < 0 ? bytes : bytes.subarray(0, behind + 1)
}

function countLines(bytes: Uint8Array): number {
  let lines = 0
  for (let at = bytes.indexOf(0x0a); at >= 0; at = bytes.indexOf(0x0a, at + 1)) lines++
  return lines
}

/** Returns how many bytes each rule is tried on by itself, so that `rules` of them take about `totalMs`. */
export function aloneBytesFor(rules: number, bytesPerSecond: number, totalMs: number): number {
  const passes = 5
  const bytes = (bytesPerSecond * (totalMs / 1000)) / Math.max(1, rules) / passes
  return Math.round(Math.min(4 << 20, Math.max(64 << 10, bytes)))
}
