// Runs the tests that a rule set brings along, on the rule set as it was compiled. Called by ../commands/rules.ts, which
// shows all outcomes; rules that are put in force are tried where they are prepared.

import type { CompiledRules, RecordVerdict, RuleTest } from '@weir/engine'
import type { RuleTestResult } from '@weir/engine/testing'

/** One of the rule set's own tests, and how it came out. The version is told once, for all of them. */
export type TestOutcome = Omit<RuleTestResult, 'actual'> & { readonly actual: Omit<RecordVerdict, 'version'> }

/**
 * Returns the outcome of each test, in order; empty where there are none. Unlike the engine's `testRules`, reads the
 * rule file no second time: it may be a pipe, or another by now.
 */
export function runRuleTests(compiled: CompiledRules): TestOutcome[] {
  return (compiled.ruleSet.tests ?? []).map((test) => runTest(compiled, test))
}

function runTest(compiled: CompiledRules, { name, record, expect, rule }: RuleTest): TestOutcome {
  const expected = { route: expect, ...(rule === undefined ? {} : { rule }) }
  const { version: _, ...actual } = compiled.test(record)
  const passed = actual.route === expect && (rule === undefined || actual.rule === rule)
  return { name, passed, expected, actual }
}
