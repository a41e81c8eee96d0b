// Rule sets against each other, by one kernel on the calling thread: how long each takes to decide the same records, and
// whether the outcome is the same. For parts of a rule set and for changes of it. Called by rule-costs.ts and advice-trials.ts.

import { createHash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'

import type { Action, Rule, RuleSet, Validation } from '@weir/engine'
import { prepareKernelRun } from '@weir/engine/testing'
import type { KernelRun } from '@weir/engine/testing'

import { ratioInterval } from './intervals.ts'
import type { Interval } from './intervals.ts'
import { withRules } from './rule-sets.ts'

/** What rule sets are tried on. */
export interface TrialInput {
  readonly kernel: 'native' | 'portable'
  readonly validation: Validation
  /** Whole lines. */
  readonly bytes: Uint8Array
}

/** Time that is spent here: asked before each piece of work, none of which takes more than a second as a rule. */
export interface TrialTime {
  /** Whether there is time for more, and nobody has interrupted. */
  isLeft(): boolean
}

/** Returns the shortest of some passes in milliseconds, after one that warms the caches. */
export async function shortestPassMs(rules: RuleSet, input: TrialInput, passes = 3): Promise<number> {
  const run = await prepare(rules, input)
  try {
    run.evaluate()
    let shortest = Number.POSITIVE_INFINITY
    for (let pass = 0; pass < passes; pass++) shortest = Math.min(shortest, passMs(run))
    return shortest
  } finally {
    run.release()
    // Signals and timers get their turn.
    await setImmediate()
  }
}

const leastPairs = 5
const mostPairs = 25
/** Pairs go on for about so long, so that short passes are averaged over more of them. */
const pairsMs = 300

/**
 * Returns the time of the first rule set ÷ that of the second, pass by pass: 1.1 where the first takes a tenth more. Cost:
 * about half a second, and twice the input's memory each.
 */
export async function compareTimes(first: RuleSet, second: RuleSet, input: TrialInput): Promise<Interval> {
  const runs: KernelRun[] = []
  try {
    for (const rules of [first, second]) runs.push(await prepare(rules, input))
    for (const run of runs) run.evaluate()
    const times = [new Map<number, number>(), new Map<number, number>()] as const
    const startedMs = performance.now()
    for (let pair = 0; pair < mostPairs; pair++) {
      if (pair >= leastPairs && performance.now() - startedMs > pairsMs) break
      // Who goes first changes: what the one leaves in the processor's caches is the other's luck.
      const order = pair % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)
      for (const each of order) times[each].set(pair, passMs(runs[each]!))
      await setImmediate()
    }
    return ratioInterval(times[0], times[1])!
  } finally {
    for (const run of runs) run.release()
    await setImmediate()
  }
}

/**
 * Returns whether two rule sets send every record the same way. Each record is checked in full, because what is
 * malformed may otherwise depend on how far it was read. Cost: a pass of each for every doubling of the routes.
 */
export async function isSameOutcome(first: RuleSet, second: RuleSet, input: TrialInput): Promise<boolean> {
  const numbers = new Map<string, number>()
  for (const { then } of [...first.rules, { then: first.default }]) {
    const name = nameOf(then)
    if (!numbers.has(name)) numbers.set(name, numbers.size)
  }
  // A kernel says which records it keeps, so each pass keeps the routes whose number has one of the bits.
  for (let bit = 0; numbers.size > 1 << bit; bit++) {
    const keeps = (then: Action): Action => (((numbers.get(nameOf(then)) ?? 0) >> bit) & 1 ? 'keep' : 'drop')
    const [one, other] = [await outcomeOf(first, keeps, input), await outcomeOf(second, keeps, input)]
    if (one !== other) return false
  }
  return true
}

function nameOf(action: Action): string {
  return typeof action === 'string' ? action : `to ${action.route}`
}

async function outcomeOf(ruleSet: RuleSet, keeps: (then: Action) => Action, input: TrialInput): Promise<string> {
  const rules = ruleSet.rules.map((rule): Rule => ({ ...rule, then: keeps(rule.then) }))
  const split = { ...withRules(ruleSet, rules), default: keeps(ruleSet.default) }
  const run = await prepare(split, { ...input, validation: 'full' })
  try {
    run.evaluate()
    const { records, kept, dropped } = run.counts()
    const hash = createHash('sha256')
    for (const bytes of run.kept()) hash.update(bytes)
    return `${records} ${kept} ${dropped} ${hash.digest('hex')}`
  } finally {
    run.release()
    await setImmediate()
  }
}

function prepare(rules: RuleSet, { kernel, validation, bytes }: TrialInput): Promise<KernelRun> {
  return prepareKernelRun(rules, bytes, { kernel, validation })
}

function passMs(run: KernelRun): number {
  const startedMs = performance.now()
  run.evaluate()
  return performance.now() - startedMs
}
