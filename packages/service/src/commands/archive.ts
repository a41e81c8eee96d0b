// `weir archive`: what lies in the bucket of an archive, and whether it is what it should be. Reads only; the service may go
// on meanwhile. What is wrong is found in ../archive.

import { Command, InvalidArgumentError } from 'commander'

import { catalog } from '../archive/catalog.ts'
import type { CatalogScope } from '../archive/catalog.ts'
import { verifyArchive } from '../archive/verify.ts'
import type { ArchivedTopic } from '../archive/verify.ts'
import type { ArchiveSettings } from '../config/delivery.ts'
import { ConfigError, KafkaError } from '../errors.ts'
import { resumeCommand } from './archive-resume.ts'
import { withArchives } from './archives.ts'
import type { Archive, ArchiveOptions } from './archives.ts'
import { entryLine, entryObject, findingLine, findingObject, summaryLines, summaryObject } from './archive-lines.ts'
import type { VerifyDepth } from './archive-lines.ts'
import { exitCode } from './context.ts'
import type { CommandContext } from './context.ts'
import { parseInteger, refuseRepeatedValues } from './option-values.ts'
import { noProgress, startProgress } from './progress.ts'
import { isClosedPipe } from './report.ts'
import { addSettingsOptions, repeatableSettingsOptions } from './settings-options.ts'

interface ListOptions extends ArchiveOptions {
  readonly partition?: number
  readonly since?: string
  readonly until?: string
}

interface VerifyOptions extends ListOptions {
  readonly manifests?: boolean
  /** False: `--no-topic`. */
  readonly topic: boolean
}

const mostPartition = 999_999

const listExample = `
Example:
  weir archive ls --config weir.yaml --since 2026-11-22T10 --until 2026-11-22T11

A line has hour, topic and partition, offsets of the first and last record, records, their bytes, bytes as stored, versions of the rule
sets, and the name. Hours are UTC, by the time that records came to the topic.`
const verifyExample = `
Example:
  weir archive verify --config weir.yaml --since 2026-11-22 --until 2026-11-22

Exits with 0 where nothing is wrong, and with 1 where something is. Writes nothing, neither to the bucket nor to the topic.`

/** Returns the command, to be added to the program. */
export function archiveCommand(context: CommandContext): Command {
  const list = new Command('ls')
    .description('print the objects of an archive')
    .action((options: ListOptions) =>
      withArchives(context, options, (archive) => listObjects(context, options, archive)),
    )
  const verify = new Command('verify')
    .description('look for what is missing, there twice, or not what it should be')
    .option('--manifests', 'look at manifests alone: read neither objects nor the topic')
    .option('--no-topic', 'read objects, and ask Kafka nothing')
    .action((options: VerifyOptions) =>
      withArchives(context, options, (archive) => verifyObjects(context, options, archive)),
    )
  for (const command of [list, verify]) {
    command
      .option('--pipeline <name>', 'the archive, where there are several')
      .option('--partition <number>', 'one partition', parseInteger({ least: 0, most: mostPartition }))
      .option('--since <hour>', 'the first hour, as 2026-11-22T10, or the first day, as 2026-11-22', firstHour)
      .option('--until <hour>', 'the last hour, or the last day', lastHour)
      .option('--json', 'print JSON objects, one a line')
    addSettingsOptions(command)
    refuseRepeatedValues(command, repeatableSettingsOptions)
  }
  list.addHelpText('after', listExample)
  verify.addHelpText('after', verifyExample)
  return new Command('archive')
    .description('look at what lies in S3, verify it, and say where it goes on')
    .addCommand(list)
    .addCommand(resumeCommand(context))
    .addCommand(verify)
}

function scopeOf({ s3 }: ArchiveSettings, { partition, since, until }: ListOptions): CatalogScope {
  if (since !== undefined && until !== undefined && since > until) {
    throw new ConfigError('ERR_CONFIG_OPTION', `--until: ${until} is before ${since}, which --since names.`)
  }
  return {
    prefix: s3.prefix,
    ...(partition === undefined ? {} : { partition }),
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
  }
}

async function listObjects(
  context: CommandContext,
  options: ListOptions,
  { name, store, settings }: Archive,
): Promise<void> {
  const print = new LinePrinter(context)
  for await (const entry of catalog(store, scopeOf(settings, options))) {
    await print.line(options.json === true ? JSON.stringify(entryObject(name, entry)) : entryLine(entry))
  }
  await print.end()
}

async function verifyObjects(context: CommandContext, options: VerifyOptions, archive: Archive): Promise<void> {
  const { name, store, settings } = archive
  const scope = scopeOf(settings, options)
  const isJson = options.json === true
  const depth: VerifyDepth = options.manifests === true ? 'manifests' : options.topic ? 'topic' : 'objects'
  const topic = depth === 'topic' ? await topicOf(archive) : undefined
  const progress = context.isErrorTerminal ? startProgress(0, context.errorStream, context.interrupts) : noProgress
  const onProgress = (storedBytes: number) => progress.update(storedBytes)
  const print = new LinePrinter(context)
  try {
    const about = { store, scope, readsObjects: depth !== 'manifests', onProgress }
    const verifying = verifyArchive({ ...about, ...(topic === undefined ? {} : { topic }) })
    for (;;) {
      const next = await verifying.next()
      if (next.done === true) {
        const { value } = next
        const lines = isJson ? [JSON.stringify(summaryObject(name, depth, value))] : summaryLines(name, depth, value)
        for (const line of lines) await print.line(line)
        break
      }
      context.exitWith(exitCode.fault)
      await print.line(isJson ? JSON.stringify(findingObject(name, next.value)) : findingLine(next.value))
    }
    await print.end()
  } catch (error) {
    // What nobody reads to its end has not found that nothing is wrong.
    if (!isClosedPipe(error)) throw error
    context.exitWith(exitCode.fault)
  } finally {
    progress.stop()
  }
}

async function topicOf({ settings: { source }, kafka }: Archive): Promise<ArchivedTopic> {
  const cluster = await kafka.cluster()
  const { topic, group } = source
  const [found] = await cluster.admin.describe([topic])
  if (found === undefined) {
    throw new KafkaError(
      'ERR_KAFKA_TOPIC',
      `There is no topic ${topic}; with --no-topic, objects are looked at without it.`,
    )
  }
  const partitions = [...found.leaders.keys()]
  const [clusterId, topicId] = [await cluster.admin.clusterId(), (await cluster.admin.topicId(topic)) ?? '']
  return { cluster, topic, group, partitions, clusterId, topicId }
}

/** Prints lines, many at a time where many come. */
class LinePrinter {
  readonly #context: CommandContext
  #text = ''

  constructor(context: CommandContext) {
    this.#context = context
  }

  async line(text: string): Promise<void> {
    this.#text += `${text}\n`
    if (this.#text.length > mostHeldCharacters || this.#context.isOutputTerminal) await this.end()
  }

  async end(): Promise<void> {
    const text = this.#text
    this.#text = ''
    if (text !== '') await this.#context.print(text)
  }
}

const mostHeldCharacters = 16_384

function firstHour(text: string): string {
  return hourIn(text, '00')
}

function lastHour(text: string): string {
  return hourIn(text, '23')
}

function hourIn(text: string, hourOfDay: string): string {
  const match = /^(\d{4}-\d{2}-\d{2})(?:T(\d{2}))?$/.exec(text)
  const hour = `${match?.[1]}T${match?.[2] ?? hourOfDay}`
  const ms = Date.parse(`${hour}:00:00Z`)
  // What the calendar does not have is taken for the day behind by some.
  if (match !== null && !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(hour)) return hour
  throw new InvalidArgumentError('Give an hour, as 2026-11-22T10, or a day, as 2026-11-22; both are UTC.')
}
