// Runs one source of web-server lines to the sinks: the engine judges the record that is made of a line, and the line
// leaves as it came, or the record in its place. What pipeline.ts is to NDJSON, and called by commands as that is.

import type { Engine, MalformedReason, Verdict } from '@weir/engine'

import type { Source } from '../ports/source.ts'
import type { WebFormat } from '../shapes/web-fields.ts'
import { LineBatcher, lineReasons } from '../shapes/web-lines.ts'
import type { LineBatch } from '../shapes/web-lines.ts'
import { addMalformed, isInputFault, noRecords } from './feed.ts'
import type { MalformedPlace, PipelineResult } from './feed.ts'
import type { RoutedBytes, Router } from './router.ts'

/** What leaves for a line that is kept: the line as it came, or the record that was made of it. */
export const emissions = ['line', 'record'] as const
export type Emission = (typeof emissions)[number]

/** What a run needs besides its source. */
export interface LinePipelineParts {
  readonly engine: Pick<Engine, 'evaluate'>
  readonly router: Router
  /** Called for every batch, in input order, after its lines are acknowledged. */
  readonly onBatch: (result: PipelineResult) => void
  readonly format: WebFormat
  readonly emit: Emission
  readonly batchBytes: number
  readonly maxRecordBytes: number
  /** Batches that may be with the engine at once. */
  readonly inFlight: number
}

/** Time that lines may wait for their batch to fill, as the engine lets records wait. */
const batchAgeMs = 50
/** Malformed lines that are described, of one batch. */
const mostSamples = 16

/**
 * Filters one source to its end. Returns the error that ended the source early, or undefined; what came before such
 * an error is delivered. The source is left open: closing it is the caller's.
 * *Errors*: of sinks and of the engine; then the source's last batches may be delivered in part.
 */
export async function runLines<P>(source: Source<P>, parts: LinePipelineParts): Promise<Error | undefined> {
  const batcher = new LineBatcher(parts)
  const queue = new LineQueue(source, parts)
  let failure: Error | undefined
  try {
    try {
      for await (const bytes of inTime(source, queue, batcher)) {
        for (const batch of batcher.add(bytes)) await queue.add(batch)
      }
    } catch (error) {
      if (!isInputFault(error)) throw error
      failure = error
    }
    const last = batcher.end(failure !== undefined)
    if (last !== undefined) await queue.add(last)
    await queue.done()
    return failure
  } finally {
    await queue.done().catch(() => undefined)
  }
}

/** Yields the bytes of the source; while none come, hands over lines that have waited long enough. */
async function* inTime<P>(
  source: Source<P>,
  queue: LineQueue<P>,
  batcher: LineBatcher,
): AsyncGenerator<Uint8Array, void, undefined> {
  const values = source.values()[Symbol.asyncIterator]()
  try {
    for (;;) {
      const next = values.next()
      // Awaited below; until then a failure must not count as unhandled.
      next.catch(() => undefined)
      while (batcher.heldBytes > 0 && !(await settlesWithin(next, batchAgeMs))) {
        const batch = batcher.seal()
        if (batch === undefined) break
        await queue.add(batch)
      }
      const { done, value } = await next
      if (done === true) return
      if (value.kind !== 'bytes') throw new Error(`${source.name} hands on a ${value.kind} where bytes are wanted.`)
      queue.reached(value.bytes.length, value.position)
      yield value.bytes
    }
  } finally {
    await values.return?.()
  }
}

async function settlesWithin(promise: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<boolean>((resolve) => (timer = setTimeout(() => resolve(false), ms)))
  const settled = promise.then(
    () => true,
    () => true,
  )
  const isSettled = await Promise.race([settled, late])
  clearTimeout(timer)
  return isSettled
}

/** Batches with the engine, delivered in their order. */
class LineQueue<P> {
  private readonly source: Source<P>
  private readonly parts: LinePipelineParts
  private readonly deliveries: Promise<void>[] = []
  private last: Promise<void> = Promise.resolve()
  private readonly positions: { readonly end: number; readonly position: P }[] = []
  private bytesRead = 0

  constructor(source: Source<P>, parts: LinePipelineParts) {
    this.source = source
    this.parts = parts
  }

  /** Takes note that so many bytes more lead to a position. */
  reached(bytes: number, position: P): void {
    this.bytesRead += bytes
    this.positions.push({ end: this.bytesRead, position })
  }

  /** Hands a batch to the engine; waits while too many are there. *Errors*: of batches before it. */
  async add(batch: LineBatch): Promise<void> {
    while (this.deliveries.length >= this.parts.inFlight) await this.deliveries.shift()
    const verdict = batch.records.length === 0 ? undefined : this.parts.engine.evaluate(batch.records)
    verdict?.catch(() => undefined)
    const before = this.last
    this.last = (async () => {
      await before
      await this.deliver(batch, await verdict)
    })()
    this.last.catch(() => undefined)
    this.deliveries.push(this.last)
  }

  /** Resolves when all is delivered. */
  async done(): Promise<void> {
    await this.last
  }

  private async deliver(batch: LineBatch, verdict: Verdict | undefined): Promise<void> {
    const { router, emit, onBatch } = this.parts
    const routed = routeLines(batch, verdict, router.routes)
    await router.deliver(router.routes.flatMap((route) => segmentsOf(route, routed, batch, verdict, emit)))
    const counts = addMalformed(verdict?.counts ?? noRecords, routed.byReason)
    verdict?.release()
    onBatch({ counts, malformed: routed.malformed, bytesIn: batch.inputBytes })
    const end = batch.byteAt + batch.inputBytes
    let reached: { readonly position: P } | undefined
    while (this.positions[0] !== undefined && this.positions[0].end <= end) reached = this.positions.shift()
    if (reached !== undefined) await this.source.commit(reached.position)
  }
}

/** Where the lines of a batch go. */
interface RoutedLines {
  /** By wanted route: pairs [start, end) of positions in the batch; lines that touch are one range. */
  readonly ranges: ReadonlyMap<string, number[]>
  /** Malformed lines that are no record, which the verdict does not know. */
  readonly byReason: Partial<Record<MalformedReason, number>>
  /** The first malformed lines of either kind. */
  readonly malformed: readonly MalformedPlace[]
}

function routeLines(batch: LineBatch, verdict: Verdict | undefined, routes: readonly string[]): RoutedLines {
  const ranges = new Map(routes.map((route): [string, number[]] => [route, []]))
  const byReason: Partial<Record<MalformedReason, number>> = {}
  const malformed: MalformedPlace[] = []
  let record = 0
  for (let line = 0; line < batch.starts.length; line++) {
    const own = lineReasons[batch.reasons[line]!]
    const why = own ?? verdict?.reasonOf(record)
    const route = own === undefined ? verdict?.routeNames[verdict.routes[record++]!] : 'malformed'
    const isRest = line === 0 && batch.continues
    if (own !== undefined && !isRest) byReason[own] = (byReason[own] ?? 0) + 1
    if (why !== undefined && !isRest && malformed.length < mostSamples) malformed.push(placeOf(batch, line, why))
    const pairs = route === undefined ? undefined : ranges.get(route)
    if (pairs === undefined) continue
    if (pairs.at(-1) === batch.starts[line]) pairs[pairs.length - 1] = batch.ends[line]!
    else pairs.push(batch.starts[line]!, batch.ends[line]!)
  }
  return { ranges, byReason, malformed }
}

function placeOf(batch: LineBatch, line: number, reason: MalformedReason): MalformedPlace {
  return { line: 1 + batch.linesBefore + batch.numbers[line]!, byte: batch.byteAt + batch.starts[line]!, reason }
}

/** Malformed lines leave as they came in any case: there is no record of theirs. */
function segmentsOf(
  route: string,
  { ranges }: RoutedLines,
  batch: LineBatch,
  verdict: Verdict | undefined,
  emit: Emission,
): RoutedBytes[] {
  if (emit === 'record' && route !== 'malformed') {
    const bytes = verdict?.gather(route) ?? new Uint8Array(0)
    return bytes.length === 0 ? [] : [{ route, bytes }]
  }
  const pairs = ranges.get(route) ?? []
  const parts: Buffer[] = []
  for (let at = 0; at < pairs.length; at += 2) parts.push(batch.bytes.subarray(pairs[at], pairs[at + 1]))
  if (parts.length === 0) return []
  // Many small writes would cost more than a copy.
  return [{ route, bytes: parts.length === 1 ? parts[0]! : Buffer.concat(parts) }]
}
