// The journal of a folder: which of the bytes in it count. Lines of NDJSON, appended and synced after the data that they
// speak of; the last line about a file is what holds. Knows what a journal says and how it is kept, nothing of how data
// is written or recovered. Called by directory.ts and directory-recovery.ts.

import { readFile } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import path from 'node:path'

import { writeAside } from '../durable-file.ts'
import type { FileAside } from '../durable-file.ts'
import { ConnectorError, systemCode } from '../errors.ts'
import type { Clock } from '../time.ts'
import { writeAll } from './write-all.ts'

/** Its name in the folder. */
export const journalName = '.weir-journal'
/** What it is called while it is written anew. */
const newJournalName = '.weir-journal.new'
const journalKind = 'weir-directory'
const journalFormat = 1

/** How long a journal becomes. */
export const journalLimits = {
  /** Closed files that are kept listed, the newest ones. The folder itself tells of the others. */
  closedFiles: 1000,
  /** Bytes from which on it is worth writing the journal anew. */
  growthBytes: 1 << 20,
}

/** What the journal says of one file. */
export interface JournalEntry {
  readonly file: string
  /** How many bytes from its start on count. A file of which none do was announced, and need not exist. */
  readonly bytes: number
  /** A closed file is never written again. */
  readonly state: 'open' | 'closed'
  /** Versions of the rule sets that judged the records in it, in order of their first record. */
  readonly versions: readonly string[]
  /** When the file was begun; ISO 8601 in UTC, as is `time`: when the line was written. */
  readonly created: string
  readonly time: string
}

/** All that a journal says. */
export interface JournalContent {
  /** The highest number that a file was given. */
  readonly sequence: number
  /** By file, in the order in which they were first named. */
  readonly entries: ReadonlyMap<string, JournalEntry>
}

/**
 * Reads the journal of a folder. Undefined: there is none. What stands behind the last line end was never synced, and is
 * left out. *Errors*: `ERR_CONNECTOR_JOURNAL` for anything that no journal says; the system's, untranslated.
 */
export async function readJournal(folder: string): Promise<JournalContent | undefined> {
  let text: string
  try {
    text = await readFile(path.join(folder, journalName), 'utf8')
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
  const [head = '', ...lines] = text.split('\n').slice(0, -1)
  let sequence = sequenceIn(folder, head)
  const entries = new Map<string, JournalEntry>()
  for (const [index, line] of lines.entries()) {
    const entry = parseEntry(line)
    const fault = entry === undefined ? 'it is none of a journal' : contradiction(entries.get(entry.file), entry)
    if (entry === undefined || fault !== undefined) throw journalError(folder, `line ${index + 2} is damaged: ${fault}`)
    entries.set(entry.file, entry)
    sequence = Math.max(sequence, sequenceOf(entry.file) ?? 0)
  }
  return { sequence, entries }
}

/** Returns the number in a file's name, or undefined for a name that no file of ours has. */
export function sequenceOf(file: string): number | undefined {
  const match = /^[\w.-]*-\d{8}T\d{6}Z-(\d{6,15})\.ndjson(?:\.gz)?$/.exec(file)
  return match === null ? undefined : Number(match[1])
}

/** Returns an error about the journal, which is not mended without being asked: bytes that were acknowledged are at stake. */
export function journalError(folder: string, fault: string, file = journalName): ConnectorError {
  const message = `Cannot go on in ${folder}: ${fault} (${file}). Nothing was changed; docs/directory.md says what to do.`
  return new ConnectorError('ERR_CONNECTOR_JOURNAL', message, { details: { output: folder, file } })
}

function sequenceIn(folder: string, line: string): number {
  const head = parseObject(line)
  if (head?.['journal'] !== journalKind)
    throw journalError(folder, 'line 1 is damaged: it is not the head of a journal')
  if (head['format'] !== journalFormat) {
    throw journalError(
      folder,
      `the journal has format ${String(head['format'])}, and this program knows ${journalFormat}`,
    )
  }
  const { sequence } = head
  if (!isCount(sequence)) throw journalError(folder, 'line 1 is damaged: `sequence` is no number')
  return sequence
}

function parseEntry(line: string): JournalEntry | undefined {
  const entry = parseObject(line)
  if (entry === undefined) return undefined
  const { file, bytes, state, versions, created, time } = entry
  const isEntry =
    typeof file === 'string' &&
    sequenceOf(file) !== undefined &&
    isCount(bytes) &&
    (state === 'open' || state === 'closed') &&
    Array.isArray(versions) &&
    versions.every((version) => typeof version === 'string') &&
    isTime(created) &&
    isTime(time)
  return isEntry ? { file, bytes, state, versions, created, time } : undefined
}

function contradiction(before: JournalEntry | undefined, entry: JournalEntry): string | undefined {
  if (before === undefined) return undefined
  if (entry.bytes < before.bytes) return `${entry.file} had ${before.bytes} bytes before, and now ${entry.bytes}`
  if (before.state === 'closed') return `${entry.file} was closed before`
  return undefined
}

function parseObject(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function isTime(value: unknown): value is string {
  return typeof value === 'string' && !Number.isNaN(Date.parse(value))
}

/** What a line is written of. */
export type NewEntry = Omit<JournalEntry, 'time'>

/** Points at which a process may die while it writes a journal. */
export type JournalStep = 'journal written' | 'journal synced' | 'journal written aside' | 'journal renamed'

/** Where and how a journal is kept. */
export interface JournalOptions {
  readonly folder: string
  readonly mode: number
  readonly clock: Clock
  readonly atStep: (step: JournalStep) => void | Promise<void>
}

/** A journal beside the one that it is to replace. */
interface NewJournal {
  readonly written: FileAside
  readonly bytes: number
}

/** A journal that is being written. *Errors* of its methods: the system's, untranslated; nothing may follow one. */
export class Journal {
  /** Whether it is not known what the file says: a write failed half-way. Then nothing more is written to it. */
  isUncertain = false
  private readonly options: JournalOptions
  private readonly entries: Map<string, JournalEntry>
  private handle: FileHandle | undefined
  private sequence: number
  private writtenBytes = 0
  /** How long it may become before it is written anew. */
  private mostBytes = 0
  private tail: Promise<unknown> = Promise.resolve()

  /** *Order of calls*: `rewrite()` before anything else. `content`: what it says to begin with. */
  constructor(options: JournalOptions, content: JournalContent) {
    this.options = options
    this.entries = new Map(content.entries)
    this.sequence = content.sequence
  }

  /** Returns a number that no file was given before. */
  nextSequence(): number {
    return ++this.sequence
  }

  /** Appends lines, in the order of the calls. Resolves when they are synced to the disk. */
  append(entries: readonly NewEntry[]): Promise<void> {
    const done = this.tail.then(() => this.appendNow(entries))
    this.tail = done.catch(() => undefined)
    return done
  }

  /** Returns what the journal says of a file, synced to the disk; nothing of one that it does not list. */
  entryOf(file: string): JournalEntry | undefined {
    return this.entries.get(file)
  }

  /** Writes the journal anew: one line for a file, and none for most that were closed long ago. */
  async rewrite(): Promise<void> {
    await this.putInPlace(await this.writeAside())
  }

  /** Waits for what is under way and closes the file. Never throws. */
  async close(): Promise<void> {
    await this.tail
    await this.handle?.close().catch(() => undefined)
    this.handle = undefined
  }

  private async appendNow(added: readonly NewEntry[]): Promise<void> {
    if (this.handle === undefined || this.isUncertain) throw new Error('The journal is closed.')
    const time = new Date(this.options.clock()).toISOString()
    const entries = added.map((entry) => ({ ...entry, time }))
    const bytes = Buffer.from(entries.map(lineOf).join(''))
    this.isUncertain = true
    await writeAll(this.handle.fd, [bytes])
    await this.options.atStep('journal written')
    await this.handle.datasync()
    this.isUncertain = false
    this.writtenBytes += bytes.length
    for (const entry of entries) this.entries.set(entry.file, entry)
    await this.options.atStep('journal synced')
    if (this.writtenBytes > this.mostBytes) await this.shorten()
  }

  /**
   * Has the journal be as short as it can. What keeps the new one from being written, as a lack of room or descriptors, is
   * no fault of the lines that were appended: they are synced, and hold.
   */
  private async shorten(): Promise<void> {
    let shorter: NewJournal
    try {
      shorter = await this.writeAside()
    } catch {
      this.mostBytes = this.writtenBytes + journalLimits.growthBytes
      return
    }
    await this.putInPlace(shorter)
  }

  private async writeAside(): Promise<NewJournal> {
    const { folder, mode, atStep } = this.options
    this.forgetClosed()
    const bytes = Buffer.from(this.head() + [...this.entries.values()].map(lineOf).join(''))
    const written = await writeAside(path.join(folder, journalName), {
      aside: path.join(folder, newJournalName),
      mode,
      write: (handle) => writeAll(handle.fd, [bytes]),
    })
    try {
      await atStep('journal written aside')
      return { written, bytes: bytes.length }
    } catch (error) {
      await written.close()
      throw error
    }
  }

  private async putInPlace({ written, bytes }: NewJournal): Promise<void> {
    // From the rename on, lines for the journal before would be lost; and which of the two a loss of power leaves is not
    // known until the name is synced.
    this.isUncertain = true
    try {
      await written.putInPlace()
      await this.options.atStep('journal renamed')
    } catch (error) {
      await written.close()
      throw error
    }
    await this.handle?.close()
    this.handle = written.handle
    this.isUncertain = false
    this.writtenBytes = bytes
    this.mostBytes = Math.max(journalLimits.growthBytes, 2 * bytes)
  }

  private head(): string {
    const { sequence } = this
    return JSON.stringify({ journal: journalKind, format: journalFormat, sequence }) + '\n'
  }

  /** Leaves out what never came to be, and the oldest of the files that are closed. */
  private forgetClosed(): void {
    const closed = [...this.entries.values()].filter(({ state }) => state === 'closed')
    const kept = closed.filter(({ bytes }) => bytes > 0).slice(-journalLimits.closedFiles)
    const keptFiles = new Set(kept.map(({ file }) => file))
    for (const { file } of closed) if (!keptFiles.has(file)) this.entries.delete(file)
  }
}

function lineOf({ file, bytes, state, versions, created, time }: JournalEntry): string {
  return JSON.stringify({ file, bytes, state, versions, created, time }) + '\n'
}
