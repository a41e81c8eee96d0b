// Rule sets as data, to be taken apart and put together again: with fewer rules, other conditions, other actions. What
// rules mean is the engine's to say. Called by the files beside it and by ../commands/tune.ts.

import path from 'node:path'

import type { Condition, ListFile, Predicate, Rule, RuleSet } from '@weir/engine'

/** Returns whether the condition is one test on one field. */
export function isPredicate(condition: Condition): condition is Predicate {
  return !('all' in condition) && !('any' in condition) && !('not' in condition)
}

/** Returns the condition with every predicate exchanged for what `change` makes of it. */
export function mapPredicates(condition: Condition, change: (predicate: Predicate) => Condition): Condition {
  if ('all' in condition) return { all: condition.all.map((each) => mapPredicates(each, change)) }
  if ('any' in condition) return { any: condition.any.map((each) => mapPredicates(each, change)) }
  if ('not' in condition) return { not: mapPredicates(condition.not, change) }
  return change(condition)
}

/** Returns every predicate of the condition, in order. */
export function predicatesOf(condition: Condition): Predicate[] {
  const found: Predicate[] = []
  mapPredicates(condition, (predicate) => {
    found.push(predicate)
    return predicate
  })
  return found
}

/** Returns the rule set with these rules. Without its tests, which are about other rules. */
export function withRules(ruleSet: RuleSet, rules: readonly Rule[]): RuleSet {
  const { tests: _, ...others } = ruleSet
  return { ...others, rules }
}

/** Returns the rule set with one rule exchanged. */
export function withRule(ruleSet: RuleSet, rule: Rule): RuleSet {
  return withRules(
    ruleSet,
    ruleSet.rules.map((each) => (each.id === rule.id ? rule : each)),
  )
}

/**
 * Returns the rule set with every record dropped, whatever decides: what is left is the work of deciding. Nothing is
 * checked because it is kept, and nothing is gathered.
 */
export function decidingOnly(ruleSet: RuleSet): RuleSet {
  const rules = ruleSet.rules.map((rule): Rule => ({ ...rule, then: 'drop' }))
  return { ...withRules(ruleSet, rules), default: 'drop' }
}

/** Returns the rule set with list files named in full: a rule set as data has no folder that they could begin at. */
export function withFullPaths(ruleSet: RuleSet, folder: string): RuleSet {
  const inFull = (predicate: Predicate): Predicate => {
    const lists = Object.entries(predicate).flatMap(([name, value]: [string, unknown]) =>
      isListFile(value) ? [[name, { file: path.resolve(folder, value.file) }]] : [],
    )
    return { ...predicate, ...(Object.fromEntries(lists) as Partial<Predicate>) }
  }
  return withRules(
    ruleSet,
    ruleSet.rules.map((rule) => ({ ...rule, when: mapPredicates(rule.when, inFull) })),
  )
}

/** Returns whether an operand is the name of a list file. */
export function isListFile(value: unknown): value is ListFile {
  return typeof value === 'object' && value !== null && 'file' in value
}

/** Returns a predicate as it may stand in a rule file: YAML, in one line. */
export function predicateText(predicate: Predicate): string {
  return flowText(predicate)
}

function flowText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flowText).join(', ')}]`
  if (typeof value === 'object' && value !== null) {
    return `{ ${Object.entries(value)
      .map(([key, each]) => `${key}: ${flowText(each)}`)
      .join(', ')} }`
  }
  if (typeof value !== 'string') return String(value)
  // What YAML reads as text without quotes, of the plainest kind; a quote inside is doubled.
  if (/^[A-Za-z][A-Za-z0-9_./-]*$/.test(value) && !/^(true|false|null|yes|no|on|off)$/i.test(value)) return value
  return /[\u0000-\u001f\u007f-\u009f]/.test(value) ? JSON.stringify(value) : `'${value.replaceAll("'", "''")}'`
}
