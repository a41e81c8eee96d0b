// The Kafka cluster of a service, from its settings: opened when a pipeline first needs it, and shared by all. Brings the
// topics of a pipeline into being, and makes its source and its outputs. Called by serve.ts, served-pipelines.ts and
// serve-sinks.ts.

import { formatOf, gapsOf, isArchive, isTransactional, outputsOf, topicsOf } from '../config/delivery.ts'
import type { KafkaSettings, KafkaSinkSettings, KafkaSourceSettings, PipelineSettings } from '../config/schema.ts'
import { KafkaError } from '../errors.ts'
import { openCluster } from '../kafka/cluster.ts'
import type { KafkaCluster, TopicWanted } from '../kafka/port.ts'
import { takenBytes } from '../kafka/sends.ts'
import { provideTopics, topicConfig } from '../kafka/topics.ts'
import type { TopicProblem, TopicsReport } from '../kafka/topics.ts'
import { askedTogether } from '../joint-question.ts'
import type { MeasuredKafka } from '../measured.ts'
import type { PipelineMetrics } from '../metrics.ts'
import { Backoff } from '../pipeline/retry.ts'
import type { Sink } from '../ports/sink.ts'
import { fillingKafkaSink, kafkaSink } from '../sinks/kafka.ts'
import { recordTime } from '../sinks/record-time.ts'
import { ProducerWriter, transactionWriter } from '../sinks/kafka-writer.ts'
import type { RecordWriter } from '../sinks/kafka-writer.ts'
import { KafkaSource } from '../sources/kafka.ts'
import type { KafkaSourceOptions, OutsideReason } from '../sources/kafka.ts'
import type { KafkaPartitionEvents } from '../sources/kafka-events.ts'
import type { StructuredLog } from '../structured-log.ts'
import { startSystemTimer, steadyClock } from '../time.ts'

const hourMs = 3_600_000
/** How long records are kept at least: long enough for an outage over a weekend. */
const recordsMs = 72 * hourMs
/** How long dead letters are: somebody has to look at them. */
const lettersMs = 14 * 24 * hourMs

/** The cluster of a process, opened once. */
export class SharedKafka {
  private readonly settings: KafkaSettings | undefined
  private readonly log: StructuredLog
  private opened: Promise<KafkaCluster> | undefined

  constructor(settings: KafkaSettings | undefined, log: StructuredLog) {
    this.settings = settings
    this.log = log
  }

  /** Returns what a pipeline needs of Kafka. *Errors*: those of `cluster()`. */
  async forPipeline(pipeline: PipelineSettings, log: StructuredLog, metrics: PipelineMetrics): Promise<PipelineKafka> {
    return new PipelineKafka(await this.cluster(), this.settings!, pipeline, log, metrics)
  }

  /** Returns the cluster. *Errors*: of credentials that cannot be used. Nothing is connected yet. */
  cluster(): Promise<KafkaCluster> {
    const { settings, log } = this
    if (settings === undefined) throw new TypeError('The settings were not checked: Kafka is nowhere.')
    return (this.opened ??= openCluster({ ...clusterOptions(settings), log }))
  }

  /** Ends all connections. Never throws. */
  async close(): Promise<void> {
    const cluster = await this.opened?.catch(() => undefined)
    await cluster?.close()
  }
}

function clusterOptions({ brokers, tls, sasl, compression, fetchBytes, sessionMs }: KafkaSettings) {
  const { ca, certificate, key } = tls ?? {}
  const files = {
    ...(ca === undefined ? {} : { ca }),
    ...(certificate === undefined ? {} : { certificate }),
    ...(key === undefined ? {} : { key }),
  }
  return {
    ...{ brokers, compression, fetchBytes, sessionMs },
    ...(tls === undefined ? {} : { tls: files }),
    ...(sasl === undefined ? {} : { sasl }),
  }
}

/** What a pipeline does besides at what its source does, and hears after the log. */
type SourceHooks = Partial<
  Pick<KafkaSourceOptions, 'beginAt' | 'onAssigned' | 'onLost'> & Pick<KafkaPartitionEvents, 'onTakeover'>
>

/** What one pipeline does with Kafka. */
export class PipelineKafka {
  readonly cluster: KafkaCluster
  private readonly settings: KafkaSettings
  private readonly pipeline: PipelineSettings
  private readonly log: StructuredLog
  private readonly metrics: PipelineMetrics
  /** Problems that were told, so that they are not told at every takeover. */
  private told = ''

  /** Made by `SharedKafka`. */
  constructor(
    cluster: KafkaCluster,
    settings: KafkaSettings,
    pipeline: PipelineSettings,
    log: StructuredLog,
    metrics: PipelineMetrics,
  ) {
    this.cluster = cluster
    this.settings = settings
    this.pipeline = pipeline
    this.log = log
    this.metrics = metrics
  }

  /** Returns the source of the pipeline. Nothing is asked of Kafka before it joins. */
  openSource(
    { topic, group, format }: KafkaSourceSettings,
    { onAssigned, onLost, onTakeover, ...more }: SourceHooks = {},
  ): KafkaSource {
    const { cluster, pipeline, log } = this
    return new KafkaSource({
      ...{ cluster, topic, group, format, outputs: [...topicsOf(pipeline).keys()], clock: steadyClock, ...more },
      isExactlyOnce: isTransactional(pipeline),
      rereads: isArchive(pipeline),
      allowsGaps: gapsOf(pipeline) === 'allow',
      startTimer: startSystemTimer,
      backoffMs: new Backoff(),
      prepare: () => this.provideTopics(this.settings.topics),
      checkTopics: askedTogether(() => this.topicsFault()),
      onAssigned: (partitions) => {
        log.info('The group has assigned partitions.', { group, partitions: [...partitions] })
        onAssigned?.(partitions)
      },
      onLost: (error, reason) => {
        this.tellLoss(group, error, reason)
        onLost?.(error, reason)
      },
      events: this.events(onTakeover),
      now: Date.now,
      onWarning: ({ kind, message }, isOver) => {
        if (isOver) log.info('Something of Kafka that was warned of is over.', { kind, was: message })
        else log.warn('Something of Kafka is not as it should be.', { kind, problem: message })
      },
      onWatchProblem: (error) => log.debug('The partitions cannot be looked at.', { error }),
    })
  }

  /**
   * Opens an output. `partition`: of the source, whose records go to the same partition of the topic; absent where they go
   * to all of them in turn. *Errors*: the cluster's.
   */
  async openSink(settings: KafkaSinkSettings, partition: number | undefined): Promise<Sink> {
    const format = formatOf(settings, this.pipeline)
    const writer = await this.openWriter(settings.topic, partition)
    const { timeField } = this.pipeline
    const time = format === 'lines' && timeField !== undefined ? { timeOf: recordTime(timeField) } : {}
    if (format === 'lines' || partition !== undefined) return kafkaSink({ writer, format, ...time })
    return fillingKafkaSink({ writer, chunkAgeMs: settings.chunkAgeMs, startTimer: startSystemTimer })
  }

  /** Opens what writes to a topic, as for `openSink`. */
  async openWriter(topic: string, partition: number | undefined): Promise<RecordWriter> {
    const { cluster, pipeline } = this
    if (partition !== undefined && isTransactional(pipeline)) {
      return transactionWriter(cluster, topic, partition)
    }
    if (partition !== undefined) {
      const takes = takenBytes(await cluster.admin.describe([topic]))
      return new ProducerWriter(await cluster.producer(), topic, [partition], takes)
    }
    const { found: all, problems } = await this.provideTopics(this.settings.topics)
    refusePassing(problems)
    const found = all.get(topic)
    // Strict or not, there has to be one.
    const words = this.settings.strict || found === undefined ? wordsOf(problems) : ''
    if (found === undefined || words !== '') throw new KafkaError('ERR_KAFKA_TOPIC', words)
    return new ProducerWriter(await cluster.producer(), topic, [...found.leaders.keys()], takenBytes([found]))
  }

  /** Outputs first: a source that grows before them has partitions whose records have nowhere to go. */
  private async provideTopics(mode: 'create' | 'verify'): Promise<TopicsReport> {
    const { cluster, settings, pipeline, log } = this
    const source = pipeline.source.kafka?.topic
    const [found] = source === undefined ? [] : await cluster.admin.describe([source])
    const partitions = Math.max(settings.partitions, found?.leaders.length ?? 0)
    const outputs = [...topicsOf(pipeline)].map(([name, { isForLetters }]) =>
      this.wanted(name, partitions, isForLetters ? lettersMs : recordsMs),
    )
    const sources = source === undefined ? [] : [this.wanted(source, settings.partitions, recordsMs)]
    const report = await provideTopics(cluster.admin, [...outputs, ...sources], { mode })
    const { made, grown, problems } = report
    if (made.length > 0) log.info('Topics are made.', { topics: [...made] })
    for (const { topic, from, to } of grown) log.info('A topic has more partitions.', { topic, from, to })
    const words = wordsOf(problems)
    if (words !== '' && words !== this.told) log.warn('Topics are not as they should be.', { problems: words })
    this.told = words
    return report
  }

  private wanted(name: string, partitions: number, retentionMs: number): TopicWanted {
    const { replicas } = this.settings
    return { name, partitions, replicas, config: topicConfig(replicas, retentionMs) }
  }

  /**
   * Returns why nothing may be read or written, if topics are to be as they should be. A source that has grown since the
   * group was joined has its outputs grow here.
   */
  private async topicsFault(): Promise<string | undefined> {
    const { problems } = await this.provideTopics(this.settings.topics)
    refusePassing(problems)
    // A partition that an output lacks is missed by that of the source alone, which looks for it (kafka-takeover.ts).
    const ofAll = problems.filter(({ setting }) => setting !== 'partitions')
    const grave = this.settings.strict ? ofAll : ofAll.filter(({ setting }) => this.mayNotDiffer(setting))
    return grave.length === 0 ? undefined : wordsOf(grave)
  }

  /** Compaction takes records away that objects begin with: who reads them again would give other names. */
  private mayNotDiffer(setting: string): boolean {
    return setting === 'cleanup.policy' && isArchive(this.pipeline)
  }

  private tellLoss(group: string, error: Error, reason: OutsideReason): void {
    if (reason === 'lost') this.log.warn('The process is out of the group, and joins again.', { group, error })
    else this.log.error('The process is out of the group, until somebody mends it.', { group, reason, cure: cures[reason], error }) // prettier-ignore
  }

  private events(onTakeover: SourceHooks['onTakeover']): KafkaPartitionEvents {
    const { log, metrics } = this
    return {
      onTakeover: (taken) => {
        const { partition, offset, generation, ms } = taken
        metrics.kafkaTook('takeover', ms / 1000)
        log.info('A partition is taken over.', { partition, offset: String(offset), generation, ms: Math.round(ms) })
        onTakeover?.(taken)
      },
      onStop: ({ partition, reason, message, error }) => {
        const ofOffset = isArchive(this.pipeline) ? cures.archive : cures.offset
        const cure = Object.hasOwn(cures, reason) ? cures[reason as keyof typeof cures] : ofOffset
        log.error('A partition is stopped, until somebody mends it.', { partition, reason, message, cure, error })
      },
      onDiscard: ({ partition, from, error }) => {
        metrics.discardedProducer(error)
        if (error === undefined) log.info('A transaction is abandoned.', { partition, offset: String(from) })
        else log.warn('A transaction failed, and the partition is taken over again.', { partition, offset: String(from), error }) // prettier-ignore
      },
      onCommit: ({ ms }) => metrics.kafkaTook('transaction', ms / 1000),
      onWrongBatch: ({ partition, expected, first }) => {
        metrics.wrongBatch()
        log.warn('A batch is not the one that comes next.', { partition, expected: String(expected), first: String(first) }) // prettier-ignore
      },
    }
  }
}

/** Returns what metrics are told of a source. */
export function measuredKafka({ partitions, outsideReason: outside, watch }: KafkaSource): MeasuredKafka {
  const { warnings } = watch
  return {
    outside,
    partitions: [...partitions.values()].map(({ partition, condition, stop, position, lag }) => {
      const known = watch.figuresOf(partition)
      const about = { partition, condition, reason: stop?.reason, position, isLate: known?.isLate }
      // Where the group stands is heard by looks only, of what cannot be taken over.
      const at = position < 0n ? known?.offset : position
      if (at === undefined) return about
      // What is stopped is fetched no more, and hears of its log by looks. Of two ends the later one is the log's.
      const end = maximum(position < 0n ? at : at + lag, known?.log.stable ?? at)
      return { ...about, lag: maximum(end - at, 0n), ...(known === undefined ? {} : { startDistance: at - known.log.first }) } // prettier-ignore
    }),
    hanging: warnings.flatMap(({ kind, topic, partition }) =>
      kind === 'hanging_transaction' ? [{ topic: topic!, partition: partition! }] : [],
    ),
    rulesDiffer: warnings.some(({ kind }) => kind === 'rule_versions'),
  }
}

function maximum(a: bigint, b: bigint): bigint {
  return a > b ? a : b
}

/** What to do about a stop or a loss. */
const cures = {
  no_credentials: 'mend the password file or the certificates: they are looked at again when they change',
  no_permission: 'give the user the right that is missing, see docs/errors.md: it is looked at again every 30 s',
  no_topic:
    'make the topic that is read, or have it made by `kafka.topics: create`: it is looked for every few seconds',
  foreign_group: 'give the pipeline a group of its own, or stop whoever uses this one',
  joining: 'wait',
  outputs: 'mend the topics: they are looked at again every 30 s',
  too_large: 'raise max.message.bytes of the output: it is looked at again when the process is started',
  archive: '`weir archive verify` tells what is in the bucket, `weir archive resume` has the partition go on behind it',
  offset: '`weir offsets show` tells where the group stands, `weir offsets set` where it goes on',
} as const

function wordsOf(problems: readonly TopicProblem[]): string {
  return problems.map(({ message }) => message).join(' ')
}

/** A partition without a leader gets one by itself, as when a broker is started again: nobody has to mend a setting. */
function refusePassing(problems: readonly TopicProblem[]): void {
  const passing = problems.filter(({ setting }) => setting === 'leader')
  if (passing.length > 0) throw new KafkaError('ERR_KAFKA_TOPIC', wordsOf(passing), { retryable: true })
}

/** Returns whether a pipeline has to do with Kafka. */
export function usesKafka(pipeline: PipelineSettings): boolean {
  return pipeline.source.kafka !== undefined || outputsOf(pipeline).some(([, { kafka }]) => kafka !== undefined)
}
