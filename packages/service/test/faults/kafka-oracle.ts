// The oracle of Kafka's faults: what topics hold, as Kafka's own Java client reads what is committed, held against what the
// source's topic holds, partition by partition. Independent of the service's code. Called by kafka-rig.ts.

import { readTopics } from '../servers/kafka/reading.js'
import type { Readable, ReadRecord } from '../servers/kafka/reading.js'
import type { Figures } from './fault.js'
import type { Ledger, Place, PostedRecord } from './ledger.js'

/** Lines of each partition of a topic, in the order in which they lie there. */
export type TopicLines = readonly (readonly string[])[]

/** What lies in the source's topic, and in those where records may end. */
export interface Topics {
  readonly raw: TopicLines
  readonly outputs: ReadonlyMap<Place, TopicLines>
}

/** Reads the topics. */
export async function readLines(
  from: Readable,
  names: { readonly raw: string; readonly outputs: ReadonlyMap<Place, string> },
): Promise<Topics> {
  const [raw = [], ...others] = (await readTopics(from, [names.raw, ...names.outputs.values()])).map(linesOf)
  return { raw, outputs: new Map([...names.outputs.keys()].map((place, i) => [place, others[i]!])) }
}

function linesOf(partitions: readonly (readonly ReadRecord[])[]): TopicLines {
  return partitions.map((records) =>
    records.flatMap(({ value }) => String(value ?? '').split('\n')).filter((line) => line !== ''),
  )
}

/** Most sentences about one partition of a topic. */
const mostFaults = 3

/**
 * Judges: each record of the source's topic is once in its place, in the same partition, unchanged, and behind those that
 * were before it. What the source's topic holds was read too, so that a sender that is not sure of its sends does no harm;
 * but what was acknowledged to it has to be there.
 */
export function judgeTopics(ledger: Ledger, { raw, outputs }: Topics): Figures {
  const records = new Map(ledger.bodies.flatMap((body) => body.records.map((record) => [record.text, record] as const)))
  const faults: string[] = []
  const sum = { lost: 0, twice: 0, disordered: 0 }
  const there = new Set(raw.flat())
  const gone = ledger.bodies.filter((body) => body.isAnswered && body.records.some(({ text }) => !there.has(text)))
  for (const { name } of gone) faults.push(`${name} was acknowledged, and the source's topic does not hold all of it.`)
  for (const [place, partitions] of outputs) {
    for (let partition = 0; partition < Math.max(raw.length, partitions.length); partition++) {
      const wanted = (raw[partition] ?? []).filter((text) => isFor(place, records.get(text)))
      const held = compare(wanted, partitions[partition] ?? [])
      for (const figure of ['lost', 'twice', 'disordered'] as const) sum[figure] += held[figure].length
      faults.push(...told(held, `${place}, partition ${partition}`))
    }
  }
  const foreign = raw.flat().find((text) => !records.has(text))
  if (foreign !== undefined) faults.push(`The source's topic holds what nobody sent: ${foreign.slice(0, 80)}`)
  const answered = ledger.bodies.reduce((total, { isAnswered, records: of }) => total + (isAnswered ? of.length : 0), 0)
  return { posted: raw.flat().length, answered, ...sum, faults }
}

function isFor(place: Place, record: PostedRecord | undefined): boolean {
  return record?.places[0] === place
}

interface Comparison {
  readonly lost: readonly string[]
  readonly twice: readonly string[]
  readonly disordered: readonly string[]
  /** Lines that are not wanted there. */
  readonly strange: readonly string[]
}

/** Holds the lines of one partition against those that are wanted there. */
function compare(wanted: readonly string[], found: readonly string[]): Comparison {
  // A record that its sender wrote twice has two places.
  const placesOf = new Map<string, number[]>()
  for (const [place, text] of wanted.entries()) placesOf.set(text, [...(placesOf.get(text) ?? []), place])
  const twice: string[] = []
  const disordered: string[] = []
  const strange: string[] = []
  let before = -1
  for (const text of found) {
    const places = placesOf.get(text)
    const place = places?.shift()
    if (places === undefined) strange.push(text)
    else if (place === undefined) twice.push(text)
    else if (place < before) disordered.push(text)
    else before = place
  }
  const lost = [...placesOf].flatMap(([text, places]) => places.map(() => text))
  return { lost, twice, disordered, strange }
}

function told(held: Comparison, where: string): string[] {
  const words = {
    lost: 'is nowhere',
    twice: 'is there once more',
    disordered: 'is behind a later one',
    strange: 'does not belong there',
  }
  return (Object.keys(words) as (keyof Comparison)[]).flatMap((what) => {
    const all = held[what].map((text) => `In ${where}: ${text.slice(0, 40)} ${words[what]}.`)
    return all.length > mostFaults ? [...all.slice(0, mostFaults), `… ${all.length} such in ${where}`] : all
  })
}
