// Contenders between two topics in Java: the original converter on Apache's client, as published and repaired, and Kafka
// Streams. All read records with Jackson and java.util.regex; peers/kafka-converter and peers/kafka-streams have the programs.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { javaProgram } from '../tools/java.ts'
import type { JavaTool } from '../tools/java.ts'
import type { KafkaContender, KafkaTask } from './contender.ts'

const libraries = ['kafka-clients', 'jackson-databind']

const converterTool = javaProgram({
  name: 'kafka-converter',
  mainClasses: ['weir.RepairedConverter', 'weir.OriginalConverter'],
  with: ['converter'],
  libraries,
})

const streamsTool = javaProgram({
  name: 'kafka-streams',
  mainClasses: ['weir.StreamsFilter'],
  with: ['kafka-converter', 'converter'],
  libraries: ['kafka-streams', ...libraries],
})

/** Threads that the original's settings have where they say nothing. */
const originalWorkers = 10
/** Records that wait are bounded, so that this is plenty. */
const heap = '-Xmx512m'

interface JavaContender extends Pick<KafkaContender, 'id' | 'label' | 'delivery'> {
  readonly tool: JavaTool
  readonly mainClass: string
  /** Java's own; collector and compilers are those that it chooses by itself. */
  readonly javaOptions: readonly string[]
  readonly threadsFor: (task: KafkaTask) => number
}

function javaContender({ mainClass, javaOptions, threadsFor, ...contender }: JavaContender): KafkaContender {
  return {
    ...contender,
    forms: ['lines', 'chunks'],
    start: (task) => {
      const path = join(task.folder, 'task.json')
      writeFileSync(path, JSON.stringify({ ...task, threads: threadsFor(task) }))
      const logging = '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn'
      return { command: ['java', ...javaOptions, logging, ...contender.tool.argumentsFor(mainClass), path] }
    },
  }
}

/** As published: patterns compiled for every line, a flush for each output, offsets committed ahead of the work. */
const original = javaContender({
  id: 'kafka-original',
  label: 'Java converter, original',
  delivery: 'at-most-once',
  tool: converterTool,
  mainClass: 'weir.OriginalConverter',
  // What it has read and not yet converted waits without bound, so it has as much as Java gives by itself.
  javaOptions: [],
  threadsFor: () => originalWorkers,
})

/** The same filters on tokens of whole records, outputs batched, offsets committed behind them. */
const repaired = javaContender({
  id: 'kafka-repaired',
  label: 'Java converter, repaired',
  delivery: 'at-least-once',
  tool: converterTool,
  mainClass: 'weir.RepairedConverter',
  javaOptions: [heap],
  threadsFor: () => originalWorkers,
})

/** Kafka Streams with `exactly_once_v2`, reading no further than to the value that drops a record. */
const streams = javaContender({
  id: 'kafka-streams',
  label: 'Kafka Streams',
  delivery: 'exactly-once',
  tool: streamsTool,
  mainClass: 'weir.StreamsFilter',
  javaOptions: [heap],
  threadsFor: ({ partitions }) => Math.min(partitions, 2),
})

/** The contenders, in the order of the tables. */
export const javaContenders: readonly KafkaContender[] = [original, repaired, streams]
