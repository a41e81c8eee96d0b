// One kernel on the calling thread, over an input that is cut into batches beforehand: for benchmarks, which have to
// time the kernel's calls and nothing else, and for whoever tunes a kernel. Filters no files and no streams; that is
// the engine's work. Exported by testing.ts.

import { cutLines, countLineFeeds } from './batch/framing.ts'
import { createSlab } from './batch/slab.ts'
import type { Slab, SlabRequest } from './batch/slab.ts'
import { slabWord } from './batch/batch.ts'
import type { Validation } from './batch/batch.ts'
import { EngineError } from './errors.ts'
import type { Evaluator, KernelName } from './kernel/kernel.ts'
import { selectKernel } from './kernel/select.ts'
import { readReport } from './kernel/techniques.ts'
import type { KernelReport, TechniqueSettings } from './kernel/techniques.ts'
import { limits } from './limits.ts'
import { cutFlags } from './ordered-batches.ts'
import { compileRuleSet } from './rules/compile.ts'
import type { RuleSource } from './rules/compile.ts'
import { route } from './rules/program.ts'
import type { Plan } from './rules/program.ts'
import { addCounts, noCounts, readCounts } from './stats.ts'
import type { Counts } from './verdict/verdict.ts'

/** Options of `prepareKernelRun`. */
export interface KernelRunOptions {
  readonly kernel: KernelName
  /** Bytes of one batch; of a `KernelInput` its own. Default: 2 MiB. */
  readonly batchBytes?: number
  /** Default: `kept`. */
  readonly validation?: Validation
  /** The path of the field that holds a record's time: the kernel then counts delays. Default: none. */
  readonly timeField?: string
  /** How techniques are used, for measurements of one of them. Default: all adaptive. */
  readonly techniques?: TechniqueSettings
}

/** Batches that lie ready for a kernel. */
export interface KernelRun {
  readonly kernel: KernelName
  readonly batches: number
  /**
   * Evaluates the batches [`from`, `to`), all of them unless told otherwise, one kernel call each, and gathers the kept
   * records. May be called again and again: every call does all of the work, but for the caches that the kernel keeps, as
   * it does in an engine's worker.
   */
  evaluate(from?: number, to?: number): void
  /** Counts of the last `evaluate`; valid until another run evaluates the same `KernelInput`. */
  counts(): Counts
  /** The records that the last `evaluate` kept, in input order: views, valid until the next call, as are the counts. */
  kept(): readonly Uint8Array[]
  /** What the kernel counted, over all calls of `evaluate`. */
  report(): KernelReport
  /** Frees the program's memory at once, instead of when the run is collected. It cannot evaluate afterwards. */
  release(): void
}

/**
 * NDJSON bytes cut into batches, which several runs may evaluate in turn, each of which overwrites what the one before has
 * answered. Made by `prepareKernelInput`.
 */
export class KernelInput {
  readonly #batches: readonly InputBatch[]

  /** Made by `prepareKernelInput`. */
  constructor(batches: readonly InputBatch[]) {
    this.#batches = batches
  }

  /** How many batches there are. */
  get batches(): number {
    return this.#batches.length
  }

  /** Returns the batches of an input, for a run. */
  static batchesOf(input: KernelInput): readonly InputBatch[] {
    return input.#batches
  }
}

/** A slab that is filled, and how its bytes were cut. */
interface InputBatch {
  readonly slab: Slab
  readonly length: number
  readonly flags: number
}

/** Returns NDJSON bytes, which are copied, as batches for several runs. Cost: memory of about twice the bytes. */
export function prepareKernelInput(ndjson: Uint8Array, options: { readonly batchBytes?: number } = {}): KernelInput {
  const { batchBytes = limits.batchBytes.standard } = options
  const input = Buffer.from(ndjson.buffer, ndjson.byteOffset, ndjson.length)
  return new KernelInput(
    Array.from(cutLines(input, 0, batchBytes, maxRecordBytes), (cut) => {
      const bytes = input.subarray(cut.start, cut.end)
      return { slab: filledSlab(bytes), length: bytes.length, flags: cutFlags(cut) }
    }),
  )
}

const maxRecordBytes = limits.maxRecordBytes.standard

/**
 * Returns a run of a kernel over NDJSON bytes, which are copied, or over batches that are ready. The rule set is compiled
 * and the batches are cut and filled here, so that `evaluate` is nothing but the kernel.
 *
 * Errors: those of `compileRules`; `ERR_ENGINE_KERNEL_UNAVAILABLE` for `native` where it cannot be loaded;
 * `ERR_CONFIG_INVALID` for a technique that there is not.
 * Cost: memory of about twice the bytes, where they are no `KernelInput`.
 */
export async function prepareKernelRun(
  rules: RuleSource,
  ndjson: Uint8Array | KernelInput,
  options: KernelRunOptions,
): Promise<KernelRun> {
  const { validation = 'kept' } = options
  const { kernel } = await selectKernel(options.kernel)
  const { program } = compileRuleSet(rules, options.timeField)
  const nowMs = Date.now()
  const input = ndjson instanceof KernelInput ? ndjson : prepareKernelInput(ndjson, options)
  const batches = KernelInput.batchesOf(input).map(({ slab, length, flags }): PreparedBatch => {
    const request = { start: 0, end: length, flags, validation, maxRecordBytes, gather: [route.keep], nowMs }
    return { slab, request }
  })
  return new PreparedRun(kernel.name, kernel.load(program, options.techniques), program.plan, batches)
}

interface PreparedBatch {
  readonly slab: Slab
  readonly request: SlabRequest
}

/** A slab whose verdict arrays hold every record, so that one kernel call answers the whole batch. */
function filledSlab(bytes: Buffer): Slab {
  const slab = createSlab({
    inputBytes: bytes.length,
    recordCapacity: countLineFeeds(bytes) + 1,
    gatherBytes: bytes.length + 1,
  })
  slab.input.set(bytes)
  return slab
}

class PreparedRun implements KernelRun {
  readonly kernel: KernelName
  readonly #evaluator: Evaluator
  readonly #plan: Plan
  readonly #batches: readonly PreparedBatch[]
  #evaluated: readonly PreparedBatch[] = []

  constructor(kernel: KernelName, evaluator: Evaluator, plan: Plan, batches: readonly PreparedBatch[]) {
    this.kernel = kernel
    this.#evaluator = evaluator
    this.#plan = plan
    this.#batches = batches
  }

  get batches(): number {
    return this.#batches.length
  }

  evaluate(from = 0, to = this.#batches.length): void {
    this.#evaluated = from === 0 && to === this.#batches.length ? this.#batches : this.#batches.slice(from, to)
    for (const { slab, request } of this.#evaluated) {
      slab.request(request)
      this.#evaluator.evaluate(slab.bytes)
      if (!slab.isWhole) {
        throw new EngineError(
          'ERR_ENGINE_KERNEL_FAULT',
          'The kernel stopped before the end of a batch that fits its arrays.',
        )
      }
    }
  }

  counts(): Counts {
    return this.#evaluated.reduce((sum, { slab }) => addCounts(sum, readCounts(slab, this.#plan)), noCounts(this.#plan))
  }

  kept(): readonly Uint8Array[] {
    return this.#evaluated.map(({ slab }) => slab.gather.subarray(0, slab.words[slabWord.gathered]))
  }

  report(): KernelReport {
    return readReport(this.#evaluator.report(), this.#plan.fields)
  }

  release(): void {
    this.#evaluator.release()
  }
}
