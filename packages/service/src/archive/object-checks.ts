// What can be wrong with one object by itself: its name, its manifest, what it holds, and what the topic holds where it is
// from. Pure. Called by direct.ts, newest.ts and verify.ts.

import { counted } from '../counted.ts'
import type { ArchivedObject, CatalogEntry } from './catalog.ts'
import { hourOfTime } from './catalog.ts'
import type { Link } from './chain.ts'
import { nearestTime } from '../objects/object-key.ts'
import type { Content, ObjectContent } from './content.ts'
import type { Finding, FindingKind } from './findings.ts'
import type { TopicContent } from './topic.ts'

/** Returns what is said of an object that is none of those that are looked at. */
export function foreignFinding(object: CatalogEntry): Finding {
  const { key, hour, storedBytes } = object
  const why = {
    archived: 'it is an object of an archive, and this is the prefix of a pipeline without a topic',
    direct: 'a pipeline without a topic wrote it, so that it has no offsets to be held against',
    foreign: object.kind === 'foreign' ? object.why : '',
  }[object.kind]
  const message = `${key} (${counted(storedBytes, 'byte')}) is foreign: ${why}.`
  return { kind: 'foreign', ...(hour === undefined ? {} : { hour }), key, message }
}

/** Returns how the name and the manifest of an object contradict each other. */
export function keyFindings(object: ArchivedObject): Finding[] {
  const { hour, place, manifest } = object
  const wrong: string[] = []
  const compare = (what: string, inName: string, inManifest: string) => {
    if (inName !== inManifest) wrong.push(`its name has ${what} ${inName}, its manifest ${inManifest}`)
  }
  compare('the topic', place.topic, manifest.topic)
  compare('partition', String(place.partition), String(manifest.partition))
  compare('the first offset', String(place.first), String(manifest.first))
  compare('the hour', hour, hourOfTime(manifest.firstMs))
  if (manifest.from > manifest.first) wrong.push(`its manifest has it begin at ${manifest.from}, behind its first record, ${manifest.first}`) // prettier-ignore
  if (manifest.count === 0 || manifest.rawBytes < manifest.count) wrong.push('its manifest counts less than one byte for each line, or none') // prettier-ignore
  return wrong.length === 0 ? [] : [findingOf('key', object, `${object.key}: ${wrong.join('; ')}.`)]
}

/** Returns whether the name says where the records of the manifest are from. */
export function isInPlace({ place, manifest }: ArchivedObject): boolean {
  const { topic, partition, first } = manifest
  return place.topic === topic && place.partition === partition && place.first === first
}

/** Returns that two objects reach over the same offsets. */
export function overlapFinding(object: ArchivedObject, other: Link): Finding {
  const { from, last } = object.manifest
  const reaches = `${object.key}, which reaches from offset ${from} to ${last}`
  const message = `${reaches}, overlaps with ${other.key}, which reaches from ${other.from} to ${other.last}.`
  return findingOf('overlap', object, message)
}

/** Returns how what an object holds differs from its manifest. */
export function contentFindings(object: ArchivedObject, content: ObjectContent): Finding[] {
  const fault = contentFault(object, content)
  return fault === undefined ? [] : [findingOf(fault.kind, object, fault.message)]
}

/** Returns the same without a finding, for objects of any kind. */
export function contentFault(
  { key, manifest }: { readonly key: string; readonly manifest: Content },
  content: ObjectContent,
): Pick<Finding, 'kind' | 'message'> | undefined {
  const { damage, count, rawBytes } = content
  if (damage !== undefined) {
    const read = `${count} of ${counted(manifest.count, 'line')} and ${rawBytes} of ${counted(manifest.rawBytes, 'byte')} could be read`
    return { kind: 'damaged', message: `${key} ${damage}; ${read}.` }
  }
  const wrong = differences(content, manifest, 'it holds', 'its manifest says')
  return wrong === undefined ? undefined : { kind: 'content', message: `${key}: ${wrong}.` }
}

/** Returns how the topic differs from the manifest of an object. */
export function topicFindings(object: ArchivedObject, topic: TopicContent): Finding[] {
  const { key, manifest } = object
  const { first, last, from } = manifest
  const findings: Finding[] = []
  if (topic.leftOut > 0) {
    const message = `${key} leaves out ${counted(topic.leftOut, 'record')} that the topic has at offsets ${from} to ${first - 1n}, before its first.`
    findings.push({ ...findingOf('gap', object, message), from, to: first, records: topic.leftOut })
  }
  const wrong = differences(topic, manifest, 'the topic holds', 'the manifest says')
  if (wrong !== undefined) findings.push(findingOf('topic', object, `${key}: at offsets ${first} to ${last} ${wrong}.`))
  else if (topic.firstMs !== manifest.firstMs) findings.push(findingOf('topic', object, `${key}: ${timesWords(manifest.firstMs, topic.firstMs)}.`)) // prettier-ignore
  return findings
}

/** Returns a finding about an object. */
export function findingOf(kind: FindingKind, { key, hour, manifest }: ArchivedObject, message: string): Finding {
  const { topic, partition, from, last } = manifest
  return { kind, hour, topic, partition, key, from, to: last + 1n, message }
}

function timesWords(said: number, found: number | undefined): string {
  const text = (ms: number | undefined) => (ms === undefined ? 'none' : nearestTime(ms))
  return `its manifest has the first record at ${text(said)}, the topic at ${text(found)}`
}

/** Returns in which way two contents differ, the one that is found first; undefined where they are the same. */
function differences(found: Content, said: Content, foundWords: string, saidWords: string): string | undefined {
  const wrong: string[] = []
  if (found.count !== said.count) wrong.push(`${counted(found.count, 'line')}, and ${saidWords} ${said.count}`)
  if (found.rawBytes !== said.rawBytes)
    wrong.push(`${counted(found.rawBytes, 'byte')}, and ${saidWords} ${said.rawBytes}`)
  if (wrong.length > 0) return `${foundWords} ${wrong.join('; ')}`
  return found.sha256 === said.sha256
    ? undefined
    : `${foundWords} other bytes of the same number: their SHA-256 differs`
}
