// An archive made by hand, in the store and the cluster in memory: a topic of numbered records, and objects that are cut where
// a test says. Tests then harm it. Called by tests of this folder.

import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'

import type { ArchivedTopic } from '#src/archive/verify.js'
import { manifestMetadata } from '#src/objects/manifest.js'
import type { Manifest } from '#src/objects/manifest.js'
import { objectKey } from '#src/objects/object-key.js'
import { offsetNote } from '#src/objects/offset-note.js'
import type { OutgoingRecord } from '#src/kafka/port.js'
import type { NewObject } from '#src/ports/object-store.js'
import { MemoryKafka } from '../contract/memory-kafka.js'
import { MemoryStore } from '../contract/memory-store.js'

export const [topic, group, prefix] = ['processed', 'archive', 'logs']
/** Where the first record stands in time: ten minutes before a full hour. */
export const beginMs = Date.UTC(2026, 10, 22, 9, 50)
export const minuteMs = 60_000

/** One record of the topic; records of a test have an offset's number in them. */
const lineOf = (partition: number, offset: number) => `{"partition":${partition},"n":${offset}}`

/** A topic whose records come one a second, and the objects of it. */
export class MadeArchive {
  readonly store = new MemoryStore()
  readonly kafka = new MemoryKafka()
  readonly identity = { clusterId: 'memory', topicId: 'topic-1' }
  private readonly partitions: number
  private readonly ends = new Map<number, number>()

  constructor(partitions = 1) {
    this.partitions = partitions
    this.kafka.makeTopic(topic, partitions)
  }

  /** Appends records up to the offset; those of which nothing is returned are tombstones. */
  produce(partition: number, to: number, textOf = (offset: number): string | null => lineOf(partition, offset)): void {
    const target = { topic, partition }
    for (let offset = this.ends.get(partition) ?? 0; offset < to; offset++) {
      const text = textOf(offset)
      const headers = [['at', Buffer.from(String(timeOf(offset)))] as const]
      const value = (text === null ? null : Buffer.from(text)) as Uint8Array
      this.kafka.append(target, [{ key: null, value, headers } satisfies OutgoingRecord])
    }
    this.ends.set(partition, to)
  }

  /** Writes the object of records [first, last], and commits behind it. Returns its name. */
  async archive(
    partition: number,
    first: number,
    last: number,
    { from = first, change = (text: string) => text } = {},
  ): Promise<string> {
    const records = this.kafka
      .read({ topic, partition })
      .filter(({ offset, value }) => offset >= first && offset <= last && value !== null && value.length > 0)
    const raw = Buffer.from(change(records.map(({ value }) => `${Buffer.from(value!).toString()}\n`).join('')))
    const place = { topic, partition, ...this.identity, from: BigInt(from), first: BigInt(first), last: BigInt(last) }
    const object = madeObject(prefix, raw, { ...place, firstMs: timeOf(first), lastMs: timeOf(last) })
    await this.store.create(object)
    this.commit(partition, last + 1)
    return object.key
  }

  /** Produces, and archives, that many objects of a minute each in every partition. */
  async fill(objects: number): Promise<void> {
    for (let partition = 0; partition < this.partitions; partition++) {
      this.produce(partition, objects * 60)
      for (let n = 0; n < objects; n++) await this.archive(partition, n * 60, n * 60 + 59)
    }
  }

  commit(partition: number, offset: number, note = offsetNote(BigInt(offset))): void {
    this.kafka.setOffset(group, { topic, partition }, BigInt(offset), note)
  }

  /** What `verifyArchive` is told of the topic. */
  topic(): ArchivedTopic {
    const partitions = Array.from({ length: this.partitions }, (_, i) => i)
    return { cluster: this.kafka.cluster('verify'), topic, group, partitions, ...this.identity }
  }
}

/** Returns an object of an archive, as the service writes it: these lines, which are what the manifest says. */
export function madeObject(
  below: string,
  raw: Buffer,
  place: Omit<Manifest, keyof typeof counted | 'count' | 'rawBytes' | 'sha256'>,
): NewObject {
  const { topic: name, partition, first, firstMs: timeMs } = place
  const count = raw.filter((byte) => byte === 10).length
  const sha256 = createHash('sha256').update(raw).digest('hex')
  const bytes = gzipSync(raw)
  return {
    key: objectKey(below, { topic: name, partition, first, timeMs, extension: '.ndjson.gz' }),
    body: { bytes: bytes.length, read: () => Readable.from([bytes], { objectMode: false }) },
    metadata: manifestMetadata({ ...place, ...counted, count, rawBytes: raw.length, sha256 }),
    contentType: 'application/gzip',
  }
}

const counted = { versions: ['0123456789abcdef'], moreVersions: 0 } as const

function timeOf(offset: number): number {
  return beginMs + offset * 1000
}
