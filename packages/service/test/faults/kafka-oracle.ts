// The oracle of Kafka's faults: what topics hold, as Kafka's own Java client reads what is committed, held against what the
// source's topic holds, partition by partition. Independent of the service's code. Called by kafka-rig.ts.

import { readTopics } from '../servers/kafka/reading.js'
import type { Readable, ReadRecord } from '../servers/kafka/reading.js'
import type { Figures } from './fault.js'
import { compareLines, sentencesOf } from './line-comparison.js'
import type { Ledger, Place, PostedRecord } from './ledger.js'

/** Lines of each partition of a topic, in the order in which they lie there. */
export type TopicLines = readonly (readonly string[])[]

/** What lies in the source's topic, and in those where records may end. */
export interface Topics {
  /** All that ever was there. */
  readonly raw: TopicLines
  readonly outputs: ReadonlyMap<Place, TopicLines>
  /** Lines that nobody is to deliver: whoever set the group's offset has passed them by. */
  readonly passedBy?: ReadonlySet<string>
}

/** Records of each partition of a topic. */
export type TopicRecords = readonly (readonly ReadRecord[])[]

/** Which topics there are, and what they do not tell any more. */
export interface TopicsToRead {
  readonly raw: string
  /** The topic of dead letters is that of the place `malformed`. */
  readonly outputs: ReadonlyMap<Place, string>
  /** What was read of the source's topic before its beginning was deleted. */
  readonly kept?: TopicRecords
  readonly passedBy?: readonly OffsetRange[]
}

/** Offsets of a partition of the source. */
export interface OffsetRange {
  readonly partition: number
  readonly from: bigint
  /** Not included. */
  readonly to: bigint
}

/** Reasons of dead letters besides `malformed`, with which their topic is told apart from that of others. */
const reasons = ['worker_crash', 'matcher_fault'] as const satisfies readonly Place[]

/** Reads the topics. */
export async function readLines(from: Readable, names: TopicsToRead): Promise<Topics> {
  const [now = [], ...others] = await readTopics(from, [names.raw, ...names.outputs.values()])
  const raw = now.map((records, partition) => joined(names.kept?.[partition] ?? [], records))
  const outputs = new Map<Place, TopicLines>()
  for (const [i, place] of [...names.outputs.keys()].entries()) {
    const records = others[i]!
    if (place !== 'malformed') outputs.set(place, linesOf(records))
    else for (const reason of [place, ...reasons]) outputs.set(reason, linesOf(withReason(records, reason)))
  }
  const passed = (names.passedBy ?? []).flatMap(({ partition, from: first, to }) =>
    linesOf([raw[partition]!.filter(({ offset }) => offset >= first && offset < to)]).flat(),
  )
  return { raw: linesOf(raw), outputs, passedBy: new Set(passed) }
}

/** What was deleted, and what is there. */
function joined(kept: readonly ReadRecord[], records: readonly ReadRecord[]): readonly ReadRecord[] {
  const [first] = records
  return [...kept.filter(({ offset }) => first === undefined || offset < first.offset), ...records]
}

/** Letters of that reason; those of a reason that no fault causes count as malformed, where they do not belong. */
function withReason(partitions: TopicRecords, wanted: Place): TopicRecords {
  const reasonOf = ({ headers }: ReadRecord): Place => {
    const reason = String(headers.find(([name]) => name === 'weir-reason')?.[1])
    return reasons.find((each) => each === reason) ?? 'malformed'
  }
  return partitions.map((records) => records.filter((record) => reasonOf(record) === wanted))
}

function linesOf(partitions: TopicRecords): TopicLines {
  return partitions.map((records) =>
    records.flatMap(({ value }) => String(value ?? '').split('\n')).filter((line) => line !== ''),
  )
}

/**
 * Judges: each record of the source's topic is once in its place, in the same partition, unchanged, and behind those that
 * were before it. What the source's topic holds was read too, so that a sender that is not sure of its sends does no harm;
 * but what was acknowledged to it has to be there.
 */
export function judgeTopics(ledger: Ledger, { raw, outputs, passedBy }: Topics): Figures {
  const records = new Map(ledger.bodies.flatMap((body) => body.records.map((record) => [record.text, record] as const)))
  const chosen = chosenPlaces(ledger, outputs)
  const faults: string[] = []
  const sum = { lost: 0, twice: 0, disordered: 0 }
  const there = new Set(raw.flat())
  const gone = ledger.bodies.filter((body) => body.isAnswered && body.records.some(({ text }) => !there.has(text)))
  for (const { name } of gone) faults.push(`${name} was acknowledged, and the source's topic does not hold all of it.`)
  for (const [place, partitions] of outputs) {
    for (let partition = 0; partition < Math.max(raw.length, partitions.length); partition++) {
      const wanted = (raw[partition] ?? []).filter((text) => {
        return passedBy?.has(text) !== true && place === (chosen.get(text) ?? records.get(text)?.places[0])
      })
      const held = compareLines(wanted, partitions[partition] ?? [])
      for (const figure of ['lost', 'twice', 'disordered'] as const) sum[figure] += held[figure].length
      faults.push(...sentencesOf(held, `${place}, partition ${partition}`))
    }
  }
  const foreign = raw.flat().find((text) => !records.has(text))
  if (foreign !== undefined) faults.push(`The source's topic holds what nobody sent: ${foreign.slice(0, 80)}`)
  const answered = ledger.bodies.reduce((total, { isAnswered, records: of }) => total + (isAnswered ? of.length : 0), 0)
  return { posted: raw.flat().length, answered, ...sum, faults }
}

/** Where records are that may end in several places: the first that holds them is right, and any other wrong. */
function chosenPlaces(ledger: Ledger, outputs: Topics['outputs']): Map<string, Place> {
  const free = ledger.bodies.flatMap(({ records }) => records.filter(({ places }) => places.length > 1))
  if (free.length === 0) return new Map()
  const held = [...outputs].map(([place, partitions]) => [place, new Set(partitions.flat())] as const)
  return new Map(
    free.flatMap(({ text, places }: PostedRecord) => {
      const found = held.find(([place, lines]) => places.includes(place) && lines.has(text))
      return found === undefined ? [] : [[text, found[0]] as const]
    }),
  )
}
