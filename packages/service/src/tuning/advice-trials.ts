// Advice: of the changes that were proposed, those that send every record of the sample where it went before and that make
// deciding faster, by measurement. What does not pay here is not told. Called by ../commands/tune.ts.

import type { RuleSet } from '@weir/engine'

import type { Proposal } from './advice.ts'
import type { Interval } from './intervals.ts'
import { compareTimes, isSameOutcome } from './kernel-trials.ts'
import type { TrialInput, TrialTime } from './kernel-trials.ts'
import { decidingOnly } from './rule-sets.ts'

/** A change that pays. */
export interface Advice extends Omit<Proposal, 'changed' | 'partOnly'> {
  /** Whether `gain` is not that of a change, but what the part that the advice is about takes, compared with its field alone. */
  readonly isPart?: true
  /** Time of deciding without the change ÷ with it: 1.1 where the rule set now takes a tenth more. */
  readonly gain: Interval
}

/** What came of the proposals. */
export interface TriedAdvice {
  /** The largest gain first. */
  readonly advice: readonly Advice[]
  readonly tried: number
  /** Proposals for which there was no time. */
  readonly untried: number
}

/** A change that makes deciding faster by less than this is not worth an edit. */
const leastGain = 1.02
/** What takes less than this, compared with finding its field, is no matter. */
const leastPart = 1.3

/**
 * Tries the proposals, those about the `dearest` rules first. *Cost*: up to a second for each, until `time` is over.
 * `compare` returns the time of one rule set ÷ that of another; tests bring their own.
 */
export async function tryProposals(
  ruleSet: RuleSet,
  proposals: readonly Proposal[],
  dearest: readonly string[],
  input: TrialInput,
  time: TrialTime,
  compare: typeof compareTimes = compareTimes,
): Promise<TriedAdvice> {
  const rank = new Map(dearest.map((id, i) => [id, i]))
  const rankOf = ({ rules }: Proposal) => Math.min(...rules.map((id) => rank.get(id) ?? rank.size))
  const advice: Advice[] = []
  let tried = 0
  for (const proposal of proposals.toSorted((a, b) => rankOf(a) - rankOf(b))) {
    if (!time.isLeft()) break
    tried++
    const gain = await gainOf(ruleSet, proposal, input, compare)
    const { changed: _, partOnly, ...rest } = proposal
    if (gain !== undefined) advice.push({ ...rest, ...(partOnly === undefined ? {} : { isPart: true }), gain })
  }
  const bySize = advice.toSorted((a, b) => b.gain.middle - a.gain.middle)
  return { advice: bySize, tried, untried: proposals.length - tried }
}

/** Returns what the change gains, where it is worth it beyond doubt and changes nothing. */
async function gainOf(
  ruleSet: RuleSet,
  proposal: Proposal,
  input: TrialInput,
  compare: typeof compareTimes,
): Promise<Interval | undefined> {
  const { changed, partOnly } = proposal
  const gain = await compare(decidingOnly(partOnly ?? ruleSet), decidingOnly(changed), input)
  if (gain.low <= 1 || gain.middle < (partOnly === undefined ? leastGain : leastPart)) return undefined
  if (partOnly !== undefined || (await isSameOutcome(ruleSet, changed, input))) return gain
  return undefined
}
