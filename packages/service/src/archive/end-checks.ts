// What can be said of a partition when all of its objects are known: what no object reaches over, whether records came before
// the first, and whether the group stands where the last one ends. Called by verify.ts.

import { counted } from '../counted.ts'
import type { KafkaError } from '../errors.ts'
import type { CommittedOffset, KafkaCluster, LogOffsets, Target } from '../kafka/port.ts'
import { readOffsetNote } from '../objects/offset-note.ts'
import type { Gap } from './chain.ts'
import type { Finding } from './findings.ts'
import type { PartitionLedger } from './ledger.ts'
import { countRecords } from './topic.ts'
import type { TopicCount } from './topic.ts'

/** What is known of a partition of the topic. */
export interface TopicPartition extends Target {
  readonly cluster: KafkaCluster
  readonly group: string
  /** As it stands at the end. */
  readonly log: LogOffsets
  /** Where the group stood before objects were listed, and after that: what it had done by then has to be there. */
  readonly before: CommittedOffset | undefined
  readonly after: CommittedOffset | undefined
}

/** Returns what no object reaches over. `topic`: absent where the topic is not looked at. */
export async function gapFindings(ledger: PartitionLedger, topic: TopicPartition | undefined): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const gap of ledger.chain.gaps()) {
    const count = topic === undefined ? unknown : await countGap(topic, gap)
    // Only markers, which an offset that was set by hand may pass by.
    if (count.words === undefined) continue
    const { topic: name, partition } = ledger
    const { from, to } = gap
    const where = `between ${gap.before.key} and ${gap.behind.key}`
    const message = `${offsets(gap)} of ${name}/${partition} ${be(gap)} in no object, ${where}${count.words}.`
    findings.push({
      kind: 'gap',
      hour: gap.behind.hour,
      topic: name,
      partition,
      from,
      to,
      ...recordsOf(count),
      message,
    })
  }
  return findings
}

/**
 * Returns what should be in an object before the first one. `begun`: where the archive began, as far as it is known from the
 * bucket; else it is taken to have begun where the topic does, which has been no later.
 */
export async function beginFindings(
  ledger: PartitionLedger,
  begun: bigint | undefined,
  topic: TopicPartition | undefined,
): Promise<Finding[]> {
  const { lowest } = ledger.chain
  const from = begun ?? topic?.log.first
  if (lowest === undefined || from === undefined || lowest.from <= from) return []
  const gap = { from, to: lowest.from }
  const count = topic === undefined ? unknown : await countGap(topic, gap)
  if (count.words === undefined) return []
  const { topic: name, partition } = ledger
  const where =
    begun === undefined ? `before the first, ${lowest.key}` : `between the begin of the archive and ${lowest.key}`
  const message = `${offsets(gap)} of ${name}/${partition} ${be(gap)} in no object, ${where}${count.words}.`
  return [{ kind: 'gap', hour: lowest.hour, topic: name, partition, ...gap, ...recordsOf(count), message }]
}

/**
 * Returns what waited to be archived, and the topic does not hold any more: nobody archives it. `ledger` and `begun`: as for
 * `offsetFindings`.
 */
export function lostFindings(
  ledger: PartitionLedger | undefined,
  begun: bigint | undefined,
  { after, group, log, topic, partition }: TopicPartition,
): Finding[] {
  const end = ledger?.chain.end ?? begun
  const from = after !== undefined && (end === undefined || after.offset > end) ? after.offset : end
  if (from === undefined || log.first <= from) return []
  const gap = { from, to: log.first }
  const newest = ledger?.chain.newest[0]
  const behind = newest === undefined ? '' : `, behind the last, ${newest.key}`
  const stands = after === undefined ? `${group} has no offset` : `${group} stands at ${after.offset}`
  const message = `${offsets(gap)} of ${topic}/${partition} ${be(gap)} in no object${behind}, and the topic does not hold ${them(gap)} any more; ${stands}.`
  return [{ kind: 'gap', ...(newest === undefined ? {} : { hour: newest.hour }), topic, partition, ...gap, message }]
}

/**
 * Returns how the group does not stand where the objects end. `ledger`: absent where there is no object; `begun`: as for
 * `beginFindings`.
 */
export async function offsetFindings(
  ledger: PartitionLedger | undefined,
  begun: bigint | undefined,
  topic: TopicPartition,
): Promise<Finding[]> {
  const { before, after, group } = topic
  const where = { topic: topic.topic, partition: topic.partition }
  const newest = ledger?.chain.newest ?? []
  const hour = newest[0] === undefined ? {} : { hour: newest[0].hour }
  const name = `${topic.topic}/${topic.partition}`
  if (newest[0] !== undefined && after === undefined) {
    const message = `${group} has no offset in ${name}, and there are objects; the last one ends at ${newest[0].last}.`
    return [{ kind: 'offset', ...hour, ...where, message }]
  }
  if (newest[1] !== undefined && after!.offset <= newest[1].first) {
    const message = `${group} stands at ${after!.offset} in ${name}, behind which more than one object begins; the last one ends at ${newest[0]!.last}.`
    return [{ kind: 'offset', ...hour, ...where, message }]
  }
  if (before === undefined) return []
  const end = ledger?.chain.end ?? begun ?? topic.log.first
  if (before.offset <= end) return []
  const gap = { from: end, to: before.offset }
  const count = await countGap(topic, gap)
  const noted = readOffsetNote(before.metadata)
  // What the topic does not tell any more, the archive's own note does.
  if (count.words === undefined || (count.records === undefined && noted !== undefined && noted.behind <= end))
    return []
  const last = newest[0] === undefined ? 'there is no object' : `the last object, ${newest[0].key}, ends at ${end - 1n}`
  const message = `${group} stands at ${before.offset} in ${name}, and ${last}: ${offsets(gap)} ${be(gap)} in none${count.words}.`
  return [{ kind: 'gap', ...hour, ...where, ...gap, ...recordsOf(count), message }]
}

/** What of a gap the topic tells. `words`: absent where there is no record in it. `records`: absent where it is not known. */
interface CountedGap {
  readonly records?: number
  readonly words: string | undefined
}

const unknown: CountedGap = { words: '' }

async function countGap(topic: TopicPartition, { from, to }: Pick<Gap, 'from' | 'to'>): Promise<CountedGap> {
  const { cluster, log } = topic
  const gone: CountedGap = { words: `; the topic does not hold ${them({ from, to })} any more` }
  if (to <= log.first) return gone
  const isWhole = from >= log.first
  const count = await countKept(cluster, topic, isWhole ? from : log.first, to)
  if (count === undefined) return gone
  const { records, isMore } = count
  if (records === 0) return { words: isWhole ? undefined : '; the topic does not hold all of them any more, and no record of the rest' } // prettier-ignore
  const rest = isWhole ? '' : ', and does not hold all of them any more'
  return { records, words: `; the topic has ${isMore ? 'more than ' : ''}${counted(records, 'record')} there${rest}` }
}

/** Undefined: retention has deleted the first of them in this moment. */
async function countKept(cluster: KafkaCluster, of: Target, from: bigint, to: bigint): Promise<TopicCount | undefined> {
  try {
    return await countRecords(cluster, of, from, to)
  } catch (error) {
    if ((error as Partial<KafkaError>).code === 'ERR_KAFKA_OFFSET') return undefined
    throw error
  }
}

function recordsOf({ records }: CountedGap): { records?: number } {
  return records === undefined ? {} : { records }
}

function offsets({ from, to }: Pick<Gap, 'from' | 'to'>): string {
  return to - from === 1n ? `offset ${from}` : `offsets ${from} to ${to - 1n}`
}

/** The pronoun of `offsets`. */
function them({ from, to }: Pick<Gap, 'from' | 'to'>): string {
  return to - from === 1n ? 'it' : 'them'
}

/** The verb of `offsets`. */
function be({ from, to }: Pick<Gap, 'from' | 'to'>): string {
  return to - from === 1n ? 'is' : 'are'
}
