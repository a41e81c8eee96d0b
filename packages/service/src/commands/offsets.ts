// `weir offsets`: where the consumer groups of pipelines stand in their topics, and setting that by hand, with a reason. The
// only way past a partition that is stopped: the service never takes an offset by default.

import { Command } from 'commander'

import { isArchive } from '../config/delivery.ts'
import { pipelineOf } from '../config/load.ts'
import type { LoadedSettings } from '../config/load.ts'
import type { KafkaSourceSettings } from '../config/schema.ts'
import { ConfigError, KafkaError } from '../errors.ts'
import type { KafkaCluster } from '../kafka/port.ts'
import { openLog } from '../structured-log.ts'
import type { CommandContext } from './context.ts'
import { refuseRepeatedValues } from './option-values.ts'
import { reportError } from './report.ts'
import { SharedKafka } from './serve-kafka.ts'
import { addSettingsOptions, readSettings, repeatableSettingsOptions } from './settings-options.ts'
import type { SettingsOptions } from './settings-options.ts'
import { fence, lineOf, reasonOf, standingOf } from './standing.ts'
import type { Standing } from './standing.ts'

interface ShowOptions extends SettingsOptions {
  readonly json?: boolean
}

interface SetOptions extends ShowOptions {
  readonly pipeline?: string
  readonly partition: string
  readonly offset: string
  readonly reason: string
}

const showExample = '\nExample:\n  weir offsets show --config weir.yaml'
const setExample = `
Example:
  weir offsets set --config weir.yaml --partition 3 --offset 120034 --reason "deleted by retention, see incident 12"

Everything that reads with the group has to be stopped before. \`first\` and \`end\` stand for where the log begins and ends.
Records between the old and the new offset are passed by, or come again: nobody but you can say which is right.`

/** Returns the command, to be added to the program. */
export function offsetsCommand(context: CommandContext): Command {
  const show = new Command('show')
    .description('print where the groups of pipelines stand in their topics')
    .option('--json', 'print one JSON object')
    .addHelpText('after', showExample)
    .action((options: ShowOptions) => withKafka(context, options, (work) => showOffsets(context, options, work)))
  const set = new Command('set')
    .description('set where a stopped group goes on')
    .option('--pipeline <name>', 'the pipeline, where several read from Kafka')
    .requiredOption('--partition <number>', 'the partition')
    .requiredOption('--offset <offset>', 'the offset that comes next: a number, `first` or `end`')
    .requiredOption('--reason <text>', 'why; it is kept with the offset')
    .option('--json', 'print one JSON object')
    .addHelpText('after', setExample)
    .action((options: SetOptions) => withKafka(context, options, (work) => setOffset(context, options, work)))
  for (const command of [show, set]) {
    addSettingsOptions(command)
    refuseRepeatedValues(command, repeatableSettingsOptions)
  }
  return new Command('offsets').description('show and set offsets of Kafka').addCommand(set).addCommand(show)
}

interface Work {
  readonly loaded: LoadedSettings
  readonly cluster: KafkaCluster
  /** Pipelines that read from Kafka. */
  readonly sources: ReadonlyMap<string, KafkaSourceSettings>
}

async function withKafka(context: CommandContext, options: ShowOptions, run: (work: Work) => Promise<void>) {
  let kafka: SharedKafka | undefined
  try {
    const loaded = await readSettings(context, options, { checksFiles: true })
    const sources = new Map(
      Object.keys(loaded.settings.pipelines).flatMap((name) => {
        const { source } = pipelineOf(loaded.settings, name)
        return source.kafka === undefined ? [] : [[name, source.kafka] as const]
      }),
    )
    if (sources.size === 0) throw new ConfigError('ERR_CONFIG_OPTION', 'No pipeline reads from Kafka.')
    const log = openLog({ level: 'warn', format: 'text', write: (text) => void context.errorStream.write(text) })
    kafka = new SharedKafka(loaded.settings.kafka, log)
    await run({ loaded, sources, cluster: await kafka.cluster() })
  } catch (error) {
    reportError(context, error, { isJson: options.json ?? false })
  } finally {
    await kafka?.close()
  }
}

/** What is there is printed, also where a topic of another pipeline is not. */
async function showOffsets(context: CommandContext, { json }: ShowOptions, { sources, cluster }: Work): Promise<void> {
  const all: Standing[] = []
  const missing: string[] = []
  for (const [name, source] of sources) {
    const [found] = await cluster.admin.describe([source.topic])
    if (found === undefined) missing.push(`There is no topic ${source.topic}, which ${name} reads`)
    for (const partition of found?.leaders.keys() ?? []) all.push(await standingOf(name, source, partition, cluster))
  }
  await context.print(json === true ? `${JSON.stringify({ offsets: all })}\n` : all.map((each) => `${lineOf(each)}\n`).join('')) // prettier-ignore
  if (missing.length === 0) return
  const cure = 'Make it, have the service make it with `kafka.topics: create`, or mend `source.kafka.topic`'
  throw new KafkaError('ERR_KAFKA_TOPIC', `${missing.join('. ')}. ${cure}.`)
}

async function setOffset(context: CommandContext, options: SetOptions, work: Work): Promise<void> {
  const { cluster } = work
  const [name, source] = wantedSource(options, work)
  const { group, topic } = source
  const target = { topic, partition: partitionOf(options.partition) }
  const reason = reasonOf(options)
  if (isArchive(pipelineOf(work.loaded.settings, name))) {
    const message = `--pipeline: ${name} is an archive, in which an offset within an object would write records twice: \`weir archive resume\` sets where it goes on.`
    throw new ConfigError('ERR_CONFIG_OPTION', message)
  }
  const before = await standingOf(name, source, target.partition, cluster)
  const offset = offsetOf(options.offset, before)
  await fence(cluster, group, target)
  await cluster.admin.setCommitted(group, target, offset, `set: ${reason}`)
  const after = await standingOf(name, source, target.partition, cluster)
  if (options.json === true) return context.print(`${JSON.stringify({ before, after })}\n`)
  await context.print(`${lineOf(before)}\n${lineOf(after)}\n`)
}

function wantedSource({ pipeline }: SetOptions, { sources }: Work): readonly [string, KafkaSourceSettings] {
  const name = pipeline ?? (sources.size === 1 ? [...sources.keys()][0] : undefined)
  const source = name === undefined ? undefined : sources.get(name)
  if (name !== undefined && source !== undefined) return [name, source]
  const names = [...sources.keys()].join(', ')
  const message = name === undefined ? `--pipeline: name one of ${names}.` : `--pipeline: ${name} does not read from Kafka; there are ${names}.` // prettier-ignore
  throw new ConfigError('ERR_CONFIG_OPTION', message)
}

function partitionOf(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text)
  throw new ConfigError('ERR_CONFIG_OPTION', `--partition: ${JSON.stringify(text)} is no number of a partition.`)
}

function offsetOf(text: string, { first, end }: Standing): bigint {
  if (text === 'first') return BigInt(first)
  if (text === 'end') return BigInt(end)
  const offset = /^\d{1,19}$/.test(text) ? BigInt(text) : -1n
  if (offset >= BigInt(first) && offset <= BigInt(end)) return offset
  const message = `--offset: ${JSON.stringify(text)} cannot be set: give a number from ${first} to ${end}, \`first\` or \`end\`.`
  throw new ConfigError('ERR_CONFIG_OPTION', message)
}
