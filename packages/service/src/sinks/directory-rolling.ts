// One file of a folder on its way from its first byte to the journal line that closes it: what is known of it, what of it
// may count, and its sync. Decides nothing. Called by directory.ts.

import path from 'node:path'

import { ConnectorError } from '../errors.ts'
import type { DirectoryFile } from './directory-file.ts'
import type { NewEntry } from './directory-journal.ts'

/** A file from its first byte to the journal line that closes it. */
export interface RollingFile {
  readonly name: string
  readonly data: DirectoryFile
  readonly createdMs: number
  /** When it is old, by the steady clock. */
  readonly oldAtMs: number
  /** Of the records in it, those of the member of gzip that is not ended included. */
  versions: readonly string[]
  /** What a journal may count: up to the end of a write or of a member. */
  complete: Pick<NewEntry, 'bytes' | 'versions'>
  /** Somebody has removed it, or moved it away, or put another one in its place. */
  isGone: boolean
}

/**
 * Syncs a file, and sees that it is where it will be looked for: bytes of one that was removed are safe nowhere.
 * `countedBytes`: what the journal says of it, for the message.
 * *Errors*: the system's; `ERR_CONNECTOR_WRITE` for a file that is gone, and then says so of itself.
 */
export async function syncInPlace(folder: string, file: RollingFile, countedBytes: number): Promise<void> {
  const name = path.join(folder, file.name)
  const [isInPlace] = await Promise.all([file.data.isAt(name), file.data.sync()])
  if (isInPlace) return
  file.isGone = true
  const message = `Cannot write ${name}: somebody removed or replaced it while it was open, with ${countedBytes} bytes that were acknowledged.`
  throw new ConnectorError('ERR_CONNECTOR_WRITE', message, { retryable: true, details: { output: folder } })
}

/** Returns what the journal is to say of a file: what is complete of it. */
export function entryOf({ name, complete, createdMs }: RollingFile, state: NewEntry['state']): NewEntry {
  return { file: name, ...complete, state, created: new Date(createdMs).toISOString() }
}

/** Ends what is being compressed, so that everything written may count. */
export async function completeFile(file: RollingFile): Promise<void> {
  await file.data.endMember()
  file.complete = completeOf(file)
}

/** Returns what may count when nothing is being compressed. */
export function completeOf({ data, versions }: RollingFile): RollingFile['complete'] {
  return { bytes: data.writtenBytes, versions }
}
