// The pool that may start late: its threads are started at once where the engine was told so, and otherwise when
// something comes that is worth them, since starting them takes longer than a small input does. Until then batches are
// evaluated on the calling thread, by the same code as in a worker. Called by the engine.
//
// A thread that evaluates hears neither deadlines nor signals. So what is done here is bounded three ways: by the bytes of
// one kernel call (`limits.inlineBytes` and the rest of the last line), by the bytes of all of them, and by their time.

import type { FileSpan } from '../batch/file-range.ts'
import { slabWord } from '../batch/batch.ts'
import type { Slab } from '../batch/slab.ts'
import { limits } from '../limits.ts'
import { evaluateSlab, evaluateSpan } from './evaluate.ts'
import { closedError } from './faults.ts'
import type { OwnThread } from './own-thread.ts'
import type { BatchAnswer, PoolCounts, PoolOptions, WorkerPool } from './pool.ts'
import type { ProgramHandle } from './program-handle.ts'

const noCounts: PoolCounts = { retries: 0, workersLost: 0, workersHung: 0 }

/**
 * A `WorkerPool` whose threads start when they are needed. *Order of calls*: none; `start()` and `ready()` have the threads
 * started before anything asks for them.
 */
export class LatePool {
  readonly #options: PoolOptions
  readonly #own: OwnThread
  #leftBytes: number = limits.ownThreadBytes
  #leftNs = limits.ownThreadMs * 1e6
  #starting: Promise<WorkerPool> | undefined
  #pool: WorkerPool | undefined
  /** Resolves when the threads have the program that they were started for. */
  #primed: Promise<void> | undefined
  #isClosed = false

  constructor(options: PoolOptions, own: OwnThread) {
    this.#options = options
    this.#own = own
  }

  /** What the threads have been through. */
  get counts(): PoolCounts {
    return this.#pool?.counts ?? noCounts
  }

  /** Starts the threads. When it resolves they are being started by the system, and this one can do other things. */
  async start(): Promise<void> {
    await this.#started()
  }

  /** Resolves when the threads, started if need be, have the program. Errors: those of `WorkerPool.ready` and `warm`. */
  async ready(handle: ProgramHandle): Promise<void> {
    const pool = await this.#started()
    this.#primed ??= pool.ready().then(() => pool.warm(handle))
    try {
      await this.#primed
    } catch (error) {
      // Whoever comes next has the pool itself try, which mends what can be mended.
      this.#primed = Promise.resolve()
      throw error
    }
  }

  /** Is told how much is about to come, and starts the threads early where that is too much for the calling thread. */
  expect(handle: ProgramHandle, bytes: number, mostBytes: number = this.#leftBytes): void {
    if (bytes <= mostBytes || this.#starting !== undefined) return
    // Whoever needs the threads hears of the failure.
    this.ready(handle).catch(() => undefined)
  }

  /**
   * Has the slab's request evaluated, on this thread or by the pool. Ownership and errors are those of
   * `WorkerPool.evaluate`; a span of a file may be answered as far as its time went.
   */
  async evaluate(
    handle: ProgramHandle,
    slab: Slab,
    file?: FileSpan,
    onRefused?: (slab: Slab) => void,
  ): Promise<BatchAnswer> {
    let pool: WorkerPool | undefined
    try {
      if (this.#isSmall(slab, file)) return this.#evaluateHere(handle, slab, file)
      if (this.#primed === undefined || this.#pool === undefined) await this.ready(handle)
      else await this.#primed
      pool = this.#pool!
    } catch (error) {
      onRefused?.(slab)
      this.#options.slabs.give(slab)
      throw error
    }
    return pool.evaluate(handle, slab, file, onRefused)
  }

  /** Makes the program ready on every thread; starts them for that. Errors: those of `WorkerPool.warm`. */
  async warm(handle: ProgramHandle, how: { readonly inPlace: boolean }): Promise<void> {
    // What the threads are started with may be another program.
    await this.ready(handle)
    await this.#pool!.warm(handle, how)
  }

  /** Ends the threads, where there are any; see `WorkerPool.close`. */
  async close(deadlineMs?: number): Promise<void> {
    this.#isClosed = true
    await this.#starting?.catch(() => undefined)
    await this.#pool?.close(deadlineMs)
    this.#own.release()
  }

  #started(): Promise<WorkerPool> {
    this.#starting ??= this.#isClosed ? Promise.reject(closedError()) : this.#load()
    return this.#starting
  }

  /** The package behind the pool takes longer to load than a small input does. */
  async #load(): Promise<WorkerPool> {
    const { WorkerPool } = await import('./pool.ts')
    if (this.#isClosed) throw closedError()
    this.#pool = new WorkerPool(this.#options)
    return this.#pool
  }

  #isSmall(slab: Slab, file: FileSpan | undefined): boolean {
    if (this.#starting !== undefined || this.#leftNs <= 0) return false
    if (this.#isClosed) throw closedError()
    const bytes = file === undefined ? slab.words[slabWord.end]! - slab.words[slabWord.start]! : file.to - file.from
    const most = file === undefined ? Math.min(limits.inlineBytes, this.#leftBytes) : this.#leftBytes
    return bytes <= most
  }

  #evaluateHere(handle: ProgramHandle, slab: Slab, file: FileSpan | undefined): BatchAnswer {
    const asked = slab.words.slice(0, slabWord.consumed)
    const startedNs = process.hrtime.bigint()
    try {
      const evaluator = this.#own.evaluatorOf(handle)
      if (file !== undefined) {
        const batchBytes = Math.min(file.batchBytes, limits.inlineBytes)
        const outcome = evaluateSpan(evaluator, slab, { ...file, batchBytes })
        this.#leftBytes -= outcome.fileAt - file.from
        return { slab, ...outcome }
      }
      evaluateSlab(evaluator, slab)
      this.#leftBytes -= asked[slabWord.end]! - asked[slabWord.start]!
      return { slab, evaluateNs: Number(process.hrtime.bigint() - startedNs), readNs: 0 }
    } catch (error) {
      slab.words.set(asked)
      throw error
    } finally {
      this.#leftNs -= Number(process.hrtime.bigint() - startedNs)
    }
  }
}
