// What partitions of a Kafka source are made with. Types only. Called by kafka.ts and kafka-partition.ts.

import type { KafkaCluster } from '../kafka/port.ts'
import type { Clock, StartTimer } from '../time.ts'
import type { KafkaPartitionEvents } from './kafka-events.ts'
import type { KafkaFormat } from './kafka-format.ts'
import type { TakeoverParts } from './kafka-takeover.ts'

/** Options of all partitions of a source. */
export interface KafkaPartitionOptions {
  readonly cluster: KafkaCluster
  readonly group: string
  readonly topic: string
  readonly format: KafkaFormat
  readonly outputs: TakeoverParts['outputs']
  readonly checkTopics?: TakeoverParts['checkTopics']
  readonly beginAt?: TakeoverParts['beginAt']
  /** Whether outputs count in one transaction with the position. */
  readonly isExactlyOnce: boolean
  /**
   * Whether what was handed out and is not committed is handed out again after each takeover, for whoever takes it keeps
   * it until it has enough. Default: it is committed before the next takeover.
   */
  readonly rereads?: boolean
  /** Whether offsets may be missing: the topic is compacted, or written in transactions. */
  readonly allowsGaps: boolean
  readonly clock: Clock
  readonly startTimer: StartTimer
  readonly events: KafkaPartitionEvents
}
