// What the parts of an engine share: the pool, the slabs, and the rule set in force. Types only; engine.ts makes
// them, filtering.ts and input-evaluator.ts use them.

import type { SlabStore } from './batch/slab.ts'
import type { RuleSetIssue } from './errors.ts'
import type { ResolvedOptions } from './options.ts'
import type { LatePool } from './pool/late-pool.ts'
import type { OwnThread } from './pool/own-thread.ts'
import type { ProgramHandle } from './pool/program-handle.ts'
import type { PlanOutline } from './rules/program.ts'
import type { StatsRecorder } from './stats.ts'
import type { Tallies } from './tallies.ts'

/** A rule set as every worker has it. Immutable: a new rule set is a new one of these. */
export interface LoadedRuleSet {
  readonly handle: ProgramHandle
  readonly plan: PlanOutline
  readonly warnings: readonly RuleSetIssue[]
  /** Time that a kernel took to make it ready, in milliseconds; absent where nobody tried. */
  readonly readyMs?: number
}

/** Calls `run` after `ms`; returns the function that stops it. Tests bring their own. */
export type StartTimer = (ms: number, run: () => void) => () => void

/** The parts of one engine. */
export interface EngineParts {
  readonly options: ResolvedOptions
  /** The kernel on the calling thread, for inputs too small to hand over. */
  readonly own: OwnThread
  readonly pool: LatePool
  readonly slabs: SlabStore
  readonly stats: StatsRecorder
  readonly tallies: Tallies
  readonly startTimer: StartTimer
  /** The time in milliseconds since 1970, which delays are measured to: read when a batch is handed over. */
  readonly now: () => number
  /** Aborted when `close()` is called: what has been read is finished, and nothing more is read. */
  readonly closing: AbortSignal
  /** Returns the rule set in force: each batch is judged by the one it was handed over with. */
  current(): LoadedRuleSet
}
