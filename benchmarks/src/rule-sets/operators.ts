// A generator of rule sets for records of DataStream 2, over all operators: the same rules for the same seed, of so many
// families in turn. Says nothing about how often they hold, but for the share that one more rule keeps. Called by cases.ts.

import type { Condition, Rule, RuleSet } from '@weir/engine'
import { createRandom, shuffled } from '../schedule.ts'
import { families } from './families.ts'
import type { Draw, Family } from './families.ts'

/** What `generateRules` makes. */
export interface OperatorRules {
  /** How many rules, the one for `keepShare` among them. */
  readonly rules: number
  /** An integer from 0 to 2³¹. */
  readonly seed: number
  /** `plain`: without `decode` and `ignoreCase`. Default: `all`. */
  readonly operators?: 'all' | 'plain'
  /** The fields that conditions may ask for, but for the last rule's. Default: all of a record. */
  readonly fields?: readonly string[]
  /** The last rule keeps this share of the records, 0 to 1, by their ids, as a sample; without it there is none such. */
  readonly keepShare?: number
}

/**
 * Returns the rule set. Of as many rules in a row as there are families, each is of another one; two of three keep, and
 * the default drops. Throws a RangeError where no family can make a condition that asks for nothing but `fields`.
 */
export function generateRules({ rules: count, seed, operators, fields, keepShare }: OperatorRules): RuleSet {
  const random = createRandom(seed)
  const draw: Draw = { random, isPlain: operators === 'plain' }
  const rules: Rule[] = []
  const met = new Set<string>()
  const sampled = keepShare === undefined ? 0 : 1
  while (rules.length < count - sampled) {
    const rulesBefore = rules.length
    for (const [name, family] of shuffled(families, random)) {
      if (rules.length === count - sampled) break
      const then = random(3) > 0 ? 'keep' : 'drop'
      const when = anotherOf(family, draw, met, fields)
      if (when !== undefined) rules.push({ id: `${name}-${rules.length + 1}`, when, then })
    }
    if (rules.length === rulesBefore) throw new RangeError(`no rules can be made of these fields: ${String(fields)}`)
  }
  if (keepShare !== undefined) rules.push(sampleRule(keepShare))
  return { version: 1, missing: ['-', '^'], default: 'drop', rules }
}

/** Draws after which a family is taken to make no other condition on the wanted fields. */
const mostDraws = 1000

/**
 * A condition that the rule set does not have yet, since a second rule with it would never decide; on `fields` alone
 * where they are given. Undefined where the family makes none such.
 */
function anotherOf(family: Family, draw: Draw, met: Set<string>, fields?: readonly string[]): Condition | undefined {
  for (let drawn = 0; drawn < mostDraws; drawn++) {
    const condition = family(draw)
    const written = JSON.stringify(condition)
    if (met.has(written) || !fieldsOf(condition).every((field) => fields?.includes(field) ?? true)) continue
    met.add(written)
    return condition
  }
  return undefined
}

/** The fields that a condition asks for; one may be there twice. */
function fieldsOf(condition: Condition): string[] {
  if ('all' in condition) return condition.all.flatMap(fieldsOf)
  if ('any' in condition) return condition.any.flatMap(fieldsOf)
  if ('not' in condition) return fieldsOf(condition.not)
  return [condition.field]
}

/** A rule that keeps a share of the records: ids are spread evenly over eight hexadecimal digits. */
function sampleRule(share: number): Rule {
  const prefixes: string[] = []
  let left = Math.round(share * 16 ** 4)
  // All ids below the share: whole first digits, then the digits behind the next one, and so on.
  for (let [start, digit] = ['', 1]; digit <= 4; digit++) {
    const weight = 16 ** (4 - digit)
    const whole = Math.floor(left / weight)
    for (let i = 0; i < whole && prefixes.length < 64; i++) prefixes.push(start + i.toString(16))
    left -= whole * weight
    if (left === 0) break
    start += whole.toString(16)
  }
  return { id: 'sample', when: { field: 'reqId', prefix: prefixes }, then: 'keep' }
}
