// The errors that the pool of workers gives up with, in words. When one is due is decided in pool.ts, and by the engine when
// it is closed.

import { EngineError } from '../errors.ts'

function innermost(error: unknown): Error {
  const inner = error instanceof Error && error.cause instanceof Error ? innermost(error.cause) : error
  return inner instanceof Error ? inner : new Error(String(inner))
}

/** Returns the error of a worker that could not start. */
export function loadError(cause: unknown): EngineError {
  return new EngineError('ERR_ENGINE_WORKER_LOAD', `A worker thread could not start: ${innermost(cause).message}`, {
    cause,
  })
}

/** Returns the error of every call after `close()`. */
export function closedError(): EngineError {
  return new EngineError('ERR_ENGINE_CLOSED', 'The engine is closed. Create a new one to go on.')
}

/** Returns the error of a batch whose worker died twice. */
export function lostError(cause: unknown): EngineError {
  return new EngineError(
    'ERR_ENGINE_WORKER_LOST',
    `A worker died twice on the same batch: ${innermost(cause).message}`,
    {
      cause,
    },
  )
}

/** Returns the error of a batch that exceeded its deadline twice. */
export function hungError(deadlineMs: number): EngineError {
  return new EngineError('ERR_ENGINE_WORKER_HUNG', `A batch took longer than ${deadlineMs} ms, twice.`, {
    details: { deadlineMs },
  })
}
