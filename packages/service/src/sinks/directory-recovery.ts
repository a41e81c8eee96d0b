// What happens to a folder before anything is written to it: every file is brought to the length that the journal
// says, which is what was acknowledged, and what was only announced is removed. Files that the journal does not name
// are never touched. Writes no records. Called by directory.ts.

import { lstat, open, readdir, rm } from 'node:fs/promises'
import path from 'node:path'

import { syncFolder } from '../durable-file.ts'
import { systemCode } from '../errors.ts'
import { makeFolders } from '../folders.ts'
import type { JournalContent, JournalEntry } from './directory-journal.ts'
import { journalError, journalName, readJournal, sequenceOf } from './directory-journal.ts'

/** A folder as its journal says it is. */
export interface Recovered {
  readonly content: JournalContent
  /** The files that were open, the one that was begun last at the end. None is empty. */
  readonly open: readonly JournalEntry[]
}

/** Makes the folder, with those above it, as safe as what will be in it. Does nothing where it is. */
export async function makeFolder(folder: string): Promise<void> {
  const first = await makeFolders(folder, 0o750)
  if (first === undefined) return
  for (let at = path.resolve(folder); at.length >= first.length; at = path.dirname(at)) {
    await syncFolder(path.dirname(at))
  }
}

/**
 * Recovers a folder that the caller owns. All is looked at before anything is changed.
 * *Errors*: `ERR_CONNECTOR_JOURNAL` when the folder is not what the journal says; the system's, untranslated.
 */
export async function recoverFolder(folder: string): Promise<Recovered> {
  const read = await readJournal(folder)
  if (read === undefined) {
    await refuseFilesWithoutJournal(folder)
    return { content: { sequence: 0, entries: new Map() }, open: [] }
  }
  const lengths = new Map<string, number>()
  for (const entry of read.entries.values()) {
    const length = await checkLength(folder, entry)
    if (length !== undefined) lengths.set(entry.file, length)
  }
  const entries = new Map<string, JournalEntry>()
  let isRemoved = false
  for (const entry of read.entries.values()) {
    const length = lengths.get(entry.file)
    if (entry.state === 'open' && entry.bytes === 0) {
      await rm(path.join(folder, entry.file), { force: true })
      isRemoved = true
    } else if (length !== undefined) {
      if (entry.state === 'open' && length > entry.bytes) await cutFile(folder, entry)
      entries.set(entry.file, entry)
    }
  }
  if (isRemoved) await syncFolder(folder)
  const open = [...entries.values()].filter(({ state }) => state === 'open')
  return { content: { sequence: read.sequence, entries }, open }
}

/** Returns the length of a file that is there. A closed one may be gone: whoever reads the folder may take it away. */
async function checkLength(folder: string, { file, bytes, state }: JournalEntry): Promise<number | undefined> {
  const stats = await lstat(path.join(folder, file)).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  })
  if (stats === undefined) {
    if (state === 'closed' || bytes === 0) return undefined
    throw journalError(folder, `a file is gone that was open and of which ${bytes} bytes were acknowledged`, file)
  }
  if (!stats.isFile()) throw journalError(folder, 'what the journal names is not a regular file', file)
  if (stats.size < bytes) {
    throw journalError(folder, `a file has ${stats.size} bytes, and ${bytes} were acknowledged`, file)
  }
  return stats.size
}

async function cutFile(folder: string, { file, bytes }: JournalEntry): Promise<void> {
  const handle = await open(path.join(folder, file), 'r+')
  try {
    await handle.truncate(bytes)
    await handle.datasync()
  } finally {
    await handle.close()
  }
}

/** Without the journal nobody knows how much of the last file was acknowledged. */
async function refuseFilesWithoutJournal(folder: string): Promise<void> {
  const file = (await readdir(folder)).sort().find((name) => sequenceOf(name) !== undefined)
  if (file === undefined) return
  throw journalError(folder, `it holds files like ${file}, and no journal`, journalName)
}
