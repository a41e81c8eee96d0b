// The two steps from the text of a rule set to a kernel that can decide, one at a time: for benchmarks, which have to tell
// the time of one from that of the other. Whoever filters has both from an engine. Exported by testing.ts.

import type { KernelName } from './kernel/kernel.ts'
import { selectKernel } from './kernel/select.ts'
import { compileRuleSet } from './rules/compile.ts'
import type { RuleSource } from './rules/compile.ts'

/** A rule set that is compiled and loaded again and again. */
export interface CompileRun {
  readonly kernel: KernelName
  /** Reads the rule set and makes its program, as an engine does once for all of its workers. */
  compile(): void
  /**
   * Has the kernel make ready for the program of the last `compile`, as each worker does, with patterns compiled and
   * caches empty. Returns what frees that again; call it before the next `load`.
   */
  load(): () => void
}

/**
 * Returns a run over the two steps, each taken once already. Errors: those of `compileRules`;
 * `ERR_ENGINE_KERNEL_UNAVAILABLE` for `native` where it cannot be loaded.
 */
export async function prepareCompileRun(
  rules: RuleSource,
  options: { readonly kernel: KernelName },
): Promise<CompileRun> {
  const { kernel } = await selectKernel(options.kernel)
  let { program } = compileRuleSet(rules)
  kernel.load(program).release()
  return {
    kernel: kernel.name,
    compile: () => {
      program = compileRuleSet(rules).program
    },
    load: () => {
      const evaluator = kernel.load(program)
      return () => evaluator.release()
    },
  }
}
