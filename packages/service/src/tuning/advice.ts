// What may make rules cheaper, as changes of the rule set that can be tried: each names its rules, says what to write, and
// brings the rule set as it would be. Whether a change pays, and whether it changes any outcome, is measured by
// advice-trials.ts before anybody hears of it. Called by ../commands/tune.ts.

import type { Action, Condition, Predicate, Rule, RuleSet } from '@weir/engine'

import { plainPattern, requiresNoText, withoutAnyAround } from './pattern-shape.ts'
import {
  isListFile,
  isPredicate,
  mapPredicates,
  predicatesOf,
  predicateText,
  withRule,
  withRules,
} from './rule-sets.ts'

/** What kind of change it is. */
export type ProposalKind =
  'plain-pattern' | 'open-search' | 'one-list' | 'one-rule' | 'idle-rule' | 'order' | 'decode' | 'no-literal'

/** A change that may make rules cheaper. */
export interface Proposal {
  readonly kind: ProposalKind
  /** Ids of the rules that it is about, in order. */
  readonly rules: readonly string[]
  /** What to do, one sentence. */
  readonly text: string
  /** Where the change would mean something else; one sentence. Absent: it never does. */
  readonly caveat?: string
  /** The field that it is about, where others of its kind are only alike if they are about the same. */
  readonly field?: string
  /** The rule set with the change. */
  readonly changed: RuleSet
  /**
   * What `changed` is compared with, where that is not the whole rule set. The change is then not to be made: it leaves out
   * what the advice is about, to show what that takes, and its outcome is another.
   */
  readonly partOnly?: RuleSet
}

/**
 * Records that a sample needs for advice. With fewer, all of them lie in a batch or two, whose values every evaluator
 * remembers, and a rule that decides none of them may decide the next.
 */
export const leastAdviceRecords = 1000

/**
 * Returns every change that is worth a try, at most a few for each rule. `decided`: records that each rule decided, by its
 * place in the set, of a sample of `records`. List files are named in full, as `withFullPaths` has them.
 */
export function proposalsFor(ruleSet: RuleSet, decided: readonly number[], records: number): Proposal[] {
  const ofRules = ruleSet.rules.flatMap((rule) => [...ofPredicates(ruleSet, rule), ...ofLists(ruleSet, rule)])
  return [
    ...joined(ruleSet, ofRules),
    ...ofAlikeRules(ruleSet),
    ...ofOrder(ruleSet, decided),
    ...ofIdleRules(ruleSet, decided, records),
  ]
}

/** Changes of one kind that are tried one by one; of more, trying each would take too long, and nobody reads them all. */
const mostApart = 5

/** Returns the proposals with those of one kind joined where there are many: one rule set with all of these changes. */
function joined(ruleSet: RuleSet, proposals: readonly Proposal[]): Proposal[] {
  const groups = new Map<string, Proposal[]>()
  for (const proposal of proposals) {
    const key = proposal.partOnly === undefined ? `${proposal.kind} ${proposal.field ?? ''}` : String(groups.size)
    groups.set(key, [...(groups.get(key) ?? []), proposal])
  }
  return [...groups.values()].flatMap((group) => {
    const [first] = group
    if (first === undefined || group.length <= mostApart) return group
    // Of several changes of one rule only the first is made; the next run of the command finds the others.
    const changes = new Map<string, Rule>()
    for (const {
      rules: [id = ''],
      changed,
    } of group) {
      const rule = changed.rules.find((each) => each.id === id)
      if (rule !== undefined && !changes.has(id)) changes.set(id, rule)
    }
    const caveat = group.find((each) => each.caveat !== undefined)?.caveat
    const text = `${changes.size} rules alike, of which the first: ${first.text}`
    const changed = withRules(
      ruleSet,
      ruleSet.rules.map((rule) => changes.get(rule.id) ?? rule),
    )
    return [{ ...first, ...(caveat === undefined ? {} : { caveat }), rules: [...changes.keys()], text, changed }]
  })
}

/** Operators that look at text, and that `ignoreCase` applies to. */
const textOperators = ['matches', 'search', 'equals', 'in', 'prefix', 'suffix', 'contains'] as const
type TextOperator = (typeof textOperators)[number]

const lineCaveat = 'Values with a line break in them are judged differently: `.` does not match one.'

function ofPredicates(ruleSet: RuleSet, rule: Rule): Proposal[] {
  const proposals: Proposal[] = []
  const exchange = (old: Predicate, by: Predicate): RuleSet =>
    withRule(ruleSet, { ...rule, when: mapPredicates(rule.when, (each) => (each === old ? by : each)) })
  for (const predicate of predicatesOf(rule.when)) {
    const plain = inPlainWords(predicate)
    if (plain !== undefined) {
      const { operator, by, caveat } = plain
      const text = `\`${operator}\` on \`${predicate.field}\` is a plain text: write ${predicateText(by)}`
      proposals.push({ kind: 'plain-pattern', rules: [rule.id], text, ...caveat, changed: exchange(predicate, by) })
    } else {
      proposals.push(...ofPattern(ruleSet, rule, predicate, exchange))
    }
    if (predicate.decode !== undefined) proposals.push(withoutDecoding(rule, predicate, exchange))
  }
  return proposals
}

type Exchange = (old: Predicate, by: Predicate) => RuleSet

function ofPattern(ruleSet: RuleSet, rule: Rule, predicate: Predicate, exchange: Exchange): Proposal[] {
  const { matches, search, field } = predicate
  const found: Proposal[] = []
  const shorter = search === undefined ? undefined : withoutAnyAround(search)
  if (shorter !== undefined) {
    const text = `\`search\` on \`${field}\` looks everywhere by itself: leave \`.*\` out, ${predicateText({ field, search: shorter })}`
    const changed = exchange(predicate, { ...predicate, search: shorter })
    found.push({ kind: 'open-search', rules: [rule.id], text, changed })
  }
  const pattern = matches ?? search
  if (pattern !== undefined && requiresNoText(pattern)) {
    const { matches: _, search: __, ...others } = predicate
    const text = `the pattern ${predicateText({ field, [matches === undefined ? 'search' : 'matches']: pattern })} requires no text of three characters, and values repeat too seldom to be remembered: name a text that must occur, in the pattern or beside it by \`contains\` or \`prefix\``
    // The predicate alone: in its rule, what it lets through decides what else is asked.
    const alone = (when: Predicate): RuleSet => withRules(ruleSet, [{ ...rule, when }])
    const changed = alone({ exists: true, ...others })
    found.push({ kind: 'no-literal', rules: [rule.id], text, changed, partOnly: alone(predicate) })
  }
  return found
}

/** Returns the predicate with its one pattern said by another operator; undefined where that cannot be. */
function inPlainWords(
  predicate: Predicate,
):
  | { readonly operator: TextOperator; readonly by: Predicate; readonly caveat: { readonly caveat?: string } }
  | undefined {
  const given = textOperators.filter((operator) => predicate[operator] !== undefined)
  const [operator] = given
  if (given.length !== 1 || (operator !== 'matches' && operator !== 'search')) return undefined
  const plain = plainPattern(predicate[operator] ?? '', operator === 'search')
  if (plain === undefined) return undefined
  const { [operator]: _, ...others } = predicate
  const { texts, isOpenBefore, isOpenBehind, ignoresCase, isWithinLine } = plain
  const by: Predicate = {
    ...others,
    ...(ignoresCase ? { ignoreCase: true } : {}),
    ...operandOf(texts, isOpenBefore, isOpenBehind),
  }
  return { operator, by, caveat: isWithinLine ? { caveat: lineCaveat } : {} }
}

function operandOf(texts: readonly string[], isOpenBefore: boolean, isOpenBehind: boolean): Partial<Predicate> {
  const operand = texts.length === 1 ? texts[0]! : texts
  if (isOpenBefore && isOpenBehind) return { contains: operand }
  if (isOpenBefore) return { suffix: operand }
  if (isOpenBehind) return { prefix: operand }
  return texts.length === 1 ? { equals: texts[0]! } : { in: texts }
}

function withoutDecoding(rule: Rule, predicate: Predicate, exchange: Exchange): Proposal {
  const { decode: _, ...by } = predicate
  return {
    kind: 'decode',
    rules: [rule.id],
    field: predicate.field,
    text: `no record that was tried is decided otherwise without \`decode: url\` on \`${predicate.field}\`: leave it out if values come without percent escapes`,
    caveat: 'Whoever can write the value can then hide it behind percent escapes.',
    changed: exchange(predicate, by),
  }
}

/** Operators of which several texts say the same as several predicates under `any`. */
const listOperators = ['equals', 'in', 'prefix', 'suffix', 'contains', 'cidr'] as const
type ListOperator = (typeof listOperators)[number]

/** Fewer are as well written one by one. */
const leastJoined = 3

/** A predicate that is nothing but one list operator on one field. */
interface Entry {
  readonly field: string
  readonly operator: Exclude<ListOperator, 'equals'>
  readonly entries: readonly string[]
  /** Equal for predicates that can be one. */
  readonly key: string
  readonly others: Partial<Predicate>
}

function entryOf(condition: Condition): Entry | undefined {
  if (!isPredicate(condition)) return undefined
  const { field, decode, ignoreCase, ...operators } = condition
  const [name, more] = Object.keys(operators)
  const given = listOperators.find((operator) => operator === name)
  if (given === undefined || more !== undefined) return undefined
  const value: unknown = condition[given]
  if (isListFile(value)) return undefined
  const operator = given === 'equals' ? 'in' : given
  const others = { ...(decode === undefined ? {} : { decode }), ...(ignoreCase === undefined ? {} : { ignoreCase }) }
  const entries = (Array.isArray(value) ? value : [value]).map(String)
  return { field, operator, entries, key: JSON.stringify([field, operator, others]), others }
}

/** Returns the groups of conditions that can be one, with their places. */
function alike(conditions: readonly Condition[]): { readonly at: readonly number[]; readonly joined: Predicate }[] {
  const groups = new Map<string, { at: number[]; first: Entry; entries: string[] }>()
  for (const [i, condition] of conditions.entries()) {
    const entry = entryOf(condition)
    if (entry === undefined) continue
    const group = groups.get(entry.key) ?? { at: [], first: entry, entries: [] }
    group.at.push(i)
    group.entries.push(...entry.entries)
    groups.set(entry.key, group)
  }
  return [...groups.values()]
    .filter(({ at }) => at.length >= leastJoined)
    .map(({ at, first, entries }) => {
      const joined = { field: first.field, ...first.others, [first.operator]: [...new Set(entries)] } as Predicate
      return { at, joined }
    })
}

function ofLists(ruleSet: RuleSet, rule: Rule): Proposal[] {
  const proposals: Proposal[] = []
  const join = (condition: Condition): Condition => {
    if ('all' in condition) return { all: condition.all.map(join) }
    if ('not' in condition) return { not: join(condition.not) }
    if (!('any' in condition)) return condition
    const groups = alike(condition.any)
    if (groups.length === 0) return { any: condition.any.map(join) }
    const gone = new Set(groups.flatMap(({ at }) => at))
    const rest = condition.any.filter((_, i) => !gone.has(i)).map(join)
    const [first, ...others] = [...groups.map(({ joined }) => joined), ...rest]
    return others.length === 0 ? first! : { any: [first!, ...others] }
  }
  const when = join(rule.when)
  if (JSON.stringify(when) === JSON.stringify(rule.when)) return proposals
  const text = 'several predicates under `any` test one field alike: write them as one with a list'
  proposals.push({ kind: 'one-list', rules: [rule.id], text, changed: withRule(ruleSet, { ...rule, when }) })
  return proposals
}

/** Rules that follow each other, do the same, and are each one text of one field: one rule with a list. */
function ofAlikeRules(ruleSet: RuleSet): Proposal[] {
  return blocksOf(ruleSet.rules).flatMap((block) =>
    alike(block.map(({ when }) => when)).map(({ at, joined }): Proposal => {
      const members = at.map((i) => block[i]!)
      const [first] = members
      const gone = new Set(members.slice(1))
      const rules = ruleSet.rules
        .filter((rule) => !gone.has(rule))
        .map((rule) => (rule === first ? { ...rule, when: joined } : rule))
      return {
        kind: 'one-rule',
        rules: members.map(({ id }) => id),
        text: `${members.length} rules test \`${joined.field}\` alike and do the same: make them one rule with a list`,
        caveat: 'Counts then tell them as one rule.',
        changed: withRules(ruleSet, rules),
      }
    }),
  )
}

/** Returns rules that follow each other and do the same; within such a block the order changes no outcome. */
function blocksOf(rules: readonly Rule[]): Rule[][] {
  const blocks: Rule[][] = []
  let last: string | undefined
  for (const rule of rules) {
    const action = actionName(rule.then)
    if (action === last) blocks.at(-1)!.push(rule)
    else blocks.push([rule])
    last = action
  }
  return blocks
}

function actionName(action: Action): string {
  return typeof action === 'string' ? action : `to ${action.route}`
}

function ofOrder(ruleSet: RuleSet, decided: readonly number[]): Proposal[] {
  const counts = new Map(ruleSet.rules.map(({ id }, i) => [id, decided[i] ?? 0]))
  const blocks = blocksOf(ruleSet.rules)
  const sorted = blocks.map((block) => block.toSorted((a, b) => counts.get(b.id)! - counts.get(a.id)!))
  // The rules that come to stand before one that they stood behind.
  const moved = sorted.flatMap((block, i) =>
    block.filter((rule, at) => counts.get(rule.id)! > 0 && blocks[i]!.indexOf(rule) > at),
  )
  if (moved.length === 0) return []
  const named = moved.slice(0, 3).map(({ id }) => `\`${id}\``)
  const others = moved.length - named.length
  const rest = others === 0 ? '' : `, and ${others} more`
  return [
    {
      kind: 'order',
      rules: moved.map(({ id }) => id),
      text: `put rules that decide more records first, among rules that follow each other and do the same: ${named.join(', ')}${rest}`,
      caveat: 'Where several of them hold, counts tell another one as deciding.',
      changed: withRules(ruleSet, sorted.flat()),
    },
  ]
}

function ofIdleRules(ruleSet: RuleSet, decided: readonly number[], records: number): Proposal[] {
  const idle = ruleSet.rules.filter((_, i) => decided[i] === 0)
  if (idle.length === 0 || records === 0) return []
  const named = idle.slice(0, 3).map(({ id }) => `\`${id}\``)
  const others = idle.length - named.length
  const rest = others === 0 ? '' : ` and ${others} more`
  return [
    {
      kind: 'idle-rule',
      rules: idle.map(({ id }) => id),
      text: `${named.join(', ')}${rest} decided none of ${records} records: drop what is not needed any more`,
      caveat: 'Other records than those of the sample may need them.',
      changed: withRules(
        ruleSet,
        ruleSet.rules.filter((rule) => !idle.includes(rule)),
      ),
    },
  ]
}
