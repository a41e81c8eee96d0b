// An archive as a process runs it, on the cluster and the store in memory, with a clock of the test's. Several of them share
// both, and any may be killed.

import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import type { TestContext } from 'node:test'
import { gunzipSync } from 'node:zlib'

import { buildObject } from '#src/objects/object-builder.js'
import { digestFormat } from '#src/objects/digest-format.js'
import { objectFormat } from '#src/objects/object-format.js'
import { parseObjectKey } from '#src/objects/object-key.js'
import { readManifest } from '#src/objects/manifest.js'
import type { Manifest } from '#src/objects/manifest.js'
import { openSpool } from '#src/objects/spool.js'
import type { Spool } from '#src/objects/spool.js'
import { ArchiveSession } from '#src/pipeline/archive.js'
import { beginArchive } from '#src/pipeline/archive-begin.js'
import type { ArchiveParts } from '#src/pipeline/archive-object.js'
import { PartitionedPipeline } from '#src/pipeline/partitioned.js'
import { Backoff } from '#src/pipeline/retry.js'
import { ServedPipeline } from '#src/pipeline/served.js'
import type { ObjectStore } from '#src/ports/object-store.js'
import { KafkaSource } from '#src/sources/kafka.js'
import { MemoryKafka } from '../contract/memory-kafka.js'
import type { MemoryStore } from '../contract/memory-store.js'

export const group = 'archive'
export const topic = 'processed'
/** A minute that begins at a full hour. */
export const hourMs = Date.UTC(2026, 0, 2, 3)
export const minuteMs = 60_000

/** A cluster with the topic. */
export function archiveCluster(partitions = 1): MemoryKafka {
  const kafka = new MemoryKafka()
  kafka.makeTopic(topic, partitions)
  return kafka
}

/** A record of the topic; null: a tombstone. */
export function record(text: string | null, timeMs: number, version?: string) {
  const rules = version === undefined ? [] : [['weir-rules', Buffer.from(version)] as const]
  return { key: null, value: text === null ? (null as never) : Buffer.from(text), headers: [['at', Buffer.from(String(timeMs))] as const, ...rules] } // prettier-ignore
}

/** Appends numbered records, one every `stepMs`. */
export function append(
  kafka: MemoryKafka,
  from: number,
  to: number,
  { startMs = hourMs, stepMs = 1000, partition = 0 } = {},
) {
  for (let n = from; n < to; n++) {
    kafka.append({ topic, partition }, [record(`{"n":${n}}`, startMs + n * stepMs)])
  }
}

/** A clock with timers, which the test moves. */
export class TestClock {
  nowMs = 0
  private readonly timers = new Set<{ readonly atMs: number; readonly run: () => void }>()

  readonly clock = () => this.nowMs

  readonly startTimer = (ms: number, run: () => void) => {
    const timer = { atMs: this.nowMs + ms, run }
    this.timers.add(timer)
    return () => void this.timers.delete(timer)
  }

  /** Lets time pass; what is due is called. */
  advance(ms: number): void {
    this.nowMs += ms
    for (const timer of [...this.timers]) {
      if (timer.atMs > this.nowMs || !this.timers.delete(timer)) continue
      timer.run()
    }
  }
}

export interface Archiver {
  readonly source: KafkaSource
  readonly pipeline: PartitionedPipeline<bigint>
  /** What happened, in words. */
  readonly events: string[]
  readonly time: TestClock
  readonly spool: Spool
  /** Records in the object that is open. */
  openRecords(partition?: number): number
  readonly done: Promise<void>
}

export type ArchiverOptions = Partial<
  Pick<ArchiveParts, 'limits' | 'idleMs' | 'prefix' | 'rangeOffsets' | 'build' | 'isHeld' | 'onBegun'>
> & {
  readonly topicId?: string
  readonly memoryBytes?: number
  readonly compression?: 'gzip' | 'none'
}

const limits: ArchiveParts['limits'] = {
  maxRecords: 1000,
  maxBytes: 1 << 20,
  periodMs: minuteMs,
  mostStoredBytes: 60e6,
}

/** Starts an archive. It is ended with the test. */
export async function startArchive(
  t: TestContext,
  kafka: MemoryKafka,
  store: ObjectStore,
  process: string,
  options: ArchiverOptions = {},
): Promise<Archiver> {
  const cluster = kafka.cluster(process)
  const time = new TestClock()
  const events: string[] = []
  const spool = await openSpool({
    memoryBytes: options.memoryBytes ?? 64 << 20,
    ...{ steadyClock: time.clock, startTimer: time.startTimer },
  })
  const format = objectFormat(options.compression ?? 'none', 1)
  const topicId = options.topicId ?? 'topic-1'
  const identify = async () => ({ clusterId: await cluster.admin.clusterId(), topicId })
  const source = new KafkaSource({
    ...{ cluster, group, topic, format: 'ndjson', outputs: [], isExactlyOnce: false, rereads: true, allowsGaps: true },
    ...{ clock: time.clock, startTimer: time.startTimer, now: time.clock, backoffMs: new Backoff(() => 0) },
    beginAt: async (of, first) => {
      const isConditional = await store.probe('logs/_weir/probe')
      return beginArchive({ store, prefix: 'logs', ...of, identity: await identify(), isConditional }, first)
    },
    onAssigned: (partitions) => void events.push(`assigned ${partitions.join(',')}`),
    onLost: (error, reason) => void events.push(`lost ${error.message} ${reason}`),
    onWarning: () => undefined,
    onWatchProblem: () => undefined,
    events: {
      onTakeover: ({ partition, offset }) => void events.push(`take ${partition} at ${offset}`),
      onStop: ({ partition, reason }) => void events.push(`stop ${partition} ${reason}`),
      onDiscard: ({ partition }) => void events.push(`discard ${partition}`),
      onCommit: ({ partition, offset }) => void events.push(`commit ${partition} ${offset}`),
      onWrongBatch: ({ partition }) => void events.push(`wrong ${partition}`),
    },
  })
  const sessions = new Map<number, ArchiveSession>()
  const soon = () => setImmediate()
  const pipeline = new PartitionedPipeline<bigint>({
    name: 'archive',
    source,
    makePipeline: (partition, onState) => {
      const parts: ArchiveParts = {
        ...{
          store,
          prefix: 'logs',
          limits,
          idleMs: 20_000,
          rangeOffsets: 1000,
          extension: format.extension,
          contentType: format.contentType,
        },
        extensions: ['.ndjson.gz', '.ndjson'],
        build: (isCopy, onMustEnd) => buildObject({ format: isCopy ? digestFormat : format, spool, onMustEnd }),
        identify,
        isConditional: () => store.probe('logs/_weir/probe'),
        ...{
          startTimer: time.startTimer,
          now: time.clock,
          clock: time.clock,
          backoff: new Backoff(() => 0),
          wait: soon,
        },
        isOurs: () => ['running', 'stopped'].includes(partition.condition),
        onHeld: ({ code }) => void events.push(`held ${code}`),
        onFreed: () => void events.push('freed'),
        isHeld: () => false,
        onBegun: () => undefined,
        onObject: ({ first, last, count, result, why }) =>
          void events.push(`${result} ${first}-${last} ${count} ${why}`),
        begun: { isNoted: false },
        ...options,
      }
      return new ServedPipeline({
        ...{ name: `archive/${partition.partition}`, source: partition, backoff: new Backoff(() => 0), onState },
        openSession: () => {
          const session = new ArchiveSession(parts)
          sessions.set(partition.partition, session)
          return Promise.resolve(session)
        },
        onFailure: (error) =>
          void events.push(`failed ${(error as { code?: string }).code ?? (error as Error).message}`),
        ...{ now: time.clock, wait: soon },
      })
    },
    now: time.clock,
  })
  const done = pipeline.run()
  t.after(async () => {
    pipeline.abort(new Error('The test is over.'))
    await source.close()
    // One that was killed never comes to its end.
    await spool.close()
  })
  const openRecords = (partition = 0) => sessions.get(partition)?.status?.records ?? 0
  return { source, pipeline, events, time, spool, openRecords, done }
}

/** Archives partition 0 up to an offset, and ends in order. */
export async function archiveOnce(
  t: TestContext,
  kafka: MemoryKafka,
  store: ObjectStore,
  end: bigint,
  options: ArchiverOptions = {},
): Promise<void> {
  const { pipeline, done } = await startArchive(t, kafka, store, 'before', options)
  await until(kafka, () => kafka.offsetOf(group, { topic, partition: 0 }) === end)
  pipeline.drain()
  await done
}

/** Longer than this, what is waited for does not happen. Not in turns: what is compressed comes from other threads. */
const mostWaitMs = 60_000

/** Resolves when the condition holds; heartbeats are answered meanwhile. */
export async function until(kafka: MemoryKafka, holds: () => boolean, what = 'it'): Promise<void> {
  for (const limit = performance.now() + mostWaitMs; !holds();) {
    assert.ok(performance.now() < limit, `${what} does not happen`)
    await setImmediate()
    kafka.beat()
  }
}

/** An object as a reader of the bucket finds it. */
export interface FoundObject {
  readonly key: string
  readonly lines: readonly string[]
  readonly manifest: Manifest
}

/** What is in the bucket, in the order of names. */
export function objectsIn(store: MemoryStore, prefix = 'logs'): FoundObject[] {
  return store.keys.flatMap((key) => {
    if (parseObjectKey(prefix, key) === undefined) return []
    const { bytes, metadata } = store.objects.get(key)!
    const text = (key.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString()
    assert.ok(text.endsWith('\n'), `${key} ends with a line feed`)
    return [{ key, lines: text.slice(0, -1).split('\n'), manifest: readManifest(metadata)! }]
  })
}

/** Holds that each of the numbers below `end` is in the bucket once, in order, and that the objects form a chain. */
export function assertWhole(store: MemoryStore, end: number): void {
  const objects = objectsIn(store)
  const all = objects.flatMap(({ lines }) => lines)
  assert.deepEqual(all, Array.from({ length: end }, (_, n) => `{"n":${n}}`)) // prettier-ignore
  for (const [i, { manifest, lines }] of objects.entries()) {
    assert.equal(manifest.count, lines.length)
    if (i > 0) assert.equal(manifest.from, objects[i - 1]!.manifest.last + 1n)
  }
}
