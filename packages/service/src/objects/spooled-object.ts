// The bytes of one object that are to be stored: first in memory, then in a file of the spool's folder, and behind it what
// waits to be written there. Which of them is decided here, how much there may be of all objects in spool.ts, the caller.

import { Readable } from 'node:stream'

import type { ObjectBody } from '../ports/object-store.ts'
import type { SpoolFile } from './spool-folder.ts'

/** Bytes of an object that stay in memory where there is a folder for the rest. */
export const mostMemoryBytes = 8 << 20

/** Bytes that are written to a file, and read from it, at a time. */
const fileBlockBytes = 256 << 10

/** What all objects of a spool share. */
export interface SpoolAccount {
  readonly hasFolder: boolean
  /** Bytes were taken into memory, or, below 0, given back. */
  chargeMemory(bytes: number): void
  /** Whether stored bytes may stay in memory, rather than go to the folder. */
  mayKeep(bytes: number): boolean
  /** Charges bytes of the folder; false, and nothing is charged, where it has no room for them. */
  takeDisk(bytes: number): boolean
  giveDisk(bytes: number): void
  createFile(): Promise<SpoolFile>
  /** A write to the folder succeeded, or failed. */
  diskWorked(): void
  diskFailed(error: unknown): void
}

/** The bytes of one object. One call at a time; `release()` not before the one before has settled. */
export class SpooledObject {
  /** Bytes that are to be stored, as far as they have come. */
  storedBytes = 0
  /** Bytes of lines that are not compressed yet. */
  rawBytes = 0
  private readonly account: SpoolAccount
  private head: Uint8Array[] = []
  private headBytes = 0
  private file: SpoolFile | undefined
  private tail: Uint8Array[] = []
  private tailBytes = 0
  private isReleased = false

  constructor(account: SpoolAccount) {
    this.account = account
  }

  /** Bytes of memory and disk that it takes. */
  get bytes(): number {
    return this.isReleased ? 0 : this.rawBytes + this.storedBytes
  }

  /** Bytes that wait to be written to the folder. */
  get unwrittenBytes(): number {
    return this.tailBytes
  }

  /** Lines have come, or, below 0, were compressed. */
  chargeRaw(bytes: number): void {
    this.rawBytes += bytes
    this.account.chargeMemory(bytes)
  }

  /** Appends bytes. *Ownership*: they are the object's for good. */
  append(bytes: Uint8Array): void {
    const { account } = this
    this.storedBytes += bytes.length
    account.chargeMemory(bytes.length)
    // In order: once something stands behind the head, the head is complete.
    const isHead = this.file === undefined && this.tailBytes === 0
    const fits = this.headBytes + bytes.length <= mostMemoryBytes && account.mayKeep(bytes.length)
    if (!account.hasFolder || (isHead && fits)) {
      this.headBytes += bytes.length
      pushJoined(this.head, bytes)
    } else {
      this.tailBytes += bytes.length
      pushJoined(this.tail, bytes)
    }
  }

  /** Writes to the folder what should be there, if it is worth a call. What cannot be written stays where it is. */
  async settle(): Promise<void> {
    const bytes = this.tailBytes
    if (bytes < fileBlockBytes || !this.account.takeDisk(bytes)) return
    try {
      this.file ??= await this.account.createFile()
      await this.file.append(this.tail)
    } catch (error) {
      this.account.giveDisk(bytes)
      this.account.diskFailed(error)
      return
    }
    this.account.diskWorked()
    this.tail = []
    this.tailBytes = 0
    this.account.chargeMemory(-bytes)
  }

  /** Returns all that was appended. It can be read until `release()`. */
  body(): ObjectBody {
    const bytes = this.storedBytes
    return { bytes, read: () => Readable.from(this.pieces(), { objectMode: false }) }
  }

  /** Gives memory and disk back. Never throws. */
  async release(): Promise<void> {
    if (this.isReleased) return
    this.isReleased = true
    this.account.chargeMemory(-(this.rawBytes + this.headBytes + this.tailBytes))
    this.head = []
    this.tail = []
    const { file } = this
    if (file === undefined) return
    await file.remove()
    this.account.giveDisk(file.bytes)
  }

  private async *pieces(): AsyncGenerator<Uint8Array> {
    const { head, tail, file } = this
    const fileBytes = file?.bytes ?? 0
    this.checkHeld()
    yield* head
    for (let at = 0; at < fileBytes;) {
      this.checkHeld()
      const piece = await file!.read(Buffer.allocUnsafe(fileBlockBytes), at)
      at += piece.length
      yield piece
    }
    yield* tail
  }

  private checkHeld(): void {
    if (this.isReleased) throw new Error('The object was given up: its bytes are gone.')
  }
}

/** Appends a piece, as one with the last where it lies right behind it in memory: zlib hands out large pieces bit by bit. */
function pushJoined(pieces: Uint8Array[], piece: Uint8Array): void {
  const last = pieces.at(-1)
  const isBehind = last?.buffer === piece.buffer && last.byteOffset + last.length === piece.byteOffset
  if (last === undefined || !isBehind) pieces.push(piece)
  else pieces[pieces.length - 1] = new Uint8Array(piece.buffer, last.byteOffset, last.length + piece.length)
}
