// Finds the records of a batch that no worker survives. The batch is halved, and each half is tried in a process of its
// own, which may die or be killed, until a single record is guilty; the rest is judged on the way, by the same trials.
// Records that were found guilty once are known when they come again. A careful pipeline has every batch judged here.
// Called by pipeline.ts, by way of commands.

import { createHash } from 'node:crypto'

import { addCounts } from '@weir/engine'
import type { Counts, FailedBatch } from '@weir/engine'

import { ConnectorError } from '../errors.ts'
import type { DeadLetter, DeadLetterReason } from '../ports/dead-letters.ts'
import { addMalformed, noRecords } from './feed.ts'
import type { Rescued } from './pipeline.ts'
import type { RoutedBytes } from './router.ts'

/** What one trial came to. */
export type TrialOutcome =
  | {
      readonly kind: 'judged'
      readonly segments: readonly RoutedBytes[]
      readonly counts: Counts
      /** Of the rule set that judged; absent where there was nothing to judge. */
      readonly version?: string
    }
  | { readonly kind: 'guilty'; readonly reason: DeadLetterReason; readonly message: string }

/** Tries records where they can do no harm. */
export interface Trials {
  /**
   * `isHasty`: a hang is to be seen early, since nothing is decided by this trial alone.
   * *Errors*: where nothing can be tried at all, as with rules that cannot be read.
   */
  run(bytes: Uint8Array, isHasty: boolean): Promise<TrialOutcome>
  /** Ends the process, if there is one; what is being tried rejects, and so does what comes. */
  close(): void
}

/** What the search is made of. */
export interface SuspectsParts {
  /** What messages call the source of the batches. */
  readonly source: string
  /** Opens trials under the rules that are in force. */
  openTrials(): Trials
  /** Whether the next batch will be judged here too, so that trials are kept open. Default: no. */
  readonly keepsTrials?: () => boolean
  /** Called when a trial died or hung. */
  readonly onDeath?: () => void
}

const lineFeed = 0x0a

/** Guilty records that are remembered; the oldest are forgotten first. */
const mostKnown = 10_000
/** Guilty records of one batch, beyond which it is the rules that are to blame, or the machine. */
const mostGuilty = 100

/** A guilty record's verdict. */
type Guilt = Pick<Extract<TrialOutcome, { kind: 'guilty' }>, 'reason' | 'message'>

/** Finds guilty records, and remembers them. */
export class Suspects {
  private readonly parts: SuspectsParts
  /** By the digest of a record. */
  private readonly known = new Map<string, Guilt>()
  /** The rule set that they were guilty under. */
  private knownVersion: string | undefined
  /** Open ones, and the rule set in force when they were opened. */
  private kept: { readonly trials: Trials; readonly version: string } | undefined
  private isSearching = false
  private last: Promise<unknown> = Promise.resolve()

  constructor(parts: SuspectsParts) {
    this.parts = parts
  }

  /**
   * Returns what the batch came to without its guilty records, and those as dead letters. One batch after another, also
   * where several are given at once: those of several partitions.
   * *Errors*: those of trials, and `ERR_CONNECTOR_TRIAL` where too many are guilty; nothing is judged then. *Cost*: for each guilty record, two trials per halving.
   */
  rescue(failed: FailedBatch): Promise<Rescued> {
    const rescued = this.last.then(() => this.search(failed))
    this.last = rescued.catch(() => undefined)
    return rescued
  }

  private async search(failed: FailedBatch): Promise<Rescued> {
    if (this.kept?.version !== failed.version) this.release()
    // What other rules could not judge, these may.
    if (this.knownVersion !== failed.version) this.known.clear()
    this.knownVersion = failed.version
    this.kept ??= { trials: this.parts.openTrials(), version: failed.version }
    const search = new Search(failed, this.parts, this.kept.trials, this.known)
    this.isSearching = true
    try {
      return await search.run()
    } finally {
      this.isSearching = false
      if (this.parts.keepsTrials?.() !== true) this.release()
      for (const oldest of this.known.keys()) {
        if (this.known.size <= mostKnown) break
        this.known.delete(oldest)
      }
    }
  }

  /** Closes trials that are kept open; those of a batch that is being judged once it is. */
  release(): void {
    if (!this.isSearching) this.close()
  }

  /** Closes trials at once, at the end: a batch that is being judged is given up. */
  close(): void {
    this.kept?.trials.close()
    this.kept = undefined
  }
}

/** The search in one batch. */
class Search {
  private readonly batch: FailedBatch
  private readonly parts: SuspectsParts
  private readonly trials: Trials
  private readonly known: Map<string, Guilt>
  private readonly segments: RoutedBytes[] = []
  private readonly letters: DeadLetter[] = []
  private counts: Counts = noRecords
  private version: string | undefined
  /** Digests of those that were found guilty here. */
  private readonly found: string[] = []

  constructor(batch: FailedBatch, parts: SuspectsParts, trials: Trials, known: Map<string, Guilt>) {
    this.batch = batch
    this.parts = parts
    this.trials = trials
    this.known = known
  }

  async run(): Promise<Rescued> {
    const { bytes, continues, open, version } = this.batch
    const lines = lineStarts(bytes)
    const count = lines.length - 1
    const first = continues && count > 0 ? 1 : 0
    const last = Math.max(first, open ? count - 1 : count)
    // Pieces of a record that is too long are no records, and nobody looks into them.
    if (first > 0) this.passOn(lines, 0, open && count === 1)
    for (const piece of this.withoutKnown(lines, first, last)) await this.search(lines, piece.from, piece.to, false)
    if (last < count) {
      this.passOn(lines, last, true)
      this.counts = addMalformed(this.counts, { 'too-long': 1 })
    }
    const { segments, counts, letters } = this
    return { segments, counts, letters, version: this.version ?? version }
  }

  /** Has a line go on as malformed that is a piece of one. `isOpen`: it has no end here. */
  private passOn(lines: readonly number[], line: number, isOpen: boolean): void {
    const bytes = this.batch.bytes.subarray(lines[line], lines[line + 1])
    this.segments.push({ route: 'malformed', bytes })
    if (!isOpen && bytes.at(-1) !== lineFeed) this.segments.push({ route: 'malformed', bytes: Uint8Array.of(lineFeed) })
  }

  /** Sets records of lines [first, last) aside that were guilty before; yields the runs of lines between them. */
  private *withoutKnown(
    lines: readonly number[],
    first: number,
    last: number,
  ): Generator<{ from: number; to: number }, void, undefined> {
    let from = first
    for (let line = first; this.known.size > 0 && line < last; line++) {
      const guilt = this.known.get(this.digest(lines, line))
      if (guilt === undefined) continue
      if (from < line) yield { from, to: line }
      this.bury(lines, line, guilt)
      from = line + 1
    }
    if (from < last) yield { from, to: last }
  }

  /** Judges lines [from, to), halving them where a trial fails. */
  private async search(lines: readonly number[], from: number, to: number, isHasty: boolean): Promise<void> {
    const bytes = this.batch.bytes.subarray(lines[from], lines[to])
    let outcome = await this.tried(bytes, isHasty)
    // A process may also die of something else: only who fails twice is guilty.
    if (outcome.kind === 'guilty' && to - from === 1) outcome = await this.tried(bytes, false)
    if (outcome.kind === 'judged') {
      this.segments.push(...outcome.segments)
      this.counts = addCounts(this.counts, outcome.counts)
      this.version ??= outcome.version
      return
    }
    if (to - from === 1) {
      this.convict(this.digest(lines, from), outcome)
      return this.bury(lines, from, outcome)
    }
    const middle = (from + to) >>> 1
    await this.search(lines, from, middle, true)
    await this.search(lines, middle, to, true)
  }

  private convict(digest: string, guilt: Guilt): void {
    this.known.set(digest, guilt)
    this.found.push(digest)
    if (this.found.length <= mostGuilty) return
    for (const each of this.found) this.known.delete(each)
    const message = `More than ${mostGuilty} records of one batch cannot be judged, so the rules are to blame, or the machine: ${guilt.message}`
    throw new ConnectorError('ERR_CONNECTOR_TRIAL', message, { retryable: true })
  }

  private async tried(bytes: Uint8Array, isHasty: boolean): Promise<TrialOutcome> {
    const outcome = await this.trials.run(bytes, isHasty)
    if (outcome.kind === 'guilty' && outcome.reason === 'worker_crash') this.parts.onDeath?.()
    return outcome
  }

  private bury(lines: readonly number[], line: number, { reason, message }: Guilt): void {
    const { bytes, version } = this.batch
    const record = bytes.subarray(lines[line], lines[line + 1])
    this.letters.push({ reason, records: 1, bytes: [record], source: this.parts.source, version, detail: message })
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
  for (let at = bytes.indexOf(lineFeed); at >= 0; at = bytes.indexOf(lineFeed, at + 1)) starts.push(at + 1)
  if (starts.at(-1) !== bytes.length) starts.push(bytes.length)
  return starts
}
