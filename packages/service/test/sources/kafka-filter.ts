// A filter as a process runs it, on the cluster in memory: source, engine, transactional outputs, dead letters. Several of
// them share a cluster, and any may be killed.

import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'

import { createEngine } from '@weir/engine'
import type { Engine } from '@weir/engine'

import type { KafkaCluster } from '#src/kafka/port.js'
import type { DeadLetters } from '#src/ports/dead-letters.js'
import type { PipelineResult } from '#src/pipeline/feed.js'
import { PartitionedPipeline } from '#src/pipeline/partitioned.js'
import { Backoff } from '#src/pipeline/retry.js'
import { Router } from '#src/pipeline/router.js'
import { ServedPipeline } from '#src/pipeline/served.js'
import { routedSessions } from '#src/pipeline/session.js'
import { kafkaSink } from '#src/sinks/kafka.js'
import type { KafkaOutputFormat } from '#src/sinks/kafka.js'
import { deadLettersToKafka } from '#src/sinks/kafka-dead-letter.js'
import { ProducerWriter, transactionWriter } from '#src/sinks/kafka-writer.js'
import { KafkaSource } from '#src/sources/kafka.js'
import type { KafkaFormat } from '#src/sources/kafka-format.js'
import { MemoryKafka } from '../contract/memory-kafka.js'

export const group = 'filter'
export const partitionCount = 2

const dropSevens = {
  version: 1,
  default: 'keep',
  rules: [{ id: 'sevens', when: { field: 'n', search: '7' }, then: 'drop' }],
} as const

/** A cluster with the topics of a filter. */
export function filterCluster(): MemoryKafka {
  const kafka = new MemoryKafka()
  for (const topic of ['raw', 'processed', 'dead-letter']) kafka.makeTopic(topic, partitionCount)
  return kafka
}

/** Returns an engine that drops every number with a seven. */
export async function sevensEngine(t: TestContext): Promise<Engine> {
  const engine = await createEngine({ rules: dropSevens, threads: 1, kernel: 'portable', validation: 'full' })
  t.after(() => engine.close())
  return engine
}

/** Posts numbered records, in turn to each partition, some of them malformed; two a message. */
export function post(kafka: MemoryKafka, from: number, to: number): void {
  for (let n = from; n < to; n += 2) {
    const lines = [n, n + 1].map((each) => (each % 10 === 5 ? `bad ${each}` : `{"n":"${each}"}`)).join('\n')
    const headers = [['from', Buffer.from('test')]] as const
    kafka.append({ topic: 'raw', partition: (n / 2) % partitionCount }, [{ key: Buffer.from(`k${n}`), value: Buffer.from(lines), headers }]) // prettier-ignore
  }
}

/** What ought to be in `processed` and in the dead letters once all numbers below `end` are through. */
export function expected(end: number): { readonly processed: string[][]; readonly dead: string[][] } {
  const numbers = Array.from({ length: end }, (_, n) => n)
  const of = (partition: number) => numbers.filter((n) => Math.floor(n / 2) % partitionCount === partition)
  const partitions = Array.from({ length: partitionCount }, (_, partition) => of(partition))
  const isBad = (n: number) => n % 10 === 5
  return {
    processed: partitions.map((all) =>
      all.filter((n) => !isBad(n) && !String(n).includes('7')).map((n) => `{"n":"${n}"}`),
    ),
    dead: partitions.map((all) => all.filter(isBad).map((n) => `bad ${n}`)),
  }
}

/** What readers of committed records find. */
export function found(kafka: MemoryKafka): { readonly processed: string[][]; readonly dead: string[][] } {
  const linesOf = (topic: string, partition: number) =>
    kafka.read({ topic, partition }).flatMap(({ value }) => {
      return Buffer.from(value ?? '')
        .toString()
        .split('\n')
        .filter((line) => line !== '')
    })
  const all = (topic: string) => Array.from({ length: partitionCount }, (_, partition) => linesOf(topic, partition))
  return { processed: all('processed'), dead: all('dead-letter') }
}

/** Longer than this, what is waited for does not come. */
const mostWaitMs = 60_000

/** Looks again and again, while the group answers heartbeats. */
export async function until(kafka: MemoryKafka, holds: () => boolean, what: () => unknown): Promise<void> {
  for (const limit = performance.now() + mostWaitMs; !holds();) {
    assert.ok(performance.now() < limit, `it did not come to this: ${JSON.stringify(what())}`)
    await new Promise((resolve) => setImmediate(resolve))
    kafka.beat()
  }
}

export interface Filter {
  readonly source: KafkaSource
  readonly pipeline: PartitionedPipeline<bigint>
  readonly results: PipelineResult[]
  readonly events: string[]
  /** Times that somebody waits for; `fire()` has them come. */
  fire(): void
  readonly done: Promise<void>
}

/** What a filter is told, besides where it runs. */
export interface FilterOptions {
  readonly format?: KafkaFormat
  readonly output?: KafkaOutputFormat
  readonly isExactlyOnce?: boolean
  readonly allowsGaps?: boolean
  readonly clock?: () => number
  /** Has the topics be there. */
  readonly prepare?: () => Promise<unknown>
  /** Makes another id of a transactional id. */
  readonly change?: (id: string) => string
}

/** Dead letters in the transaction. */
function lettersIn(partition: number, cluster: KafkaCluster): DeadLetters {
  const writer = transactionWriter(cluster, 'dead-letter', partition)
  return deadLettersToKafka(writer, { clock: () => 0, maxRecordBytes: 1 << 20, onSuppressed: () => undefined })
}

/** Starts a filter. It is ended with the test. */
export function startFilter(
  t: TestContext,
  kafka: MemoryKafka,
  engine: Engine,
  process: string,
  options: FilterOptions = {},
): Filter {
  const {
    format = 'ndjson',
    output = 'lines',
    isExactlyOnce = true,
    allowsGaps = false,
    clock = () => 0,
    change = (id) => id,
    prepare = () => Promise.resolve(),
  } = options
  const inner = kafka.cluster(process)
  const cluster = { ...inner, transactional: (id: string) => inner.transactional(change(id)) }
  const events: string[] = []
  const results: PipelineResult[] = []
  const timers = new Set<() => void>()
  const source = new KafkaSource({
    ...{
      cluster,
      group,
      topic: 'raw',
      format,
      outputs: ['processed', 'dead-letter'],
      isExactlyOnce,
      allowsGaps,
      clock,
      prepare,
    },
    startTimer: (ms, run) => {
      if (ms < 1000) {
        const soon = setImmediate(run)
        return () => clearImmediate(soon)
      }
      timers.add(run)
      return () => timers.delete(run)
    },
    backoffMs: new Backoff(() => 0),
    onAssigned: (partitions) => void events.push(`assigned ${partitions.join(',')}`),
    onLost: (error, reason) => void events.push(`lost ${error.message} ${reason}`),
    now: () => 0,
    onWarning: ({ kind }, isOver) => void events.push(`${isOver ? 'over' : 'warned'} ${kind}`),
    onWatchProblem: (error) => void events.push(`unwatched ${(error as Error).message}`),
    events: {
      onTakeover: ({ partition, offset }) => void events.push(`take ${partition} at ${offset}`),
      onStop: ({ partition, reason }) => void events.push(`stop ${partition} ${reason}`),
      onDiscard: ({ partition, error }) =>
        void events.push(`discard ${partition} ${(error as Error | undefined)?.message ?? 'in order'}`),
      onCommit: ({ partition, offset }) => void events.push(`commit ${partition} ${offset}`),
      onWrongBatch: ({ partition, first }) => void events.push(`wrong ${partition} ${first}`),
    },
  })
  const openRouter = async (partition: number): Promise<Router> => {
    if (isExactlyOnce) {
      const sink = kafkaSink({ writer: transactionWriter(cluster, 'processed', partition), format: output })
      return new Router(new Map([['keep', sink]]), lettersIn(partition, cluster))
    }
    const writer = new ProducerWriter(await cluster.producer(), 'processed', [partition])
    return new Router(new Map([['keep', kafkaSink({ writer, format: output })]]))
  }
  const pipeline = new PartitionedPipeline<bigint>({
    name: 'filter',
    source,
    makePipeline: (partition, onState) =>
      new ServedPipeline({
        name: `filter/${partition.partition}`,
        source: partition,
        openSession: routedSessions({
          engine,
          openRouter: () => openRouter(partition.partition),
          onBatch: (result) => void results.push(result),
        }),
        backoff: new Backoff(),
        onState,
        now: () => 0,
        wait: () => new Promise((resolve) => setImmediate(resolve)),
      }),
    now: () => 0,
  })
  const done = pipeline.run()
  t.after(async () => {
    pipeline.abort(new Error('The test is over.'))
    await source.close()
  })
  const fire = () => {
    for (const run of [...timers]) {
      timers.delete(run)
      run()
    }
  }
  return { source, pipeline, results, events, fire, done }
}
