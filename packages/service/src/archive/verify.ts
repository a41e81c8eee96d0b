// Verifies an archive: that its objects are what their manifests say, that none is missing and none overlaps, and, as far back
// as the topic is kept, that they hold its records. Objects are looked at hour by hour and are not kept: memory does not grow
// with their number. What each check is about is in the files beside this one. Called by ../commands.

import { counted } from '../counted.ts'
import { KafkaError, S3Error } from '../errors.ts'
import type { CommittedOffset, KafkaCluster, LogOffsets } from '../kafka/port.ts'
import type { ObjectStore } from '../ports/object-store.ts'
import { begunAt } from './begun.ts'
import { catalog, inOrder } from './catalog.ts'
import type { ArchivedObject, CatalogEntry, CatalogScope } from './catalog.ts'
import { readContent } from './content.ts'
import { beginFindings, gapFindings, lostFindings, offsetFindings } from './end-checks.ts'
import type { TopicPartition } from './end-checks.ts'
import type { Finding, PartitionSummary, VerifySummary } from './findings.ts'
import { isSameLog, Ledger } from './ledger.ts'
import type { LogIdentity, PartitionLedger } from './ledger.ts'
import { contentFindings, findingOf, foreignFinding, isInPlace, keyFindings, overlapFinding, topicFindings } from './object-checks.ts' // prettier-ignore
import { topicContents } from './topic.ts'

/** The topic that an archive is made of. */
export interface ArchivedTopic extends LogIdentity {
  readonly cluster: KafkaCluster
  readonly topic: string
  /** Of the archive. */
  readonly group: string
  readonly partitions: readonly number[]
}

/** What is verified, and how closely. */
export interface VerifyOptions {
  readonly store: ObjectStore
  readonly scope: CatalogScope
  /** Whether objects are read; otherwise only their manifests are. */
  readonly readsObjects: boolean
  /** Absent: the topic is not looked at. */
  readonly topic?: ArchivedTopic
  /** Told of the bytes of objects that are done, as they are stored. */
  readonly onProgress?: (storedBytes: number) => void
}

/** Neighbours of one hour and partition, or one foreign object. */
type Group = readonly CatalogEntry[]

/** Groups that are worked on at a time; each reads one object at a time, and one range of the topic. */
const mostGroups = 4

/** Objects of a group at most, where an hour has more. */
const mostGroupObjects = 256

/** Gaps of a partition that are looked at again, the last ones: whoever archives goes on behind what is there. */
const mostLookedAgain = 16

/**
 * Yields what is wrong: first of single objects, in the order of their keys, then of partitions as a whole. Returns what was
 * looked at. *Errors*: `S3Error` and `KafkaError`, where store or brokers cannot be asked.
 */
export function verifyArchive(options: VerifyOptions): AsyncGenerator<Finding, VerifySummary, undefined> {
  return new Verification(options).run()
}

/** What is known of the topic, as of two moments. */
interface TopicState {
  readonly logs: ReadonlyMap<number, LogOffsets>
  readonly committed: ReadonlyMap<number, CommittedOffset>
}

class Verification {
  readonly #options: VerifyOptions
  readonly #ledger = new Ledger()
  /** Parts of it of which it is noted where they begin. */
  readonly #known = new Set<PartitionLedger>()
  #before: TopicState | undefined
  #storedBytes = 0
  #objects = 0
  #foreign = 0
  #findings = 0

  constructor(options: VerifyOptions) {
    this.#options = options
  }

  async *run(): AsyncGenerator<Finding, VerifySummary, undefined> {
    const { store, scope } = this.#options
    this.#before = await this.#topicState()
    const groups = grouped(catalog(store, scope))
    for await (const findings of inOrder(groups, mostGroups, (group) => this.#check(group)))
      yield* this.#counted(findings)
    yield* this.#counted(await this.#foundLater())
    const after = await this.#topicState()
    yield* this.#counted(this.#identityFindings())
    for (const ledger of this.#own()) {
      const topic = this.#partitionOf(ledger.topic, ledger.partition, after)
      yield* this.#counted(await this.#beginFindings(ledger, topic))
      yield* this.#counted(await gapFindings(ledger, topic))
    }
    for (const partition of this.#wantedPartitions()) {
      yield* this.#counted(await this.#endFindings(this.#partitionOf(this.#options.topic!.topic, partition, after)))
    }
    return this.#summary(after)
  }

  #counted(findings: readonly Finding[]): readonly Finding[] {
    this.#findings += findings.length
    return findings
  }

  /** What is known at once comes before anything is awaited: groups are checked side by side. */
  async #check(group: Group): Promise<Finding[]> {
    const findings: Finding[] = []
    const objects: ArchivedObject[] = []
    for (const entry of group) {
      if (entry.kind !== 'archived') {
        this.#foreign++
        findings.push(foreignFinding(entry))
        continue
      }
      this.#objects++
      objects.push(entry)
      const overlapped = this.#ledger.partitionOf(entry).add(entry)
      findings.push(...keyFindings(entry))
      if (overlapped !== undefined) findings.push(overlapFinding(entry, overlapped))
    }
    const compared = this.#compareWithTopic(objects)
    // It is awaited below; until then nobody has to hear of it.
    compared.catch(() => undefined)
    for (const object of objects) findings.push(...(await this.#readObject(object)))
    findings.push(...(await compared))
    return findings
  }

  async #readObject(object: ArchivedObject): Promise<Finding[]> {
    const { store, readsObjects, onProgress } = this.#options
    try {
      if (!readsObjects) return []
      return contentFindings(object, await readContent(store, object.key, object.place.extension))
    } catch (error) {
      if (!(error instanceof S3Error)) throw error
      return [findingOf('unread', object, `${object.key} cannot be read: ${error.message}`)]
    } finally {
      this.#storedBytes += object.storedBytes
      onProgress?.(this.#storedBytes)
    }
  }

  /** `objects`: of one partition. Those that are from elsewhere than their names say are left out. */
  async #compareWithTopic(objects: readonly ArchivedObject[]): Promise<Finding[]> {
    const { topic } = this.#options
    const inPlace = objects.filter((object) => isInPlace(object) && isFrom(topic, object)).toSorted(byFirst)
    const { partition } = inPlace[0]?.place ?? {}
    const log = partition === undefined ? undefined : this.#before?.logs.get(partition)
    if (topic === undefined || partition === undefined || log === undefined) return []
    const spans = inPlace.map(({ manifest: { from, first, last } }) => ({
      from: from > first ? first : from,
      first,
      to: last + 1n,
    }))
    try {
      const contents = await topicContents(topic.cluster, { topic: topic.topic, partition }, log, spans)
      return inPlace.flatMap((object, i) => {
        const content = contents[i]
        if (content === undefined) return []
        this.#ledger.partitionOf(object).compared++
        return topicFindings(object, content)
      })
    } catch (error) {
      if (!(error instanceof KafkaError) || !unreadable.has(error.code)) throw error
      return [
        findingOf('topic', inPlace[0]!, `${inPlace[0]!.key} and those behind it cannot be compared: ${error.message}`),
      ]
    }
  }

  /** An archive that runs writes objects into hours that were listed before: what seems to be missing is looked for again. */
  async #foundLater(): Promise<Finding[]> {
    const { store, scope } = this.#options
    const findings: Finding[] = []
    for (const { topic, partition, chain } of this.#own()) {
      for (const { from, to, before, behind } of chain.gaps().slice(-mostLookedAgain)) {
        const [since, until] = [before.hour, behind.hour].toSorted()
        const where = { prefix: scope.prefix, partition, offsets: { from, to }, since: since!, until: until! }
        for await (const entry of catalog(store, where)) {
          if (entry.kind === 'archived' && entry.place.topic === topic) findings.push(...(await this.#check([entry])))
        }
      }
    }
    return findings
  }

  /** Parts of the ledger that are from the log that is archived now. */
  #own(): PartitionLedger[] {
    return this.#ledger.partitions.filter((each) => isSameLog(each, this.#logOf(each.topic) ?? each))
  }

  #logOf(topic: string): LogIdentity | undefined {
    return this.#options.topic?.topic === topic ? this.#options.topic : this.#ledger.newestOf(topic)
  }

  #identityFindings(): Finding[] {
    const own = new Set(this.#own())
    return this.#ledger.partitions
      .filter((each) => !own.has(each))
      .map(({ topic, partition, clusterId, topicId, objects, chain }) => {
        const now = this.#logOf(topic)!
        const { key, hour } = chain.lowest!
        const ids = `cluster ${clusterId}, topic ${topicId === '' ? 'unknown' : topicId}`
        const nowIds = `cluster ${now.clusterId}, topic ${now.topicId === '' ? 'unknown' : now.topicId}`
        const which = `${counted(objects, 'object')} of ${topic}/${partition}, from ${key} on`
        const message = `${which}, ${objects === 1 ? 'is' : 'are'} from another log (${ids}) than the one that is archived now (${nowIds}).`
        return { kind: 'identity', hour, topic, partition, key, message }
      })
  }

  async #topicState(): Promise<TopicState | undefined> {
    const { topic: archived, scope } = this.#options
    if (archived === undefined) return undefined
    const { cluster, group, topic, partitions: all } = archived
    const partitions = all.filter((each) => scope.partition === undefined || each === scope.partition)
    const committed = await cluster.admin.allCommitted(group, topic, partitions)
    return { committed, logs: await cluster.admin.logs(topic, partitions) }
  }

  #partitionOf(topic: string, partition: number, after: TopicState | undefined): TopicPartition | undefined {
    const log = after?.logs.get(partition)
    const { topic: archived } = this.#options
    if (archived?.topic !== topic || log === undefined) return undefined
    const [before, now] = [this.#before?.committed.get(partition), after!.committed.get(partition)]
    return { cluster: archived.cluster, group: archived.group, topic, partition, log, before, after: now }
  }

  #wantedPartitions(): readonly number[] {
    return [...(this.#before?.logs.keys() ?? [])].toSorted((a, b) => a - b)
  }

  async #beginFindings(ledger: PartitionLedger, topic: TopicPartition | undefined): Promise<Finding[]> {
    if (this.#options.scope.since !== undefined) return []
    const begun = await this.#begun(ledger.topic, ledger.partition)
    if (begun !== undefined) this.#known.add(ledger)
    return beginFindings(ledger, begun, topic)
  }

  /** What the archive has noted in the bucket, if it is of the log that is archived now. */
  async #begun(topic: string, partition: number): Promise<bigint | undefined> {
    const { store, scope } = this.#options
    const log = this.#logOf(topic)
    return log === undefined ? undefined : begunAt(store, { prefix: scope.prefix, topic, partition }, log)
  }

  async #endFindings(topic: TopicPartition | undefined): Promise<Finding[]> {
    const { since, until } = this.#options.scope
    if (topic === undefined || until !== undefined) return []
    const ledger = this.#own().find((each) => each.topic === topic.topic && each.partition === topic.partition)
    // With no objects of these hours, nothing is known of where they end.
    if (ledger === undefined && since !== undefined) return []
    const begun = ledger === undefined ? await this.#begun(topic.topic, topic.partition) : undefined
    return [...(await offsetFindings(ledger, begun, topic)), ...lostFindings(ledger, begun, topic)]
  }

  #summary(after: TopicState | undefined): VerifySummary {
    const own = this.#own().map((ledger) => this.#partitionSummary(ledger, after))
    const partitions = [...own, ...this.#emptySummaries(own, after)].toSorted(byPlace)
    return { objects: this.#objects, foreign: this.#foreign, findings: this.#findings, partitions }
  }

  /** Of partitions of the topic that have no object; of a range of hours, most may have none. */
  #emptySummaries(own: readonly PartitionSummary[], after: TopicState | undefined): PartitionSummary[] {
    const { topic: archived, scope } = this.#options
    if (archived === undefined || scope.since !== undefined || scope.until !== undefined) return []
    const { topic } = archived
    const isEmpty = (partition: number) => !own.some((each) => each.topic === topic && each.partition === partition)
    return this.#wantedPartitions()
      .filter(isEmpty)
      .flatMap((partition) => {
        const known = this.#partitionOf(topic, partition, after)
        if (known === undefined) return []
        const committed = known.after?.offset
        return {
          ...{ topic, partition, objects: 0, records: 0, rawBytes: 0, storedBytes: 0, compared: 0 },
          isBeginUnknown: false,
          ...(committed === undefined ? {} : { committed }),
          lag: lagOf(known.log, committed ?? known.log.first),
        }
      })
  }

  #partitionSummary(ledger: PartitionLedger, after: TopicState | undefined): PartitionSummary {
    const { topic, partition, objects, records, rawBytes, storedBytes, chain, compared } = ledger
    const { scope } = this.#options
    const known = this.#partitionOf(topic, partition, after)
    const [begin, end] = [chain.begin!, chain.end!]
    const committed = known?.after?.offset
    const reached = committed !== undefined && committed > end ? committed : end
    const lag = known === undefined || scope.until !== undefined ? undefined : lagOf(known.log, reached)
    return {
      ...{ topic, partition, objects, records, rawBytes, storedBytes, begin, end, compared },
      isBeginUnknown: begin > 0n && !this.#known.has(ledger) && (known === undefined || known.log.first >= begin),
      ...(committed === undefined ? {} : { committed }),
      ...(lag === undefined ? {} : { lag }),
    }
  }
}

function byPlace(a: PartitionSummary, b: PartitionSummary): number {
  return a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1
}

/** Returns how many offsets wait behind `reached` that the topic still has. */
function lagOf({ first, stable }: LogOffsets, reached: bigint): bigint {
  const from = reached > first ? reached : first
  return stable > from ? stable - from : 0n
}

/** What makes records of a topic unreadable for good. */
const unreadable = new Set(['ERR_KAFKA_CRC', 'ERR_KAFKA_CODEC', 'ERR_KAFKA_SIZE'])

function isFrom(topic: ArchivedTopic | undefined, { manifest }: ArchivedObject): boolean {
  return topic !== undefined && manifest.topic === topic.topic && isSameLog(topic, manifest)
}

function byFirst(a: ArchivedObject, b: ArchivedObject): number {
  return a.manifest.first < b.manifest.first ? -1 : 1
}

/** Puts neighbours of one hour and partition together. */
async function* grouped(entries: AsyncIterable<CatalogEntry>): AsyncGenerator<Group, void, undefined> {
  let group: CatalogEntry[] = []
  for await (const entry of entries) {
    const last = group.at(-1)
    if (last !== undefined && (!areNeighbours(last, entry) || group.length >= mostGroupObjects)) {
      yield group
      group = []
    }
    group.push(entry)
  }
  if (group.length > 0) yield group
}

function areNeighbours(a: CatalogEntry, b: CatalogEntry): boolean {
  if (a.kind !== 'archived' || b.kind !== 'archived') return false
  return a.hour === b.hour && a.place.topic === b.place.topic && a.place.partition === b.place.partition
}
