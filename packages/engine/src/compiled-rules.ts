// Rule sets without an engine: compiled and tried on single records, synchronously, on the calling thread. For tests
// and small tools; inputs of any size belong to an engine.

import { malformedReason, noRule, slabFlag, slabWord } from './batch/batch.ts'
import type { MalformedReason, Validation } from './batch/batch.ts'
import { createSlab } from './batch/slab.ts'
import type { Slab } from './batch/slab.ts'
import { ConfigError } from './errors.ts'
import type { EngineError, RuleSetIssue } from './errors.ts'
import type { Evaluator, Kernel } from './kernel/kernel.ts'
import { createPortableKernel } from './kernel/portable.ts'
import { provenNativeKernel } from './kernel/select.ts'
import { limits } from './limits.ts'
import { checkKernel, refuseUnknown } from './options.ts'
import type { KernelChoice } from './options.ts'
import { compileRuleSet } from './rules/compile.ts'
import type { CompiledRuleSet, RuleSource } from './rules/compile.ts'
import type { Dialect, Plan } from './rules/program.ts'
import type { RuleSet } from './rules/rule-set.ts'

/** What a rule set makes of one record. */
export interface RecordVerdict {
  /** `keep`, `drop`, `malformed`, or a named route. */
  readonly route: string
  /** Id of the rule that decided, or `default`; undefined when the record is malformed. */
  readonly rule: string | undefined
  /** Why the record is malformed. */
  readonly reason: MalformedReason | undefined
  readonly version: string
}

/** A record to try: an object, or its exact text or bytes. */
export type TestRecord = Readonly<Record<string, unknown>> | string | Uint8Array

const reasonNames = Object.keys(malformedReason) as MalformedReason[]

/** A compiled rule set that judges one record at a time, each checked whole (`validation: 'full'`). */
export class CompiledRules {
  /** The rule set, with literals as text. */
  readonly ruleSet: RuleSet
  /** What looks wrong but is not. */
  readonly warnings: readonly RuleSetIssue[]
  readonly #plan: Plan
  readonly #evaluator: Evaluator
  #slab: Slab | undefined

  /** Made by `compileRules`. */
  constructor({ program, ruleSet, warnings }: CompiledRuleSet, kernel: Kernel) {
    this.ruleSet = ruleSet
    this.warnings = warnings
    this.#plan = program.plan
    this.#evaluator = kernel.load(program)
  }

  /** 16 hexadecimal digits that depend on the meaning of the rule set alone. */
  get version(): string {
    return this.#plan.version
  }

  /** Whose meaning records and fields have; of `original`, `ruleSet` says the same of ordinary records only. */
  get dialect(): Dialect {
    return this.#plan.dialect
  }

  /** `keep`, `drop`, `malformed`, then the named routes. */
  get routes(): readonly string[] {
    return this.#plan.routes
  }

  /**
   * Returns what becomes of one record. Errors: `ERR_CONFIG_INVALID` when it is not exactly one record: several
   * lines, a blank one, or an object that JSON cannot express. Cost: microseconds, and the record's length.
   */
  test(record: TestRecord): RecordVerdict {
    const bytes = recordBytes(record)
    const slab = this.#slabFor(bytes.length)
    slab.input.set(bytes)
    slab.request({
      start: 0,
      end: bytes.length,
      flags: slabFlag.records,
      validation: 'full' satisfies Validation,
      maxRecordBytes: limits.maxRecordBytes.standard,
      gather: [],
    })
    if (bytes.length > 0) this.#evaluator.evaluate(slab.bytes)
    const records = bytes.length === 0 ? 0 : slab.words[slabWord.records]!
    if (records !== 1) {
      const given = records === 0 ? 'none' : 'several'
      throw new ConfigError('ERR_CONFIG_INVALID', `\`record\` must be exactly one record, and holds ${given}.`, {
        given,
      })
    }
    const rule = slab.rules[0]!
    return {
      route: this.#plan.routes[slab.routes[0]!]!,
      rule: rule === noRule ? undefined : (this.#plan.rules[rule]?.id ?? 'default'),
      reason: reasonNames[slab.reasons[0]! - 1],
      version: this.version,
    }
  }

  /**
   * Frees the memory that the patterns take outside of the JavaScript heap at once, instead of when this is collected.
   * Nothing can be tested afterwards. For programs that compile many rule sets; others need not call it.
   */
  release(): void {
    this.#evaluator.release()
  }

  #slabFor(bytes: number): Slab {
    if (this.#slab === undefined || this.#slab.input.length < bytes) {
      const inputBytes = Math.max(4096, 2 ** Math.ceil(Math.log2(bytes + 1)))
      this.#slab = createSlab({ inputBytes, recordCapacity: 4, gatherBytes: inputBytes + 1 })
    }
    return this.#slab
  }
}

function recordBytes(record: TestRecord): Uint8Array {
  if (record instanceof Uint8Array) return record
  let text: unknown
  try {
    text = typeof record === 'string' ? record : JSON.stringify(record)
  } catch (error) {
    text = undefined
    if (!(error instanceof TypeError)) throw error
  }
  if (typeof text === 'string') return Buffer.from(text)
  throw new ConfigError(
    'ERR_CONFIG_INVALID',
    '`record` must be an object that JSON can express, its text, or its bytes.',
  )
}

/** Returns the kernel for a choice without waiting; `selectKernel` is for those who can wait. */
function selectKernelNow(choice: KernelChoice): Kernel {
  if (choice === 'portable') return createPortableKernel()
  try {
    return provenNativeKernel()
  } catch (error) {
    if (choice === 'native' || (error as EngineError).code !== 'ERR_ENGINE_KERNEL_UNAVAILABLE') throw error
    return createPortableKernel()
  }
}

/**
 * Returns a rule set compiled for single records. Synchronous; uses no worker.
 *
 * Errors: `ERR_RULESET_INVALID` with all problems, `ERR_RULESET_UNREADABLE`, `ERR_ENGINE_KERNEL_UNAVAILABLE`.
 */
export function compileRules(rules: RuleSource, options: { readonly kernel?: KernelChoice } = {}): CompiledRules {
  refuseUnknown(options, ['kernel'])
  const kernel = selectKernelNow(checkKernel(options.kernel))
  return new CompiledRules(compileRuleSet(rules), kernel)
}
