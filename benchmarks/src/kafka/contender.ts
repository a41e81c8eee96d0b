// The contract of a contender between two topics: a program that reads one, filters, and writes the other, until it is told
// to end. Types only. Contenders stand beside it, contenders.ts lists them, and passes.ts runs them.

import type { OriginalFilterSettings } from '@weir/engine'
import type { Tool } from '../tools/tool.ts'

/** What a value of a topic holds: one record without its line end, or many as lines. */
export type Form = 'lines' | 'chunks'

/** What is promised where something fails. `at-most-once`: what is committed may not be written yet. */
export type Delivery = 'exactly-once' | 'at-least-once' | 'at-most-once'

/** What a contender is to do. */
export interface KafkaTask {
  /** Of the broker, `host:port`. */
  readonly bootstrap: string
  /**
   * Name of the consumer group, new for every run. The contender commits in it what it is through with, every 100 ms or more
   * often: the harness sees by it how far it is. Kafka Streams has it as its application's id.
   */
  readonly group: string
  /** Topics. Both are there with as many partitions, records have null keys, and the output is empty. */
  readonly input: string
  readonly output: string
  readonly partitions: number
  /**
   * Of both topics. Kept lines of chunks stay in their order; those of several values may be joined, but not by a contender
   * that commits ahead of its work, whose values are counted.
   */
  readonly form: Form
  /** All of them have to let a record pass. */
  readonly filters: readonly OriginalFilterSettings[]
  /** An empty folder of this process alone, for settings and state. */
  readonly folder: string
}

/** How a contender is started. */
export interface KafkaStart {
  /** Program and arguments; no shell is between, so that signals and /proc are about the program itself. */
  readonly command: readonly [program: string, ...args: string[]]
  /** Added to the environment. */
  readonly environment?: Readonly<Record<string, string>>
}

/** Something that filters between topics. */
export interface KafkaContender {
  /** What `--contenders` names it. */
  readonly id: string
  readonly label: string
  /** The program that it needs; absent where it is a part of this repository. */
  readonly tool?: Tool
  readonly forms: readonly Form[]
  readonly delivery: Delivery
  /**
   * Writes what the program is to read into the folder of the task, and returns how it is started. It begins at the first
   * record where the group has no offset, and runs until SIGTERM. *Errors*: where the task cannot be told to it.
   */
  start(task: KafkaTask): KafkaStart
}
