// For tests of rule sets and benchmarks of kernels, as `@weir/engine/testing`: runs the tests that a rule set brings
// along, and single kernels without an engine. Nothing here is needed to filter records.

import { compileRules } from './compiled-rules.ts'
import type { RecordVerdict } from './compiled-rules.ts'
import type { KernelChoice } from './options.ts'
import type { RuleSource } from './rules/compile.ts'

export type { RecordVerdict } from './compiled-rules.ts'
export { prepareKernelRun } from './kernel-run.ts'
export type { KernelRun, KernelRunOptions } from './kernel-run.ts'
export type { KernelChoice } from './options.ts'
export type { RuleSource } from './rules/compile.ts'

/** The outcome of one of a rule set's own tests. */
export interface RuleTestResult {
  readonly name: string
  readonly passed: boolean
  /** What the test expects; `rule` only where it names one. */
  readonly expected: { readonly route: string; readonly rule?: string }
  readonly actual: RecordVerdict
}

/**
 * Runs the `tests` of a rule set, and returns the result of each, in order; empty when there are none.
 *
 * Errors: those of `compileRules`, and `ERR_CONFIG_INVALID` when a test's text is not exactly one record.
 */
export function testRules(
  rules: RuleSource,
  options: { readonly kernel?: KernelChoice } = {},
): readonly RuleTestResult[] {
  const compiled = compileRules(rules, options)
  try {
    return (compiled.ruleSet.tests ?? []).map(({ name, record, expect, rule }) => {
      const actual = compiled.test(record)
      const passed = actual.route === expect && (rule === undefined || actual.rule === rule)
      return { name, passed, expected: { route: expect, ...(rule === undefined ? {} : { rule }) }, actual }
    })
  } finally {
    compiled.release()
  }
}
