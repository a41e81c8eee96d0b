// Runs one source through the engine to the sinks: the one way of delivery, for files and for streams. A batch's
// position is committed when every sink has acknowledged it. Reports counts by batch; adds nothing up. Called by
// commands.

import type { BatchResult, Engine } from '@weir/engine'

import { ConnectorError } from '../errors.ts'
import type { BytesValue, Source, SourceValue } from '../ports/source.ts'
import type { Router } from './router.ts'

/** What a run needs besides its source. */
export interface PipelineParts {
  readonly engine: Pick<Engine, 'filterBatches' | 'filterFile'>
  readonly router: Router
  /** Called for every batch, in input order, after its records are acknowledged. */
  readonly onBatch: (result: BatchResult) => void
  /** Aborting it stops the run, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

/**
 * Filters one source to its end. Returns the error that ended the source early, or undefined; what came before such
 * an error is delivered.
 * *Errors*: of sinks and of the engine; then the source's last batches may be delivered in part.
 */
export async function runSource<P>(source: Source<P>, parts: PipelineParts): Promise<Error | undefined> {
  try {
    const values = source.values()[Symbol.asyncIterator]()
    const first = await values.next()
    if (first.done === true) return undefined
    if (first.value.kind === 'file') return await runFile(source, first.value, parts)
    return await runBytes(source, first.value, values, parts)
  } catch (error) {
    if (isInputFault(error)) return error
    throw error
  } finally {
    await source.close()
  }
}

async function runFile<P>(
  source: Source<P>,
  value: Extract<SourceValue<P>, { kind: 'file' }>,
  { engine, router, onBatch, signal }: PipelineParts,
): Promise<undefined> {
  let position = 0
  const onFileBatch = async (result: BatchResult) => {
    await router.deliver(result.segments)
    position += result.bytesIn
    onBatch(result)
    await source.commit(value.positionAt(position))
  }
  const options = { routes: router.routes, ...(signal === undefined ? {} : { signal }), onBatch: onFileBatch }
  try {
    await engine.filterFile(value.handle, options)
  } catch (error) {
    throw isEngineRead(error) ? readError(source.name, error) : error
  }
}

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

async function runBytes<P>(
  source: Source<P>,
  first: BytesValue<P>,
  values: AsyncIterator<SourceValue<P>>,
  { engine, router, onBatch, signal }: PipelineParts,
): Promise<Error | undefined> {
  const feed = new Feed(source, first, values)
  await engine.filterBatches(feed.chunks(), {
    routes: router.routes,
    ...(signal === undefined ? {} : { signal }),
    onBatch: async (result) => {
      await router.deliver(result.segments)
      onBatch(result)
      const position = feed.positionAfter(result.bytesIn)
      if (position !== undefined) await source.commit(position.value)
    },
  })
  return feed.failure
}

/** The bytes of a source, with its positions kept until the batches that hold them are acknowledged. */
class Feed<P> {
  /** What ended the source early. The engine is not told: it would throw away what it has not delivered yet. */
  failure: Error | undefined
  private readonly name: string
  private readonly first: BytesValue<P>
  private readonly rest: AsyncIterator<SourceValue<P>>
  /** Ends of values, in bytes from the start of the source, that no acknowledged batch has reached yet. */
  private readonly ends: { readonly end: number; readonly position: P }[] = []
  private bytesRead = 0
  private bytesAcknowledged = 0

  constructor(source: Source<P>, first: BytesValue<P>, rest: AsyncIterator<SourceValue<P>>) {
    this.name = source.name
    this.first = first
    this.rest = rest
  }

  async *chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for (let value: SourceValue<P> = this.first; ;) {
        if (value.kind === 'file') throw new Error(`${this.name} mixes files and bytes.`)
        this.bytesRead += value.bytes.length
        this.ends.push({ end: this.bytesRead, position: value.position })
        yield value.bytes
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

  /** Returns the last position that is reached when `bytes` more are acknowledged, if that is a new one. */
  positionAfter(bytes: number): { readonly value: P } | undefined {
    this.bytesAcknowledged += bytes
    let reached: { readonly value: P } | undefined
    while (this.ends[0] !== undefined && this.ends[0].end <= this.bytesAcknowledged) {
      reached = { value: this.ends[0].position }
      this.ends.shift()
    }
    return reached
  }
}

/** Returns whether the error is one input's alone, so that other inputs can still be done. */
function isInputFault(error: unknown): error is Error {
  return error instanceof ConnectorError && inputCodes.has(error.code)
}

const inputCodes: ReadonlySet<string> = new Set(['ERR_CONNECTOR_OPEN', 'ERR_CONNECTOR_READ', 'ERR_CONNECTOR_GZIP'])
