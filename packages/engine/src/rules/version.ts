// The version of a rule set: a hash of what it means. Formatting, key order, the order inside lists, `all` and `any`,
// and where a list is kept do not change it; rule ids do, as verdicts name them. Called by compile.ts.

import { createHash } from 'node:crypto'
import type { Plan, PlanCondition, PlanPredicate } from './program.ts'

type Term = string | readonly ['all' | 'any', ...Term[]] | readonly ['not', Term]

/** Returns 16 hexadecimal digits for the meaning of `plan`. `digests` are those of its lists, by index. */
export function versionOf(plan: Omit<Plan, 'version'>, digests: readonly string[]): string {
  const terms = plan.predicates.map((predicate) => predicateTerm(predicate, plan, digests))
  const meaning = {
    language: plan.dialect === 'original' ? 'original' : 1,
    missing: [...new Set(plan.missing)].toSorted(),
    default: plan.routes[plan.defaultRoute],
    rules: plan.rules.map((rule) => [rule.id, plan.routes[rule.route], normal(conditionTerm(rule.when, terms))]),
  }
  return createHash('sha256').update(JSON.stringify(meaning)).digest('hex').slice(0, 16)
}

function conditionTerm(condition: PlanCondition, terms: readonly Term[]): Term {
  if (typeof condition === 'number') return terms[condition]!
  if (condition[0] === 'not') return ['not', conditionTerm(condition[1], terms)]
  const [form, ...members] = condition
  return [form, ...members.map((member) => conditionTerm(member, terms))]
}

function predicateTerm(predicate: PlanPredicate, plan: Omit<Plan, 'version'>, digests: readonly string[]): Term {
  const { op, field } = predicate
  const subject = [op, plan.fields[field]!.path, plan.fields[field]!.decode]
  const term = (...rest: unknown[]): string => JSON.stringify([...subject, ...rest])
  switch (op) {
    case 'exists':
      return term()
    case 'regex':
      return term(predicate.pattern, predicate.whole)
    case 'set':
    case 'substrings':
      return term(digests[predicate.list], predicate.fold)
    case 'networks':
      return term(digests[predicate.list])
    case 'prefix':
    case 'suffix':
      return term(predicate.texts.toSorted(), predicate.fold)
    case 'compare': {
      const bounds = (['lt', 'lte', 'gt', 'gte'] as const).filter((name) => predicate[name] !== undefined)
      return ['all', ...bounds.map((name) => term(name, plainNumber(predicate[name]!)))]
    }
  }
}

/** Leading zeros of a bound mean nothing. */
function plainNumber(text: string): string {
  return text.replace(/^(-?)0+(?=[0-9])/, '$1')
}

/** Returns the term with nested forms of one kind joined, members sorted and distinct, double negation gone. */
function normal(term: Term): Term {
  if (typeof term === 'string') return term
  if (term[0] === 'not') {
    const inner = normal(term[1])
    return typeof inner !== 'string' && inner[0] === 'not' ? inner[1] : ['not', inner]
  }
  const [form, ...members] = term
  const flat = members.map(normal).flatMap((member) => (member[0] === form ? (member.slice(1) as Term[]) : [member]))
  const texts = new Map(flat.map((member) => [JSON.stringify(member), member]))
  const sorted = [...texts.keys()].toSorted().map((text) => texts.get(text)!)
  return sorted.length === 1 ? sorted[0]! : [form, ...sorted]
}
