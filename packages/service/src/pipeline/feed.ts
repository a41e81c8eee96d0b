// The bytes of a source on their way into the engine: keeps what the source said of them (positions, places, malformed
// records that it set aside) until the batches that hold them are delivered. Called by pipeline.ts.

import { addCounts } from '@weir/engine'
import type { BatchResult, Counts, MalformedReason } from '@weir/engine'

import { ConnectorError } from '../errors.ts'
import type { DeadLetter } from '../ports/dead-letters.ts'
import type { BytesValue, Place, Reject, Source, SourceValue } from '../ports/source.ts'
import { steadyClock } from '../time.ts'

/** A malformed record, where its owner finds it. */
export interface MalformedPlace extends Place {
  readonly reason: MalformedReason
}

/** What came of one batch: as the engine tells it, with what the source set aside before the end of the batch. */
export interface PipelineResult extends Pick<BatchResult, 'counts' | 'bytesIn'> {
  readonly malformed: readonly MalformedPlace[]
  /** Version of the rule set that judged it; absent where nothing was judged. */
  readonly version?: string
  /** Time in milliseconds from when the first of its bytes came until its records were safe; absent where it has none. */
  readonly ageMs?: number
  /** What the batch is called in the log and in dead letters. */
  readonly batch?: string
  /** Dead letters that were written of it; absent where there are none. */
  readonly letters?: readonly Pick<DeadLetter, 'reason' | 'records'>[]
}

/** Values that end in a batch. */
export interface Reached<P> {
  /** The last of their positions; absent when none ends there. */
  readonly position?: { readonly value: P }
  readonly inputBytes: number
  readonly rejects: readonly Reject[]
  /** When the first of the bytes came that are acknowledged here, by `steadyClock`. */
  readonly cameMs?: number
}

/** A value that no acknowledged batch has reached the end of. [start, end): in bytes from the first value. */
interface Held<P> extends Omit<BytesValue<P>, 'kind' | 'bytes'> {
  readonly start: number
  readonly end: number
  readonly cameMs: number
  /** How many of its bytes were told to be input already. */
  told: number
}

/** Bytes of records set aside that may wait for the batch they belong to; then no more is read until it is done. */
const waitingBytes = 4 << 20

/** One source, read as the engine asks for it. */
export class Feed<P> {
  /** What ended the source early. The engine is not told: it would throw away what it has not delivered yet. */
  failure: Error | undefined
  private readonly name: string
  private readonly first: BytesValue<P>
  private readonly rest: AsyncIterator<SourceValue<P>>
  private readonly deliver: (reached: Reached<P>) => Promise<void>
  private rejectBytes = 0
  private onSettled: (() => void) | undefined
  /** The oldest first. */
  private held: Held<P>[] = []
  private bytesRead = 0
  private bytesAcknowledged = 0
  private bytesDelivered = 0

  /** `deliver`: takes what was reached while no batch is in flight. */
  constructor(
    source: Source<P>,
    first: BytesValue<P>,
    rest: AsyncIterator<SourceValue<P>>,
    deliver: (reached: Reached<P>) => Promise<void>,
  ) {
    this.name = source.name
    this.deliver = deliver
    this.first = first
    this.rest = rest
  }

  /** Yields the bytes of all values. What ends the input early is in `failure` afterwards. */
  async *chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for (let value: SourceValue<P> = this.first; ;) {
        if (value.kind !== 'bytes') throw new Error(`${this.name} mixes bytes and other values.`)
        const start = this.bytesRead
        this.bytesRead += value.bytes.length
        const { bytes, kind: _kind, ...about } = value
        this.held.push({ ...about, start, end: this.bytesRead, cameMs: about.cameMs ?? steadyClock(), told: 0 })
        for (const reject of about.rejects ?? []) this.rejectBytes += reject.bytes.length
        yield bytes
        if (this.rejectBytes > waitingBytes) await this.deliverRejects()
        const next = await this.rest.next()
        if (next.done === true) return
        value = next.value
      }
    } catch (error) {
      if (!isInputFault(error)) throw error
      this.failure = error
    } finally {
      await this.rest.return?.()
    }
  }

  /** Returns where a record lies in the input, of a batch that is not acknowledged. `record`: as the engine has it. */
  locate(record: MalformedPlace): MalformedPlace {
    const value = this.held.findLast(({ start }) => start <= record.byte)
    if (value?.places === undefined) return record
    return { reason: record.reason, ...value.places.locate(record.byte - value.start) }
  }

  /** Waits until every batch is done, then delivers what the source has set aside since. */
  private async deliverRejects(): Promise<void> {
    while (this.bytesDelivered < this.bytesRead) {
      await new Promise<void>((resolve) => (this.onSettled = resolve))
    }
    await this.deliver(this.acknowledge(0))
  }

  /** Takes note that what was acknowledged is delivered too. */
  settle(): void {
    this.bytesDelivered = this.bytesAcknowledged
    this.onSettled?.()
  }

  /** Takes note that `bytes` more are acknowledged, and returns what that reaches; `Infinity`: everything. */
  acknowledge(bytes: number): Reached<P> {
    this.bytesAcknowledged += bytes
    let inputBytes = 0
    let position: { readonly value: P } | undefined
    const cameMs = this.cameBefore(this.bytesAcknowledged)
    const rejects: Reject[] = []
    while (this.held[0] !== undefined && this.held[0].end <= this.bytesAcknowledged) {
      const value = this.held.shift()!
      position = { value: value.position }
      inputBytes += value.inputBytes ?? value.end - value.start - value.told
      rejects.push(...(value.rejects ?? []))
    }
    inputBytes += this.tellPart(this.held[0])
    for (const { bytes } of rejects) this.rejectBytes -= bytes.length
    return {
      ...(position === undefined ? {} : { position }),
      ...(cameMs === undefined ? {} : { cameMs }),
      inputBytes,
      rejects,
    }
  }

  /** Returns when the first came of the values that are held and begin before `end`; sources tell times as they like. */
  private cameBefore(end: number): number | undefined {
    let first: number | undefined
    for (const { start, cameMs } of this.held) {
      if (first !== undefined && start >= end) break
      first = Math.min(first ?? cameMs, cameMs)
    }
    return first
  }

  /** Returns how many more bytes of a value are acknowledged that goes on; 0 where its input is counted as a whole. */
  private tellPart(value: Held<P> | undefined): number {
    if (value === undefined || value.inputBytes !== undefined) return 0
    const told = Math.max(value.told, this.bytesAcknowledged - value.start)
    const more = told - value.told
    value.told = told
    return more
  }
}

/** Adds records that the source set aside to what the engine says of a batch. */
export function withRejects(result: PipelineResult, rejects: readonly Reject[]): PipelineResult {
  if (rejects.length === 0) return result
  const byReason: Partial<Record<MalformedReason, number>> = {}
  const malformed = [...result.malformed]
  for (const { bytes: _bytes, isRest, ...place } of rejects) {
    if (isRest === true) continue
    byReason[place.reason] = (byReason[place.reason] ?? 0) + 1
    malformed.push(place)
  }
  malformed.sort((a, b) => a.byte - b.byte)
  return { ...result, counts: addMalformed(result.counts, byReason), malformed }
}

/** Adds malformed records that the engine has not seen, by their reasons. */
export function addMalformed(counts: Counts, byReason: Readonly<Partial<Record<MalformedReason, number>>>): Counts {
  const records = Object.values(byReason).reduce((sum, count) => sum + count, 0)
  const malformedByReason = { ...noRecords.malformedByReason, ...byReason }
  return addCounts(counts, { ...noRecords, records, malformed: records, malformedByReason })
}

const noReasons = { 'too-long': 0, utf8: 0, syntax: 0, 'not-object': 0, depth: 0 }

/** The counts of nothing. */
export const noRecords: Counts = {
  records: 0,
  kept: 0,
  dropped: 0,
  malformed: 0,
  malformedByReason: noReasons,
  byRule: [],
  byDefault: 0,
  byRoute: {},
}

/** Returns whether the error is one input's alone, so that other inputs can still be done. */
export function isInputFault(error: unknown): error is Error {
  return error instanceof ConnectorError && inputCodes.has(error.code)
}

const inputCodes: ReadonlySet<string> = new Set([
  'ERR_CONNECTOR_OPEN',
  'ERR_CONNECTOR_READ',
  'ERR_CONNECTOR_GZIP',
  'ERR_CONNECTOR_ZSTD',
  'ERR_CONNECTOR_SHAPE',
])
