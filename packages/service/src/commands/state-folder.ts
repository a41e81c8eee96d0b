// Where a pipeline notes how its process ends: a folder of the pipeline within the process's, which it owns while it runs; or
// the folder of its dead letters, where nobody else writes. What is noted is ../pipeline/end-marker.ts's. Called by
// served-pipelines.ts.

import path from 'node:path'

import { chosen } from '../config/schema.ts'
import type { PipelineSettings, Settings } from '../config/schema.ts'
import { ConnectorError, systemCode } from '../errors.ts'
import { lockFolder } from '../folder-lock.ts'
import { makeFolders } from '../folders.ts'
import type { StructuredLog } from '../structured-log.ts'

/** A place for notes. */
export interface NotesPlace {
  /** Absent: there is none, and the next process hears nothing of this one. */
  readonly folder?: string
  /** Lets another process have it. Never throws. */
  release(): Promise<void>
}

const readable = 0o750

/**
 * Opens the place of a pipeline's notes; the log is told where there is none. *Errors*: `ERR_CONNECTOR_LOCKED` where another process has the folder,
 * `ERR_CONNECTOR_CREATE` where it cannot be made.
 */
export async function openNotesPlace(
  settings: Settings,
  name: string,
  pipeline: PipelineSettings,
  log: StructuredLog,
): Promise<NotesPlace> {
  if (settings.stateFolder === undefined) {
    const folder = lettersFolder(pipeline)
    if (folder === undefined) {
      log.info('It is noted nowhere how this process ends, so that a record that ends it may come again.', { cure: 'give `stateFolder`' }) // prettier-ignore
    }
    return { ...(folder === undefined ? {} : { folder }), release: () => Promise.resolve() }
  }
  const folder = path.join(settings.stateFolder, name)
  await makeFolders(folder, readable).catch((error: unknown) => {
    const message = `Cannot make the folder for the state of ${name}: ${(error as Error).message}`
    throw new ConnectorError('ERR_CONNECTOR_CREATE', message, { details: { output: folder, system: systemCode(error) }, cause: error }) // prettier-ignore
  })
  const lock = await lockFolder(folder)
  return { folder, release: () => lock.release() }
}

/** The folder of the dead letters, which belongs to one pipeline of one process; behind Kafka only parts of it do. */
function lettersFolder({ source, deadLetter }: PipelineSettings): string | undefined {
  if (deadLetter === undefined || source.kafka !== undefined) return undefined
  const { kind, options } = chosen(deadLetter)
  return kind === 'directory' ? options.path : undefined
}
