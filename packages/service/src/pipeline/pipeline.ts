// Runs one source through the engine to the sinks: the one way of delivery, for files and for streams. A batch's
// position is committed when every sink has acknowledged it. Reports counts by batch; adds nothing up. Called by
// commands.

import type { BatchResult, Engine } from '@weir/engine'

import { ConnectorError } from '../errors.ts'
import type { BytesValue, Source, SourceValue } from '../ports/source.ts'
import { Feed, isInputFault, noRecords, withRejects } from './feed.ts'
import type { PipelineResult, Reached } from './feed.ts'
import type { Router } from './router.ts'

/** What a run needs besides its source. */
export interface PipelineParts {
  readonly engine: Pick<Engine, 'filterBatches' | 'filterFile'>
  readonly router: Router
  /** Called for every batch, in input order, after its records are acknowledged. */
  readonly onBatch: (result: PipelineResult) => void
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
  const deliver = async (result: PipelineResult, segments: BatchResult['segments'], reached: Reached<P>) => {
    await router.deliver([...segments, ...(router.routes.includes('malformed') ? setAside(reached) : [])])
    onBatch(withRejects({ ...result, bytesIn: reached.inputBytes }, reached.rejects))
    if (reached.position !== undefined) await source.commit(reached.position.value)
  }
  const nothing = { counts: noRecords, malformed: [], bytesIn: 0 }
  const feed = new Feed(source, first, values, (reached) => deliver(nothing, [], reached))
  await engine.filterBatches(feed.chunks(), {
    routes: router.routes,
    ...(signal === undefined ? {} : { signal }),
    onBatch: async ({ counts, bytesIn, segments, malformed }) => {
      // Where they lie is forgotten with what is acknowledged.
      const places = malformed.map((record) => feed.locate(record))
      await deliver({ counts, bytesIn, malformed: places }, segments, feed.acknowledge(bytesIn))
      feed.settle()
    },
  })
  const last = feed.acknowledge(Number.POSITIVE_INFINITY)
  if (last.rejects.length > 0 || last.inputBytes > 0) await deliver(nothing, [], last)
  return feed.failure
}

/** Malformed records of the source itself. They stand behind those that the engine has found in the same batch. */
function setAside<P>({ rejects }: Reached<P>): BatchResult['segments'] {
  return rejects.map(({ bytes }) => ({ route: 'malformed', bytes }))
}
