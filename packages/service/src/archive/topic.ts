// The topic that an archive was made of, as far back as it is kept: what its records come to in the ranges of objects, and how
// many there are where no object is. Called by end-checks.ts and verify.ts.

import type { KafkaError } from '../errors.ts'
import type { FetchedRecord, KafkaCluster, LogOffsets, Target } from '../kafka/port.ts'
import { ContentSum } from './content.ts'
import type { Content } from './content.ts'

/** Offsets that an object reaches over: records may be in [first, to), and none in [from, first). */
export interface TopicSpan {
  readonly from: bigint
  readonly first: bigint
  readonly to: bigint
}

/** What the topic holds in a span. */
export interface TopicContent extends Content {
  /** Time of the first record in [first, to), in milliseconds since 1970; absent without records. */
  readonly firstMs?: number
  /** Records in [from, first), which the object leaves out. */
  readonly leftOut: number
}

/** Records in a range of the topic. */
export interface TopicCount {
  readonly records: number
  /** Whether counting ended early: there are more. */
  readonly isMore: boolean
}

/** Records that are counted at most, where none is expected. */
const mostCounted = 100_000

/**
 * Returns what the topic holds in each span, in their order; undefined where it does not reach back to its first record any more, or not
 * any more by now. `spans`: of one partition, in the order of their offsets. *Errors*: `KafkaError`.
 */
export async function topicContents(
  cluster: KafkaCluster,
  of: Target,
  { first: logFirst }: Pick<LogOffsets, 'first'>,
  spans: readonly TopicSpan[],
): Promise<(TopicContent | undefined)[]> {
  const contents: (TopicContent | undefined)[] = []
  for (let at = 0; at < spans.length;) {
    let end = at + 1
    // Neighbours are read in one go.
    while (end < spans.length && spans[end]!.from === spans[end - 1]!.to) end++
    const run = spans.slice(at, end)
    const known = run.filter(({ first }) => first >= logFirst)
    const found = known.length === 0 ? [] : await runContents(cluster, of, logFirst, known)
    contents.push(...run.slice(known.length).map(() => undefined), ...found)
    at = end
  }
  return contents
}

/** Returns how many records with a value the topic has in [from, to). *Errors*: `KafkaError`. */
export async function countRecords(cluster: KafkaCluster, of: Target, from: bigint, to: bigint): Promise<TopicCount> {
  let records = 0
  for await (const piece of cluster.read(of, from, to)) {
    records += piece.filter(hasValue).length
    if (records >= mostCounted) return { records, isMore: true }
  }
  return { records, isMore: false }
}

/** Spans behind one another, the first of which may begin before the log. */
async function runContents(
  cluster: KafkaCluster,
  of: Target,
  logFirst: bigint,
  run: readonly TopicSpan[],
): Promise<(TopicContent | undefined)[]> {
  const sums = run.map((span) => new SpanSum(span))
  const from = run[0]!.from < logFirst ? logFirst : run[0]!.from
  let at = 0
  try {
    for await (const piece of cluster.read(of, from, run.at(-1)!.to)) {
      for (const record of piece) {
        while (record.offset >= run[at]!.to) at++
        sums[at]!.add(record)
      }
    }
  } catch (error) {
    if ((error as Partial<KafkaError>).code !== 'ERR_KAFKA_OFFSET') throw error
    // Retention is faster than we are: what was not read to its end is not known.
    return sums.map((sum, i) => (i < at ? sum.finish() : undefined))
  }
  return sums.map((sum) => sum.finish())
}

class SpanSum {
  readonly #span: TopicSpan
  readonly #sum = new ContentSum()
  #firstMs: number | undefined
  #leftOut = 0

  constructor(span: TopicSpan) {
    this.#span = span
  }

  add(record: FetchedRecord): void {
    if (!hasValue(record)) return
    if (record.offset < this.#span.first) {
      this.#leftOut++
      return
    }
    this.#firstMs ??= record.timestampMs
    this.#sum.addValue(record.value)
  }

  finish(): TopicContent {
    const firstMs = this.#firstMs === undefined ? {} : { firstMs: this.#firstMs }
    return { ...this.#sum.finish(), ...firstMs, leftOut: this.#leftOut }
  }
}

/** Tombstones and empty values leave no line. */
function hasValue({ value }: FetchedRecord): boolean {
  return value !== null && value.length > 0
}
