// What `weir archive` prints: objects, findings and sums, as lines for people and as JSON, one object a line. Called by
// archive.ts.

import { counted } from '../counted.ts'
import type { CatalogEntry } from '../archive/catalog.ts'
import type { DirectSummary, Finding, PartitionSummary, VerifySummary } from '../archive/findings.ts'
import { visibleLine } from '../log.ts'
import { formatBytes } from './progress.ts'

/** How closely an archive was looked at. */
export type VerifyDepth = 'manifests' | 'objects' | 'topic'

/** Versions of rule sets that a line has room for; JSON has all that the manifest has. */
const shownVersions = 2

/** Widths of columns: what is longer moves the rest. */
const [placeWidth, offsetsWidth, countWidth, sizeWidth] = [16, 21, 9, 9]

/** Returns an object as a line. */
export function entryLine(entry: CatalogEntry): string {
  const { kind, key, storedBytes } = entry
  if (kind === 'foreign') return visibleLine(`foreign: ${key} (${formatBytes(storedBytes)}): ${entry.why}`)
  const { hour, manifest } = entry
  const isDirect = entry.kind === 'direct'
  const columns = [
    hour,
    (isDirect ? entry.manifest.pipeline : `${entry.place.topic}/${entry.place.partition}`).padEnd(placeWidth),
    (isDirect ? 'no offsets' : `${entry.manifest.first}-${entry.manifest.last}`).padStart(offsetsWidth),
    String(manifest.count).padStart(countWidth),
    formatBytes(manifest.rawBytes).padStart(sizeWidth),
    formatBytes(storedBytes).padStart(sizeWidth),
    versionsOf(manifest),
    key,
  ]
  return visibleLine(columns.join('  '))
}

function versionsOf({
  versions,
  moreVersions,
}: {
  readonly versions: readonly string[]
  readonly moreVersions: number
}) {
  const more = Math.max(0, versions.length - shownVersions) + moreVersions
  const shown = versions.slice(0, shownVersions).join(',')
  return shown === '' ? '-' : `${shown}${more === 0 ? '' : `,+${more}`}`
}

/** Returns an object as JSON has it. Offsets are texts: they may exceed 2^53. */
export function entryObject(pipeline: string, entry: CatalogEntry): object {
  const { key, storedBytes, modifiedMs } = entry
  if (entry.kind === 'foreign') return { pipeline, key, storedBytes, modifiedMs, foreign: entry.why }
  const { hour, manifest } = entry
  return withTexts({ pipeline, key, hour, ...manifest, storedBytes, modifiedMs })
}

/** Returns a finding as a line. */
export function findingLine({ hour, topic, partition, kind, message }: Finding): string {
  const place = topic === undefined ? '-' : `${topic}/${partition}`
  return visibleLine(`${hour ?? '-'}  ${place}  ${kind}: ${message}`)
}

/** Returns a finding as JSON has it; `to` is the offset behind. */
export function findingObject(pipeline: string, finding: Finding): object {
  return { finding: withTexts({ pipeline, ...finding }) }
}

/** Returns what was looked at, as lines. */
export function summaryLines(pipeline: string, depth: VerifyDepth, summary: VerifySummary): string[] {
  const { objects, findings } = summary
  const how = { manifests: 'manifests alone', objects: 'without the topic', topic: 'with the topic' }[depth]
  const found = findings === 0 ? 'nothing is wrong' : counted(findings, 'finding')
  const all = objects === 0 ? 'no objects' : counted(objects, 'object')
  return [...summary.partitions.map((each) => partitionLine(each, depth)), `${pipeline}: ${all}, ${how}: ${found}`]
}

/** Returns what was looked at, as JSON has it. */
export function summaryObject(pipeline: string, depth: VerifyDepth, { partitions, ...sums }: VerifySummary): object {
  return { summary: { pipeline, depth, ...sums, partitions: partitions.map((each) => withTexts({ ...each })) } }
}

/** Returns what was looked at of a pipeline without a topic, as lines. */
export function directLines(name: string, readsObjects: boolean, summary: DirectSummary): string[] {
  const { objects, records, rawBytes, storedBytes, findings } = summary
  const sizes = `${formatBytes(rawBytes)} stored as ${formatBytes(storedBytes)}`
  const how = readsObjects ? 'all read' : 'manifests alone'
  const found = findings === 0 ? 'nothing is wrong' : counted(findings, 'finding')
  return [
    `${name}: ${counted(objects, 'object')}, ${counted(records, 'record')}, ${sizes}; without a topic they have no offsets: what is missing or there twice is not known`,
    `${name}: ${objects === 0 ? 'no objects' : counted(objects, 'object')}, ${how}: ${found}`,
  ]
}

function partitionLine(each: PartitionSummary, depth: VerifyDepth): string {
  const { topic, partition, objects, records, rawBytes, storedBytes, begin, end, isBeginUnknown, lag, compared } = each
  const sizes = `${formatBytes(rawBytes)} stored as ${formatBytes(storedBytes)}`
  const sums = objects === 0 ? 'no objects' : `${counted(objects, 'object')}, ${counted(records, 'record')}, ${sizes}`
  const known = [`${topic}/${partition}: ${sums}`]
  if (begin !== undefined) known.push(isBeginUnknown ? `begins at offset ${begin}, what was before is not known` : `begins at offset ${begin}`) // prettier-ignore
  if (end !== undefined) known.push(`ends at ${end - 1n}`)
  if (depth === 'topic' && objects > 0) known.push(compared === objects ? 'all compared with the topic' : `${compared} compared with the topic, which reaches no further back`) // prettier-ignore
  if (lag !== undefined) known.push(lag === 0n ? 'nothing waits' : `${counted(lag, 'offset')} not archived yet`)
  return known.join('; ')
}

function withTexts(object: object): object {
  return Object.fromEntries(
    Object.entries(object).map(([name, value]: [string, unknown]) => [
      name,
      typeof value === 'bigint' ? String(value) : value,
    ]),
  )
}
