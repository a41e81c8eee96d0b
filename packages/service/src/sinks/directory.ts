// The sink `directory`: files of NDJSON or gzip that roll by size and age, and beside them a journal of what counts.
// Nothing is acknowledged before its data and then its journal line are synced; opening the folder takes back
// everything else. Tries nothing again. Called by pipelines, by way of the settings.

import { lstat, rm } from 'node:fs/promises'
import path from 'node:path'

import { syncFolder } from '../durable-file.ts'
import { ConfigError, systemCode } from '../errors.ts'
import type { ConnectorError } from '../errors.ts'
import { lockFolder } from '../folder-lock.ts'
import type { Lock } from '../folder-lock.ts'
import type { Sink } from '../ports/sink.ts'
import type { Clock, StartTimer } from '../time.ts'
import { createDataFile, endingOf, reopenDataFile } from './directory-file.ts'
import type { DirectoryCompression } from './directory-file.ts'
import { Journal } from './directory-journal.ts'
import type { JournalEntry, JournalStep, NewEntry } from './directory-journal.ts'
import { makeFolder, recoverFolder } from './directory-recovery.ts'
import type { Recovered } from './directory-recovery.ts'
import { completeFile, completeOf, entryOf, syncInPlace } from './directory-rolling.ts'
import type { RollingFile } from './directory-rolling.ts'
import { createError, openError, writeError } from './write-error.ts'

/** Points at which a process may die, in the order in which they come about. */
export type DirectoryStep = 'recovered' | 'created' | 'written' | 'member ended' | 'data synced' | JournalStep

/** Options of `openDirectorySink`. */
export interface DirectorySinkOptions {
  /** The folder. It is made, with those above it, where it is missing. */
  readonly path: string
  /** What the names of its files begin with: letters, digits, `_`, `.` and `-`. Default: `weir`. */
  readonly prefix?: string
  readonly compression: DirectoryCompression
  /** A file is closed before it would grow beyond this; only one `write()` alone may. gzip: once it has. */
  readonly maxFileBytes: number
  /** A file is closed when it is so old, in milliseconds, also when nothing is written. */
  readonly maxFileAgeMs: number
  /** Permissions of new files. Default: 0o640. */
  readonly mode?: number
  /** The time of day: for names and the journal, and for the age of a file that another process began. */
  readonly clock: Clock
  /** Only goes forward: for the age of files. */
  readonly steadyClock: Clock
  readonly startTimer: StartTimer
  /** Awaited at each step: where tests end the process. */
  readonly atStep?: (step: DirectoryStep) => void | Promise<void>
}

const defaultPrefix = 'weir'
const defaultMode = 0o640
/** A file that holds records judged by more rule sets is closed: its journal line names them all. */
const mostVersions = 16
/** No timer runs longer; a file that is not yet due then is given another one. */
const longestTimerMs = 2 ** 31 - 1

/**
 * Opens the folder: makes this sink its owner and brings it to what was last acknowledged.
 * *Errors*: `ERR_CONNECTOR_LOCKED`, `ERR_CONNECTOR_JOURNAL`, `ERR_CONNECTOR_CREATE`; a `prefix`
 * that names no file `ERR_CONFIG_OPTION`.
 */
export async function openDirectorySink(options: DirectorySinkOptions): Promise<Sink> {
  const { path: folder, prefix = defaultPrefix, clock, mode = defaultMode, atStep = () => undefined } = options
  if (!/^[A-Za-z0-9_][\w.-]*$/.test(prefix)) {
    throw new ConfigError(
      'ERR_CONFIG_OPTION',
      `File names cannot begin with '${prefix}': take letters, digits, _, . and -.`,
    )
  }
  await makeFolder(folder).catch((error: unknown) => {
    throw createError(folder, error)
  })
  let lock: Lock | undefined
  let journal: Journal | undefined
  try {
    lock = await lockFolder(folder)
    const recovered = await recoverFolder(folder)
    await atStep('recovered')
    journal = new Journal({ folder, mode, clock, atStep }, recovered.content)
    // Also after a failed sync: what the system has in memory may never have reached the disk, and this does.
    await journal.rewrite()
    const sink = new DirectorySink(options, journal, lock)
    await sink.resume(recovered)
    return sink
  } catch (error) {
    await journal?.close()
    await lock?.release()
    throw openError(folder, error)
  }
}

class DirectorySink implements Sink {
  readonly name: string
  private readonly options: DirectorySinkOptions
  private readonly journal: Journal
  private readonly lock: Lock
  private current: RollingFile | undefined
  /** Full or old ones, which the next flush closes. */
  private rolled: RollingFile[] = []
  /** What touches the files runs here one after another; what syncs them in `flushing`, meanwhile. */
  private writing: Promise<unknown> = Promise.resolve()
  private flushing: Promise<unknown> = Promise.resolve()
  /** The flush that has not begun yet. */
  private nextFlush: Promise<void> | undefined
  private isFolderDirty = false
  private failure: ConnectorError | undefined
  /** Nothing new is taken: what is under way comes to its end. */
  private isEnding = false
  private isEnded = false
  private cancelTimer: (() => void) | undefined

  constructor(options: DirectorySinkOptions, journal: Journal, lock: Lock) {
    this.name = options.path
    this.options = options
    this.journal = journal
    this.lock = lock
  }

  /** Goes on with the file that was written last, and closes all others that were open. */
  async resume({ open }: Recovered): Promise<void> {
    const last = open.at(-1)
    const continued = last !== undefined && this.fits(last) ? last : undefined
    const closed = open.filter((entry) => entry !== continued)
    if (closed.length > 0) await this.journal.append(closed.map((entry) => ({ ...entry, state: 'closed' as const })))
    if (continued === undefined) return
    const { file, bytes, versions, created } = continued
    const data = await reopenDataFile(path.join(this.name, file), bytes, this.options.compression)
    const complete = { bytes, versions }
    const createdMs = Date.parse(created)
    const oldAtMs = this.options.steadyClock() + this.restMs(createdMs)
    this.current = { name: file, data, createdMs, oldAtMs, versions, complete, isGone: false }
    this.setTimer(this.current)
  }

  async write(chunks: readonly Uint8Array[], version?: string): Promise<void> {
    await this.guard(() =>
      this.inTurn(async () => {
        const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
        if (bytes === 0) return
        const file = await this.fileFor(bytes, version)
        await file.data.write(chunks)
        if (version !== undefined && !file.versions.includes(version)) file.versions = [...file.versions, version]
        if (!file.data.isWithinMember) file.complete = completeOf(file)
        await this.step('written')
      }),
    )
  }

  flush(): Promise<void> {
    return this.guard(() => {
      this.nextFlush ??= this.afterFlushes(() => {
        this.nextFlush = undefined
        return this.sync()
      })
      return this.nextFlush
    })
  }

  async finish(): Promise<void> {
    await this.guard(async () => {
      const rolled = this.inTurn(() => this.roll())
      this.isEnding = true
      await rolled
      await this.afterFlushes(() => this.sync())
    })
    await this.end()
  }

  async discard(): Promise<void> {
    if (this.isEnded) return
    // Before anything is awaited: what comes from now on must not count bytes that are taken back.
    this.isEnding = true
    this.cancelTimer?.()
    await Promise.allSettled([this.writing, this.flushing])
    // Where the last line of the journal may count more than is known here, the next opening reads it and decides.
    if (!this.journal.isUncertain) await Promise.allSettled(this.files.map((file) => this.takeBack(file)))
    await this.end()
  }

  private get files(): readonly RollingFile[] {
    return this.current === undefined ? this.rolled : [...this.rolled, this.current]
  }

  /** Runs when everything is done that was asked for before, and not after a failure: a sync is never tried again. */
  private inTurn<T>(run: () => Promise<T>): Promise<T> {
    const done = this.writing.then(() => this.unlessFailed(run))
    this.writing = done.catch((error: unknown) => this.fail(error))
    return done
  }

  private afterFlushes(run: () => Promise<void>): Promise<void> {
    const done = this.flushing.then(() => this.unlessFailed(run))
    this.flushing = done.catch((error: unknown) => this.fail(error))
    return done
  }

  private unlessFailed<T>(run: () => Promise<T>): Promise<T> {
    if (this.failure !== undefined) throw this.failure
    return run()
  }

  /** Whatever fails first is the answer to everything that follows. */
  private async guard(run: () => Promise<void>): Promise<void> {
    if (this.failure !== undefined) throw this.failure
    // Whoever writes beside the pipeline, as a source that sets a body aside, may come when that has given up.
    if (this.isEnding) throw writeError(this.name, new Error('it is closed, and opened anew if need be'))
    try {
      await run()
    } catch (error) {
      throw this.fail(error)
    }
  }

  private fail(error: unknown): ConnectorError {
    this.failure ??= writeError(this.name, error, true)
    return this.failure
  }

  private async step(step: DirectoryStep): Promise<void> {
    await this.options.atStep?.(step)
  }

  /** Makes safe what is complete: data first, then names, then the journal, which makes it count. */
  private async sync(): Promise<void> {
    await this.completeFiles()
    const rolled = [...this.rolled]
    const current = this.current
    const due: { file: RollingFile; entry: NewEntry }[] = rolled.map((file) => ({
      file,
      entry: entryOf(file, 'closed'),
    }))
    if (current !== undefined && current.complete.bytes > this.countedBytes(current)) {
      due.push({ file: current, entry: entryOf(current, 'open') })
    }
    if (due.length === 0) return
    await Promise.all(due.map(({ file }) => syncInPlace(this.name, file, this.countedBytes(file))))
    await this.syncNames()
    await this.step('data synced')
    await this.journal.append(due.map(({ entry }) => entry))
    this.rolled = this.rolled.filter((file) => !rolled.includes(file))
    await Promise.all(rolled.map(({ data }) => data.close()))
  }

  /** Ends the member of gzip, between two writes: what is written meanwhile goes to the next one. */
  private async completeFiles(): Promise<void> {
    if (this.options.compression === 'none') return
    await this.inTurn(async () => {
      if (this.current?.data.isWithinMember !== true) return
      await completeFile(this.current)
      await this.step('member ended')
    })
  }

  private async syncNames(): Promise<void> {
    if (!this.isFolderDirty) return
    this.isFolderDirty = false
    await syncFolder(this.name)
  }

  /** Returns the file for the next bytes: the one at hand, or a new one when that is full or old. */
  private async fileFor(bytes: number, version: string | undefined): Promise<RollingFile> {
    const { current } = this
    if (current !== undefined) {
      const { maxFileBytes, compression } = this.options
      const { writtenBytes } = current.data
      const isFull = writtenBytes + (compression === 'none' ? bytes : 1) > maxFileBytes
      const isOfMany =
        version !== undefined && current.versions.length >= mostVersions && !current.versions.includes(version)
      if (!isFull && !isOfMany && !this.isOld(current)) return current
      await this.roll()
    }
    return (this.current = await this.create())
  }

  private async roll(): Promise<void> {
    this.cancelTimer?.()
    if (this.current === undefined) return
    await completeFile(this.current)
    this.rolled.push(this.current)
    this.current = undefined
  }

  /** The name is announced first: a file that the journal does not name is not ours to take back. */
  private async create(): Promise<RollingFile> {
    const { clock, steadyClock, compression, maxFileAgeMs, mode = defaultMode } = this.options
    const createdMs = clock()
    for (;;) {
      const name = this.nameOf(createdMs)
      if (await isTaken(path.join(this.name, name))) continue
      const announced = { file: name, bytes: 0, versions: [], created: new Date(createdMs).toISOString() }
      await this.journal.append([{ ...announced, state: 'open' }])
      try {
        const data = await createDataFile(path.join(this.name, name), mode, compression)
        const complete = { bytes: 0, versions: [] }
        const oldAtMs = steadyClock() + maxFileAgeMs
        const file = { name, data, createdMs, oldAtMs, versions: [], complete, isGone: false }
        this.isFolderDirty = true
        this.setTimer(file)
        await this.step('created')
        return file
      } catch (error) {
        if (systemCode(error) !== 'EEXIST') throw error
        // Somebody else's, made in this very moment.
        await this.journal.append([{ ...announced, state: 'closed' }])
      }
    }
  }

  private nameOf(createdMs: number): string {
    const { prefix = defaultPrefix, compression } = this.options
    const time = new Date(createdMs).toISOString().replaceAll(/[-:]|\.\d+/g, '')
    return `${prefix}-${time}-${String(this.journal.nextSequence()).padStart(6, '0')}${endingOf(compression)}`
  }

  /** Whether a file of the journal can be gone on with. */
  private fits({ file, bytes, versions, created }: JournalEntry): boolean {
    const { prefix = defaultPrefix, compression, maxFileBytes } = this.options
    const isOfOurs = file.startsWith(`${prefix}-`) && file.endsWith(endingOf(compression))
    const hasRoom = bytes < maxFileBytes && versions.length < mostVersions
    return isOfOurs && hasRoom && this.restMs(Date.parse(created)) > 0
  }

  /**
   * How long a file that another process began may stay open, which only the time of day tells: not longer than a new one,
   * should that have been put back.
   */
  private restMs(createdMs: number): number {
    const { maxFileAgeMs, clock } = this.options
    return Math.min(createdMs + maxFileAgeMs - clock(), maxFileAgeMs)
  }

  private isOld({ oldAtMs }: RollingFile): boolean {
    return this.options.steadyClock() >= oldAtMs
  }

  private setTimer(file: RollingFile): void {
    this.cancelTimer?.()
    const { startTimer, steadyClock } = this.options
    const ms = Math.min(Math.max(file.oldAtMs - steadyClock(), 1), longestTimerMs)
    this.cancelTimer = startTimer(ms, () => {
      this.closeOld(file).catch((error: unknown) => this.fail(error))
    })
  }

  /** Closes the file that is old. What nobody has asked to be safe yet is left to the flush that will. */
  private async closeOld(file: RollingFile): Promise<void> {
    if (this.failure !== undefined || this.isEnding) return
    const isAllCounted = await this.inTurn(async () => {
      if (this.current !== file || this.isEnding) return false
      if (!this.isOld(file)) {
        this.setTimer(file)
        return false
      }
      await this.roll()
      return this.rolled.every((rolled) => rolled.complete.bytes === this.countedBytes(rolled))
    })
    if (isAllCounted && !this.isEnding) await this.flush()
  }

  /** How many bytes of a file the journal counts: the one truth about it. */
  private countedBytes({ name }: RollingFile): number {
    return this.journal.entryOf(name)?.bytes ?? 0
  }

  /** Back to what the journal counts. What is gone is closed there, so that the folder can be opened again. */
  private async takeBack({ name, data, isGone }: RollingFile): Promise<void> {
    const counted = this.journal.entryOf(name)
    // It was announced before it was made: of one that is not listed any more, nothing is known that could be taken back.
    if (counted === undefined) return
    if (counted.bytes > 0) await data.truncate(counted.bytes)
    if (isGone) await this.journal.append([{ ...counted, state: 'closed' }])
    else if (counted.bytes === 0) await rm(path.join(this.name, name), { force: true })
  }

  private async end(): Promise<void> {
    if (this.isEnded) return
    this.isEnded = true
    this.cancelTimer?.()
    await Promise.all(this.files.map(({ data }) => data.close()))
    await this.journal.close()
    await this.lock.release()
  }
}

async function isTaken(file: string): Promise<boolean> {
  try {
    await lstat(file)
    return true
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false
    throw error
  }
}
