// The outputs of one pipeline, from its settings: a sink for each route, and the dead letters. Opened all or none, and
// anew for each session. Called by served-pipelines.ts.

import path from 'node:path'

import { chosen } from '../config/schema.ts'
import type { PipelineSettings, SinkSettings } from '../config/schema.ts'
import type { PipelineMetrics } from '../metrics.ts'
import { measuredDeadLetters, measuredSink } from '../pipeline/measured-sink.ts'
import { Router } from '../pipeline/router.ts'
import type { DeadLetters } from '../ports/dead-letters.ts'
import type { Sink } from '../ports/sink.ts'
import { deadLettersInto } from '../sinks/dead-letter.ts'
import { deadLettersToKafka } from '../sinks/kafka-dead-letter.ts'
import { openDirectorySink } from '../sinks/directory.ts'
import { openStdoutSink } from '../sinks/stdout.ts'
import type { StructuredLog } from '../structured-log.ts'
import { startSystemTimer, steadyClock } from '../time.ts'
import type { PipelineKafka } from './serve-kafka.ts'
import type { Buckets } from './serve-s3.ts'

const now = steadyClock

/** What outputs are opened with besides their settings. */
export interface OutputParts {
  /** The name of the pipeline. */
  readonly pipeline: string
  readonly metrics: PipelineMetrics
  readonly log: StructuredLog
  /** Where a pipeline has to do with Kafka. */
  readonly kafka?: PipelineKafka | undefined
  readonly buckets: Buckets
  /** The partition of the source whose records they take; absent where it has none. */
  readonly partition?: number
}

/** Opens every output. *Errors*: those of the sinks; then none is left open. */
export async function openOutputs(pipeline: PipelineSettings, parts: OutputParts): Promise<Router> {
  const { routes, deadLetter, maxRecordBytes } = pipeline
  const { metrics } = parts
  const sinks = new Map<string, Sink>()
  let letters: DeadLetters | undefined
  try {
    for (const [route, settings] of Object.entries(routes)) {
      if (settings === undefined) continue
      const sink = await openSink(settings, parts)
      // Without a sink, a route's records are counted and gathered nowhere.
      if (sink !== undefined) sinks.set(route, measuredSink(sink, { metrics, label: route, now }))
    }
    if (deadLetter !== undefined) letters = await openLetters(deadLetter, maxRecordBytes, parts)
  } catch (error) {
    for (const sink of [...sinks.values(), ...(letters === undefined ? [] : [letters])]) await sink.discard()
    throw error
  }
  return new Router(
    sinks,
    letters === undefined ? undefined : measuredDeadLetters(letters, { metrics, label: 'dead-letter', now }),
  )
}

async function openLetters(
  settings: SinkSettings,
  maxRecordBytes: number,
  parts: OutputParts,
): Promise<DeadLetters | undefined> {
  const onSuppressed = (suppressed: object) =>
    parts.log.warn('Dead letters are left out, for there are too many.', { ...suppressed })
  const options = { clock: Date.now, maxRecordBytes, onSuppressed }
  if (settings.kafka !== undefined) {
    return deadLettersToKafka(await kafkaOf(parts).openWriter(settings.kafka.topic, parts.partition), options)
  }
  const sink = await openSink(settings, parts)
  return sink === undefined ? undefined : deadLettersInto(sink, options)
}

async function openSink(settings: SinkSettings, parts: OutputParts): Promise<Sink | undefined> {
  const { kind, options } = chosen(settings)
  const { partition } = parts
  if (kind === 'kafka') return kafkaOf(parts).openSink(options, partition)
  if (kind === 'directory') {
    // A folder has one writer, and partitions are many.
    const folder = partition === undefined ? options.path : path.join(options.path, `partition-${partition}`)
    return openDirectorySink({ ...options, path: folder, clock: Date.now, steadyClock, startTimer: startSystemTimer })
  }
  if (kind === 's3') return parts.buckets.of(options).openSink(parts)
  return kind === 'stdout' ? openStdoutSink() : undefined
}

function kafkaOf({ kafka }: OutputParts): PipelineKafka {
  if (kafka === undefined) throw new TypeError('The settings were not checked: Kafka is nowhere.')
  return kafka
}
