// One session of a served pipeline: outputs opened, the source read until its end or a failure. What records go through in
// it is decided by who opens it: here the engine and a router; in archive.ts the objects of a bucket. Called by served.ts.

import { ConnectorError } from '../errors.ts'
import type { DeadLetter } from '../ports/dead-letters.ts'
import type { Source } from '../ports/source.ts'
import { runSource } from './pipeline.ts'
import type { PipelineParts } from './pipeline.ts'
import type { Router } from './router.ts'

/** What a session is run with. */
export interface SessionHooks<P> {
  /** Aborting it ends the run, which then rejects with the signal's reason. */
  readonly signal: AbortSignal
  /** Aborted when nothing new is to be taken: who waits for an output ends there, where nothing is lost by it. */
  readonly stopping: AbortSignal
  /** Told of every position after the source was. */
  readonly onCommit: (position: P) => void
  /** Told why records wait, and with nothing when they go on: a run may wait for an output without an end. */
  readonly onWait: (reason: Error | undefined) => void
}

/** *Order of calls*: `run()`, once; then `finish()` or `discard()`. `quarantine()` at any time before. */
export interface Session<P> {
  /**
   * Reads the source to its end. Resolves with the error that ended it early, or nothing.
   * *Errors*: of outputs; what is not committed comes again in the next session.
   */
  run(source: Source<P>, hooks: SessionHooks<P>): Promise<Error | undefined>
  /** Makes what was written final. */
  finish(): Promise<void>
  /** Takes back what is not safe. Never throws. */
  discard(): Promise<void>
  /** As `ServedPipeline.quarantine()`; `pipeline`: its name. Absent where sources have nothing to set aside. */
  quarantine?(letter: DeadLetter, pipeline: string): Promise<boolean>
}

/** Opens the sessions of a pipeline, one after another. *Errors*: of outputs. */
export type OpenSession<P> = () => Promise<Session<P>>

/** What sessions through the engine are made of. */
export interface RoutedParts extends Pick<
  PipelineParts,
  'engine' | 'onBatch' | 'rescue' | 'judgeApart' | 'onLeftOut' | 'batchAgeMs' | 'nextBatch' | 'onGivenBack'
> {
  /** Opens every sink, each where its last successful flush ended. */
  readonly openRouter: () => Promise<Router>
}

/** Returns what opens sessions in which the engine judges records, and a router hands them to sinks. */
export function routedSessions<P>({ openRouter, ...parts }: RoutedParts): OpenSession<P> {
  return async () => {
    const router = await openRouter()
    return {
      run: (source, { signal, onCommit }) =>
        runSource(source, {
          ...parts,
          router,
          signal,
          allowMissingRoutes: true,
          onCommit: (position) => onCommit(position as P),
        }),
      finish: () => router.finish(),
      discard: () => router.discard(),
      quarantine: (letter, pipeline) => quarantine(letter, router, pipeline),
    }
  }
}

async function quarantine(letter: DeadLetter, router: Router, pipeline: string): Promise<boolean> {
  if (!router.hasDeadLetters) return false
  if (!router.hasRoomForDeadLetters) {
    throw new ConnectorError('ERR_CONNECTOR_WRITE', `There are too many dead letters of ${pipeline} at the moment.`, {
      retryable: true,
    })
  }
  await router.bury([letter])
  await router.flushDeadLetters()
  return true
}
