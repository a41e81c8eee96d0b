// Batches in flight: handed to workers as they come, delivered in the order they came. Bounds how many there are,
// keeps line numbers, and gives every slab back, whatever fails. Knows no sources; filtering.ts fills it.
//
// Invariant: a slab in the queue belongs to this object or to the pool; when the queue is empty, all are given back.

import { malformedReason, slabFlag, slabWord } from './batch/batch.ts'
import type { MalformedReason } from './batch/batch.ts'
import { countLineFeeds } from './batch/framing.ts'
import type { FileSpan } from './batch/file-range.ts'
import type { Slab } from './batch/slab.ts'
import type { EngineParts, LoadedRuleSet } from './engine-parts.ts'
import { EngineError } from './errors.ts'
import { viewSegments } from './evaluation.ts'
import type { BatchAnswer } from './pool/pool.ts'
import { route } from './rules/program.ts'
import type { PlanOutline } from './rules/program.ts'
import { readCounts } from './stats.ts'
import type { Counts } from './verdict/verdict.ts'

/** A route's records of one batch, one after another. */
export interface Segment {
  readonly route: string
  /** Unchanged bytes, ending with a line feed (unless a too-long record goes on in the next batch). Shared memory. */
  readonly bytes: Uint8Array
}

/** One malformed record. */
export interface MalformedRecord {
  /** Number of its line in the input, from 1. */
  readonly line: number
  /** Position of its first byte in the input, from 0. */
  readonly byte: number
  readonly reason: MalformedReason
}

/** The answer for one batch, or for a part of one. */
export interface BatchResult {
  readonly counts: Counts
  /** Version of the rule set that judged the batch. */
  readonly version: string
  /**
   * The records of the wanted routes, in input order within each route.
   * *Ownership*: valid until the promise that `onBatch` returned settles; copy what you keep.
   */
  readonly segments: readonly Segment[]
  /** The first malformed records, at most 16. */
  readonly malformed: readonly MalformedRecord[]
  /** Line feeds in the batch. */
  readonly lines: number
  /** Bytes of input that the batch stands for; the first one also for a byte order mark. */
  readonly bytesIn: number
}

/** Receives results in input order; the next call comes after the returned promise resolved. */
export type OnBatch = (result: BatchResult) => Promise<void> | void

/** A batch that could not be evaluated, twice, or was to be judged apart: what is left of it. */
export interface FailedBatch {
  /**
   * `ERR_ENGINE_WORKER_LOST`, `ERR_ENGINE_WORKER_HUNG` or `ERR_ENGINE_KERNEL_FAULT`. Absent: `judgeApart` had it, and no
   * worker has seen the batch.
   */
  readonly error?: EngineError
  /** Its bytes: whole lines, unless a too-long one was cut. *Ownership*: the receiver's. */
  readonly bytes: Uint8Array
  /** Whether the bytes up to the first line feed belong to a too-long record of which a batch before has counted. */
  readonly continues: boolean
  /** Whether the last record has no end here: it is too long, and goes on in the next batch. */
  readonly open: boolean
  /** Version of the rule set that should have judged it. */
  readonly version: string
  /** Number in the input of its first line, from 1. */
  readonly line: number
  /** Position in the input of its first byte, from 0. */
  readonly byte: number
  /** Bytes of input that it stands for. */
  readonly bytesIn: number
}

/**
 * Receives a batch that failed in the place of its result. When the returned promise resolves, the batch counts as
 * delivered and the stream goes on; when it rejects, the stream ends with that error.
 */
export type OnFailedBatch = (failed: FailedBatch) => Promise<void> | void

/** What becomes of batches that no worker judges. */
export interface ApartOptions {
  readonly onFailedBatch?: OnFailedBatch | undefined
  readonly judgeApart?: (() => boolean) | undefined
}

/** A batch to be handed over: a filled slab; or a slab, and the span of a file that goes through it. */
export interface Submission {
  readonly slab: Slab
  readonly start: number
  readonly end: number
  /** Bits of `slabFlag`. */
  readonly flags: number
  /** Position in the input of the slab's first byte. */
  readonly inputAt: number
  readonly file?: FileSpan
}

interface Entry {
  readonly loaded: LoadedRuleSet
  readonly inputAt: number
  readonly file: FileSpan | undefined
  /** Absent: the batch is to be judged apart, and its bytes are in `rest`. */
  readonly answer: Promise<BatchAnswer> | undefined
  readonly rest: Rest
}

/** What is left of a batch whose evaluation failed, copied before its slab was given back. */
interface Rest {
  refused?: Refused
}

/** Bytes of a refused request, where they began in the slab, and whether nothing of the batch was answered before. */
interface Refused {
  readonly bytes: Uint8Array
  readonly start: number
  readonly isFirst: boolean
  readonly flags: number
}

/** What a batch may be guilty of, unlike an engine that is closed or cannot start. */
const batchFaults: ReadonlySet<unknown> = new Set([
  'ERR_ENGINE_WORKER_LOST',
  'ERR_ENGINE_WORKER_HUNG',
  'ERR_ENGINE_KERNEL_FAULT',
])

const reasonNames = Object.keys(malformedReason) as MalformedReason[]

/** The queue of one stream or file. Order of calls: `room` before each `submit`, then `drained`; `fail` at any time. */
export class OrderedBatches {
  readonly #parts: EngineParts
  readonly #routes: readonly string[] | undefined
  readonly #onBatch: OnBatch
  readonly #apart: ApartOptions
  readonly #most: number
  readonly #queue: Entry[] = []
  #draining: Promise<void> = Promise.resolve()
  #linesBefore = 0
  #failure: { readonly error: unknown } | undefined
  #interruption: { readonly error: unknown } | undefined
  #onRoom: (() => void) | undefined
  #onFailure: ((error: unknown) => void) | undefined

  /** `routes`: the routes whose bytes are wanted, of whatever rule set is in force; undefined for `keep` and every named route. */
  constructor(parts: EngineParts, routes: readonly string[] | undefined, onBatch: OnBatch, apart: ApartOptions = {}) {
    this.#parts = parts
    this.#routes = routes
    this.#onBatch = onBatch
    this.#apart = apart
    this.#most = 2 * parts.options.threads
  }

  /** Whether a batch can be submitted now. */
  get hasRoom(): boolean {
    return this.#queue.length < this.#most
  }

  /** Resolves when a batch can be submitted. Rejects with what made a batch or its delivery fail. */
  async room(): Promise<void> {
    while (this.#stop === undefined && !this.hasRoom) {
      await new Promise<void>((resolve) => {
        this.#onRoom = resolve
      })
    }
    if (this.#stop !== undefined) throw this.#stop.error
  }

  /**
   * Calls `work` and resolves as it does; rejects as soon as a batch or its delivery fails, and calls nothing when one
   * has. One at a time.
   */
  orFailure<T>(work: () => T | PromiseLike<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      // Work that began although nobody waits for it would fail unheard, which ends the process.
      if (this.#stop !== undefined) return reject(this.#stop.error)
      this.#onFailure = reject
      Promise.resolve(work()).then(resolve, reject)
    })
  }

  /**
   * Hands a batch over, to be judged by the rule set in force now. The slab is this object's from here on. Returns
   * where the first task for a span ended, or undefined when that says nothing of the next: it was not to go on to the
   * end, or failed, which is reported elsewhere.
   */
  submit(batch: Submission): Promise<number | undefined> {
    const loaded = this.#parts.current()
    const { validation, maxRecordBytes } = this.#parts.options
    const gather = wantedRoutes(loaded.plan, this.#routes)
    const { slab, start, end, flags, inputAt, file } = batch
    slab.request({ start, end, flags, validation, maxRecordBytes, gather, nowMs: this.#parts.now() })
    const rest: Rest = {}
    const keep = (answered: Slab) => this.#keep(rest, answered, true)
    if (file === undefined && this.#apart.judgeApart?.() === true) {
      keep(slab)
      this.#parts.slabs.give(slab)
      this.#enqueue({ loaded, inputAt, file, answer: undefined, rest })
      return Promise.resolve(undefined)
    }
    const answer = this.#parts.pool.evaluate(loaded.handle, slab, file, file === undefined ? keep : undefined)
    this.#enqueue({ loaded, inputAt, file, answer, rest })
    // Awaited when its turn comes; until then its failure is not an unhandled one.
    return answer.then(
      ({ fileAt, isPart }) => (isPart === true ? undefined : fileAt),
      () => undefined,
    )
  }

  #enqueue(entry: Entry): void {
    this.#queue.push(entry)
    if (this.#queue.length === 1) this.#draining = this.#drain()
  }

  /** Resolves when every batch is delivered. Rejects with what made one fail, after all slabs are given back. */
  async drained(): Promise<void> {
    await this.#draining
    if (this.#failure !== undefined) throw this.#failure.error
  }

  /** Has nothing more delivered; `room`, `orFailure` and `drained` reject with `error`. The first failure stays. */
  fail(error: unknown): void {
    if (this.#failure !== undefined) return
    this.#failure = { error }
    this.#onFailure?.(error)
    this.#onRoom?.()
  }

  /** Has nothing more submitted: `room` and `orFailure` reject with `error`. What is in flight is still delivered. */
  interrupt(error: unknown): void {
    this.#interruption ??= { error }
    this.#onFailure?.(error)
    this.#onRoom?.()
  }

  get #stop(): { readonly error: unknown } | undefined {
    return this.#failure ?? this.#interruption
  }

  async #drain(): Promise<void> {
    for (let entry = this.#queue[0]; entry !== undefined; entry = this.#queue[0]) {
      try {
        await this.#deliver(entry)
      } catch (error) {
        this.fail(error)
      }
      this.#queue.shift()
      this.#onRoom?.()
    }
  }

  /** Copies what is left of a batch out of the slab of a request that was refused, if anybody wants it. */
  #keep(rest: Rest, slab: Slab, isFirst: boolean): void {
    if (this.#apart.onFailedBatch === undefined) return
    const start = slab.words[slabWord.start]!
    const bytes = new Uint8Array(slab.input.subarray(start, slab.words[slabWord.end]))
    rest.refused = { bytes, start, isFirst, flags: slab.words[slabWord.flags]! }
  }

  /** Delivers an answer, and, where it stops before the end of the batch or of the span, the answers for the rest. */
  async #deliver(entry: Entry): Promise<void> {
    const { answer, rest } = entry
    if (answer === undefined) {
      if (this.#failure === undefined) await this.#giveBack(entry, rest.refused!)
      return
    }
    try {
      await this.#deliverAnswers(entry, answer)
    } catch (error) {
      const { refused } = rest
      if (refused === undefined || !isBatchFault(error) || this.#failure !== undefined) throw error
      await this.#giveBack(entry, refused, error)
    }
  }

  async #giveBack({ loaded, inputAt }: Entry, refused: Refused, error?: EngineError): Promise<void> {
    const { bytes, start, isFirst, flags } = refused
    // Bytes before the start of the first batch are a byte order mark, which no other batch stands for.
    const lead = inputAt === 0 && isFirst ? start : 0
    const line = this.#linesBefore + 1
    this.#linesBefore += countLineFeeds(bytes)
    const byte = inputAt + start
    const bytesIn = bytes.length + lead
    const cut = { continues: (flags & slabFlag.continues) !== 0, open: (flags & slabFlag.open) !== 0 }
    const why = error === undefined ? {} : { error }
    await this.#apart.onFailedBatch!({ ...why, bytes, ...cut, version: loaded.plan.version, line, byte, bytesIn })
  }

  async #deliverAnswers({ loaded, inputAt, file, rest }: Entry, first: Promise<BatchAnswer>): Promise<void> {
    const { pool, slabs, stats } = this.#parts
    let { slab, evaluateNs, readNs, fileAt = inputAt } = await first
    let resultAt = inputAt
    // Nothing but a byte order mark is skipped at the start of the input, and no other batch stands for its bytes.
    let lead = inputAt === 0 ? slab.words[slabWord.start]! : 0
    let isOurs = true
    try {
      for (;;) {
        if (this.#failure !== undefined) return
        stats.add(slab, evaluateNs, readNs)
        const result = this.#resultOf(slab, loaded.plan, resultAt, lead)
        this.#linesBefore += result.lines
        lead = 0
        if (result.bytesIn > 0) await this.#onBatch(result)
        const span = slab.isWhole && file !== undefined ? { ...file, from: fileAt } : undefined
        if (slab.isWhole && (span === undefined || span.from >= span.to)) return
        if (span !== undefined) resultAt = span.from
        slab.requestRest()
        isOurs = false
        const keep = file === undefined ? (refused: Slab) => this.#keep(rest, refused, false) : undefined
        ;({ slab, evaluateNs, readNs, fileAt = fileAt } = await pool.evaluate(loaded.handle, slab, span, keep))
        isOurs = true
      }
    } finally {
      if (isOurs) slabs.give(slab)
    }
  }

  #resultOf(slab: Slab, plan: PlanOutline, inputAt: number, lead: number): BatchResult {
    const words = slab.words
    const segments = viewSegments(slab).map(({ route: index, bytes }) => ({ route: plan.routes[index]!, bytes }))
    const malformed: MalformedRecord[] = []
    for (let i = 0; i < words[slabWord.sampleCount]!; i++) {
      const at = slabWord.sample + i * 3
      malformed.push({
        line: this.#linesBefore + words[at + 1]! + 1,
        byte: inputAt + words[at]!,
        reason: reasonNames[words[at + 2]! - 1]!,
      })
    }
    return {
      counts: readCounts(slab, plan),
      version: plan.version,
      segments,
      malformed,
      lines: words[slabWord.lines]!,
      bytesIn: words[slabWord.consumed]! - words[slabWord.start]! + lead,
    }
  }
}

function wantedRoutes(plan: PlanOutline, names: readonly string[] | undefined): number[] {
  if (names === undefined) return plan.routes.flatMap((_, i) => (i === route.drop || i === route.malformed ? [] : [i]))
  // A rule set loaded since may lack a route: then nothing goes there.
  return names.map((name) => plan.routes.indexOf(name)).filter((index) => index >= 0)
}

/** Returns the flags of a batch that was cut inside a too-long line at its start, at its end, or at both. */
export function cutFlags(cut: { readonly continues: boolean; readonly open: boolean }): number {
  return (cut.continues ? slabFlag.continues : 0) | (cut.open ? slabFlag.open : 0)
}

function isBatchFault(error: unknown): error is EngineError {
  return error instanceof EngineError && batchFaults.has(error.code)
}
