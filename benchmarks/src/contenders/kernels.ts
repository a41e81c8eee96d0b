// Contenders: Weir's kernels, one call per batch on this thread, over batches that lie ready. Without pool, without
// threads, without reading a file.

import { readFileSync } from 'node:fs'
import type { KernelName, RuleSource } from '@weir/engine'
import { EngineError } from '@weir/engine'
import { prepareKernelRun } from '@weir/engine/testing'
import type { Answer, Contender, Prepared, Skipped, Task } from '../contender.ts'
import { digest } from '../expected.ts'

/** The kernel in JavaScript. */
export const portableKernel: Contender = kernelContender('portable', 'Weir, portable kernel')
/** The kernel in C++. */
export const nativeKernel: Contender = kernelContender('native', 'Weir, native kernel')

/** The kernel in C++ with the case's filters of the original in place of its rules. */
export const nativeOriginal: Contender = {
  id: 'native-original',
  label: 'Weir, native kernel, filters of the original',
  model: 'kernel',
  threads: 1,
  open: async (task) => {
    const { filters } = task.case
    if (filters === undefined) return { skipped: `${task.case.name} has no filters of the original.` }
    return open('native', task, { filters })
  },
}

function kernelContender(kernel: KernelName, label: string): Contender {
  return { id: kernel, label, model: 'kernel', threads: 1, open: (task) => open(kernel, task, task.case.rules) }
}

async function open(kernel: KernelName, task: Task, rules: RuleSource): Promise<Prepared | Skipped> {
  try {
    const prepared = await prepareKernelRun(rules, readFileSync(task.input.path), { kernel })
    return {
      how: `${prepared.batches} calls of the ${kernel} kernel, batches of 2 MiB in memory, kept records gathered`,
      run: async () => {
        const started = process.hrtime.bigint()
        prepared.evaluate()
        const seconds = Number(process.hrtime.bigint() - started) / 1e9
        const { cacheBytes } = prepared.report()
        return {
          seconds,
          cacheBytes,
          answer: async () => answerOf(prepared.counts(), prepared.kept(), rules === task.case.rules),
        }
      },
      close: async () => {},
    }
  } catch (error) {
    if (error instanceof EngineError && error.code === 'ERR_ENGINE_KERNEL_UNAVAILABLE')
      return { skipped: error.message }
    throw error
  }
}

function answerOf(
  counts: { readonly kept: number; readonly byRule: readonly number[]; readonly byDefault: number },
  kept: readonly Uint8Array[],
  isByRule: boolean,
): Answer {
  // Filters are other rules, so their counts are others too.
  const byRule = isByRule ? { byRule: [...counts.byRule, counts.byDefault] } : {}
  return { kept: counts.kept, ...byRule, sha256: digest(kept) }
}
