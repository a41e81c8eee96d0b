// Turns filters of the original into a plan of their own dialect, and into the rule set that says the same of ordinary
// records. A filter becomes a rule that drops what the filter does not let pass, so the first rule that holds is the
// filter at which the original stopped. Called by compile.ts and original-import.ts.

import { limits } from '../limits.ts'
import type { IssueList } from './issues.ts'
import { translateJavaPattern } from './java-translate.ts'
import type { OriginalFilter } from './original.ts'
import { originalSteps } from './original.ts'
import { checkPattern } from './patterns.ts'
import { probableField } from './presets.ts'
import type { Plan, PlanField, PlanPredicate, PlanRule } from './program.ts'
import { route } from './program.ts'
import type { Condition, Rule, RuleSet } from './rule-set.ts'

/** Id of the rule that stands for a record `null`, which the original drops when there is any filter. */
export const nullRecordRule = 'null-record'

/** A filter with what it became. */
export interface TranslatedFilter extends OriginalFilter {
  /** Id of its rule, which counts name. */
  readonly id: string
  readonly steps: readonly string[]
  /** The pattern in RE2's dialect. */
  readonly pattern: string
  /** The same as kernels compile it. */
  readonly kernelPattern: string
  /** Java and RE2 agree about the pattern only where no character beyond ASCII is near a `\b` or `\B`. */
  readonly hasWordEdges: boolean
}

/**
 * Returns the filters with their patterns in RE2's dialect. Those that have problems, which are in `issues`, are left
 * out. Cost: compiles every pattern.
 */
export function translateFilters(filters: readonly OriginalFilter[], issues: IssueList): TranslatedFilter[] {
  let instructions = 0
  const translated = filters.flatMap((filter): TranslatedFilter[] => {
    const steps = readSteps(filter, issues)
    const path = ['filters', filter.index, 'regex']
    const translation = translateJavaPattern(filter.regex)
    if ('message' in translation) {
      const place = `at character ${[...filter.regex.slice(0, translation.index)].length + 1}`
      const message = `The pattern \`${shorten(filter.regex)}\` ${translation.message}, ${place}.`
      issues.add(path, message, { suggestion: translation.suggestion })
      return []
    }
    const checked = checkPattern(filter.regex, translation.pattern, false)
    instructions += checked.instructions
    if ('faults' in checked) {
      for (const { message, suggestion, isTooLarge } of checked.faults) {
        issues.add(path, message, { suggestion: isTooLarge ? smaller(filter) : suggestion })
      }
      return []
    }
    if (translation.hasWordEdges) warnOfWordEdges(path, issues)
    return [{ ...filter, id: idOf(filter), steps, ...translation, kernelPattern: checked.pattern }]
  })
  if (instructions > limits.totalInstructions) {
    const message = `All patterns together compile to ${instructions} instructions; at most ${limits.totalInstructions} are allowed.`
    issues.add(['filters'], message, { suggestion: 'use shorter patterns, or fewer' })
  }
  return translated
}

function shorten(pattern: string): string {
  return pattern.length > 120 ? `${pattern.slice(0, 120)}…` : pattern
}

/** Settings have neither `any` nor lists, which the advice for rules names. */
function smaller({ include }: OriginalFilter): string {
  return include
    ? 'use smaller counts in {…}; a list of values is for a rule, which drops under `not: { field: NAME, in: [ … ] }`'
    : 'use smaller counts in {…}, or divide the alternatives among several filters of this field: with include: false, any of them drops'
}

function warnOfWordEdges(path: (string | number)[], issues: IssueList): void {
  issues.warn(path, 'Beside a character beyond ASCII, `\\b` and `\\B` may stand elsewhere than in Java.', {
    suggestion: 'name what may stand there, as in (?:.*\\W)?word(?:\\W.*)?',
  })
}

function readSteps({ fieldName, index }: OriginalFilter, issues: IssueList): string[] {
  const path = ['filters', index, 'fieldName']
  const steps = originalSteps(fieldName)
  if (steps.length === 0) {
    issues.add(path, `The field name \`${fieldName}\` is only dots, and names no field.`, {
      suggestion: 'write a name',
    })
  } else if (steps.length > limits.fieldPathSteps) {
    issues.add(path, `The field name has ${steps.length} parts; at most ${limits.fieldPathSteps} are allowed.`, {
      suggestion: 'write a name with fewer dots',
    })
  }
  const close = steps.length === 1 ? probableField(fieldName) : undefined
  if (close !== undefined) {
    const message = `\`${fieldName}\` is no DataStream 2 field, and \`${close}\` is.`
    issues.warn(path, message, { suggestion: `did you mean \`${close}\`?` })
  }
  if (/[[\]]/.test(fieldName)) {
    issues.warn(path, 'Brackets are a part of the name: the original knows no indexes.')
  }
  return steps
}

/** The place of the filter and its field, so that a count by rule tells which filter dropped how many. */
function idOf({ index, fieldName }: OriginalFilter): string {
  const name = [...fieldName.replaceAll(/\p{Cc}/gu, '?').trim()].slice(0, 100).join('')
  return `filters[${index}]${name === '' ? '' : `:${name}`}`
}

/** Returns the plan of filters that have no problems. */
export function originalPlan(filters: readonly TranslatedFilter[]): Omit<Plan, 'version'> {
  const fields: PlanField[] = []
  const predicates: PlanPredicate[] = []
  const number = <T>(values: T[], value: T): number => {
    const key = JSON.stringify(value)
    const known = values.findIndex((each) => JSON.stringify(each) === key)
    return known >= 0 ? known : values.push(value) - 1
  }
  const rules: PlanRule[] = filters.map(({ id, steps, kernelPattern, include }) => {
    const field = number<PlanField>(fields, { path: steps, decode: 'none' })
    const matches = number<PlanPredicate>(predicates, { op: 'regex', field, pattern: kernelPattern, whole: true })
    return { id, when: include ? ['not', matches] : matches, route: route.drop }
  })
  // Conditions cannot tell a record that is `null`, so this one never holds; the kernels name the rule themselves.
  if (rules.length > 0) rules.push({ id: nullRecordRule, when: ['all', 0, ['not', 0]], route: route.drop })
  const routes = Object.keys(route)
  return { dialect: 'original', missing: [], fields, predicates, rules, defaultRoute: route.keep, routes }
}

/** Returns the rule set that judges ordinary records as the filters do. original-import.ts says which are not. */
export function equivalentRuleSet(filters: readonly TranslatedFilter[]): RuleSet {
  const rules = filters.map(({ id, steps, pattern, include }): Rule => {
    const matches: Condition = { field: fieldPath(steps), matches: pattern }
    return { id, when: include ? { not: matches } : matches, then: 'drop' }
  })
  return { version: 1, default: 'keep', rules }
}

function fieldPath(steps: readonly string[]): string {
  return steps
    .map((step, i) => {
      const isPlain = /^[^.[\]"]+$/.test(step) && step.trim() === step
      return isPlain ? `${i > 0 ? '.' : ''}${step}` : `[${JSON.stringify(step)}]`
    })
    .join('')
}
