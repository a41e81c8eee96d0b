// `weir archive`: what lies in the bucket of an archive, or of a pipeline without a topic, and whether it is what it should be.
// Reads only; the service may go on meanwhile. What is wrong is found in ../archive.

import { Command, InvalidArgumentError } from 'commander'

import { catalog } from '../archive/catalog.ts'
import type { CatalogScope } from '../archive/catalog.ts'
import { verifyDirect } from '../archive/direct.ts'
import type { Finding } from '../archive/findings.ts'
import { verifyArchive } from '../archive/verify.ts'
import type { ArchivedTopic } from '../archive/verify.ts'
import type { S3SinkSettings } from '../config/schema.ts'
import { ConfigError, KafkaError } from '../errors.ts'
import { resumeCommand } from './archive-resume.ts'
import { withArchives } from './archives.ts'
import type { Archive, ArchiveOptions, DirectOutput } from './archives.ts'
import {
  directLines,
  entryLine,
  entryObject,
  findingLine,
  findingObject,
  summaryLines,
  summaryObject,
} from './archive-lines.ts'
import type { VerifyDepth } from './archive-lines.ts'
import { exitCode } from './context.ts'
import type { CommandContext } from './context.ts'
import { parseInteger, refuseRepeatedValues } from './option-values.ts'
import { noProgress, startProgress } from './progress.ts'
import { isClosedPipe } from './report.ts'
import { addSettingsOptions, repeatableSettingsOptions } from './settings-options.ts'

interface ListOptions extends ArchiveOptions {
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
  const list = new Command('ls').description('print the objects of an archive').action((options: ListOptions) =>
    withArchives(context, options, {
      archive: ({ name, settings, store }) => listObjects(context, options, { name, s3: settings.s3, store }),
      direct: (output) => listObjects(context, options, output),
    }),
  )
  const verify = new Command('verify')
    .description('look for what is missing, there twice, or not what it should be')
    .option('--manifests', 'look at manifests alone: read neither objects nor the topic')
    .option('--no-topic', 'read objects, and ask Kafka nothing')
    .action((options: VerifyOptions) =>
      withArchives(context, options, {
        archive: (archive) => verifyObjects(context, options, archive),
        direct: (output) => verifyOutput(context, options, output),
      }),
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

function scopeOf(s3: S3SinkSettings, { partition, since, until }: ListOptions): CatalogScope {
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
  { name, store, s3 }: Omit<DirectOutput, 'output'>,
): Promise<void> {
  const print = new LinePrinter(context)
  for await (const entry of catalog(store, scopeOf(s3, options))) {
    await print.line(options.json === true ? JSON.stringify(entryObject(name, entry)) : entryLine(entry))
  }
  await print.end()
}

async function verifyObjects(context: CommandContext, options: VerifyOptions, archive: Archive): Promise<void> {
  const { name, store, settings } = archive
  const scope = scopeOf(settings.s3, options)
  const depth: VerifyDepth = options.manifests === true ? 'manifests' : options.topic ? 'topic' : 'objects'
  const topic = depth === 'topic' ? await topicOf(archive) : undefined
  if (topic !== undefined) refuseUnknown(options, topic)
  await tellFindings(context, options, name, {
    begin: (onProgress) => {
      const about = { store, scope, readsObjects: depth !== 'manifests', onProgress }
      return verifyArchive({ ...about, ...(topic === undefined ? {} : { topic }) })
    },
    linesOf: (summary) => summaryLines(name, depth, summary),
    objectOf: (summary) => summaryObject(name, depth, summary),
  })
}

async function verifyOutput(context: CommandContext, options: VerifyOptions, direct: DirectOutput): Promise<void> {
  const { name, output, s3, store } = direct
  const scope = scopeOf(s3, options)
  const readsObjects = options.manifests !== true
  await tellFindings(context, options, name, {
    begin: (onProgress) => verifyDirect({ store, scope, pipeline: name, readsObjects, onProgress }),
    linesOf: (summary) => directLines(`${name} (${output})`, readsObjects, summary),
    objectOf: (sums) => ({
      summary: { pipeline: name, output, depth: readsObjects ? 'objects' : 'manifests', ...sums },
    }),
  })
}

/** A verification, and how its end is told. */
interface Telling<Summary> {
  readonly begin: (onProgress: (storedBytes: number) => void) => AsyncGenerator<Finding, Summary, undefined>
  readonly linesOf: (summary: Summary) => readonly string[]
  readonly objectOf: (summary: Summary) => object
}

async function tellFindings<Summary>(
  context: CommandContext,
  options: VerifyOptions,
  name: string,
  { begin, linesOf, objectOf }: Telling<Summary>,
): Promise<void> {
  const isJson = options.json === true
  const progress = context.isErrorTerminal ? startProgress(0, context.errorStream, context.interrupts) : noProgress
  const print = new LinePrinter(context)
  try {
    const verifying = begin((storedBytes) => progress.update(storedBytes))
    for (;;) {
      const next = await verifying.next()
      if (next.done === true) {
        const lines = isJson ? [JSON.stringify(objectOf(next.value))] : linesOf(next.value)
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

/** Of a partition that is not there nothing could be wrong. */
function refuseUnknown({ partition }: VerifyOptions, { topic, partitions }: ArchivedTopic): void {
  if (partition === undefined || partitions.includes(partition)) return
  const message = `--partition: ${topic} has no partition ${partition}, but 0 to ${partitions.length - 1}; with --no-topic, objects are looked at without it.`
  throw new ConfigError('ERR_CONFIG_OPTION', message)
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
