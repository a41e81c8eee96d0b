// The tests that a rule set brings along: one record each, and what should become of it. Runs them on compiled rules, on
// the calling thread. Called by testing.ts, and by rules-thread.ts for rules that are prepared.

import type { CompiledRules, RecordVerdict } from './compiled-rules.ts'
import { limits } from './limits.ts'

/** The outcome of one of a rule set's own tests. */
export interface RuleTestResult {
  readonly name: string
  readonly passed: boolean
  /** What the test expects; `rule` only where it names one. */
  readonly expected: { readonly route: string; readonly rule?: string }
  readonly actual: RecordVerdict
}

/** How the tests of a rule set came out. */
export interface RuleTestSummary {
  readonly count: number
  readonly failed: number
  /** The first of those that failed, at most a hundred. */
  readonly failures: readonly RuleTestResult[]
}

/** The summary of a rule set whose tests were not run, or that has none. */
export const noTests: RuleTestSummary = { count: 0, failed: 0, failures: [] }

/**
 * Yields the outcome of each test, in order; nothing where there are none.
 *
 * Errors: `ERR_CONFIG_INVALID` when a test's text is not exactly one record.
 */
export function* runTests(compiled: CompiledRules): Generator<RuleTestResult, void, undefined> {
  for (const { name, record, expect, rule } of compiled.ruleSet.tests ?? []) {
    const actual = compiled.test(record)
    const passed = actual.route === expect && (rule === undefined || actual.rule === rule)
    yield { name, passed, expected: { route: expect, ...(rule === undefined ? {} : { rule }) }, actual }
  }
}

/** Runs all tests, and returns how they came out. Errors: those of `runTests`. */
export function summaryOf(rules: CompiledRules): RuleTestSummary {
  let failed = 0
  const failures: RuleTestResult[] = []
  for (const result of runTests(rules)) {
    if (result.passed) continue
    if (failed++ < limits.failuresListed) failures.push(result)
  }
  return { count: rules.ruleSet.tests?.length ?? 0, failed, failures }
}
