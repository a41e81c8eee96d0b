// What metrics are told: the shapes of batches, rules, requests and engines, as those have them who tell of them. Types
// only. Called by metrics.ts and whoever tells it.

import type { Counts, EngineStats, KernelInUse } from '@weir/engine'

/** A rule set, as metrics know it. */
export interface MeasuredRules {
  readonly version: string
  /** In the order of `Counts.byRule`. */
  readonly ruleIds: readonly string[]
}

/** What a delivered batch stands for. */
export interface MeasuredBatch {
  readonly counts: Counts
  /** Bytes of input. */
  readonly bytesIn: number
  /** Of the rule set that judged it, which `rules()` was told of. Absent where none was asked. */
  readonly version?: string
}

/** Delays of a batch's kept records from the time that stands in each, counted by bin. */
export interface MeasuredDelays {
  /** One number for each bound of `weir_record_delay_seconds`, and one for what lies above the last. */
  readonly counts: ArrayLike<number>
  /** Sum of the delays that were counted. */
  readonly sumMs: number
  /** Records that have no time, one that cannot be read, or one that lies in the future. */
  readonly missing: number
  readonly unreadable: number
  readonly future: number
}

/** Where rules came from, and what became of the attempt to put them in force. */
export type RuleOrigin = 'start' | 'file' | 'api' | 'request'
/** `unchanged`: they are in force already; `refused`: they have problems; `failed`: nothing is known against them. */
export type RuleOutcome = 'loaded' | 'unchanged' | 'refused' | 'failed'

/** A file that a source watches, by the setting that names it. */
export type WatchedFile = 'users' | 'tls'

/** An answered request. */
export interface MeasuredRequest {
  readonly status: number
  /** Error code of a refusal. */
  readonly error?: string
  readonly seconds: number
  /** Bytes of the body as they came, and inflated. */
  readonly receivedBytes: number
  readonly inflatedBytes: number
}

/** What an engine tells. */
export type EngineFigures = Pick<
  EngineStats,
  'threads' | 'slabsInUse' | 'evaluateNs' | 'retries' | 'workersLost' | 'workersHung'
> & { readonly kernel: KernelInUse }

/** A Kafka source. */
export interface MeasuredKafka {
  /** Why the process is in no group, in a word; absent while it is. */
  readonly outside?: string | undefined
  readonly partitions: readonly MeasuredPartition[]
  /** Where an open transaction holds readers up. */
  readonly hanging: readonly { readonly topic: string; readonly partition: number }[]
  /** Whether members of the group judge by different rules, for longer than a swap takes. */
  readonly rulesDiffer: boolean
}

/** One partition of a Kafka source. */
export interface MeasuredPartition {
  readonly partition: number
  /** `unassigned` ones belong to somebody else, who measures them. */
  readonly condition: string
  /** Why it is stopped, in a word; absent where it is not. */
  readonly reason?: string | undefined
  /** Less than 0 before anything is known. */
  readonly position: bigint
  /** Absent, as the others, where it is not known. */
  readonly lag?: bigint | undefined
  /** Offsets from the start of the log to the position. */
  readonly startDistance?: bigint | undefined
  /** Whether more than half of the time or bytes is over for which what comes next is kept. */
  readonly isLate?: boolean | undefined
}

/** A request to an object store that is over. */
export interface MeasuredS3Call {
  readonly operation: string
  readonly seconds: number
  /** Its code, where it failed. */
  readonly error?: string
}

/** An object that is safe in a store. */
export interface MeasuredS3Object {
  /** `adopted`: it was there already, and holds what would have been written. */
  readonly result: 'written' | 'adopted'
  /** Bytes of its lines, and as it is stored. */
  readonly rawBytes: number
  readonly storedBytes: number
  readonly records: number
}

/** What waits to be an object in a store. A partition is absent where there are none, as in direct mode. */
export interface MeasuredS3 {
  /** Who takes nothing until something is mended or passes, and why, in a word. */
  readonly paused: readonly { readonly partition?: number; readonly reason: string }[]
  /** What objects take that are not written yet. */
  readonly spool?: { readonly memoryBytes: number; readonly diskBytes: number }
  /** Objects under construction, by when the oldest record in each was taken, in milliseconds since 1970. */
  readonly open: readonly { readonly partition?: number; readonly sinceMs: number }[]
}
