// The oracle of the archive's faults: what lies in a bucket, as another client reads it, held against what the topic holds, as
// Kafka's Java client reads it: record by record, and each object against what it says of itself. Independent of the service's
// code, also where that knows how names and metadata are written. Called by archive-rig.ts and whole-chain.ts.

import { createHash } from 'node:crypto'

import type { ReadRecord } from '../servers/kafka/reading.js'
import type { TopicRecords } from './kafka-oracle.js'
import { compareLines, sentencesOf } from './line-comparison.js'

/** An object, as it was read back. */
export interface ArchivedObject {
  readonly key: string
  readonly metadata: Readonly<Record<string, string>>
  /** Of the bytes that were compressed, in hexadecimal. */
  readonly sha256: string
  readonly rawBytes: number
  /** Without their line feeds. */
  readonly lines: readonly string[]
}

/** The topic that is archived. */
export interface ArchivedTopic {
  readonly name: string
  readonly clusterId: string
  readonly topicId: string
  readonly partitions: TopicRecords
}

/** How the archive was told to write. */
export interface ArchiveShape {
  /** As names begin with it: empty, or with a slash at its end. */
  readonly prefix: string
  /** With its dot. */
  readonly extension: string
  /** The longest of those that wrote. */
  readonly periodMs: number
}

/** What became of the records of a topic. */
export interface ArchiveFigures {
  /** Records of the topic: lines. */
  readonly records: number
  readonly objects: number
  readonly lost: number
  readonly twice: number
  readonly disordered: number
  readonly faults: readonly string[]
}

/** An object whose name is as it must be. */
interface NamedObject extends ArchivedObject {
  readonly partition: number
  readonly first: bigint
  readonly date: string
  readonly hour: string
}

/** The folder of what is no archived object. */
const ownFolder = '_weir/'
const mostFaults = 20
const mostVersions = 16

/**
 * Judges: each line of the topic lies once in an object of its partition, in the order of the log where objects are read in the
 * order of their names; each object holds what it says, and is named by its first record; and nothing else is there.
 */
export function judgeArchive(
  topic: ArchivedTopic,
  found: readonly ArchivedObject[],
  shape: ArchiveShape,
): ArchiveFigures {
  const faults: string[] = []
  const isOwn = ({ key }: ArchivedObject) => key.startsWith(`${shape.prefix}${ownFolder}`)
  for (const object of found.filter(isOwn)) faults.push(...ownFaults(object, topic, shape))
  const archived = found.filter((object) => !isOwn(object))
  const named = archived.flatMap((object) => {
    const place = placeOf(object, topic, shape)
    if (place === undefined) faults.push(`${object.key} is no name of an object of ${topic.name}.`)
    return place === undefined ? [] : [place]
  })
  const sum = { lost: 0, twice: 0, disordered: 0 }
  let records = 0
  for (const [partition, log] of topic.partitions.entries()) {
    // Names of one partition differ in date, hour and offset, and sort as the log does unless the broker's clock was set back.
    const objects = named.filter((object) => object.partition === partition).sort(byFirst)
    const wanted = log.flatMap((record) => linesOf(record))
    records += wanted.length
    const held = compareLines(
      wanted,
      objects.flatMap(({ lines }) => lines),
    )
    for (const figure of ['lost', 'twice', 'disordered'] as const) sum[figure] += held[figure].length
    faults.push(...sentencesOf(held, `objects of partition ${partition}`), ...chainFaults(objects, log))
    for (const object of objects) faults.push(...objectFaults(object, topic, shape))
  }
  const told = faults.length > mostFaults ? [...faults.slice(0, mostFaults), `… ${faults.length} faults`] : faults
  return { records, objects: archived.length, ...sum, faults: told }
}

/** Of what is there besides: the probe, and where each partition began. */
function ownFaults({ key, metadata }: ArchivedObject, topic: ArchivedTopic, { prefix }: ArchiveShape): string[] {
  const name = key.slice(prefix.length + ownFolder.length)
  if (name === 'probe') return []
  const begun = /^begin\/([^/+]+)\+(\d+)$/.exec(name)
  if (begun === null || begun[1] !== topic.name || Number(begun[2]) >= topic.partitions.length) {
    return [`${key} is nothing that an archive of ${topic.name} writes.`]
  }
  const wanted = { 'weir-cluster': topic.clusterId, 'weir-topic-id': topic.topicId, 'weir-first': '0' }
  const wrong = Object.entries(wanted).filter(([each, value]) => metadata[each] !== value)
  return wrong.map(([each, value]) => `${key} says ${each} ${metadata[each]}, and it is ${value}.`)
}

/** Returns the lines of a record, as an archive holds them. */
export function linesOf({ value }: ReadRecord): string[] {
  const text = String(value ?? '')
  if (text === '') return []
  return (text.endsWith('\n') ? text.slice(0, -1) : text).split('\n')
}

function byFirst(one: NamedObject, other: NamedObject): number {
  return one.first < other.first ? -1 : one.first > other.first ? 1 : 0
}

function placeOf(object: ArchivedObject, topic: ArchivedTopic, shape: ArchiveShape): NamedObject | undefined {
  const { prefix, extension } = shape
  if (!object.key.startsWith(prefix) || !object.key.endsWith(extension)) return undefined
  const name = object.key.slice(prefix.length, -extension.length)
  const match = /^dt=(\d{4}-\d\d-\d\d)\/hr=(\d\d)\/([^/+]+)\+(\d+)\+(\d{20})$/.exec(name)
  if (match === null || match[3] !== topic.name || Number(match[4]) >= topic.partitions.length) return undefined
  return { ...object, partition: Number(match[4]), first: BigInt(match[5]!), date: match[1]!, hour: match[2]! }
}

/** Each object says that it begins behind the one before: there is nothing between two, and two have nothing in common. */
function chainFaults(objects: readonly NamedObject[], log: readonly ReadRecord[]): string[] {
  const faults: string[] = []
  let behind = 0n
  for (const { key, first, metadata } of objects) {
    const from = BigInt(metadata['weir-from'] ?? -1)
    if (from !== behind) faults.push(`${key} says that it was begun at ${from}, behind ${behind}.`)
    // Between two objects there may be records without a line, and markers.
    const passed = log.find((record) => record.offset >= behind && record.offset < first && linesOf(record).length > 0)
    if (passed !== undefined) faults.push(`${key} begins at ${first}, and ${passed.offset} is in none before it.`)
    behind = BigInt(metadata['weir-last'] ?? -1) + 1n
  }
  return faults
}

function objectFaults(object: NamedObject, topic: ArchivedTopic, shape: ArchiveShape): string[] {
  const { key, metadata, first } = object
  const last = BigInt(metadata['weir-last'] ?? -1)
  const log = topic.partitions[object.partition]!.filter(({ offset }) => offset >= first && offset <= last)
  const [begin, end] = [log[0], log.at(-1)]
  if (begin?.offset !== first || end?.offset !== last || linesOf(begin).length === 0) {
    return [`${key} says that it has the records from ${first} to ${last}, and the topic has none at an end of that.`]
  }
  const faults: string[] = []
  const lines = log.flatMap((record) => linesOf(record))
  const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''))
  if (object.sha256 !== createHash('sha256').update(bytes).digest('hex')) {
    faults.push(`${key} does not hold what the topic has from ${first} to ${last}.`)
  }
  const wanted = { ...manifestOf(object, log), ...countsOf(object), ...idsOf(topic) }
  for (const [name, value] of Object.entries(wanted)) {
    // Some stores keep no empty values.
    if ((metadata[name] ?? '') !== value) faults.push(`${key} says ${name} ${metadata[name]}, and it is ${value}.`)
  }
  const times = log.filter((record) => linesOf(record).length > 0).map(({ timestampMs }) => timestampMs)
  const period = (ms: number) => Math.floor(ms / shape.periodMs)
  if (times.some((ms) => period(ms) > period(times[0]!))) faults.push(`${key} has records of a later period too.`)
  const hour = `${object.date}T${object.hour}`
  const brokerHour = new Date(times[0]!).toISOString().slice(0, 13)
  if (hour !== brokerHour) faults.push(`${key} lies at ${hour}, and its first record came at ${brokerHour}.`)
  return faults
}

/** What the topic has it say. */
function manifestOf({ partition, first }: NamedObject, log: readonly ReadRecord[]): Readonly<Record<string, string>> {
  const held = log.filter((record) => linesOf(record).length > 0)
  const versions = [
    ...new Set(held.flatMap(({ headers }) => headers.filter(([name]) => name === 'weir-rules').map(([, value]) => String(value)))), // prettier-ignore
  ]
  return {
    'weir-format': '1',
    'weir-partition': String(partition),
    'weir-first': String(first),
    'weir-first-ms': String(held[0]!.timestampMs),
    'weir-last-ms': String(held.at(-1)!.timestampMs),
    'weir-rules': versions.slice(0, mostVersions).join(' '),
    'weir-rules-more': String(Math.max(0, versions.length - mostVersions)),
  }
}

function idsOf({ name, clusterId, topicId }: ArchivedTopic): Readonly<Record<string, string>> {
  return { 'weir-topic': name, 'weir-cluster': clusterId, 'weir-topic-id': topicId }
}

/** What its bytes have it say. */
function countsOf({ lines, rawBytes, sha256 }: NamedObject): Readonly<Record<string, string>> {
  return { 'weir-count': String(lines.length), 'weir-bytes': String(rawBytes), 'weir-sha256': sha256 }
}
