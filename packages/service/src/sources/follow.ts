// The source `file` of pipelines: one file, read once or followed while it grows and is rotated, from where the state file
// says. Looks at the file when a timer says so. Knows nothing of records but their line ends. Called by pipelines.

import { ConfigError, ConnectorError, mayPass, systemCode, systemReason } from '../errors.ts'
import type { Lock } from '../folder-lock.ts'
import type { BytesValue, Source } from '../ports/source.ts'
import { openRegularFile } from '../regular-file.ts'
import type { StartTimer } from '../time.ts'
import { readHead } from './chunks.ts'
import { inflatedLines, openError, openFile, readError } from './follow-file.ts'
import type { OpenFile } from './follow-file.ts'
import { beginsWith, fingerprintBytes, fingerprintOf, openState, writeState } from './follow-state.ts'
import type { FollowPosition } from './follow-state.ts'
import { canInflate, compressionOf, signatureBytes } from './inflate.ts'
import { LineBuffer, lineStartBefore } from './line-buffer.ts'
import type { Lines } from './line-buffer.ts'
import { findRest, isSame, lookAt, rotatedFiles } from './rotation.ts'
import type { RotatedFile } from './rotation.ts'

/** Options of `openFollowSource`. */
export interface FollowSourceOptions {
  readonly path: string
  /** Where a file begins to be read of which the state file says nothing. */
  readonly from: 'start' | 'end'
  /** Whether the source waits for more at the end. If not it ends there, and the file may be compressed. */
  readonly follow: boolean
  /** The file that keeps the position. Absent: the process keeps it, and the next one begins as `from` has it. */
  readonly stateFile?: string
  /** How often the file is looked at when there was nothing new, in milliseconds. */
  readonly pollMs: number
  readonly startTimer: StartTimer
  /** Told what cannot be mended here, as bytes that are gone. */
  readonly onNotice?: (message: string) => void
}

/**
 * Opens the source; the file itself may be missing yet where it is followed.
 * *Errors*: `ERR_CONNECTOR_STATE`; `ERR_CONNECTOR_LOCKED` where somebody else keeps a position in the state file;
 * `ERR_CONFIG_OPTION` for a file to be read once, from its end.
 */
export async function openFollowSource(options: FollowSourceOptions): Promise<Source<FollowPosition>> {
  if (!options.follow && options.from === 'end') {
    throw new ConfigError(
      'ERR_CONFIG_OPTION',
      `Nothing would be read of ${options.path}: only a file that is followed can be read from its end.`,
    )
  }
  const { stateFile } = options
  if (stateFile === undefined) return new FollowSource(options)
  const { position, lock } = await openState(stateFile, options.path)
  return new FollowSource(options, position, lock)
}

/** Times that a rotated file has to be looked at without anything new before it is left: its writer may not know yet. */
const quietLooks = 2

class FollowSource implements Source<FollowPosition> {
  readonly name: string
  private readonly options: FollowSourceOptions
  private from: 'start' | 'end'
  private committed: FollowPosition | undefined
  /** Whether the state file says what is committed. */
  private isStored = true
  /** Of the state file. */
  private readonly lock: Lock | undefined
  private file: OpenFile | undefined
  /** Whether the file was looked at, and nothing found that can only be a slip in the settings. */
  private isBegun: boolean
  private isDraining = false
  private isEnded = false
  private wake: () => void = () => undefined
  private noticed: string | undefined

  constructor(options: FollowSourceOptions, committed?: FollowPosition, lock?: Lock) {
    this.name = options.path
    this.lock = lock
    this.options = options
    this.from = options.from
    this.committed = committed
    this.isBegun = options.follow && committed !== undefined
  }

  /** An iteration that waits for more ends at once when it is told to, and closes its file. */
  values(): AsyncIterable<BytesValue<FollowPosition>> {
    const values = this.read()
    this.isEnded = false
    const end = async () => {
      this.isEnded = true
      this.wake()
      return values.return()
    }
    return { [Symbol.asyncIterator]: () => ({ next: () => values.next(), return: end }) }
  }

  async commit(position: FollowPosition): Promise<void> {
    // First in memory: what is safe is not read again while this process lives, whatever becomes of the state file.
    this.committed = position
    this.isStored = false
    await this.store()
  }

  private async store(): Promise<void> {
    const { committed, isStored } = this
    const { stateFile, path } = this.options
    if (isStored || committed === undefined || stateFile === undefined) return
    await writeState(stateFile, path, committed)
    this.isStored = committed === this.committed
  }

  drain(): void {
    this.isDraining = true
    this.wake()
  }

  async close(): Promise<void> {
    this.isEnded = true
    this.wake()
    await this.replace(undefined)
    await this.lock?.release()
  }

  private async *read(): AsyncGenerator<BytesValue<FollowPosition>, void, undefined> {
    try {
      // Before anything is read: while no position can be stored, nothing is delivered that a crash would repeat.
      await this.store()
      if (this.options.follow) yield* this.followed()
      else yield* this.once()
    } catch (error) {
      throw error instanceof ConnectorError ? error : readError(this.name, error, this.options.follow)
    } finally {
      await this.replace(undefined)
    }
  }

  private get isOver(): boolean {
    return this.isDraining || this.isEnded
  }

  private async *once(): AsyncGenerator<BytesValue<FollowPosition>, void, undefined> {
    const file = await this.openOnce()
    const compression = compressionOf(await readHead(file.handle.fd, signatureBytes))
    if (compression !== undefined && !canInflate(compression)) {
      throw openError(this.name, new Error(`it is compressed with ${compression}, which takes Node 22.15 or newer`))
    }
    if (compression === undefined) {
      if ((await file.handle.stat()).size < file.lines.nextByte) {
        this.notice(`${this.name} is shorter than what was read of it before; nothing is left to read.`)
      }
      yield* this.toItsEnd(file)
    } else {
      for await (const lines of inflatedLines(file, compression)) {
        if (this.isOver) return
        if (lines !== undefined) yield this.valueOf(file, lines)
      }
    }
    const rest = this.isOver ? undefined : file.lines.rest(false)
    if (rest !== undefined) yield this.valueOf(file, rest)
  }

  private async openOnce(): Promise<OpenFile> {
    const { committed } = this
    const file = (await this.openAt(this.options.path, committed?.byte ?? 0)) as OpenFile
    await this.replace(file)
    if (committed === undefined || (isSame(file, committed) && (await beginsWith(file.handle, committed.head)))) {
      return file
    }
    this.notice(`${this.name} is another file than the one that was read before; it is read from its start.`)
    const anew = (await this.openAt(this.options.path, 0)) as OpenFile
    await this.replace(anew)
    return anew
  }

  private async *followed(): AsyncGenerator<BytesValue<FollowPosition>, void, undefined> {
    let isCaughtUp = false
    let quiet = 0
    while (!this.isOver) {
      const current = await this.look()
      if (this.file === undefined) {
        const wasCaughtUp: boolean = isCaughtUp
        if (!isCaughtUp) isCaughtUp = await this.catchUp(current)
        else if (current !== undefined) await this.replace(await this.openAt(this.options.path, 0))
        if (this.file !== undefined || current === undefined) this.isBegun = true
        // What has just been caught up with is opened at once.
        if (this.file === undefined && isCaughtUp === wasCaughtUp) await this.wait()
        continue
      }
      const { file } = this
      if (await this.isTruncated(file)) {
        yield* this.beginAnew(file)
        continue
      }
      const before = file.lines.nextByte
      yield* this.toItsEnd(file)
      const isRotated = current !== undefined && !isSame(current, file)
      quiet = isRotated && file.lines.nextByte === before ? quiet + 1 : 0
      if (quiet >= quietLooks) yield* this.moveOn(file)
      else await this.wait()
    }
  }

  /** Looks at what has the name now. What cannot be looked at, or is no file, is told, and as good as missing. */
  private async look(): Promise<RotatedFile | undefined> {
    try {
      const found = await lookAt(this.options.path)
      if (found === undefined || found.isRegular || !this.isBegun) return found
      throw new Error('it is no regular file')
    } catch (error) {
      if (!this.isBegun) throw openError(this.name, error)
      this.noticeWait(error)
      return undefined
    }
  }

  /**
   * Goes on where the state file says, in whatever file that stands by now. Returns whether that is settled: while there
   * is no file at all, it may be one that comes back.
   */
  private async catchUp(current: RotatedFile | undefined): Promise<boolean> {
    const { committed, options } = this
    if (committed === undefined) {
      // One that comes later is new: all of it is read, whatever becomes of its first batch.
      if (current === undefined) this.from = 'start'
      else await this.startFirst()
      return this.file !== undefined
    }
    if (current !== undefined && isSame(current, committed) && current.size >= committed.byte) {
      await this.replace(await this.openAt(options.path, committed.byte))
      if (this.file === undefined) return false
      if (await beginsWith(this.file.handle, committed.head)) return true
      await this.replace(undefined)
    }
    const rest = await findRest(await rotatedFiles(options.path), committed)
    if (rest === undefined) {
      if (current === undefined) return false
      this.notice(`The rest of what was read of ${this.name} is gone; the file is read from its start.`)
      return true
    }
    await this.replace(await this.openAt(rest.path, committed.byte))
    return this.file !== undefined
  }

  /**
   * Committed at once: where it began, and in which file, must not be forgotten with the first batch that fails. The file
   * may be rotated away before the next one.
   */
  private async startFirst(): Promise<void> {
    const { from } = this
    const found = await this.openAt(this.options.path, 0)
    if (found === undefined) return
    const { size } = await found.handle.stat()
    const byte = from === 'end' ? await lineStartBefore(found.handle, size) : 0
    const head = await fingerprintOf(found.handle, from === 'end' ? byte : size)
    const file = { ...found, lines: new LineBuffer(byte), head }
    await this.replace(file)
    await this.commit(this.positionOf(file, byte))
  }

  /**
   * Leaves a file that was rotated: for those that were written and rotated away since, then for the one that has its name
   * now. That one is opened first, so that it cannot be missed if it is rotated meanwhile.
   */
  private async *moveOn(left: OpenFile): AsyncGenerator<BytesValue<FollowPosition>, void, undefined> {
    const { mtimeNs } = await left.handle.stat({ bigint: true })
    const next = await this.openAt(this.options.path, 0)
    // While the next one cannot be read, this one is not left: whatever the next is called by then, it comes after it.
    if (next === undefined && (await this.look()) !== undefined) return this.wait()
    try {
      yield* this.endOf(left)
      for (const between of await rotatedFiles(this.options.path)) {
        if (between.writtenNs <= mtimeNs || isSame(between, left)) continue
        if (next !== undefined && isSame(between, next)) continue
        if (between.isCompressed) {
          this.notice(`${between.path} was written while ${this.name} was not read, and is skipped: it is compressed.`)
          continue
        }
        const opened = await this.openBetween(between.path)
        if (opened === undefined) continue
        await this.replace(opened)
        yield* this.toItsEnd(opened)
        yield* this.endOf(opened)
        if (this.isOver) return
      }
      if (!this.isOver) await this.replace(next)
    } finally {
      if (this.file !== next) await next?.handle.close()
    }
  }

  /** What was rotated is not passed over because it cannot be read: the next session looks for it under any name. */
  private async openBetween(path: string): Promise<OpenFile | undefined> {
    try {
      return await openFile(path, 0, true)
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return undefined
      throw openError(path, error, systemCode(error) !== undefined)
    }
  }

  /** The same file, shorter or with another beginning: it was copied and emptied. The copy has what was not read yet. */
  private async *beginAnew(file: OpenFile): AsyncGenerator<BytesValue<FollowPosition>, void, undefined> {
    const position = this.positionOf(file, file.lines.nextByte)
    const copy = await findRest(
      (await rotatedFiles(this.options.path)).filter((other) => !isSame(other, file)),
      position,
    )
    if (copy === undefined) {
      this.notice(`${this.name} was emptied; what was written after byte ${position.byte} and before that is not read.`)
      yield* this.endOf(file)
    } else {
      const rest = await openRegularFile(copy.path)
      try {
        yield* this.toItsEnd({ ...file, handle: rest, dev: copy.dev, ino: copy.ino, head: position.head })
        yield* this.endOf(file)
      } finally {
        await rest.close()
      }
    }
    if (!this.isOver) await this.replace(await this.openAt(this.options.path, 0))
  }

  private async isTruncated(file: OpenFile): Promise<boolean> {
    const { size } = await file.handle.stat()
    return size < file.lines.nextByte || !(await beginsWith(file.handle, file.head))
  }

  /** Reads what there is. */
  private async *toItsEnd(file: OpenFile): AsyncGenerator<BytesValue<FollowPosition>, void, undefined> {
    while (!this.isOver) {
      const room = file.lines.room()
      const { bytesRead } = await file.handle.read(room, 0, room.length, file.lines.nextByte)
      if (bytesRead === 0) return
      const lines = file.lines.add(bytesRead)
      if (file.head.bytes < fingerprintBytes) file.head = await fingerprintOf(file.handle, file.lines.nextByte)
      if (lines !== undefined) yield this.valueOf(file, lines)
    }
  }

  /** A last line without its end will get none. */
  private *endOf(file: OpenFile): Generator<BytesValue<FollowPosition>, void, undefined> {
    const rest = this.isOver ? undefined : file.lines.rest(true)
    if (rest !== undefined) yield { ...this.valueOf(file, rest), inputBytes: rest.bytes.length - 1 }
  }

  private valueOf(file: OpenFile, { bytes, nextLine }: Lines): BytesValue<FollowPosition> {
    return { kind: 'bytes', bytes, position: this.positionOf(file, nextLine) }
  }

  private positionOf({ dev, ino, head }: OpenFile, byte: number): FollowPosition {
    return { dev, ino, byte, head }
  }

  /** Opens a file to be read from `byte`. Undefined: it is followed, and cannot be had at the moment. */
  private async openAt(path: string, byte: number): Promise<OpenFile | undefined> {
    const { follow } = this.options
    try {
      return await openFile(path, byte, follow)
    } catch (error) {
      if (follow && systemCode(error) === 'ENOENT') return undefined
      if (!this.isBegun || mayPass(error)) throw openError(this.name, error)
      this.noticeWait(error)
      return undefined
    }
  }

  /** Reads another file from now on, or none. */
  private async replace(file: OpenFile | undefined): Promise<void> {
    const before = this.file
    this.file = file
    // What was told of a file before may be told of the next one too.
    if (file !== undefined) this.noticed = undefined
    await before?.handle.close().catch(() => undefined)
  }

  private async wait(): Promise<void> {
    if (this.isOver) return
    await new Promise<void>((resolve) => {
      const cancel = this.options.startTimer(this.options.pollMs, resolve)
      this.wake = () => {
        cancel()
        resolve()
      }
    })
  }

  private noticeWait(error: unknown): void {
    this.notice(`${this.name} cannot be read at the moment, and is waited for: ${systemReason(error)}.`)
  }

  private notice(message: string): void {
    if (this.noticed !== message) this.options.onNotice?.(message)
    this.noticed = message
  }
}
