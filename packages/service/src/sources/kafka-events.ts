// What happens to a partition of a Kafka source, for a log and for metrics. Types only. Told by kafka-partition.ts.

import type { StopReason } from './kafka-stops.ts'

/** What a log and metrics are told. */
export interface KafkaPartitionEvents {
  /** Told when a partition was taken over: the log is to say from where. */
  onTakeover(about: { partition: number; offset: bigint; generation: number; ms: number }): void
  onStop(about: { partition: number; reason: StopReason; message: string; error: unknown }): void
  /** Told that a producer was given up, and why; `error` is absent where a transaction was abandoned in order. */
  onDiscard(about: { partition: number; from: bigint; error?: unknown }): void
  /** Told that a transaction is committed, and how long it took from its beginning. */
  onCommit(about: { partition: number; offset: bigint; ms: number }): void
  /** Told of a batch that was not the one expected. */
  onWrongBatch(about: { partition: number; expected: bigint; first: bigint }): void
}
