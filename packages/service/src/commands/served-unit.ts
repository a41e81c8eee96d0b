// What `weir serve` runs: pipelines of any kind, with what people ask about each. Called by serve.ts and by the files that
// open them.

import type { KernelInUse } from '@weir/engine'

import type { PipelineState, RunningPipeline } from '../pipeline/served.ts'
import type { RulesControl } from '../pipeline/rules-control.ts'
import type { Source } from '../ports/source.ts'

/** What is asked of a source, whether it comes in partitions or not. */
export type AnySource = Pick<Source, 'name' | 'whyFull' | 'close'>

/** A pipeline with everything that belongs to it. *Order of calls*: `pipeline.run()`, `close()`. */
export interface ServedUnit {
  readonly name: string
  readonly source: AnySource
  readonly pipeline: RunningPipeline
  /** Absent where no rules are asked. */
  readonly rules?: RulesControl
  readonly kernel?: KernelInUse
  /** Why it takes no records at the moment; nothing while it does. */
  readonly whyNotReady: string | undefined
  /** Whether something hangs that only the end of the process stops. */
  readonly isStuck: boolean
  /** What people ask about: state, guarantees, and what it is made of. */
  status(): object
  close(): Promise<void>
}

/** Returns why a pipeline is not ready. `more`: what else its outputs wait for, which its state may name already. */
export function whyNotReady(
  { state }: RunningPipeline,
  { whyFull }: AnySource,
  more: readonly string[] = [],
): string | undefined {
  const { status, reason } = state
  if (status === 'ended') return undefined
  const why = status === 'running' ? [] : [reason === undefined ? status : `${status}: ${reason}`]
  // One partition may wait while another is stopped.
  for (const each of [...(whyFull === undefined ? [] : [whyFull]), ...more]) {
    if (!why.some((known) => known.includes(each))) why.push(each)
  }
  return why.length === 0 ? undefined : why.join('; ')
}

/** Returns the state of a pipeline as people are told it. */
export function toldState({ status, sinceMs, lastError, ...state }: PipelineState): object {
  const since = new Date(sinceMs).toISOString()
  return { status, since, ...state, ...(lastError === undefined ? {} : { lastError: toldError(lastError) }) }
}

function toldError({ message, atMs }: NonNullable<PipelineState['lastError']>): object {
  return { message, at: new Date(atMs).toISOString() }
}
