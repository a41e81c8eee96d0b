// The archives of the settings, each with its store, for commands that look at them. Called by archive.ts and
// archive-resume.ts.

import { archiveOf } from '../config/delivery.ts'
import type { ArchiveSettings } from '../config/delivery.ts'
import { ConfigError } from '../errors.ts'
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
  readonly json?: boolean
}

/** One archive, and what it is looked at with. */
export interface Archive {
  readonly name: string
  readonly settings: ArchiveSettings
  readonly store: ObjectStore
  readonly kafka: SharedKafka
}

/** Opens each archive that is asked for in turn, and tells errors. */
export async function withArchives(
  context: CommandContext,
  options: ArchiveOptions,
  run: (archive: Archive) => Promise<void>,
): Promise<void> {
  let kafka: SharedKafka | undefined
  try {
    const { settings } = await readSettings(context, options, { checksFiles: true })
    const found = Object.entries(settings.pipelines).map(([name, pipeline]) => [name, archiveOf(pipeline)] as const)
    const archives = found.flatMap(([name, each]) => (each === undefined ? [] : [[name, each] as const]))
    const log = openLog({ level: 'warn', format: 'text', write: (text) => void context.errorStream.write(text) })
    kafka = new SharedKafka(settings.kafka, log)
    for (const [name, archive] of wanted(archives, options)) {
      await withStore(archive, log, (store) => run({ name, settings: archive, store, kafka: kafka! }))
    }
  } catch (error) {
    if (isClosedPipe(error)) throw error
    reportError(context, error, { isJson: options.json ?? false })
  } finally {
    await kafka?.close()
  }
}

async function withStore(
  { s3 }: ArchiveSettings,
  log: StructuredLog,
  run: (store: ObjectStore) => Promise<void>,
): Promise<void> {
  const store = await openStore({ ...storeSettings(s3), log })
  try {
    await run(store)
  } finally {
    store.close()
  }
}

type Named = readonly [name: string, settings: ArchiveSettings]

function wanted(archives: readonly Named[], { pipeline }: ArchiveOptions): readonly Named[] {
  if (archives.length === 0) {
    throw new ConfigError(
      'ERR_CONFIG_OPTION',
      'No pipeline is an archive: none copies a topic into a bucket, without rules.',
    )
  }
  const found = archives.filter(([name]) => pipeline === undefined || name === pipeline)
  if (found.length > 0) return found
  const names = archives.map(([name]) => name).join(', ')
  throw new ConfigError('ERR_CONFIG_OPTION', `--pipeline: ${pipeline} is no archive; there are ${names}.`)
}
