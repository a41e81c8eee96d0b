// How often records of a pipeline may arrive, as its settings have it. Called by cross-checks.ts and by ../commands.

import { chosen } from './schema.ts'
import type { KafkaSinkSettings, KafkaSourceSettings, PipelineSettings, S3SinkSettings, SinkSettings } from './schema.ts' // prettier-ignore

/** What a pipeline promises of each record that its source has acknowledged. */
export type DeliveryPromise = 'exactly-once' | 'at-least-once' | 'at-most-once'

/** Returns what the settings come to: exactly once only where it is possible, whatever they ask for. */
export function deliveryOf(pipeline: PipelineSettings): DeliveryPromise {
  // Standard input cannot be read again.
  if (pipeline.source.stdin !== undefined) return 'at-most-once'
  return pipeline.delivery !== 'at-least-once' && canBeExact(pipeline) ? 'exactly-once' : 'at-least-once'
}

/**
 * Returns whether every record can arrive just once: in an archive, whose objects are named by the log, and where outputs
 * and position count in one transaction.
 */
export function canBeExact(pipeline: PipelineSettings): boolean {
  return isArchive(pipeline) || canBeTransaction(pipeline)
}

/** Returns whether batches are transactions of Kafka: outputs and position count together, or not at all. */
export function isTransactional(pipeline: PipelineSettings): boolean {
  return canBeTransaction(pipeline) && deliveryOf(pipeline) === 'exactly-once'
}

/** Whether outputs and position can count in one transaction: all of them are topics, or nowhere. */
function canBeTransaction(pipeline: PipelineSettings): boolean {
  const isIn = (sink: SinkSettings) => sink.kafka !== undefined || sink.discard !== undefined
  return pipeline.source.kafka !== undefined && outputsOf(pipeline).every(([, sink]) => isIn(sink))
}

/** The two ends of an archive. */
export interface ArchiveSettings {
  readonly source: KafkaSourceSettings
  readonly s3: S3SinkSettings
}

/** Returns the ends of a pipeline that copies a topic into a bucket, and does nothing else; undefined for every other one. */
export function archiveOf({ source, rules, routes, deadLetter }: PipelineSettings): ArchiveSettings | undefined {
  const { kafka } = source
  const { s3 } = routes.keep
  const isCopy = rules === undefined && deadLetter === undefined && Object.keys(routes).length === 1
  return isCopy && kafka !== undefined && s3 !== undefined ? { source: kafka, s3 } : undefined
}

/** Returns whether a pipeline is an archive. */
export function isArchive(pipeline: PipelineSettings): boolean {
  return archiveOf(pipeline) !== undefined
}

/** Returns what becomes of a partition where offsets are missing. */
export function gapsOf(pipeline: PipelineSettings): 'stop' | 'allow' {
  return pipeline.source.kafka?.gaps ?? (isArchive(pipeline) ? 'allow' : 'stop')
}

/** Returns the outputs of a pipeline: routes by name, and `deadLetter`. */
export function outputsOf({ routes, deadLetter }: PipelineSettings): (readonly [string, SinkSettings])[] {
  const all: [string, SinkSettings | undefined][] = [...Object.entries(routes), ['deadLetter', deadLetter]]
  return all.flatMap(([name, sink]) => (sink === undefined ? [] : [[name, sink] as const]))
}

/** Returns the topics that a pipeline writes to, each once, and whether dead letters go there. */
export function topicsOf(pipeline: PipelineSettings): ReadonlyMap<string, { readonly isForLetters: boolean }> {
  const topics = new Map<string, { isForLetters: boolean }>()
  for (const [name, sink] of outputsOf(pipeline)) {
    if (sink.kafka === undefined) continue
    const known = topics.get(sink.kafka.topic)
    topics.set(sink.kafka.topic, { isForLetters: (known?.isForLetters ?? true) && name === 'deadLetter' })
  }
  return topics
}

/** Returns what a record of the topic holds. */
export function formatOf(sink: KafkaSinkSettings, { source }: PipelineSettings): 'lines' | 'chunks' {
  return sink.format ?? (chosen(source).kind === 'kafka' ? 'lines' : 'chunks')
}
