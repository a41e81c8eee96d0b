// The pool that may start late: its threads are started at once where the engine was told so, and otherwise when
// something comes that is worth them, since starting them takes longer than a small input does. Until then batches are
// evaluated on the calling thread, by the same code as in a worker. Called by the engine.
//
// A thread that evaluates hears neither deadlines nor signals. So files are evaluated here in short turns, as far as
// own-share.ts allows, also while threads are on their way; and of streams only batches of `limits.inlineBytes`.

import { setImmediate } from 'node:timers/promises'
import type { FileSpan } from '../batch/file-range.ts'
import { slabWord } from '../batch/batch.ts'
import type { Slab } from '../batch/slab.ts'
import { limits } from '../limits.ts'
import { evaluateSlab, evaluateSpan } from './evaluate.ts'
import { closedError } from './faults.ts'
import { OwnShare } from './own-share.ts'
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
  readonly #share: OwnShare
  /** What of streams may still be evaluated on the calling thread. */
  #leftBytes: number = limits.ownThreadBytes
  #starting: Promise<WorkerPool> | undefined
  #pool: WorkerPool | undefined
  /** Resolves when the threads have the program that they were started for. */
  #primed: Promise<void> | undefined
  #isPrimed = false
  /** Resolves when the turn before is over, and the thread has done whatever else was waiting. Never rejects. */
  #betweenTurns: Promise<unknown> = Promise.resolve()
  #isClosed = false

  constructor(options: PoolOptions, own: OwnThread) {
    this.#options = options
    this.#own = own
    this.#share = new OwnShare(options.threads)
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
      this.#isPrimed = true
    } catch (error) {
      // Whoever comes next has the pool itself try, which mends what can be mended.
      this.#primed = Promise.resolve()
      throw error
    }
  }

  /** Is told how many bytes of a file are about to come. */
  expectFile(bytes: number): void {
    this.#share.expect(bytes)
  }

  /** Is told how large a stream's batch is so far, and starts the threads early where that is too much for this one. */
  expectBatch(handle: ProgramHandle, bytes: number): void {
    if (bytes > limits.inlineBytes) this.#startEarly(handle)
  }

  #startEarly(handle: ProgramHandle): void {
    if (this.#starting !== undefined) return
    // Whoever needs the threads hears of the failure.
    this.ready(handle).catch(() => undefined)
  }

  /**
   * Has the slab's request evaluated, on this thread or by the pool. Ownership and errors are those of
   * `WorkerPool.evaluate`; a span of a file may be answered as far as its time went, and then `isPart` is true.
   */
  async evaluate(
    handle: ProgramHandle,
    slab: Slab,
    file?: FileSpan,
    onRefused?: (slab: Slab) => void,
  ): Promise<BatchAnswer> {
    let pool: WorkerPool | undefined
    try {
      if (file !== undefined && this.#takesSpan) {
        const answer = await this.#waitForTurn(handle, slab, file)
        if (answer !== undefined) return answer
      }
      if (file === undefined && this.#takesBatch(slab)) return this.#evaluateBatch(handle, slab)
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

  get #takesSpan(): boolean {
    if (this.#isPrimed || this.#share.isUsedUp) return false
    if (this.#isClosed) throw closedError()
    return true
  }

  #takesBatch({ words }: Slab): boolean {
    if (this.#starting !== undefined || this.#share.isUsedUp) return false
    if (this.#isClosed) throw closedError()
    return words[slabWord.end]! - words[slabWord.start]! <= Math.min(limits.inlineBytes, this.#leftBytes)
  }

  /**
   * Takes a turn when those before it are over, and signals between them heard: as many spans come at once as threads are to
   * be kept busy. Returns undefined where the span has become the threads' meanwhile.
   */
  #waitForTurn(handle: ProgramHandle, slab: Slab, file: FileSpan): Promise<BatchAnswer | undefined> {
    const turn = this.#betweenTurns.then(() => (this.#takesSpan ? this.#takeTurn(handle, slab, file) : undefined))
    const hear = (): Promise<void> => setImmediate()
    this.#betweenTurns = turn.then((answer) => (answer === undefined ? undefined : hear()), hear)
    return turn
  }

  /** Evaluates the beginning of a span. */
  #takeTurn(handle: ProgramHandle, slab: Slab, file: FileSpan): BatchAnswer {
    const to = Math.min(file.to, file.from + this.#share.turnBytes)
    const turn = { ...file, to, batchBytes: Math.min(file.batchBytes, this.#share.callBytes) }
    // Apart from the turn, whose time tells how large the next one may be.
    const { evaluator } = this.#evaluateHere(slab, () => ({ bytes: 0, evaluator: this.#own.evaluatorOf(handle) }))
    const outcome = this.#evaluateHere(slab, () => {
      const reached = evaluateSpan(evaluator, slab, turn)
      return { bytes: reached.fileAt - file.from, ...reached }
    })
    if (this.#share.isThreadsTurn) this.#startEarly(handle)
    return { slab, ...outcome, isPart: outcome.fileAt < file.to }
  }

  #evaluateBatch(handle: ProgramHandle, slab: Slab): BatchAnswer {
    const startedNs = process.hrtime.bigint()
    this.#evaluateHere(slab, () => {
      const bytes = slab.words[slabWord.end]! - slab.words[slabWord.start]!
      evaluateSlab(this.#own.evaluatorOf(handle), slab)
      this.#leftBytes -= bytes
      // Nobody has said that they would come.
      return { bytes: 0 }
    })
    return { slab, evaluateNs: Number(process.hrtime.bigint() - startedNs), readNs: 0 }
  }

  #evaluateHere<T extends { readonly bytes: number }>(slab: Slab, evaluate: () => T): T {
    const asked = slab.words.slice(0, slabWord.consumed)
    const startedNs = process.hrtime.bigint()
    let bytes = 0
    try {
      const outcome = evaluate()
      bytes = outcome.bytes
      return outcome
    } catch (error) {
      slab.words.set(asked)
      throw error
    } finally {
      this.#share.took(bytes, Number(process.hrtime.bigint() - startedNs))
    }
  }
}
