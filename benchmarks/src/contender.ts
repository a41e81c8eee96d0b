// The contract of a contender: how it is made ready, run, and asked for its answer. Types only. Contenders are in
// contenders/, lists of them in models/, and measure.ts runs them.

import type { BenchmarkCase } from './cases.ts'
import type { Expected } from './expected.ts'
import type { Input } from './inputs.ts'

/**
 * What is measured: a rule set that is made ready, a loop inside this process, the engine with its threads, a whole
 * command, or a command that has next to nothing to do. Never mixed.
 */
export type Model = 'compile' | 'kernel' | 'engine' | 'command' | 'start'

/** What contenders are to do: keep the right records of an input. */
export interface Task {
  readonly case: BenchmarkCase
  readonly input: Input
  readonly expected: Expected
  /** Cache folder: inputs, rule files, outputs. It exists. */
  readonly folder: string
}

/** What a contender says the task comes to. */
export interface Answer {
  readonly kept: number
  /** SHA-256 of the kept records, one after another, in hexadecimal. */
  readonly sha256: string
  /** Records decided by each rule, then by none; only where the contender knows it. */
  readonly byRule?: readonly number[]
}

/** One run: its time, and what else was seen. */
export interface Run {
  readonly seconds: number
  /** Processor time of a command and its children, user and system. */
  readonly cpuSeconds?: number
  /** Largest resident memory of a command; of a pipeline, of its largest process. */
  readonly peakBytes?: number
  /** Milliseconds of each batch, where the run hands them in one by one. */
  readonly batchMs?: readonly number[]
  /** Memory of the value caches of one worker, where the contender tells it. */
  readonly cacheBytes?: number
  /** Computes the answer; outside the timed part. */
  answer(): Promise<Answer>
}

/** A contender that is ready: whatever is not part of the work was done before. */
export interface Prepared {
  /** The input that it works on, where that is not the task's: a shorter one. */
  readonly task?: Task
  /** What was done, as a command line or a sentence; for the result file. */
  readonly how: string
  run(): Promise<Run>
  close(): Promise<void>
}

/** Why a contender does not take part. */
export interface Skipped {
  readonly skipped: string
}

/** Something that is measured. */
export interface Contender {
  /** What `--only` names it. */
  readonly id: string
  readonly label: string
  readonly model: Model
  /** Threads that do the work. */
  readonly threads: number
  open(task: Task): Promise<Prepared | Skipped>
}
