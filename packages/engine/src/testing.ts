// For tests of rule sets and benchmarks of kernels, as `@weir/engine/testing`: runs the tests that a rule set brings
// along, and single kernels without an engine. Nothing here is needed to filter records.

import { compileRules } from './compiled-rules.ts'
import type { KernelChoice } from './options.ts'
import { runTests } from './rule-tests.ts'
import type { RuleTestResult } from './rule-tests.ts'
import type { RuleSource } from './rules/compile.ts'

export { prepareCompileRun } from './compile-run.ts'
export type { CompileRun } from './compile-run.ts'
export type { RecordVerdict } from './compiled-rules.ts'
export { prepareKernelInput, prepareKernelRun } from './kernel-run.ts'
export type { KernelInput, KernelRun, KernelRunOptions } from './kernel-run.ts'
export { techniques } from './kernel/techniques.ts'
export type { Technique, TechniqueSettings, TechniqueUse } from './kernel/techniques.ts'
export type { KernelChoice } from './options.ts'
export type { RuleTestResult } from './rule-tests.ts'
export type { RuleSource } from './rules/compile.ts'

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
    return [...runTests(compiled)]
  } finally {
    compiled.release()
  }
}
