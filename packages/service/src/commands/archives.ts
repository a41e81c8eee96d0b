// The archives of the settings, and outputs in S3 of pipelines without a topic, each with its store, for commands that look at
// them. Called by archive.ts and archive-resume.ts.

import { archiveOf, outputsOf } from '../config/delivery.ts'
import type { ArchiveSettings } from '../config/delivery.ts'
import type { S3SinkSettings, Settings } from '../config/schema.ts'
import { ConfigError, KafkaError, S3Error } from '../errors.ts'
import type { ObjectStore } from '../ports/object-store.ts'
import { openStore } from '../s3/store.ts'
import { openLog } from '../structured-log.ts'
import type { StructuredLog } from '../structured-log.ts'
import type { CommandContext } from './context.ts'
import { isClosedPipe, reportError } from './report.ts'
import { SharedKafka } from './serve-kafka.ts'
import { readSettings } from './settings-options.ts'
import type { SettingsOptions } from './settings-options.ts'
import { storeSettings } from './store-settings.ts'

/** Options of every command that looks at archives. */
export interface ArchiveOptions extends SettingsOptions {
  readonly pipeline?: string
  readonly partition?: number
  readonly json?: boolean
}

/** One archive, and what it is looked at with. */
export interface Archive {
  readonly name: string
  readonly settings: ArchiveSettings
  readonly store: ObjectStore
  readonly kafka: SharedKafka
}

/** An output in S3 of a pipeline without a topic, whose objects have no offsets. */
export interface DirectOutput {
  /** Of the pipeline. */
  readonly name: string
  /** The route, or `deadLetter`. */
  readonly output: string
  readonly s3: S3SinkSettings
  readonly store: ObjectStore
}

/** What is done with each archive that is asked for, and with each output of a pipeline without a topic. */
export interface ArchiveWork {
  readonly archive: (archive: Archive) => Promise<void>
  /** It changes something: where there are several archives, one has to be named. Absent: all are gone through. */
  readonly needsOne?: true
  /** Absent: there is nothing to be done with them. */
  readonly direct?: (output: DirectOutput) => Promise<void>
}

/** Opens each archive, and each output, that is asked for in turn, and tells errors. */
export async function withArchives(context: CommandContext, options: ArchiveOptions, work: ArchiveWork): Promise<void> {
  let kafka: SharedKafka | undefined
  try {
    const { settings } = await readSettings(context, options, { checksFiles: true })
    const log = openLog({ level: 'warn', format: 'text', write: (text) => void context.errorStream.write(text) })
    kafka = new SharedKafka(settings.kafka, log)
    const cluster = kafka
    for (const each of wanted(settings, options, work)) {
      await toldAlone(context, options, () =>
        withStore(each.s3, log, (store) => {
          if ('output' in each) return work.direct!({ ...each, store })
          const { name, archive } = each
          return work.archive({ name, settings: archive, store, kafka: cluster })
        }),
      )
    }
  } catch (error) {
    if (isClosedPipe(error)) throw error
    reportError(context, error, { isJson: options.json ?? false })
  } finally {
    await kafka?.close()
  }
}

/** What cannot be asked of one archive says nothing of the next, which is looked at all the same. */
async function toldAlone(context: CommandContext, { json }: ArchiveOptions, run: () => Promise<void>): Promise<void> {
  try {
    await run()
  } catch (error) {
    if (!(error instanceof S3Error) && !(error instanceof KafkaError)) throw error
    reportError(context, error, { isJson: json ?? false })
  }
}

async function withStore(s3: S3SinkSettings, log: StructuredLog, run: (store: ObjectStore) => Promise<void>) {
  const store = await openStore({ ...storeSettings(s3), log })
  try {
    await run(store)
  } finally {
    store.close()
  }
}

type Wanted = { readonly name: string; readonly s3: S3SinkSettings } & (
  { readonly archive: ArchiveSettings } | { readonly output: string }
)

function wanted({ pipelines }: Settings, options: ArchiveOptions, { direct, needsOne }: ArchiveWork): Wanted[] {
  const { pipeline, partition } = options
  const takesDirect = direct !== undefined
  const all = Object.entries(pipelines).flatMap(([name, each]): Wanted[] => {
    const archive = archiveOf(each)
    if (archive !== undefined) return [{ name, s3: archive.s3, archive }]
    return outputsOf(each).flatMap(([output, { s3 }]) => (s3 === undefined ? [] : [{ name, s3, output }]))
  })
  const fitting = all.filter((each) => 'archive' in each || (takesDirect && partition === undefined))
  const found = fitting.filter(({ name }) => pipeline === undefined || name === pipeline)
  const names = [...new Set(fitting.map(({ name }) => name))].join(', ')
  if (needsOne && found.length > 1) throw new ConfigError('ERR_CONFIG_OPTION', `--pipeline: name one of ${names}.`)
  if (found.length > 0) return found
  const named = all.find(({ name }) => pipeline === undefined || name === pipeline)
  if (named !== undefined && !('archive' in named)) {
    const why = `${named.name} writes objects to S3 without a topic: they have no partitions and no offsets`
    throw new ConfigError('ERR_CONFIG_OPTION', `${takesDirect ? '--partition: ' : ''}${why}.`)
  }
  if (all.length === 0) {
    throw new ConfigError('ERR_CONFIG_OPTION', 'No pipeline is an archive, which copies a topic into a bucket, without rules; and none writes to S3 otherwise.') // prettier-ignore
  }
  const others = names === '' ? 'no pipeline is one' : `there are ${names}`
  throw new ConfigError('ERR_CONFIG_OPTION', `--pipeline: ${pipeline} is no archive; ${others}.`)
}
