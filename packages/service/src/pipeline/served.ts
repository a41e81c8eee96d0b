// A pipeline of a service: runs its source again and again. When a sink fails, what was handed out and is not committed
// goes back to the source, the sinks are opened anew, which takes them back to what is committed, and the source is read
// again; between attempts it waits, and says why. Knows no settings and no signals. Called by commands.

import { ConnectorError, isLack } from '../errors.ts'
import type { DeadLetter } from '../ports/dead-letters.ts'
import type { Source } from '../ports/source.ts'
import { oneAfterAnother } from './iterations.ts'
import type { Backoff } from './retry.ts'
import type { OpenSession, Session } from './session.ts'

/**
 * What a pipeline is doing. `waiting`: for a sink that failed, see the reason; `draining`: nothing new is taken;
 * `ended`: its source has, or a shutdown is complete; `failed`: its source ended early, or the shutdown found no end.
 */
export type PipelineStatus = 'starting' | 'running' | 'waiting' | 'draining' | 'ended' | 'failed'

/** The state of a pipeline, for people and probes. */
export interface PipelineState {
  readonly status: PipelineStatus
  /** Milliseconds since 1970. */
  readonly sinceMs: number
  /** Why it is not running; absent while it is. */
  readonly reason?: string
  /** The last error, which may be over. */
  readonly lastError?: { readonly message: string; readonly atMs: number }
  /** Times that it was started again after an error. */
  readonly restarts: number
}

/** What a pipeline is made of. */
export interface ServedParts<P> {
  readonly name: string
  readonly source: Source<P>
  /** Opens every output, each where its last successful flush ended. */
  readonly openSession: OpenSession<P>
  readonly backoff: Backoff
  /**
   * Whether it is known that what the last session failed for is as it was: the next one then does not count as running before
   * `goOn()`, or before something is committed. Absent: never.
   */
  readonly isHeld?: () => boolean
  /** Whether it is no use to try again after this error. Absent: it always is. */
  readonly isFinal?: (error: unknown) => boolean
  /** Called with what ended a session, before the next one is begun. */
  readonly onFailure?: (error: unknown) => void
  /** Called whenever the state changes. */
  readonly onState?: (state: PipelineState) => void
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Resolves after `ms`, or when the signal is aborted. */
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>
}

/** A pipeline, as whoever runs a service sees it. */
export interface RunningPipeline {
  readonly state: PipelineState
  /** The last position that was committed, as people may be told it; undefined before there is one. */
  readonly position: unknown
  run(): Promise<void>
  drain(): void
  abort(reason: Error): void
}

/** One pipeline. *Order of calls*: `open()`, `run()`, both once; `drain()` and `abort()` at any time after `open()`. */
export class ServedPipeline<P> {
  readonly name: string
  private readonly parts: ServedParts<P>
  private readonly source: Source<P>
  private readonly stopping = new AbortController()
  private readonly aborting = new AbortController()
  /** Opened ahead of its time. */
  private opened: Session<P> | undefined
  /** What sinks lacked when they were to be opened ahead of it. */
  private lack: Error | undefined
  /** The one that is under way. */
  private session: Session<P> | undefined
  private current: PipelineState
  private committed: unknown

  constructor(parts: ServedParts<P>) {
    this.name = parts.name
    this.parts = parts
    this.source = sessioned(parts.source)
    this.current = { status: 'starting', sinceMs: parts.now(), restarts: 0 }
  }

  get state(): PipelineState {
    return this.current
  }

  /** The last position that was committed, as its source has them; undefined before there is one. */
  get position(): unknown {
    return this.committed
  }

  /**
   * Opens the sinks for the first time. Where they lack something that may come by itself, as room on a disk, `run()`
   * begins with waiting for it. *Errors*: theirs otherwise: what cannot be opened at the start is a wrong setting.
   */
  async open(): Promise<void> {
    try {
      this.opened = await this.parts.openSession()
    } catch (error) {
      if (!isLack(error)) throw error
      this.lack = error
    }
  }

  /**
   * Runs until the source ends or a shutdown is complete. Never rejects: what went wrong is in the state.
   */
  async run(): Promise<void> {
    while (!this.aborting.signal.aborted) {
      try {
        const failure = await this.runOnce()
        this.enter(failure === undefined ? 'ended' : 'failed', failure)
        return
      } catch (error) {
        if (this.isStopping || this.parts.isFinal?.(error) === true) return this.enter('failed', error)
        await this.waitAfter(error)
        if (this.isStopping) return this.enter('ended')
      }
    }
    this.enter('failed', this.aborting.signal.reason)
  }

  /**
   * Sets a whole input aside that cannot be taken apart, as a damaged body. Resolves when it is safe, with whether it is
   * kept: where there are no dead letters it is not. *Errors*: `ERR_CONNECTOR_WRITE`, also while no session is under way
   * or there are too many dead letters; the input is then to be refused in a way that has it sent again.
   */
  async quarantine(letter: DeadLetter): Promise<boolean> {
    const { session } = this
    if (session === undefined) {
      throw new ConnectorError('ERR_CONNECTOR_WRITE', `The pipeline ${this.name} has no output at the moment.`, {
        retryable: true,
      })
    }
    return (await session.quarantine?.(letter, this.name)) ?? false
  }

  /** Takes nothing new, and ends when everything that was taken is delivered. */
  drain(): void {
    if (this.isStopping) return
    this.stopping.abort()
    const { source } = this.parts
    if (this.current.status === 'running') this.enter('draining')
    if (source.drain === undefined) this.abort(new Error('The source was stopped.'))
    else source.drain()
  }

  /** What the session under way waits for is there. */
  goOn(): void {
    if (this.session !== undefined) this.holdUp(undefined)
  }

  /** Ends at once; what is not committed stays with the source, or goes back to its sender. */
  abort(reason: Error): void {
    this.stopping.abort()
    this.aborting.abort(reason)
  }

  private get isStopping(): boolean {
    return this.stopping.signal.aborted
  }

  /** Runs one session: sinks opened, the source read until its end or a failure. */
  private async runOnce(): Promise<Error | undefined> {
    const { source } = this
    const { openSession, backoff } = this.parts
    const { lack } = this
    this.lack = undefined
    if (lack !== undefined) throw lack
    const session = this.opened ?? (await openSession())
    this.opened = undefined
    this.session = session
    try {
      if (this.isStopping) this.enter('draining')
      else if (this.parts.isHeld?.() !== true) this.enter('running')
      const failure = await session.run(source, {
        signal: this.aborting.signal,
        stopping: this.stopping.signal,
        // That a batch is written says little: its flush may fail.
        onCommit: (position) => {
          this.committed = position
          backoff.reset()
          this.goOn()
        },
        onWait: (reason) => this.holdUp(reason),
      })
      // A source that may be read again, as one that lacked a descriptor, is no end.
      if (failure instanceof ConnectorError && failure.retryable) throw failure
      await session.finish()
      return failure
    } catch (error) {
      this.session = undefined
      await session.discard()
      throw error
    } finally {
      this.session = undefined
    }
  }

  /** Within a session: it goes on by itself. */
  private holdUp(reason: Error | undefined): void {
    if (this.isStopping || (reason === undefined && this.current.status === 'running')) return
    this.enter(reason === undefined ? 'running' : 'waiting', reason)
  }

  private async waitAfter(error: unknown): Promise<void> {
    const { backoff, wait, onFailure } = this.parts
    onFailure?.(error)
    this.current = { ...this.current, restarts: this.current.restarts + 1 }
    this.enter('waiting', error)
    await wait(backoff.next(), this.stopping.signal)
  }

  private enter(status: PipelineStatus, error?: unknown): void {
    const atMs = this.parts.now()
    const message = error === undefined ? undefined : ((error as Partial<Error>).message ?? 'unknown error')
    const { restarts, lastError } = this.current
    const last = message === undefined ? lastError : { message, atMs }
    this.current = {
      status,
      sinceMs: atMs,
      restarts,
      ...(message === undefined ? {} : { reason: message }),
      ...(last === undefined ? {} : { lastError: last }),
    }
    this.parts.onState?.(this.current)
  }
}

/** The same source, whose iterations follow one another. */
function sessioned<P>(source: Source<P>): Source<P> {
  const { name } = source
  const begin = source.begin?.bind(source)
  return {
    name,
    values: oneAfterAnother(source),
    commit: (position, version) => source.commit(position, version),
    ...(begin === undefined ? {} : { begin }),
    close: () => source.close(),
  }
}
