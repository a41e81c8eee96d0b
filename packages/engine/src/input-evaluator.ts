// evaluate() and evaluateMany(): one input in memory, one verdict. Small inputs are evaluated on the calling thread,
// a batch on a worker, and larger inputs in pieces on all workers, whose columns are joined. Used by engine.ts.
//
// Invariant: the input is copied before the first await, so the caller may change it as soon as the call returned.

import { slabFlag } from './batch/batch.ts'
import { byteOrderMarkBytes, cutLines, firstLineFeed, hasByteOrderMark } from './batch/framing.ts'
import type { Cut } from './batch/framing.ts'
import { copyInto, joinValues } from './batch/batcher.ts'
import { createSlab } from './batch/slab.ts'
import type { Slab, SlabRequest } from './batch/slab.ts'
import type { EngineParts, LoadedRuleSet } from './engine-parts.ts'
import { copyColumns, copySegments, gatheredRoutes, joinColumns } from './evaluation.ts'
import { Verdict, viewColumns, viewSegments } from './evaluation.ts'
import type { GatheredSegment, RecordColumns } from './evaluation.ts'
import { EngineError } from './errors.ts'
import { limits } from './limits.ts'
import { cutFlags } from './ordered-batches.ts'
import { evaluateSlab } from './pool/evaluate.ts'
import { Slots } from './pool/slots.ts'
import { addCounts, noCounts, readCounts } from './stats.ts'
import type { Counts } from './verdict/verdict.ts'

/** An answer in memory of its own. */
interface Answer {
  readonly columns: RecordColumns
  readonly counts: Counts
  readonly segments: readonly GatheredSegment[]
}

/** A slab with an input, and the input's length. */
interface FilledSlab {
  readonly slab: Slab
  readonly length: number
}

/** Slabs that verdicts may hold: of callers that judge several inputs at a time, as many partitions of a topic. */
const leastHeld = 8

/** Returns how many slabs verdicts may hold; beyond that, a verdict is copied into ordinary memory. */
export function heldVerdicts(threads: number): number {
  return Math.max(leastHeld, 2 * threads)
}

/** Throws `ERR_ENGINE_INPUT_TOO_LARGE` for more bytes than one call takes. */
export function checkInputSize(bytes: number): void {
  if (bytes <= limits.evaluateBytes) return
  throw new EngineError(
    'ERR_ENGINE_INPUT_TOO_LARGE',
    `The input has ${bytes} bytes; one call takes ${limits.evaluateBytes}. Use \`filter()\`, or split it at line ends.`,
    { details: { bytes, most: limits.evaluateBytes } },
  )
}

/** Evaluates inputs for one engine. */
export class InputEvaluator {
  readonly #parts: EngineParts
  /** Batches of evaluate() in flight, apart from those of streams, which may wait for their consumer. */
  readonly #slots: Slots
  readonly #abandoned: FinalizationRegistry<() => void>
  /** Slabs that verdicts hold, or will. */
  #heldByVerdicts = 0
  #inlineSlab: Slab | undefined

  constructor(parts: EngineParts) {
    this.#parts = parts
    this.#slots = new Slots(2 * parts.options.threads)
    this.#abandoned = new FinalizationRegistry((release) => release())
  }

  /**
   * Returns the verdict of `input`. `isOurs`: the input's memory belongs to this call, so it need not be copied.
   * `valueStarts` is handed on.
   */
  async evaluate(input: Uint8Array, isOurs: boolean, valueStarts?: Uint32Array): Promise<Verdict> {
    const loaded = this.#parts.current()
    const values = valueStarts === undefined ? {} : { valueStarts }
    // Of several values each was stripped of its own mark when they were joined.
    const start = valueStarts === undefined && hasByteOrderMark(input) ? byteOrderMarkBytes : 0
    const { batchBytes, maxRecordBytes } = this.#parts.options
    if (this.#canHold(input.length)) return this.#evaluateHeld(loaded, this.#fill(input), start, values)
    const bytes = isOurs && !isShared(input) ? asBuffer(input) : Buffer.from(new Uint8Array(input).buffer)
    if (bytes.length <= limits.inlineBytes) {
      return new Verdict({ plan: loaded.plan, ...this.#evaluateInline(loaded, bytes, start), bytes, ...values })
    }
    const pieces = [...cutLines(bytes, start, batchBytes, maxRecordBytes)]
    const settled = await Promise.allSettled(pieces.map((cut) => this.#evaluatePiece(loaded, bytes, cut)))
    const answers = settled.map((outcome) => {
      if (outcome.status === 'rejected') throw outcome.reason
      return outcome.value
    })
    const columns = joinColumns(answers.map((answer) => answer.columns))
    mendCutRecords(bytes, pieces, answers, columns)
    const counts = answers.reduce((sum, answer) => addCounts(sum, answer.counts), noCounts(loaded.plan))
    const segments = answers.flatMap((answer) => answer.segments)
    return new Verdict({ plan: loaded.plan, counts, columns, segments, bytes, ...values })
  }

  /** Returns the verdict of several values, which have so many bytes when they are joined. */
  evaluateValues(values: readonly (Uint8Array | null)[], joinedBytes: number): Promise<Verdict> {
    if (this.#canHold(joinedBytes)) {
      const slab = this.#parts.slabs.take()
      const { bytes, valueStarts } = joinValues(values, slab.input)
      return this.#evaluateHeld(this.#parts.current(), { slab, length: bytes.length }, 0, { valueStarts })
    }
    const { bytes, valueStarts } = joinValues(values)
    return this.evaluate(bytes, true, valueStarts)
  }

  /** Evaluates on this thread. Errors: `ERR_ENGINE_KERNEL_FAULT`. */
  #evaluateInline(loaded: LoadedRuleSet, bytes: Buffer, start: number): Answer {
    const evaluator = this.#parts.own.evaluatorOf(loaded.handle)
    const slab = (this.#inlineSlab ??= createSlab(inlineShape))
    slab.input.set(bytes)
    slab.request({ ...this.#judging(loaded), start, end: bytes.length, flags: slabFlag.records })
    const answers: Answer[] = []
    for (;;) {
      const startedNs = process.hrtime.bigint()
      evaluateSlab(evaluator, slab)
      this.#parts.stats.add(slab, Number(process.hrtime.bigint() - startedNs), 0)
      answers.push(copyAnswer(slab, loaded))
      if (slab.isWhole) return joinAnswers(answers)
      slab.requestRest()
    }
  }

  /** Whether so many bytes are one batch, whose slab can be left to the verdict. */
  #canHold(bytes: number): boolean {
    const { batchBytes, threads } = this.#parts.options
    return bytes > limits.inlineBytes && bytes <= batchBytes && this.#heldByVerdicts < heldVerdicts(threads)
  }

  #fill(input: Uint8Array): FilledSlab {
    const slab = this.#parts.slabs.take()
    copyInto(slab.input, 0, input)
    return { slab, length: input.length }
  }

  /** Evaluates one batch in a slab that the verdict keeps: the input was copied once, the columns are not at all. */
  async #evaluateHeld(
    loaded: LoadedRuleSet,
    { slab: filled, length }: FilledSlab,
    start: number,
    values: { readonly valueStarts?: Uint32Array },
  ): Promise<Verdict> {
    const { pool, stats } = this.#parts
    filled.request({ ...this.#judging(loaded), start, end: length, flags: slabFlag.records })
    this.#heldByVerdicts++
    let slab: Slab | undefined
    try {
      const leave = await this.#slots.take().catch((error: unknown) => {
        this.#parts.slabs.give(filled)
        throw error
      })
      try {
        const answer = await pool.evaluate(loaded.handle, filled)
        slab = answer.slab
        stats.add(slab, answer.evaluateNs, answer.readNs)
      } finally {
        leave()
      }
    } catch (error) {
      this.#heldByVerdicts--
      throw error
    }
    if (!slab.isWhole) {
      const bytes = Buffer.from(new Uint8Array(slab.input.subarray(0, length)).buffer)
      const answer = await this.#collect(loaded, slab, 0).finally(() => this.#heldByVerdicts--)
      return new Verdict({ plan: loaded.plan, ...answer, bytes, ...values })
    }
    return this.#holdSlab(loaded, slab, length, values)
  }

  #holdSlab(
    loaded: LoadedRuleSet,
    slab: Slab,
    length: number,
    values: { readonly valueStarts?: Uint32Array },
  ): Verdict {
    const release = this.#releaseOf(slab)
    const verdict = new Verdict({
      plan: loaded.plan,
      counts: readCounts(slab, loaded.plan),
      columns: viewColumns(slab),
      segments: viewSegments(slab),
      bytes: new Uint8Array(slab.buffer, slab.input.byteOffset, length),
      ...values,
      release,
    })
    this.#abandoned.register(verdict, release, release)
    return verdict
  }

  /**
   * Returns the function that gives a verdict's slab back, once. The registry holds it until the verdict is collected,
   * so it must not keep the verdict alive: functions made in one call share all variables of that call that any of them
   * uses, which is why it is made where no variable holds the verdict.
   */
  #releaseOf(slab: Slab): () => void {
    let isHeld = true
    const release = (): void => {
      if (!isHeld) return
      isHeld = false
      this.#abandoned.unregister(release)
      this.#heldByVerdicts--
      this.#parts.slabs.give(slab)
    }
    return release
  }

  async #evaluatePiece(loaded: LoadedRuleSet, bytes: Buffer, cut: Cut): Promise<Answer> {
    const { pool, slabs, stats } = this.#parts
    const leave = await this.#slots.take()
    try {
      const filled = slabs.take()
      filled.input.set(bytes.subarray(cut.start, cut.end))
      const flags = slabFlag.records | cutFlags(cut)
      filled.request({ ...this.#judging(loaded), start: 0, end: cut.end - cut.start, flags })
      const { slab, evaluateNs, readNs } = await pool.evaluate(loaded.handle, filled)
      stats.add(slab, evaluateNs, readNs)
      return await this.#collect(loaded, slab, cut.start)
    } finally {
      leave()
    }
  }

  /** Copies an answer out of its slab, and those for the rest where the verdict arrays were full; gives the slab back. */
  async #collect(loaded: LoadedRuleSet, answered: Slab, shift: number): Promise<Answer> {
    const { pool, slabs, stats } = this.#parts
    const answers: Answer[] = []
    let slab = answered
    for (;;) {
      answers.push(copyAnswer(slab, loaded, shift))
      if (slab.isWhole) break
      slab.requestRest()
      const answer = await pool.evaluate(loaded.handle, slab)
      slab = answer.slab
      stats.add(slab, answer.evaluateNs, answer.readNs)
    }
    slabs.give(slab)
    return joinAnswers(answers)
  }

  #judging(loaded: LoadedRuleSet): Pick<SlabRequest, 'validation' | 'maxRecordBytes' | 'gather' | 'nowMs'> {
    const { validation, maxRecordBytes } = this.#parts.options
    return { validation, maxRecordBytes, gather: gatheredRoutes(loaded.plan), nowMs: this.#parts.now() }
  }
}

const inlineShape = {
  inputBytes: limits.inlineBytes,
  recordCapacity: limits.inlineBytes >>> 3,
  gatherBytes: limits.inlineBytes + 1,
}

/** Returns the answer that stands in a slab, with `shift` added to all positions. */
function copyAnswer(slab: Slab, loaded: LoadedRuleSet, shift = 0): Answer {
  return {
    columns: copyColumns(viewColumns(slab), shift),
    counts: readCounts(slab, loaded.plan),
    segments: copySegments(viewSegments(slab)),
  }
}

function joinAnswers(answers: readonly Answer[]): Answer {
  const [first, ...others] = answers
  if (others.length === 0) return first!
  const counts = others.reduce((sum, answer) => addCounts(sum, answer.counts), first!.counts)
  const segments = answers.flatMap((answer) => answer.segments)
  return { columns: joinColumns(answers.map((answer) => answer.columns)), counts, segments }
}

/** Gives each too-long record that was cut its real end: that of its line, in a later piece. */
function mendCutRecords(
  bytes: Buffer,
  pieces: readonly Cut[],
  answers: readonly Answer[],
  columns: RecordColumns,
): void {
  let records = 0
  pieces.forEach((piece, i) => {
    if (piece.continues) {
      const at = firstLineFeed(bytes, piece.start, piece.end)
      columns.recordEnds[records - 1] = at < 0 ? piece.end : at + 1
    }
    records += answers[i]!.columns.routes.length
  })
}

function isShared(bytes: Uint8Array): boolean {
  return bytes.buffer instanceof SharedArrayBuffer
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
