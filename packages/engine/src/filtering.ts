// Streams and files through the engine: reads the source, or has workers read a file's ranges, and hands batches to
// ordered-batches.ts as they fill or grow old. Stops reading while too many are in flight. Used by engine.ts.

import { setMaxListeners } from 'node:events'
import type { FileHandle } from 'node:fs/promises'
import { StreamBatcher } from './batch/batcher.ts'
import type { SealedBatch } from './batch/batcher.ts'
import { countLineFeeds } from './batch/framing.ts'
import type { EngineParts } from './engine-parts.ts'
import { routeIndex } from './evaluation.ts'
import { limits } from './limits.ts'
import { checkInteger, invalid, refuseUnknown } from './options.ts'
import { cutFlags, OrderedBatches } from './ordered-batches.ts'
import type { BatchResult, FailedBatch, OnBatch, OnFailedBatch } from './ordered-batches.ts'
import { closedError } from './pool/faults.ts'
import { addCounts, noCounts } from './stats.ts'
import type { Counts } from './verdict/verdict.ts'

/** Chunks of bytes that form one NDJSON text: a Node stream, a web stream, a generator, an array. */
export type ByteSource = AsyncIterable<Uint8Array> | Iterable<Uint8Array>

/** What `filterFile` and `filterBatches` have in common. */
export interface DeliveryOptions {
  /** Called with each result, in input order. */
  readonly onBatch: OnBatch
  /** Routes whose bytes are wanted: `keep`, `drop`, `malformed`, named ones. Default: `keep` and all named routes. */
  readonly routes?: readonly string[]
  /**
   * Whether `routes` may name what the rule set in force does not have, but one that is loaded later may. Default: no;
   * then such a name is `ERR_ENGINE_UNKNOWN_ROUTE`.
   */
  readonly allowMissingRoutes?: boolean
  /** Aborting it stops at once; the call rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

/** Options of `filterBatches`. */
export interface FilterBatchesOptions extends DeliveryOptions {
  /** Time in milliseconds that bytes may wait for their batch to fill. Default: 50. */
  readonly batchAgeMs?: number
  /**
   * Called in the place of `onBatch`, in the same order, with a batch that could not be evaluated, after the engine's
   * own second try. Absent: such a batch ends the stream with its error.
   */
  readonly onFailedBatch?: OnFailedBatch
  /**
   * Asked of each batch when it is complete. Where it answers true, the batch is given to no worker: it goes to
   * `onFailedBatch`, which is required then, without an error, in its turn.
   */
  readonly judgeApart?: () => boolean
}

/** Options of `filterFile`. */
export interface FilterFileOptions extends DeliveryOptions {
  /** [start, end): filters the lines whose first byte lies here. Positions in bytes. Default: the whole file. */
  readonly start?: number
  readonly end?: number
}

/** What a stream or a file came to. */
export interface FilterTotals {
  readonly bytesIn: number
  /** Line feeds. */
  readonly lines: number
  /** Sums over all batches. `byRule` is that of the last version, where rule sets were swapped on the way. */
  readonly counts: Counts
  /** Versions that judged, in order of first use; one unless a rule set was loaded on the way. */
  readonly versions: readonly string[]
}

/** A file that is open for reading. */
export type OpenFile = Pick<FileHandle, 'fd' | 'stat'>

/** Filters a stream; see `Engine.filterBatches`. */
export async function filterSource(
  parts: EngineParts,
  source: ByteSource,
  options: FilterBatchesOptions,
): Promise<FilterTotals> {
  const totals = new Totals(parts)
  const { batches, reader, iterator } = prepare(parts, source, options, totals)
  return conduct(parts, batches, options.signal, totals, async () => {
    let isAtEnd = false
    try {
      for (;;) {
        const next = await batches.orFailure(() => iterator.next())
        if (next.done === true) break
        await reader.read(next.value)
      }
      isAtEnd = true
      await reader.end()
    } finally {
      reader.abandon()
      if (!isAtEnd) abandonSource(source, iterator)
    }
  })
}

/** What it takes to filter a source. When the options or the source are refused, the source is ended. */
function prepare(
  parts: EngineParts,
  source: ByteSource,
  options: FilterBatchesOptions,
  totals: Totals,
): { batches: OrderedBatches; reader: SourceReader; iterator: ReturnType<typeof iterate> } {
  try {
    checkDelivery(options, ['batchAgeMs', 'onFailedBatch', 'judgeApart'])
    const { onFailedBatch, judgeApart } = options
    checkApart(options)
    const ageMs = checkInteger('batchAgeMs', options.batchAgeMs ?? limits.batchAgeMs.standard, limits.batchAgeMs)
    const batches = new OrderedBatches(parts, wantedOf(parts, options), totals.counting(options.onBatch), {
      onFailedBatch: totals.countingFailed(onFailedBatch),
      judgeApart,
    })
    return { batches, reader: new SourceReader(parts, batches, ageMs), iterator: iterate(source) }
  } catch (error) {
    try {
      abandonSource(source, iterate(source))
    } catch {
      // What cannot be iterated has nothing to end.
    }
    throw error
  }
}

/** Filters a file, or a part of it; see `Engine.filterFile`. */
export async function filterOpenFile(
  parts: EngineParts,
  file: OpenFile,
  options: FilterFileOptions,
): Promise<FilterTotals> {
  checkDelivery(options, ['start', 'end'])
  if (typeof file?.fd !== 'number' || typeof file.stat !== 'function') {
    throw invalid('handle', file, 'a file handle, as `fs.promises.open` returns')
  }
  const stat = await file.stat()
  if (!stat.isFile()) throw invalid('handle', file, 'a regular file; pipes and devices go through `filter()`')
  const most = Number.MAX_SAFE_INTEGER
  const start = checkInteger('start', options.start ?? 0, { least: 0, most })
  const end = Math.min(stat.size, checkInteger('end', options.end ?? stat.size, { least: start, most }))
  const totals = new Totals(parts)
  const batches = new OrderedBatches(parts, wantedOf(parts, options), totals.counting(options.onBatch))
  const { batchBytes, maxRecordBytes } = parts.options
  const length = new SpanLength(batchBytes, parts.options.threads)
  parts.pool.expectFile(end - start)
  return conduct(parts, batches, options.signal, totals, async () => {
    for (let from = start, to; from < end; from = to) {
      await batches.room()
      if (parts.closing.aborted) throw closedError()
      to = Math.min(end, from + length.bytesOf(end - from))
      const span = { fd: file.fd, from, to, end: stat.size, maxRecordBytes, batchBytes }
      const batch = { slab: parts.slabs.take(), start: 0, end: 0, flags: 0, inputAt: from, file: span }
      const [given, had] = [to, from]
      void batches.submit(batch).then((reached) => length.learn(had, given, reached))
    }
  })
}

/**
 * How much of a file one task gets. Begins with a batch, so that the first results come soon; grows while tasks come to
 * their ends, and stays below where one stopped short: the rest of a span is only asked for when its turn to be delivered
 * has come, which keeps workers waiting. Shrinks towards the end of the file, where several workers should end together.
 */
class SpanLength {
  readonly #batchBytes: number
  readonly #shares: number
  #batches = 1
  #most: number = limits.fileSpanBatches

  constructor(batchBytes: number, threads: number) {
    this.#batchBytes = batchBytes
    this.#shares = threads === 1 ? 1 : 2 * threads
  }

  /** Returns what the next task gets of so many bytes that are left. */
  bytesOf(left: number): number {
    const share = Math.ceil(left / this.#batchBytes / this.#shares)
    return Math.min(this.#batches, share) * this.#batchBytes
  }

  /** Takes note that a task for [from, to) came as far as `reached`. */
  learn(from: number, to: number, reached: number | undefined): void {
    if (reached === undefined) return
    const batches = Math.max(1, Math.floor((reached - from) / this.#batchBytes))
    if (reached < to) this.#most = Math.min(this.#most, batches)
    else this.#batches = Math.max(this.#batches, 4 * batches)
    this.#batches = Math.min(this.#batches, this.#most)
  }
}

/** Runs `work`, which submits batches, then waits for all of them. Whatever fails, all slabs are given back. */
async function conduct(
  parts: EngineParts,
  batches: OrderedBatches,
  signal: AbortSignal | undefined,
  totals: Totals,
  work: () => Promise<void>,
): Promise<FilterTotals> {
  const onAbort = (): void => batches.fail(signal!.reason)
  const onClosing = (): void => batches.interrupt(closedError())
  if (signal?.aborted === true) onAbort()
  if (signal !== undefined) listen(signal, onAbort)
  listen(parts.closing, onClosing)
  try {
    await work()
    await batches.drained()
    return totals.sum()
  } catch (error) {
    // A closing engine delivers what it has read; any other failure has already stopped the deliveries.
    if (!parts.closing.aborted) batches.fail(error)
    await batches.drained().catch(() => undefined)
    throw error
  } finally {
    signal?.removeEventListener('abort', onAbort)
    parts.closing.removeEventListener('abort', onClosing)
  }
}

/** Adds an abort listener. Many streams may share one signal, which is no leak, so Node need not warn of it. */
export function listen(signal: AbortSignal, onAbort: () => void): void {
  setMaxListeners(0, signal)
  signal.addEventListener('abort', onAbort)
}

/** Puts chunks into batches, and submits them when they are full or have waited long enough. */
class SourceReader {
  readonly #parts: EngineParts
  readonly #batches: OrderedBatches
  readonly #batcher: StreamBatcher
  readonly #ageMs: number
  #stopTimer: (() => void) | undefined

  constructor(parts: EngineParts, batches: OrderedBatches, ageMs: number) {
    this.#parts = parts
    this.#batches = batches
    this.#ageMs = ageMs
    this.#batcher = new StreamBatcher(parts.options, () => parts.slabs.take())
  }

  /** Takes a whole chunk; waits while too many batches are in flight. */
  async read(chunk: Uint8Array): Promise<void> {
    if (!(chunk instanceof Uint8Array)) {
      throw invalid('source', chunk, 'chunks of bytes; a stream with an encoding set gives strings')
    }
    for (let at = 0; at < chunk.length;) {
      at = this.#batcher.add(chunk, at)
      if (!this.#batcher.isFull) continue
      await this.#batches.room()
      this.#submit(this.#batcher.seal())
    }
    this.#parts.pool.expectBatch(this.#parts.current().handle, this.#batcher.heldBytes)
    if (this.#batcher.heldBytes > 0 && this.#stopTimer === undefined) this.#startTimer()
  }

  /** Submits what is left. */
  async end(): Promise<void> {
    await this.#batches.room()
    this.#submit(this.#batcher.end())
  }

  /** Gives back what is not submitted. */
  abandon(): void {
    this.#endTimer()
    const slab = this.#batcher.abandon()
    if (slab !== undefined) this.#parts.slabs.give(slab)
  }

  #submit(batch: SealedBatch | undefined): void {
    this.#endTimer()
    if (batch === undefined) return
    const { slab, start, end, streamAt } = batch
    void this.#batches.submit({ slab, start, end, flags: cutFlags(batch), inputAt: streamAt })
  }

  #startTimer(): void {
    this.#stopTimer = this.#parts.startTimer(this.#ageMs, () => {
      this.#stopTimer = undefined
      // While there is no room the batch may as well go on filling. Bytes without a line end wait for more bytes.
      if (this.#batches.hasRoom) this.#submit(this.#batcher.seal())
      else this.#startTimer()
    })
  }

  #endTimer(): void {
    this.#stopTimer?.()
    this.#stopTimer = undefined
  }
}

/** Adds up results as they are delivered. */
class Totals {
  readonly #versions: string[] = []
  #bytesIn = 0
  #lines = 0
  #counts: Counts

  constructor(parts: EngineParts) {
    this.#counts = noCounts(parts.current().plan)
  }

  /** Returns `onBatch` with the counting done before it. */
  counting(onBatch: OnBatch): OnBatch {
    return (result: BatchResult) => {
      this.#bytesIn += result.bytesIn
      this.#lines += result.lines
      const isNew = this.#versions.at(-1) !== result.version
      if (isNew && !this.#versions.includes(result.version)) this.#versions.push(result.version)
      const sum = addCounts(this.#counts, result.counts)
      this.#counts = isNew ? { ...sum, byRule: result.counts.byRule } : sum
      return onBatch(result)
    }
  }

  /** Returns `onFailedBatch` with its bytes and lines counted before it; of its records nothing is known. */
  countingFailed(onFailedBatch: OnFailedBatch | undefined): OnFailedBatch | undefined {
    if (onFailedBatch === undefined) return undefined
    return (failed: FailedBatch) => {
      this.#bytesIn += failed.bytesIn
      this.#lines += countLineFeeds(failed.bytes)
      return onFailedBatch(failed)
    }
  }

  sum(): FilterTotals {
    return { bytesIn: this.#bytesIn, lines: this.#lines, counts: this.#counts, versions: this.#versions }
  }
}

/** Returns the routes that are wanted. Errors: `ERR_ENGINE_UNKNOWN_ROUTE`. */
function wantedOf(parts: EngineParts, { routes, allowMissingRoutes }: DeliveryOptions): readonly string[] | undefined {
  if (allowMissingRoutes !== true) for (const name of routes ?? []) routeIndex(parts.current().plan.routes, name)
  return routes
}

function checkApart({ onFailedBatch, judgeApart }: FilterBatchesOptions): void {
  if (onFailedBatch !== undefined && typeof onFailedBatch !== 'function') {
    throw invalid('onFailedBatch', onFailedBatch, 'a function')
  }
  if (judgeApart === undefined) return
  if (typeof judgeApart !== 'function') throw invalid('judgeApart', judgeApart, 'a function')
  if (onFailedBatch !== undefined) return
  throw invalid('judgeApart', judgeApart, '`onFailedBatch` as well', '`judgeApart` alone leaves batches to nobody')
}

function checkDelivery(options: DeliveryOptions, more: readonly string[]): void {
  if (typeof options?.onBatch !== 'function') throw invalid('onBatch', options?.onBatch, 'a function')
  refuseUnknown(options, ['onBatch', 'routes', 'allowMissingRoutes', 'signal', ...more])
  if (options.routes !== undefined && !Array.isArray(options.routes)) {
    throw invalid('routes', options.routes, 'an array of names of routes')
  }
}

function iterate(source: ByteSource): AsyncIterator<Uint8Array> | Iterator<Uint8Array> {
  if (source instanceof Uint8Array) throw invalid('source', source, 'chunks of bytes: put a single one into an array')
  const asynchronous = (source as Partial<AsyncIterable<Uint8Array>> | null)?.[Symbol.asyncIterator]
  if (typeof asynchronous === 'function') return asynchronous.call(source as AsyncIterable<Uint8Array>)
  const synchronous = (source as Partial<Iterable<Uint8Array>> | null)?.[Symbol.iterator]
  if (typeof synchronous === 'function' && typeof source !== 'string') {
    return synchronous.call(source as Iterable<Uint8Array>)
  }
  throw invalid('source', source, 'a stream or another iterable of byte chunks')
}

/** Tells a source that no more is wanted, as leaving a `for await` over it does. */
function abandonSource(source: ByteSource, iterator: AsyncIterator<Uint8Array> | Iterator<Uint8Array>): void {
  // A generator that waits for its next chunk answers return() only after that came, so a stream is destroyed as
  // well, and the answer is not waited for.
  const { destroy } = source as { destroy?: unknown }
  if (typeof destroy === 'function') destroy.call(source)
  Promise.resolve(iterator.return?.()).catch(() => undefined)
}
