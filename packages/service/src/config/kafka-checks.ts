// What settings about Kafka may not say together: two pipelines in one group, outputs that would meet in a topic. Called by
// cross-checks.ts.

import { addressOf, isLoopback } from '../address.ts'
import { canBeExact, gapsOf, isTransactional, outputsOf } from './delivery.ts'
import { formatPath } from './outline.ts'
import type { Path } from './outline.ts'
import type { ProblemList } from './problems.ts'
import type { PipelineSettings, Settings } from './schema.ts'

/** Longest record that a send of Kafka takes with its key and headers. */
const mostRecordBytes = 2 << 20

/** Adds a problem for each contradiction. */
export function checkKafka(settings: Settings, problems: ProblemList): void {
  const pipelines = Object.entries(settings.pipelines)
  const places = pipelines.flatMap(([name, pipeline]) => kafkaPlaces(name, pipeline))
  if (settings.kafka === undefined) {
    // Where it cannot be read, that is what has to be mended.
    if (problems.has('kafka')) return
    for (const place of places) {
      problems.add(place, 'It is not said where Kafka is.', { suggestion: 'write `kafka: { brokers: [HOST:PORT] }`', atKey: true }) // prettier-ignore
    }
  } else checkConnection(settings.kafka, problems)
  for (const [name, pipeline] of pipelines) checkPipeline(['pipelines', name], pipeline, problems)
  checkGroups(settings, problems)
  checkTopics(settings, problems)
}

/** Adds what is allowed, and not what one should do where others can listen. */
export function warnOfKafka({ kafka }: Settings, warnings: ProblemList): void {
  if (kafka?.sasl === undefined || kafka.tls !== undefined) return
  // A name that is no address of ours is one that others can reach.
  const isOpen = kafka.brokers.some((broker) => {
    const address = addressOf(broker)
    return address === undefined || !isLoopback(address)
  })
  if (!isOpen) return
  const message =
    kafka.sasl.mechanism === 'plain'
      ? 'The password goes to the brokers as it is: without `kafka.tls` everybody on the way can read it, and all records.'
      : 'Without `kafka.tls` everybody on the way to the brokers can read all records, and try passwords against what is shown of ours.'
  warnings.add(['kafka', 'sasl', 'mechanism'], message, {
    suggestion: 'give `kafka: { tls: { ca: FILE } }`, or `tls: {}`',
  })
}

function kafkaPlaces(name: string, pipeline: PipelineSettings): Path[] {
  const at = ['pipelines', name]
  const source = pipeline.source.kafka === undefined ? [] : [[...at, 'source', 'kafka']]
  return [...source, ...sinkPlaces(at, pipeline).map(({ path }) => path)]
}

function sinkPlaces(at: Path, pipeline: PipelineSettings): { readonly path: Path; readonly topic: string }[] {
  return outputsOf(pipeline).flatMap(([name, { kafka }]) => {
    const path = [...at, ...(name === 'deadLetter' ? [name] : ['routes', name]), 'kafka']
    return kafka === undefined ? [] : [{ path, topic: kafka.topic }]
  })
}

function checkConnection({ tls, brokers }: NonNullable<Settings['kafka']>, problems: ProblemList): void {
  if (brokers.length === 0) problems.add(['kafka', 'brokers'], 'There are none.', { suggestion: 'name at least one' })
  if (tls === undefined || (tls.certificate === undefined) === (tls.key === undefined)) return
  const suggestion = 'give `certificate` and `key`, or neither'
  problems.add(['kafka', 'tls'], 'A certificate and its key belong together.', { suggestion })
}

function checkPipeline(at: Path, pipeline: PipelineSettings, problems: ProblemList): void {
  const { source, delivery, maxRecordBytes } = pipeline
  if (delivery === 'exactly-once' && !canBeExact(pipeline)) {
    const message =
      source.kafka === undefined
        ? 'The source is no topic of Kafka, so a record may come again.'
        : 'An output is no topic of Kafka, so it cannot count in one transaction with the position.'
    problems.add([...at, 'delivery'], message, { suggestion: 'write `at-least-once`, or drop it' })
  }
  const sinks = sinkPlaces(at, pipeline)
  if (sinks.length > 0 && maxRecordBytes > mostRecordBytes) {
    problems.add([...at, 'maxRecordBytes'], 'Kafka would refuse the longest records.', { suggestion: 'give at most 2MiB' }) // prettier-ignore
  }
  if (source.kafka === undefined) return
  for (const { path, topic } of sinks) {
    if (topic !== source.kafka.topic) continue
    problems.add([...path, 'topic'], 'It is the topic that is read: records would go round.', { suggestion: 'name another one' }) // prettier-ignore
  }
  for (const [name, sink] of outputsOf(pipeline)) {
    if (sink.stdout === undefined) continue
    const path = [...at, ...(name === 'deadLetter' ? [name] : ['routes', name]), 'stdout']
    problems.add(path, 'Partitions are read side by side, and there is one standard output.', { suggestion: 'write to a `directory`', atKey: true }) // prettier-ignore
  }
}

/** Members of one group divide its partitions: two pipelines would each have a part of the records. */
function checkGroups(settings: Settings, problems: ProblemList): void {
  const seen = new Map<string, Path>()
  for (const [name, { source }] of Object.entries(settings.pipelines)) {
    if (source.kafka === undefined) continue
    const at = ['pipelines', name, 'source', 'kafka', 'group']
    const other = seen.get(source.kafka.group)
    if (other === undefined) seen.set(source.kafka.group, at)
    else problems.add(at, `${formatPath(other)} is the same.`, { suggestion: 'give each pipeline a group of its own' })
  }
}

/** Transactions of two pipelines must not overlap in one partition, and each relies on writing there alone. */
function checkTopics(settings: Settings, problems: ProblemList): void {
  const pipelines = Object.entries(settings.pipelines)
  const outputs = pipelines.flatMap(([name, pipeline]) =>
    sinkPlaces(['pipelines', name], pipeline).map((place) => ({
      ...place,
      name,
      isFromKafka: pipeline.source.kafka !== undefined,
    })),
  )
  for (const [i, output] of outputs.entries()) {
    const other = outputs
      .slice(0, i)
      .find(
        ({ topic, name, isFromKafka }) =>
          topic === output.topic && name !== output.name && (isFromKafka || output.isFromKafka),
      )
    if (other === undefined) continue
    problems.add([...output.path, 'topic'], `${formatPath([...other.path, 'topic'])} is the same.`, {
      suggestion: 'give each pipeline topics of its own',
    })
  }
  for (const [name, { source }] of pipelines) {
    if (source.kafka === undefined || gapsOf(settings.pipelines[name]!) === 'allow') continue
    const { topic } = source.kafka
    const writer = outputs.find((output) => output.topic === topic && isTransactional(settings.pipelines[output.name]!) && output.name !== name) // prettier-ignore
    if (writer === undefined) continue
    problems.add(['pipelines', name, 'source', 'kafka', 'gaps'], `${formatPath(writer.path)} writes the topic in transactions, which leaves gaps.`, { suggestion: 'write `allow`' }) // prettier-ignore
  }
}
