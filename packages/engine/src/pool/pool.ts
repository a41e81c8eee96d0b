// The pool of worker threads: hands slabs to them, waits with a deadline, and mends what breaks. A worker that died
// is replaced and its batch tried once more; for a worker that hangs the whole pool is replaced, since a thread in
// native code cannot be ended, and its slab is never used again. The only file that knows Piscina.
// Called by late-pool.ts, which loads it when threads are needed.

import { availableParallelism } from 'node:os'
import { Piscina } from 'piscina'
import type { FileSpan } from '../batch/file-range.ts'
import { slabWord } from '../batch/batch.ts'
import { copyRequest } from '../batch/slab.ts'
import type { Slab, SlabStore } from '../batch/slab.ts'
import { decodeError } from '../errors.ts'
import type { KernelName } from '../kernel/kernel.ts'
import { standardTechniques } from '../kernel/techniques.ts'
import { limits } from '../limits.ts'
import { deadlineFor, within } from './deadlines.ts'
import { closedError, hungError, loadError, lostError } from './faults.ts'
import type { ProgramHandle } from './program-handle.ts'
import { gateBroken } from './protocol.ts'
import type { Answer, EvaluateTask, Task, WarmTask, WorkerSettings } from './protocol.ts'
import { Slots } from './slots.ts'
import { workerOptions } from './worker-options.ts'

/** How a pool is set up. */
export interface PoolOptions {
  readonly threads: number
  readonly kernel: KernelName
  readonly slabs: SlabStore
  /** Time for `limits.deadlineBytes` of input; `deadlineFor` has the rest. */
  readonly batchDeadlineMs: number
  /** Time a worker may take to start, or to make a program ready. Default: `limits.workerStartMs`. */
  readonly startDeadlineMs?: number
  /** Another worker file and what it is started with: for tests that make workers fail. */
  readonly worker?: { readonly url: URL; readonly data: object }
}

/** What a pool has been through, for `engine.stats()`. */
export interface PoolCounts {
  /** Batches that were tried a second time. */
  retries: number
  /** Tasks whose worker died. */
  workersLost: number
  /** Tasks that exceeded their deadline. Their threads may run, and keep the process, for ever. */
  workersHung: number
}

/** What came back for a batch. The answer itself is in the slab. */
export interface BatchAnswer {
  /** The slab that holds the answer: the one that was handed in, or its copy when that was set aside. */
  readonly slab: Slab
  readonly evaluateNs: number
  readonly readNs: number
  /** Of a file: where what has not been evaluated begins, which may be before the end of the span. */
  readonly fileAt?: number
  /** Whether that is before the end only because no more was wanted at once. */
  readonly isPart?: boolean
}

/** One Piscina, from its start until it is replaced or the engine closes. */
interface Generation {
  readonly piscina: Piscina
  /** Resolves when all workers answer; absent until somebody asks. */
  ready?: Promise<void>
  /** Resolves when the workers of a generation that stands in for another have the program they are there for. */
  primed?: Promise<void>
  /** What settles each of the tasks that it has not answered. */
  readonly running: Set<(outcome: Outcome) => void>
  isRetired: boolean
  /** Settles when its threads have ended, which one that hangs in native code never does; absent until they shall. */
  ended?: Promise<void>
  /** The error that a worker died of while it had no task, so that no task reports it. */
  fault: unknown
}

type Outcome =
  | { readonly kind: 'answer'; readonly answer: Answer }
  | { readonly kind: 'lost'; readonly cause: unknown }
  | { readonly kind: 'hung' }

/**
 * A fixed number of worker threads, which start at once. Await `ready()` before anything else; what the calling thread
 * has to do first, it can do while they start.
 */
export class WorkerPool {
  readonly counts: PoolCounts = { retries: 0, workersLost: 0, workersHung: 0 }
  readonly #options: PoolOptions
  readonly #slots: Slots
  /** Every generation with threads that have not ended, the one in use among them. */
  readonly #generations = new Set<Generation>()
  #generation: Generation
  /** The program that all workers have, and that batches are being handed over with. */
  #warmed: ProgramHandle | undefined
  #isClosed = false

  constructor(options: PoolOptions) {
    this.#options = options
    this.#slots = new Slots(options.threads)
    this.#generation = this.#startGeneration()
    // What it has to have ready is said by `warm`.
    this.#generation.primed = Promise.resolve()
  }

  /** Resolves when all workers answer. Errors: `ERR_ENGINE_WORKER_LOAD`. */
  async ready(): Promise<void> {
    await this.#readyOf(this.#generation)
  }

  /**
   * Has a worker evaluate the slab's request; with `file`, the batches of that span in the slab. The pool owns the
   * slab until the promise settles. When it resolves, the caller owns the slab of the answer; when it rejects,
   * the pool has given the slab back, after `onRefused` saw it, whose request then stands as it was handed in.
   *
   * Errors: `ERR_ENGINE_WORKER_LOST`, `ERR_ENGINE_WORKER_HUNG`, `ERR_ENGINE_WORKER_LOAD`,
   * `ERR_ENGINE_KERNEL_FAULT`, `ERR_ENGINE_READ`, `ERR_ENGINE_CLOSED`.
   */
  async evaluate(
    handle: ProgramHandle,
    slab: Slab,
    file?: FileSpan,
    onRefused?: (slab: Slab) => void,
  ): Promise<BatchAnswer> {
    const release = await this.#slots.take()
    const held = { slab, asked: slab.words.slice(0, slabWord.consumed) }
    let isDone = false
    try {
      const answer = await this.#evaluateTwice(handle, held, file)
      isDone = true
      const { evaluateNs, readNs, fileAt } = answer
      return { slab: held.slab, evaluateNs, readNs, ...(fileAt === undefined ? {} : { fileAt }) }
    } finally {
      release()
      if (!isDone) {
        held.slab.words.set(held.asked)
        onRefused?.(held.slab)
        this.#options.slabs.give(held.slab)
      }
    }
  }

  async #evaluateTwice(
    handle: ProgramHandle,
    held: { slab: Slab; readonly asked: Uint32Array },
    file: FileSpan | undefined,
  ): Promise<Extract<Answer, { status: 'done' }>> {
    const { batchDeadlineMs, kernel } = this.#options
    const [from, to] =
      file === undefined ? [held.asked[slabWord.start]!, held.asked[slabWord.end]!] : [file.from, file.to]
    const deadlineMs = deadlineFor(to - from, batchDeadlineMs, kernel)
    for (let attempt = 1; ; attempt++) {
      if (attempt > 1) this.counts.retries++
      const generation = await this.#usable(handle)
      const outcome = await this.#send(generation, handle, held.slab, file, deadlineMs)
      if (this.#isClosed && outcome.kind !== 'answer') throw closedError()
      // A worker that hangs may write into the slab for as long as it runs, and one that is dying for as long as what it
      // had read ahead is not there: only a copy can be tried again.
      if (outcome.kind === 'hung' || (outcome.kind === 'lost' && file !== undefined)) this.#setAside(held)
      if (outcome.kind === 'hung') {
        if (attempt === 2) throw hungError(deadlineMs)
      } else if (outcome.kind === 'lost') {
        if (attempt === 2) throw lostError(outcome.cause)
        // A worker moves the request on as it goes.
        held.slab.words.set(held.asked)
        held.slab.counts.fill(0)
      } else if (outcome.answer.status === 'done') {
        return outcome.answer
      } else if (outcome.answer.status === 'failed') {
        throw decodeError(outcome.answer.error)
      }
    }
  }

  #setAside(held: { slab: Slab; readonly asked: Uint32Array }): void {
    const copy = this.#options.slabs.take()
    copyRequest(held.slab, copy, held.asked)
    this.#options.slabs.setAside()
    held.slab = copy
  }

  /** Sends one task, and sends it again with the slab and the program when the worker lacks them. */
  async #send(
    generation: Generation,
    handle: ProgramHandle,
    slab: Slab,
    file: FileSpan | undefined,
    deadlineMs: number,
  ): Promise<Outcome> {
    const range = file === undefined ? {} : { file }
    const task: EvaluateTask = { kind: 'evaluate', slab: slab.id, program: handle.id, ...range }
    const outcome = await this.#run(generation, task, deadlineMs)
    if (outcome.kind !== 'answer' || outcome.answer.status !== 'needs') return outcome
    const { program, tally } = handle
    const whole: EvaluateTask = { ...task, slabBuffer: slab.buffer, programBytes: program.bytes, tally }
    const isLong = outcome.answer.program
    return this.#run(generation, whole, isLong ? Math.max(deadlineMs, this.#longDeadlineMs) : deadlineMs)
  }

  /** For tasks that may have to make a program ready before they evaluate anything. */
  get #longDeadlineMs(): number {
    return Math.max(this.#options.batchDeadlineMs, this.#options.startDeadlineMs ?? limits.workerStartMs)
  }

  /**
   * Makes the program ready on every worker. `inPlace`: on those there are, and no batch runs while it waits for all of
   * them. Otherwise on new ones, which then take the place of the others: memory for both is needed meanwhile.
   *
   * Errors: `ERR_ENGINE_KERNEL_FAULT` and the other codes of `evaluate`; then no worker has to have it.
   */
  async warm(handle: ProgramHandle, { inPlace }: { readonly inPlace: boolean } = { inPlace: true }): Promise<void> {
    if (inPlace) await this.#warmAll(handle)
    else await this.#warmOthers(handle)
    this.#warmed = handle
  }

  async #warmAll(handle: ProgramHandle): Promise<void> {
    const release = await this.#slots.takeAll()
    try {
      const generation = await this.#usable()
      await this.#pass(generation, handle, this.#longDeadlineMs)
    } finally {
      release()
    }
  }

  async #warmOthers(handle: ProgramHandle): Promise<void> {
    const generation = this.#startGeneration()
    try {
      await this.#readyOf(generation)
      // Batches that were handed over before may come to the new workers: they should not have to wait for their program.
      for (const each of [this.#warmed, handle]) {
        if (each !== undefined) await this.#pass(generation, each, this.#longDeadlineMs)
      }
      if (this.#isClosed) throw closedError()
    } catch (error) {
      this.#retire(generation)
      throw error
    }
    generation.primed = Promise.resolve()
    this.#retire(this.#generation)
    this.#generation = generation
  }

  /** Has every worker come to one gate, each with the program ready. */
  async #pass(generation: Generation, handle: ProgramHandle | undefined, deadlineMs: number): Promise<void> {
    const program =
      handle === undefined ? {} : { program: { id: handle.id, bytes: handle.program.bytes, tally: handle.tally } }
    const workers = this.#options.threads
    const gate = new SharedArrayBuffer(4)
    const task: WarmTask = { kind: 'warm', gate, workers, ...program }
    const open = (): void => {
      Atomics.store(new Int32Array(gate), 0, gateBroken)
      Atomics.notify(new Int32Array(gate), 0)
    }
    const tasks = Array.from({ length: workers }, async () => {
      const outcome = await this.#run(generation, task, deadlineMs)
      // Whatever kept this one away, the others must not wait for it.
      if (outcome.kind !== 'answer' || outcome.answer.status !== 'done') open()
      return outcome
    })
    for (const outcome of await Promise.all(tasks)) {
      if (outcome.kind === 'hung') throw hungError(deadlineMs)
      if (outcome.kind === 'lost') throw this.#isClosed ? closedError() : lostError(outcome.cause)
      if (outcome.answer.status === 'failed') throw decodeError(outcome.answer.error)
    }
  }

  /** Hands one task to Piscina and waits for the answer, its loss, or the deadline. Never rejects. */
  #run(generation: Generation, task: Task, deadlineMs: number): Promise<Outcome> {
    return new Promise((resolve) => {
      let isSettled = false
      const settle = (outcome: Outcome): void => {
        isSettled = true
        clearTimeout(deadline)
        generation.running.delete(settle)
        resolve(outcome)
        if (generation.isRetired && generation.running.size === 0) void this.#end(generation)
      }
      const giveUp = (): void => {
        if (isSettled) return
        this.counts.workersHung++
        this.#retire(generation)
        settle({ kind: 'hung' })
      }
      // Timers run before what has come meanwhile: where this thread was busy, the answer may be there, and is heard first.
      const deadline = setTimeout(() => setImmediate(giveUp), deadlineMs)
      generation.running.add(settle)
      // A task that hung may still be answered, or be rejected when its pool ends: nobody listens any more.
      generation.piscina.run(task).then(
        (answer: Answer) => {
          if (!isSettled) settle({ kind: 'answer', answer })
        },
        (cause: unknown) => {
          if (isSettled) return
          if (!this.#isClosed) this.counts.workersLost++
          settle({ kind: 'lost', cause })
        },
      )
    })
  }

  /**
   * Returns a generation whose workers run, starting a new one where the last is spent. That has the program made ready
   * before the batch is sent that asks for it: else the batch would need the long deadline, and a hang be seen late.
   */
  async #usable(handle?: ProgramHandle): Promise<Generation> {
    for (let attempt = 1; ; attempt++) {
      if (this.#isClosed) throw closedError()
      const generation = this.#generation
      const isSpent = generation.isRetired || generation.fault !== undefined || this.#hasTooFew(generation)
      if (isSpent) this.#replace(generation)
      try {
        const current = this.#generation
        await this.#readyOf(current)
        if (handle !== undefined) await (current.primed ??= this.#pass(current, handle, this.#longDeadlineMs))
        if (!current.isRetired) return current
      } catch (error) {
        this.#retire(this.#generation)
        if (attempt === 2) throw error
      }
    }
  }

  /** Piscina stops replacing workers after one of them failed to load. */
  #hasTooFew(generation: Generation): boolean {
    return generation.piscina.threads.length < this.#options.threads
  }

  #startGeneration(): Generation {
    const { threads, kernel, worker } = this.#options
    // Where every processor has a worker, none is left for the thread that would read.
    const readsAhead = threads < availableParallelism()
    const settings: WorkerSettings = { kernel, slabs: 4 * threads + 8, readsAhead, techniques: standardTechniques() }
    const piscina = new Piscina({
      filename: worker?.url.href ?? new URL('./worker.js', import.meta.url).href,
      name: 'runTask',
      execArgv: workerOptions(),
      workerData: worker === undefined ? settings : { ...worker.data, ...settings },
      minThreads: threads,
      maxThreads: threads,
      idleTimeout: Infinity,
      concurrentTasksPerWorker: 1,
      atomics: 'sync',
      recordTiming: false,
    })
    const generation: Generation = { piscina, running: new Set(), isRetired: false, fault: undefined }
    this.#generations.add(generation)
    piscina.on('error', (error: unknown) => {
      generation.fault = error ?? new Error('a worker failed')
      // No worker is left, and none will come: what Piscina has queued would wait for ever.
      if (piscina.threads.length > 0) return
      for (const settle of generation.running) settle({ kind: 'lost', cause: generation.fault })
    })
    return generation
  }

  /** The deadline begins when it is first asked for: a thread that is busy until then hears no worker. */
  #readyOf(generation: Generation): Promise<void> {
    generation.ready ??= this.#probe(generation)
    return generation.ready
  }

  async #probe(generation: Generation): Promise<void> {
    try {
      await this.#pass(generation, undefined, this.#options.startDeadlineMs ?? limits.workerStartMs)
    } catch (cause) {
      throw loadError(cause)
    }
  }

  #replace(generation: Generation): void {
    if (this.#generation !== generation) return
    this.#retire(generation)
    this.#generation = this.#startGeneration()
  }

  /** Takes a generation out of use; it ends when its last task is answered. */
  #retire(generation: Generation): void {
    if (generation.isRetired) return
    generation.isRetired = true
    if (generation.running.size === 0) void this.#end(generation)
  }

  /** Ends a generation's threads, and rejects what they still have to do. Never rejects. */
  #end(generation: Generation): Promise<void> {
    const forget = (): void => void this.#generations.delete(generation)
    generation.ended ??= generation.piscina.destroy().then(forget, forget)
    return generation.ended
  }

  /**
   * Ends all workers; tasks that still run reject with `ERR_ENGINE_CLOSED`. Resolves after at most `deadlineMs`,
   * even when a worker hangs in native code, which nothing but the end of the process can stop.
   */
  async close(deadlineMs: number = limits.closeDeadlineMs): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#slots.refuse(closedError)
    // Those out of use as well: beside a worker that hung, others may still have a batch.
    await within(deadlineMs, Promise.all(Array.from(this.#generations, (generation) => this.#end(generation))))
  }
}
