// What each rule costs: the time that it takes by itself, and, of the most expensive ones, what the set would save without
// it; and how many records it decides. Measured by one kernel on one thread, without the checking and copying of what is
// kept. Called by ../commands/tune.ts.

import { setImmediate } from 'node:timers/promises'

import type { Counts, RuleSet } from '@weir/engine'

import { quantileOf } from './intervals.ts'
import type { Interval } from './intervals.ts'
import { compareTimes, Trial, warmBatches } from './kernel-trials.ts'
import type { TrialInput, TrialTime } from './kernel-trials.ts'
import { decidingOnly, withRules } from './rule-sets.ts'

/** What one rule costs. */
export interface RuleCost {
  readonly id: string
  /** Records of the sample that it decided. */
  readonly decided: number
  /**
   * Nanoseconds that it takes for a record when it is the only rule, above what finding records takes without any.
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
  /** Nanoseconds that the whole set takes for a record, above what finding records takes without rules. */
  readonly setNs: number | undefined
  /** Records that no rule decided. */
  readonly byDefault: number
}

/** How costs are measured. */
export interface CostOptions {
  readonly input: TrialInput
  readonly time: TrialTime
  /** Batches that each rule alone is measured on. */
  readonly batches: number
  /** Rules whose part in the set is measured, the most expensive by themselves. Default: 8. */
  readonly mostInSet?: number
}

/** Returns what the rules cost. `counts`: of the whole sample, under these rules. */
export async function costsOf(ruleSet: RuleSet, counts: Counts, options: CostOptions): Promise<RuleCosts> {
  const { input, time, batches } = options
  const none = await Trial.of(decidingOnly(withRules(ruleSet, [])), input)
  try {
    const alone = new Map<string, number>()
    for (const rule of ruleSet.rules) {
      if (!time.isLeft()) break
      alone.set(rule.id, await nsAbove(none, decidingOnly(withRules(ruleSet, [rule])), { input, batches }))
    }
    const whole = decidingOnly(ruleSet)
    const setNs = time.isLeft() ? await nsAbove(none, whole, { input, batches }) : undefined
    const inSet = await partsInSet(whole, alone, options)
    const rules = ruleSet.rules.map(({ id }, i): RuleCost => {
      const [aloneNs, part] = [alone.get(id), inSet.get(id)]
      const measured = { ...(aloneNs === undefined ? {} : { aloneNs }), ...(part === undefined ? {} : { inSet: part }) }
      return { id, decided: counts.byRule[i] ?? 0, ...measured }
    })
    return { rules, setNs, byDefault: counts.byDefault }
  } finally {
    none.release()
  }
}

/** Returns the nanoseconds for a record that the rules take above what `none` takes, both over the same batches. */
async function nsAbove(
  none: Trial,
  rules: RuleSet,
  { input, batches }: Pick<CostOptions, 'input' | 'batches'>,
): Promise<number> {
  const trial = await Trial.of(rules, input)
  try {
    for (let batch = 0; batch < warmBatches; batch++) trial.batchMs(batch)
    const differences: number[] = []
    for (let batch = warmBatches; batch < warmBatches + batches; batch++) {
      const ms = trial.batchMs(batch)
      const records = trial.records()
      differences.push((1e6 * (ms - none.batchMs(batch))) / Math.max(1, records))
    }
    // The median: a thread that is made to wait in one of the batches says nothing about rules.
    return Math.max(0, quantileOf(differences, 0.5))
  } finally {
    trial.release()
    // Signals and timers get their turn.
    await setImmediate()
  }
}

const standardInSet = 8

async function partsInSet(
  whole: RuleSet,
  alone: ReadonlyMap<string, number>,
  { input, time, mostInSet = standardInSet }: CostOptions,
): Promise<Map<string, Interval>> {
  const dearest = [...alone].toSorted(([, a], [, b]) => b - a).slice(0, mostInSet)
  const parts = new Map<string, Interval>()
  // Of a single rule the time by itself says it all.
  if (whole.rules.length < 2) return parts
  for (const [id] of dearest) {
    if (!time.isLeft()) break
    const others = whole.rules.filter((rule) => rule.id !== id)
    parts.set(id, await compareTimes(whole, withRules(whole, others), input))
  }
  return parts
}

/** Batches in which a rule alone is measured: three at least, for a median, and more when there is time. */
const leastBatches = 3
const mostBatches = 15
/** A batch takes about as long as that, the same one without rules and a part of warming up counted in. */
const msForBatch = 3

/** Returns on how many batches each of so many rules is measured, so that all of them take about `totalMs`. */
export function batchesFor(rules: number, totalMs: number): number {
  const forEach = totalMs / Math.max(1, rules) / msForBatch
  return Math.min(mostBatches, Math.max(leastBatches, Math.round(forEach)))
}
