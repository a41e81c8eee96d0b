// The contract of a contender from a topic to a bucket: a program that reads the one and writes objects into the other,
// until it is told to end. Types only. Contenders stand beside it, contenders.ts lists them, and passes.ts runs them.

import type { Delivery, KafkaStart } from '../kafka/contender.ts'
import type { ListedObject } from './listing.ts'
import type { BenchmarkStore } from './store.ts'

/** What objects are like. */
export interface ObjectShape {
  /** Level of gzip; 0: objects are not compressed. */
  readonly level: number
  /** Most bytes of records of an object, before they are compressed. */
  readonly maxObjectBytes: number
  /** Whether objects may grow in a folder, not in memory alone. */
  readonly hasSpool: boolean
}

/** What a contender is to do. */
export interface ArchiveTask extends ObjectShape {
  /** Of the broker, `host:port`. */
  readonly bootstrap: string
  /** Name of the consumer group, new for every run. An offset is committed in it when the records before lie in the bucket. */
  readonly group: string
  /** One record a value. */
  readonly topic: string
  readonly partitions: number
  readonly store: BenchmarkStore
  /**
   * Where objects belong, by `dt=DATE/hr=HOUR/TOPIC+PARTITION+OFFSET.ndjson`, with `.gz` where they are compressed: date and
   * hour of the first record in UTC, its offset with 20 digits. No object has records of two minutes.
   */
  readonly prefix: string
  /** An empty folder of this process alone, for settings and state. */
  readonly folder: string
}

/** Something that archives. */
export interface ArchiveContender {
  /** What `--contenders` names it. */
  readonly id: string
  readonly label: string
  readonly delivery: Delivery
  /** Whether it is measured in all cases, or only in those that are nothing special. */
  readonly takesAll: boolean
  /** As `KafkaContender.start`. */
  start(task: ArchiveTask): KafkaStart
  /** Returns what its objects say of themselves, where they say something. `folder`: of the task that has begun. */
  list?(folder: string): readonly ListedObject[]
}
