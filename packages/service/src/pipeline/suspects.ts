// Finds the records of a batch that no worker survives. The batch is halved, and each half is tried in a process of its
// own, which may die or be killed, until a single record is guilty; the rest is judged on the way, by the same trials.
// Records that were found guilty once are known when they come again. Called by pipeline.ts, by way of commands.

import { createHash } from 'node:crypto'

import { addCounts } from '@weir/engine'
import type { Counts, FailedBatch } from '@weir/engine'

import type { DeadLetter, DeadLetterReason } from '../ports/dead-letters.ts'
import { noRecords } from './feed.ts'
import type { Rescued } from './pipeline.ts'
import type { RoutedBytes } from './router.ts'

/** What one trial came to. */
export type TrialOutcome =
  | { readonly kind: 'judged'; readonly segments: readonly RoutedBytes[]; readonly counts: Counts }
  | { readonly kind: 'guilty'; readonly reason: DeadLetterReason; readonly message: string }

/** Tries records where they can do no harm. */
export interface Trials {
  /** *Errors*: where nothing can be tried at all, as with rules that cannot be read. */
  run(bytes: Uint8Array): Promise<TrialOutcome>
  /** Ends the process, if there is one. */
  close(): void
}

/** What the search is made of. */
export interface SuspectsParts {
  /** What messages call the source of the batches. */
  readonly source: string
  /** Opens trials under the rules that are in force. */
  openTrials(): Trials
}

/** Guilty records that are remembered; the oldest are forgotten first. */
const mostKnown = 10_000

/** A guilty record's verdict. */
type Guilt = Pick<Extract<TrialOutcome, { kind: 'guilty' }>, 'reason' | 'message'>

/** Finds guilty records, and remembers them. */
export class Suspects {
  private readonly parts: SuspectsParts
  /** By the digest of a record. */
  private readonly known = new Map<string, Guilt>()

  constructor(parts: SuspectsParts) {
    this.parts = parts
  }

  /**
   * Returns what the batch came to without its guilty records, and those as dead letters.
   * *Errors*: those of trials; nothing is judged then. *Cost*: for each guilty record, two trials per halving.
   */
  async rescue(failed: FailedBatch): Promise<Rescued> {
    const trials = this.parts.openTrials()
    const search = new Search(failed, this.parts.source, trials, this.known)
    try {
      return await search.run()
    } finally {
      trials.close()
      for (const oldest of this.known.keys()) {
        if (this.known.size <= mostKnown) break
        this.known.delete(oldest)
      }
    }
  }
}

/** The search in one batch. */
class Search {
  private readonly batch: FailedBatch
  private readonly source: string
  private readonly trials: Trials
  private readonly known: Map<string, Guilt>
  private readonly segments: RoutedBytes[] = []
  private readonly letters: DeadLetter[] = []
  private counts: Counts = noRecords

  constructor(batch: FailedBatch, source: string, trials: Trials, known: Map<string, Guilt>) {
    this.batch = batch
    this.source = source
    this.trials = trials
    this.known = known
  }

  async run(): Promise<Rescued> {
    const lines = lineStarts(this.batch.bytes)
    for (const piece of this.withoutKnown(lines)) await this.search(lines, piece.from, piece.to)
    return { segments: this.segments, counts: this.counts, letters: this.letters }
  }

  /** Sets records aside that were guilty before; yields the runs of lines between them. */
  private *withoutKnown(lines: readonly number[]): Generator<{ from: number; to: number }, void, undefined> {
    const last = lines.length - 1
    let from = 0
    for (let line = 0; this.known.size > 0 && line < last; line++) {
      const guilt = this.known.get(this.digest(lines, line))
      if (guilt === undefined) continue
      if (from < line) yield { from, to: line }
      this.bury(lines, line, guilt)
      from = line + 1
    }
    if (from < last) yield { from, to: last }
  }

  /** Judges lines [from, to), halving them where a trial fails. */
  private async search(lines: readonly number[], from: number, to: number): Promise<void> {
    const outcome = await this.trials.run(this.batch.bytes.subarray(lines[from], lines[to]))
    if (outcome.kind === 'judged') {
      this.segments.push(...outcome.segments)
      this.counts = addCounts(this.counts, outcome.counts)
      return
    }
    if (to - from === 1) {
      this.known.set(this.digest(lines, from), outcome)
      return this.bury(lines, from, outcome)
    }
    const middle = (from + to) >>> 1
    await this.search(lines, from, middle)
    await this.search(lines, middle, to)
  }

  private bury(lines: readonly number[], line: number, { reason, message }: Guilt): void {
    const { bytes, version } = this.batch
    const record = bytes.subarray(lines[line], lines[line + 1])
    this.letters.push({ reason, records: 1, bytes: [record], source: this.source, version, detail: message })
  }

  private digest(lines: readonly number[], line: number): string {
    return createHash('sha256')
      .update(this.batch.bytes.subarray(lines[line], lines[line + 1]))
      .digest('base64')
  }
}

/** Returns where lines begin, and behind the last of them the end. */
function lineStarts(bytes: Uint8Array): number[] {
  const starts = [0]
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) starts.push(at + 1)
  if (starts.at(-1) !== bytes.length) starts.push(bytes.length)
  return starts
}
