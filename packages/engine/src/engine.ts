// The engine: a rule set, a kernel and a pool of workers behind one object. Evaluates inputs, filters streams and
// files, swaps rule sets. Knows no network and no connector, prints nothing, and reads no environment.
// Exported by index.ts; its parts are input-evaluator.ts, filtering.ts and pool/.

import { joinedLength } from './batch/batcher.ts'
import { batchShape, SlabStore } from './batch/slab.ts'
import type { EngineParts, LoadedRuleSet, StartTimer } from './engine-parts.ts'
import type { RuleSetIssue } from './errors.ts'
import type { Verdict } from './evaluation.ts'
import { filterOpenFile, filterSource, listen } from './filtering.ts'
import type { ByteSource, FilterBatchesOptions, FilterFileOptions, FilterTotals, OpenFile } from './filtering.ts'
import { Handover } from './handover.ts'
import { checkInputSize, heldVerdicts, InputEvaluator } from './input-evaluator.ts'
import type { KernelName } from './kernel/kernel.ts'
import { selectKernel } from './kernel/select.ts'
import { limits } from './limits.ts'
import { invalid, refuseUnknown, resolveOptions } from './options.ts'
import type { EngineOptions, ResolvedOptions } from './options.ts'
import type { BatchResult } from './ordered-batches.ts'
import { within } from './pool/deadlines.ts'
import { closedError } from './pool/faults.ts'
import { LatePool } from './pool/late-pool.ts'
import { OwnThread } from './pool/own-thread.ts'
import type { PoolOptions } from './pool/pool.ts'
import { programHandle } from './pool/program-handle.ts'
import { compileBeside, hungThreads, PreparedRules, takePrepared } from './prepared-rules.ts'
import type { ThreadWays } from './prepared-rules.ts'
import { compileRuleSet, postedSource } from './rules/compile.ts'
import type { PostedSource, RuleSource } from './rules/compile.ts'
import { StatsRecorder } from './stats.ts'
import type { EngineStats } from './stats.ts'
import { Tallies } from './tallies.ts'
import type { EngineReport } from './tallies.ts'

/** The kernel in use. */
export interface KernelInUse {
  readonly name: KernelName
  /** Why the native kernel is not used, where `auto` fell back to the portable one, which is many times slower. */
  readonly fallback?: string
}

/** Options of `filter`. */
export interface FilterOptions {
  /** The route whose records come out. Default: `keep`. */
  readonly route?: string
  /** Time in milliseconds that bytes may wait for their batch to fill. Default: 50. */
  readonly batchAgeMs?: number
  /** Aborting it ends the iteration with the signal's reason. */
  readonly signal?: AbortSignal
}

/** What only tests set: workers that fail on purpose, deadlines, timers. Not part of the package's interface. */
export interface EngineInternals {
  readonly worker?: PoolOptions['worker']
  readonly startDeadlineMs?: number
  readonly closeDeadlineMs?: number
  readonly startTimer?: StartTimer
  /** Default: `limits.readyInPlaceMs`. */
  readonly readyInPlaceMs?: number
  /** How threads that compile rules are run and waited for. */
  readonly rulesThread?: Omit<ThreadWays, 'signal'>
  /** The clock that delays are measured by, in milliseconds since 1970. */
  readonly now?: () => number
}

const startTimer: StartTimer = (ms, run) => {
  const timer = setTimeout(run, ms)
  return () => clearTimeout(timer)
}

function createStore({ threads, batchBytes, maxRecordBytes }: ResolvedOptions): SlabStore {
  // Tasks for files gather more than a batch, and read a second one; others leave the rest of the slab untouched, which
  // costs no memory.
  const gatherBytes = limits.fileGatherBatches * batchBytes + maxRecordBytes + 3
  const shape = { ...batchShape(batchBytes, maxRecordBytes), gatherBytes, hasSpare: true }
  return new SlabStore(shape, heldVerdicts(threads) + 1)
}

function poolOptionsOf(
  { threads, batchDeadlineMs }: ResolvedOptions,
  kernel: KernelName,
  slabs: SlabStore,
  { startDeadlineMs, worker }: EngineInternals,
): PoolOptions {
  return {
    ...{ threads, kernel, slabs, batchDeadlineMs },
    ...(startDeadlineMs === undefined ? {} : { startDeadlineMs }),
    ...(worker === undefined ? {} : { worker }),
  }
}

/** Returns what workers are handed, compiled on this thread if need be. Errors: as `createEngine` has for rule sets. */
function loadRuleSet(rules: RuleSource | PreparedRules, timeField: string | undefined): LoadedRuleSet {
  if (rules instanceof PreparedRules) return takePrepared(rules, timeField)
  const { program, warnings } = compileRuleSet(rules, timeField)
  return { handle: programHandle(program), plan: program.plan, warnings }
}

/**
 * Filters NDJSON with worker threads. Create one with `createEngine`, use it for many inputs, and close it: an open
 * engine does not keep the process running by itself, but its workers hold memory until `close()`.
 *
 * All methods may be called at the same time. Errors are `WeirError`s, told apart by `code`; after any of them but
 * `ERR_ENGINE_CLOSED` the engine is usable.
 */
export class Engine {
  /** The kernel that all workers use. */
  readonly kernel: KernelInUse
  readonly #parts: EngineParts
  readonly #inputs: InputEvaluator
  readonly #closing: AbortController
  readonly #internals: EngineInternals
  readonly #running = new Set<Promise<unknown>>()
  #current: LoadedRuleSet
  #lastLoad: Promise<unknown> = Promise.resolve()
  #closed: Promise<void> | undefined

  private constructor(
    kernel: KernelInUse,
    current: LoadedRuleSet,
    closing: AbortController,
    parts: Omit<EngineParts, 'current' | 'closing'>,
    internals: EngineInternals,
  ) {
    this.kernel = kernel
    this.#current = current
    this.#closing = closing
    this.#internals = internals
    this.#parts = { ...parts, closing: closing.signal, current: () => this.#current }
    this.#inputs = new InputEvaluator(this.#parts)
    parts.stats.addLoad()
  }

  /** Makes an engine; `createEngine` is the public way. */
  static async create(options: EngineOptions, internals: EngineInternals = {}): Promise<Engine> {
    const resolved = resolveOptions(options)
    const { kernel, fallback } = await selectKernel(resolved.kernel)
    const own = new OwnThread(kernel)
    const slabs = createStore(resolved)
    const pool = new LatePool(poolOptionsOf(resolved, kernel.name, slabs, internals), own)
    const tallies = new Tallies(resolved.threads)
    let current: LoadedRuleSet
    try {
      // Threads take as long to start as a rule set takes to compile, so the two go on at once.
      if (resolved.startThreads === 'now') await pool.start()
      current = tallies.of(loadRuleSet(options.rules, resolved.timeField))
      if (resolved.startThreads === 'now') await pool.ready(current.handle)
    } catch (error) {
      await pool.close()
      throw error
    }
    return new Engine(
      { name: kernel.name, ...(fallback === undefined ? {} : { fallback }) },
      current,
      new AbortController(),
      {
        ...{ options: resolved, own, pool, slabs, tallies },
        stats: new StatsRecorder(),
        startTimer: internals.startTimer ?? startTimer,
        now: internals.now ?? Date.now,
      },
      internals,
    )
  }

  /** Version of the rule set in force: 16 hexadecimal digits that depend on its meaning alone. */
  get version(): string {
    return this.#current.plan.version
  }

  /** Routes of the rule set in force: `keep`, `drop`, `malformed`, then the named ones. */
  get routes(): readonly string[] {
    return this.#current.plan.routes
  }

  /** Ids of the rules in force, in order. */
  get ruleIds(): readonly string[] {
    return this.#current.plan.rules.map((rule) => rule.id)
  }

  /** What looks wrong in the rule set in force, but is not. */
  get warnings(): readonly RuleSetIssue[] {
    return this.#current.warnings
  }

  /** Returns what the engine has done so far. */
  stats(): EngineStats {
    const { options, slabs, pool, stats } = this.#parts
    const workersHung = pool.counts.workersHung + hungThreads()
    return stats.snapshot(options.threads, slabs.taken, { ...pool.counts, workersHung })
  }

  /**
   * Returns what the kernel's techniques did for the rule set in force, over all threads: how often each gave an answer,
   * and what became of each field's values. Batches that were answered are in it. Also after `close()`.
   */
  report(): EngineReport {
    this.#parts.own.tell()
    return Tallies.report(this.#current, this.kernel.name)
  }

  /**
   * Returns the verdict of NDJSON text: records separated by line feeds, the last one optional. A UTF-8 byte order
   * mark at its start is skipped.
   *
   * *Ownership*: the input is copied before the call returns, and not kept. *Cost*: up to 16 KiB are evaluated on
   * the calling thread, which makes the rule set ready there the first time; more on workers, and above `batchBytes`
   * on all of them at once. The records of all routes but `drop` are gathered in the same pass, for `gather()`; above
   * `batchBytes` the verdict holds that copy of them beside the input.
   *
   * Errors: `ERR_ENGINE_INPUT_TOO_LARGE` above 1 GiB; `ERR_ENGINE_KERNEL_FAULT`, `ERR_ENGINE_WORKER_LOST`,
   * `ERR_ENGINE_WORKER_HUNG` (set the input aside); `ERR_ENGINE_CLOSED`.
   */
  evaluate(ndjson: Uint8Array): Promise<Verdict> {
    return this.#operation(() => {
      if (!(ndjson instanceof Uint8Array)) throw invalid('ndjson', ndjson, 'a Uint8Array or Buffer')
      checkInputSize(ndjson.length)
      return this.#inputs.evaluate(ndjson, false)
    })
  }

  /**
   * Returns one verdict of several values, such as those of a Kafka batch. Each is NDJSON text of its own: a missing
   * last line feed is added, so records of neighbours never join, and a byte order mark is skipped. A null value has
   * no records. Positions refer to `verdict.bytes`, where value *i* begins at `verdict.valueStarts[i]`.
   *
   * Ownership, cost and errors are those of `evaluate`.
   */
  evaluateMany(values: readonly (Uint8Array | null)[]): Promise<Verdict> {
    return this.#operation(() => {
      if (!Array.isArray(values)) throw invalid('values', values, 'an array of Uint8Array')
      let bytes = 0
      // Not forEach, which passes over the holes of an array.
      for (const [i, value] of (values as readonly unknown[]).entries()) {
        if (value === null) continue
        if (!(value instanceof Uint8Array)) throw invalid(`values[${i}]`, value, 'a Uint8Array, a Buffer or null')
        bytes += joinedLength(value)
      }
      checkInputSize(bytes)
      return this.#inputs.evaluateValues(values, bytes)
    })
  }

  /**
   * Filters a stream: yields the bytes of kept records, in input order, unchanged; a missing last line feed is
   * added. Chunks are yours to keep. The source is read only as fast as chunks are taken; leaving the loop early
   * ends the source.
   *
   * Yields the records of one route: where rules name routes, use `filterBatches` to get all of them.
   * Errors: those of `evaluate`, `ERR_ENGINE_UNKNOWN_ROUTE`, and whatever the source throws.
   */
  async *filter(
    source: ByteSource,
    options: FilterOptions = {},
  ): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
    refuseUnknown(options, ['route', 'batchAgeMs', 'signal'])
    const { route = 'keep', batchAgeMs, signal } = options
    const stop = new AbortController()
    const onAbort = (): void => stop.abort(signal!.reason)
    if (signal?.aborted === true) onAbort()
    if (signal !== undefined) listen(signal, onAbort)
    const chunks = new Handover<Uint8Array<ArrayBuffer>>()
    const done = this.filterBatches(source, {
      routes: [route],
      signal: stop.signal,
      ...(batchAgeMs === undefined ? {} : { batchAgeMs }),
      onBatch: async ({ segments }: BatchResult) => {
        // Shared memory is refused by many interfaces, and the slab is needed again: so the chunk is a copy.
        for (const { bytes } of segments) if (bytes.length > 0) await chunks.put(new Uint8Array(bytes))
      },
    })
    done.then(
      () => chunks.end(),
      (error: unknown) => chunks.fail(error),
    )
    try {
      yield* chunks
    } finally {
      signal?.removeEventListener('abort', onAbort)
      stop.abort()
      chunks.end()
      await done.catch(() => undefined)
    }
  }

  /**
   * Filters a stream, batch by batch: `onBatch` receives counts, the wanted routes' bytes and the first malformed
   * records of each, in input order, the next call after the last one's promise resolved. At most 2 × `threads`
   * batches are in flight; the source is not read while there is no room. Resolves when all is delivered.
   *
   * On failure of the source, of a batch or of `onBatch`: nothing more is delivered, the source is ended, and the
   * promise rejects with that error. Errors: those of `evaluate`, `ERR_ENGINE_UNKNOWN_ROUTE`.
   */
  filterBatches(source: ByteSource, options: FilterBatchesOptions): Promise<FilterTotals> {
    return this.#operation(() => filterSource(this.#parts, source, options))
  }

  /**
   * Filters a regular file, or a part of it, like `filterBatches`; workers read it themselves, so its bytes never
   * pass through the calling thread. Reads as far as the file reached when the call was made. Keep the handle open
   * until the promise settles; its own position is neither used nor moved.
   *
   * Errors: those of `filterBatches`, and `ERR_ENGINE_READ` when the file cannot be read or becomes shorter.
   */
  filterFile(handle: OpenFile, options: FilterFileOptions): Promise<FilterTotals> {
    return this.#operation(() => filterOpenFile(this.#parts, handle, options))
  }

  /**
   * Puts another rule set in force, and returns its version. It is compiled in a thread of its own, unless it was
   * prepared, and made ready on every worker first; if any of that fails, the old one stays. Batches handed over
   * afterwards are judged by the new one, those before by the old one: each by exactly one. Its own tests are not run.
   *
   * *Cost*: that of `prepareRules`, beside the calling thread, which only reads an object. Then all workers make it ready at the same time, and
   * evaluate nothing meanwhile; above `limits.readyInPlaceMs` new workers do, and take the place of the old ones, which
   * evaluate until then.
   *
   * Errors: those of `prepareRules`, `ERR_ENGINE_KERNEL_FAULT`.
   */
  load(rules: RuleSource | PreparedRules): Promise<string> {
    return this.#operation(() => {
      const given = rules instanceof PreparedRules ? rules : postedSource(rules)
      const load = this.#lastLoad.then(async () => {
        const loaded = this.#parts.tallies.of(await this.#prepared(given))
        const { handle, readyMs = 0 } = loaded
        const { readyInPlaceMs = limits.readyInPlaceMs } = this.#internals
        await this.#parts.pool.warm(handle, { inPlace: readyMs <= readyInPlaceMs })
        this.#current = loaded
        this.#parts.stats.addLoad()
        return loaded.plan.version
      })
      this.#lastLoad = load.catch(() => undefined)
      return load
    })
  }

  async #prepared(rules: PostedSource | PreparedRules): Promise<LoadedRuleSet> {
    const { timeField } = this.#parts.options
    if (rules instanceof PreparedRules) return takePrepared(rules, timeField)
    const { signal } = this.#closing
    const { name: kernel } = this.kernel
    const request = { source: rules, kernel, runsTests: false, ...(timeField === undefined ? {} : { timeField }) }
    try {
      return takePrepared(await compileBeside(request, { ...this.#internals.rulesThread, signal }), timeField)
    } catch (error) {
      throw signal.aborted ? closedError() : error
    }
  }

  /**
   * Finishes what is in flight and ends the workers: calls of `evaluate` complete; streams and files deliver what
   * was read and then reject with `ERR_ENGINE_CLOSED`. Takes at most about five seconds each for the two; what is
   * not done then rejects. Later calls of other methods reject with `ERR_ENGINE_CLOSED`. May be called repeatedly.
   *
   * Do not await it inside `onBatch`: it waits for that very call. A worker that hangs in native code is left
   * behind: see `stats().workersHung`.
   */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  /** Closes the engine: for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    const { closeDeadlineMs = limits.closeDeadlineMs } = this.#internals
    this.#closing.abort()
    await within(closeDeadlineMs, Promise.allSettled([...this.#running]))
    await this.#parts.pool.close(closeDeadlineMs)
    this.#parts.slabs.clear()
  }

  /** Runs one call, unless the engine is closed, and has `close()` wait for it. */
  async #operation<T>(start: () => Promise<T>): Promise<T> {
    if (this.#closing.signal.aborted) throw closedError()
    const operation = start()
    this.#running.add(operation)
    try {
      return await operation
    } finally {
      this.#running.delete(operation)
    }
  }
}

/**
 * Returns an engine whose workers have all made the rule set ready, unless `startThreads` has them wait.
 *
 * Errors: `ERR_CONFIG_INVALID` (which names the option), `ERR_RULESET_INVALID` (with all problems),
 * `ERR_RULESET_UNREADABLE`, `ERR_ENGINE_KERNEL_UNAVAILABLE` (for `kernel: 'native'`), `ERR_ENGINE_WORKER_LOAD`.
 */
export function createEngine(options: EngineOptions): Promise<Engine> {
  return Engine.create(options)
}
