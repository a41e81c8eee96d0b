// Runs one source through the engine to the sinks: the one way of delivery, for files and for streams. A batch's
// position is committed when every sink has made it safe. Reports counts by batch; adds nothing up. Called by commands
// and by served.ts.

import type { BatchResult, Engine, EngineError, FailedBatch, FilterBatchesOptions } from '@weir/engine'

import { ConnectorError } from '../errors.ts'
import type { DeadLetter } from '../ports/dead-letters.ts'
import type { BytesValue, MessagesValue, Source, SourceValue } from '../ports/source.ts'
import type { Transaction } from '../ports/transaction.ts'
import { steadyClock } from '../time.ts'
import { Acker } from './acker.ts'
import type { Commits } from './acker.ts'
import { Feed, isInputFault, noRecords, withRejects } from './feed.ts'
import type { PipelineResult, Reached } from './feed.ts'
import { OpenRecord } from './long-record.ts'
import { MessageLines } from './message-lines.ts'
import { judgeMessages, regainMessages } from './messages.ts'
import type { RoutedBytes, Router } from './router.ts'
import { Transactions } from './transactions.ts'
import { unlessAborted } from './unless-aborted.ts'

/** What a run asks of the engine. */
export type PipelineEngine = Pick<Engine, 'filterBatches' | 'filterFile' | 'evaluateMany' | 'version'>

/** What a run needs besides its source. */
export interface PipelineParts {
  readonly engine: PipelineEngine
  readonly router: Router
  /** Called for every batch, in input order, once its records are safe and a position at or behind its end is committed. */
  readonly onBatch: (result: PipelineResult) => void
  /** Returns what to call the next batch in the log. Absent: batches have no names. */
  readonly nextBatch?: () => string
  /** Takes a batch that the engine could not evaluate. Absent: such a batch ends the run. */
  readonly rescue?: (failed: FailedBatch, batch?: string) => Promise<Rescued>
  /** Told of batches that were written, or were to be, and of which nothing is safe: their source has them again. */
  readonly onGivenBack?: (batches: readonly string[]) => void
  /** Asked of each batch: whether `rescue` takes it without the engine. Only together with that. */
  readonly judgeApart?: () => boolean
  /** Told of records that nothing could evaluate and that have no dead letters to go to, when their batch is delivered. */
  readonly onLeftOut?: (letters: readonly DeadLetter[]) => void
  /** Whether rules that are loaded later may have routes that those in force lack. */
  readonly allowMissingRoutes?: boolean
  /** Time in milliseconds that bytes may wait for their batch to fill. Absent: as the engine has it. */
  readonly batchAgeMs?: number
  /** Told of every position after the source was. */
  readonly onCommit?: (position: unknown) => void
  /** Aborting it stops the run, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

/** What came of a batch that the engine could not evaluate as a whole. */
export interface Rescued {
  readonly segments: readonly RoutedBytes[]
  readonly counts: BatchResult['counts']
  /** Version of the rule set that judged the others. */
  readonly version: string
  /** The records that nothing could evaluate. Left out where there are no dead letters. */
  readonly letters: readonly DeadLetter[]
}

/** A batch on its way to the sinks. */
interface Delivery<P> {
  readonly result: PipelineResult
  readonly segments: readonly RoutedBytes[]
  readonly letters: readonly DeadLetter[]
  readonly reached: Reached<P>
  readonly batch: string | undefined
}

/**
 * Filters one source to its end. Returns the error that ended the source early, or undefined; what came before such
 * an error is delivered. The source is left open: closing it is the caller's.
 * *Errors*: of sinks and of the engine; then the source's last batches may be delivered in part.
 */
export async function runSource<P>(source: Source<P>, parts: PipelineParts): Promise<Error | undefined> {
  const stop = new AbortController()
  const commits = openCommits(source, parts, (error) => stop.abort(error))
  const signal = parts.signal === undefined ? stop.signal : AbortSignal.any([stop.signal, parts.signal])
  const run = new Run(source, { ...parts, signal }, commits)
  try {
    const failure = await run.toEnd()
    await commits.drained()
    return failure
  } catch (error) {
    await commits.abandon()
    if (run.unsafe.size > 0) parts.onGivenBack?.([...run.unsafe])
    throw error
  }
}

function openCommits<P>(source: Source<P>, parts: PipelineParts, onFailure: (error: unknown) => void): Commits<P> {
  const { router, onCommit } = parts
  const flush = () => router.flush()
  if (source.begin !== undefined) {
    const begin = source.begin.bind(source)
    const join = (transaction: Transaction<P>) => router.join(transaction)
    return new Transactions<P>({ begin, join, flush, onCommit: (position) => onCommit?.(position) })
  }
  return new Acker<P>({
    flush,
    commit: async (position, version) => {
      await source.commit(position, version)
      onCommit?.(position)
    },
    onFailure,
  })
}

/** One run, from the first value to the last commit. */
class Run<P> {
  /** Names of batches that are not safe yet. */
  readonly unsafe = new Set<string>()
  private readonly source: Source<P>
  private readonly parts: PipelineParts & { readonly signal: AbortSignal }
  private readonly commits: Commits<P>
  private readonly openRecord = new OpenRecord()

  constructor(source: Source<P>, parts: PipelineParts & { readonly signal: AbortSignal }, commits: Commits<P>) {
    this.source = source
    this.parts = parts
    this.commits = commits
  }

  async toEnd(): Promise<Error | undefined> {
    const values = this.source.values()[Symbol.asyncIterator]()
    try {
      const first = await nextUnless(this.parts.signal, values)
      if (first.done === true) return undefined
      if (first.value.kind === 'messages') return await this.filterMessages(first.value, values)
      if (first.value.kind === 'file') {
        await this.filterFile(first.value)
        return undefined
      }
      if (this.source.begin !== undefined) throw new Error(`${this.source.name} has transactions, and cuts values.`)
      return await this.filterBytes(first.value, values)
    } catch (error) {
      // Not awaited: a source that waits for input ends only when some comes, unless it can be woken.
      void Promise.resolve(values.return?.()).catch(() => undefined)
      if (isInputFault(error)) return error
      throw error
    }
  }

  private async filterFile(value: Extract<SourceValue<P>, { kind: 'file' }>): Promise<void> {
    const { engine, router, onBatch, signal } = this.parts
    let position = 0
    const onFileBatch = async (result: BatchResult) => {
      await this.commits.beforeWrite()
      await router.deliver(result.segments, result.version)
      position += result.bytesIn
      // The segments are not ours any more when this is told.
      const { counts, malformed, bytesIn, version } = result
      const onSafe = () => onBatch({ counts, malformed, bytesIn, version })
      await this.commits.add({ position: { value: value.positionAt(position) }, onSafe })
    }
    try {
      await engine.filterFile(value.handle, { routes: router.routes, signal, onBatch: onFileBatch })
    } catch (error) {
      throw isEngineRead(error) ? readError(this.source.name, error) : error
    }
  }

  private async filterBytes(first: BytesValue<P>, values: AsyncIterator<SourceValue<P>>): Promise<Error | undefined> {
    const { engine, router, batchAgeMs, allowMissingRoutes = false, signal } = this.parts
    const feed = new Feed(this.source, first, values, (reached) => this.deliver(nothing(reached, this.begin())))
    await engine.filterBatches(feed.chunks(), {
      routes: router.routes,
      allowMissingRoutes,
      signal,
      ...(batchAgeMs === undefined ? {} : { batchAgeMs }),
      onBatch: async (batch) => {
        // Where they lie is forgotten with what is acknowledged.
        const malformed = batch.malformed.map((record) => feed.locate(record))
        const reached = feed.acknowledge(batch.bytesIn)
        const { counts, bytesIn, version, segments } = batch
        const result = { counts, malformed, bytesIn, version }
        await this.deliver({ result, segments, letters: [], reached, batch: this.begin() })
        feed.settle()
      },
      ...this.apart(feed),
    })
    const last = feed.acknowledge(Number.POSITIVE_INFINITY)
    if (last.rejects.length > 0 || last.position !== undefined) await this.deliver(nothing(last, this.begin()))
    return feed.failure
  }

  private async filterMessages(first: MessagesValue<P>, values: AsyncIterator<SourceValue<P>>): Promise<undefined> {
    for (let value: SourceValue<P> = first; ;) {
      if (value.kind !== 'messages') throw new Error(`${this.source.name} mixes messages and other bytes.`)
      await this.deliverMessages(value)
      const next = await nextUnless(this.parts.signal, values)
      if (next.done === true) return undefined
      value = next.value
    }
  }

  /** All records of a value and its position, or nothing: it may be one transaction. */
  private async deliverMessages(value: MessagesValue<P>): Promise<void> {
    const { engine, router, rescue, judgeApart, signal } = this.parts
    const cameMs = value.cameMs ?? steadyClock()
    signal.throwIfAborted()
    const batch = this.begin()
    const reached = { position: { value: value.position }, inputBytes: value.inputBytes, rejects: [], cameMs }
    const { version } = engine
    if (rescue !== undefined && judgeApart?.() === true) return this.rescueMessages(value, { batch, reached, version })
    let judged
    try {
      judged = await judgeMessages(value, engine, router, this.source.name)
    } catch (error) {
      if (rescue === undefined || !isRecordsFault(error)) throw error
      return this.rescueMessages(value, { batch, reached, version, error })
    }
    const { counts, segments, letters } = judged
    const result = { counts, malformed: [], bytesIn: value.inputBytes, version: judged.version }
    try {
      signal.throwIfAborted()
      await this.deliver({ result, segments, letters, reached, batch })
    } finally {
      judged.release()
    }
  }

  /** As `rescue`, and finds out again which messages the records came in. */
  private async rescueMessages(
    value: MessagesValue<P>,
    failure: Pick<Delivery<P>, 'batch' | 'reached'> & { readonly version: string; readonly error?: EngineError },
  ): Promise<void> {
    const { router, onLeftOut, rescue } = this.parts
    const { batch, reached, version, error } = failure
    const lines = new MessageLines(value)
    const about = { continues: false, open: false, line: 1, byte: 0, bytesIn: value.inputBytes }
    const failed = { ...about, bytes: lines.bytes, version, ...(error === undefined ? {} : { error }) }
    const rescued = await rescue!(failed, batch)
    const { counts, segments, letters } = regainMessages(value, lines, rescued, router, this.source.name)
    const result = { counts, malformed: [], bytesIn: value.inputBytes, version: rescued.version }
    await this.deliver({ result, segments, letters, reached, batch })
    // Without dead letters they are left out: failing the batch would have it sent, and failed, for ever.
    if (!router.hasDeadLetters && rescued.letters.length > 0) onLeftOut?.(rescued.letters)
  }

  /** What becomes of batches that the engine does not judge. */
  private apart(feed: Feed<P>): Pick<FilterBatchesOptions, 'onFailedBatch' | 'judgeApart'> {
    const { rescue, judgeApart } = this.parts
    if (rescue === undefined) return {}
    const onFailedBatch = (failed: FailedBatch) => this.rescue(failed, feed, rescue)
    return { onFailedBatch, ...(judgeApart === undefined ? {} : { judgeApart }) }
  }

  private async rescue(
    failed: FailedBatch,
    feed: Feed<P>,
    rescue: NonNullable<PipelineParts['rescue']>,
  ): Promise<void> {
    const { router, onLeftOut } = this.parts
    const batch = this.begin()
    const { segments: all, counts, letters, version } = await rescue(failed, batch)
    const segments = all.filter(({ route }) => router.routes.includes(route))
    const result = { counts, malformed: [], bytesIn: failed.bytesIn, version }
    // Without dead letters they are left out: failing the batch would have it sent, and failed, for ever.
    const buried = router.hasDeadLetters ? letters : []
    await this.deliver({ result, segments, letters: buried, reached: feed.acknowledge(failed.bytesIn), batch })
    if (buried.length < letters.length) onLeftOut?.(letters)
    feed.settle()
  }

  /** Returns the name of the next batch, which is not safe from now on. */
  private begin(): string | undefined {
    const batch = this.parts.nextBatch?.()
    if (batch !== undefined) this.unsafe.add(batch)
    return batch
  }

  private async deliver({ result, segments, letters, reached, batch }: Delivery<P>): Promise<void> {
    const { router } = this.parts
    const about = batch === undefined ? {} : { batch }
    const total = withRejects({ ...result, bytesIn: reached.inputBytes }, reached.rejects)
    const rejects = reached.rejects.map(({ bytes }) => ({ route: 'malformed', bytes }))
    // Malformed records of the source itself stand behind those that the engine has found in the same batch.
    const all = router.routes.includes('malformed') ? [...segments, ...rejects] : segments
    const unreadable = router.hasDeadLetters ? segments.filter(({ route }) => route === 'malformed') : []
    const readable = router.hasDeadLetters ? segments.filter(({ route }) => route !== 'malformed') : all
    const buriedRejects = router.hasDeadLetters ? rejects : []
    await this.commits.beforeWrite()
    const allLetters = [...this.malformedLetters(total, unreadable, buriedRejects), ...letters].map((letter) => ({
      ...letter,
      ...about,
    }))
    const buried = router.bury(allLetters)
    // The bytes are the sinks' until all have settled.
    const writes = await Promise.allSettled([router.deliver(readable, total.version), buried])
    const failed = writes.find((write) => write.status === 'rejected')
    if (failed !== undefined) throw failed.reason
    const { position } = reached
    const counted = allLetters.map(({ reason, records }) => ({ reason, records }))
    const onSafe = () =>
      this.tellSafe({ ...total, ...about, ...(counted.length === 0 ? {} : { letters: counted }) }, reached.cameMs)
    await this.commits.add({
      ...(position === undefined ? {} : { position }),
      ...(total.version === undefined ? {} : { version: total.version }),
      onSafe,
    })
  }

  private tellSafe(result: PipelineResult, cameMs: number | undefined): void {
    if (result.batch !== undefined) this.unsafe.delete(result.batch)
    this.parts.onBatch(cameMs === undefined ? result : { ...result, ageMs: steadyClock() - cameMs })
  }

  /**
   * Malformed records of one batch are one letter, however many they are; but one that goes on in the next batch waits for its
   * end, and is one of its own.
   */
  private malformedLetters(
    { counts, version }: PipelineResult,
    segments: readonly RoutedBytes[],
    rejects: readonly RoutedBytes[],
  ): DeadLetter[] {
    const { ended, whole, begins } = this.openRecord.take(segments.map(({ bytes }) => bytes))
    const about = {
      reason: 'malformed',
      source: this.source.name,
      ...(version === undefined ? {} : { version }),
    } as const
    const letters: DeadLetter[] = []
    if (ended !== undefined) {
      const { head, ...cut } = ended
      letters.push({ ...about, malformedByReason: { 'too-long': 1 }, records: 1, bytes: [head], cut })
    }
    const bytes = [...whole, ...rejects.map((reject) => reject.bytes)]
    if (bytes.length === 0) return letters
    const byReason = { ...counts.malformedByReason }
    if (begins) byReason['too-long']--
    const malformedByReason = Object.fromEntries(Object.entries(byReason).filter(([, count]) => count > 0))
    letters.push({ ...about, malformedByReason, records: counts.malformed - (begins ? 1 : 0), bytes })
    return letters
  }
}

/** A delivery of what the source itself has set aside. */
function nothing<P>(reached: Reached<P>, batch: string | undefined): Delivery<P> {
  return { result: { counts: noRecords, malformed: [], bytesIn: 0 }, segments: [], letters: [], reached, batch }
}

/** Resolves with the next value, or rejects when the signal is aborted: a source may wait for its next value for ever. */
async function nextUnless<T>(signal: AbortSignal, values: AsyncIterator<T>): Promise<IteratorResult<T>> {
  signal.throwIfAborted()
  return unlessAborted(signal, values.next())
}

/** Returns whether records may be to blame, as the engine's streams have it. */
function isRecordsFault(error: unknown): error is EngineError {
  return recordsFaults.has(String(((error ?? {}) as { code?: unknown }).code))
}

const recordsFaults: ReadonlySet<string> = new Set([
  'ERR_ENGINE_KERNEL_FAULT',
  'ERR_ENGINE_WORKER_LOST',
  'ERR_ENGINE_WORKER_HUNG',
])

function isEngineRead(error: unknown): error is Error {
  return ((error ?? {}) as { code?: unknown }).code === 'ERR_ENGINE_READ'
}

/** The engine is handed an open file and knows no name. */
function readError(name: string, error: Error): ConnectorError {
  const { details } = error as { details?: object }
  return new ConnectorError('ERR_CONNECTOR_READ', `Reading ${name} failed. ${error.message}`, {
    details: { input: name, ...details },
    cause: error,
  })
}
