// Rule sets against each other, by one kernel on the calling thread: how long each takes to decide the same records, and
// whether the outcome is the same. For parts of a rule set and for changes of it. Called by rule-costs.ts and
// advice-trials.ts.
//
// Evaluators remember values. So each measurement takes batches that its evaluator has not seen for long: records that
// are evaluated again and again would all be remembered, and rules about values that never repeat would look free.

import { createHash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'

import type { Action, Rule, RuleSet, Validation } from '@weir/engine'
import { prepareKernelInput, prepareKernelRun } from '@weir/engine/testing'
import type { KernelInput, KernelRun } from '@weir/engine/testing'

import { medianInterval } from './intervals.ts'
import type { Interval } from './intervals.ts'
import { withRules } from './rule-sets.ts'

/** What rule sets are tried on. */
export interface TrialInput {
  readonly kernel: 'native' | 'portable'
  /** Several batches, so that each measurement can take another one. */
  readonly input: KernelInput
}

/** Time that is spent here: asked before each piece of work, none of which takes more than a second as a rule. */
export interface TrialTime {
  /** Whether there is time for more, and nobody has interrupted. */
  isLeft(): boolean
}

/** A batch takes about so long: enough for a clock of microseconds, and seldom interrupted. */
const batchMs = 1
const leastBatchBytes = 32 << 10
const mostBatchBytes = 1 << 20
/** The first batches warm an evaluator up; the others are measured. */
const leastBatches = 8

/** Returns records as input for trials, where one thread evaluates so many bytes a second. Cost: twice their memory. */
export function trialInput(kernel: TrialInput['kernel'], bytes: Uint8Array, bytesPerSecond: number): TrialInput {
  const wanted = Math.min(bytesPerSecond * (batchMs / 1000), bytes.length / leastBatches)
  const batchBytes = Math.round(Math.min(mostBatchBytes, Math.max(leastBatchBytes, wanted)))
  return { kernel, input: prepareKernelInput(bytes, { batchBytes }) }
}

/** A rule set that is ready to be measured. *Ownership*: the caller releases it. */
export class Trial {
  private readonly run: KernelRun

  private constructor(run: KernelRun) {
    this.run = run
  }

  /** Compiles the rule set. *Errors*: those of the engine. */
  static async of(rules: RuleSet, { kernel, input }: TrialInput, validation: Validation = 'read'): Promise<Trial> {
    return new Trial(await prepareKernelRun(rules, input, { kernel, validation }))
  }

  /** Evaluates one batch, of which numbers beyond the last begin anew, and returns the milliseconds that it took. */
  batchMs(number: number): number {
    const batch = number % this.run.batches
    const startedMs = performance.now()
    this.run.evaluate(batch, batch + 1)
    // A clock that has not moved since is a clock that is too coarse, and no batch takes no time.
    return Math.max(1e-6, performance.now() - startedMs)
  }

  /** Records of the batch that was evaluated last. */
  records(): number {
    return this.run.counts().records
  }

  /** Evaluates everything, and returns what tells whether two outcomes are the same. */
  outcome(): string {
    this.run.evaluate()
    const { records, kept, dropped } = this.run.counts()
    const hash = createHash('sha256')
    for (const bytes of this.run.kept()) hash.update(bytes)
    return `${records} ${kept} ${dropped} ${hash.digest('hex')}`
  }

  /** Frees its memory. */
  release(): void {
    this.run.release()
  }
}

/** Batches that warm a trial up before any is timed. */
export const warmBatches = 2

const leastPairs = 6
const mostPairs = 200
/** Pairs go on for about so long. */
const pairsMs = 300

/**
 * Returns the time of the first rule set ÷ that of the second, batch by batch: 1.1 where the first takes a tenth more. Cost:
 * about half a second.
 */
export async function compareTimes(first: RuleSet, second: RuleSet, input: TrialInput): Promise<Interval> {
  const trials: Trial[] = []
  try {
    for (const rules of [first, second]) trials.push(await Trial.of(rules, input))
    for (const trial of trials) for (let batch = 0; batch < warmBatches; batch++) trial.batchMs(batch)
    const ratios: number[] = []
    const startedMs = performance.now()
    for (let pair = 0; pair < mostPairs; pair++) {
      if (pair >= leastPairs && performance.now() - startedMs > pairsMs) break
      // Who goes first changes: what the one leaves in the processor's caches is the other's luck.
      const order = pair % 2 === 0 ? trials : trials.toReversed()
      const [one = 1, other = 1] = order.map((trial) => trial.batchMs(warmBatches + pair))
      ratios.push(pair % 2 === 0 ? one / other : other / one)
    }
    return medianInterval(ratios)
  } finally {
    for (const trial of trials) trial.release()
    await setImmediate()
  }
}

/**
 * Returns whether two rule sets send every record the same way. Each record is checked in full, because what is
 * malformed may otherwise depend on how far it was read. Cost: a pass of each for every doubling of the routes.
 */
export async function isSameOutcome(first: RuleSet, second: RuleSet, input: TrialInput): Promise<boolean> {
  const numbers = new Map<string, number>()
  for (const { then } of [...first.rules, { then: first.default }, ...second.rules, { then: second.default }]) {
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
  const trial = await Trial.of({ ...withRules(ruleSet, rules), default: keeps(ruleSet.default) }, input, 'full')
  try {
    return trial.outcome()
  } finally {
    trial.release()
    await setImmediate()
  }
}
