// The folder where objects grow that are too large for memory: one file for each, which goes away with it. Knows how files
// are made, written and read, and not which bytes go there: that is spool.ts, the caller.

import { randomBytes } from 'node:crypto'
import { constants, open, readdir, rm } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import path from 'node:path'

import { ConnectorError, mayPass, systemCode, systemReason } from '../errors.ts'
import { lockFolder } from '../folder-lock.ts'
import type { Lock } from '../folder-lock.ts'
import { makeFolders } from '../folders.ts'

const [namePrefix, nameEnding] = ['weir-spool-', '.part']
/** Log lines hold what their senders like: nobody else's business. */
const [folderMode, fileMode] = [0o700, 0o600]
/** More pieces in one call are refused by the system (IOV_MAX). */
const mostPieces = 1024

/** A folder that this spool owns. */
export class SpoolFolder {
  readonly name: string
  private readonly lock: Lock
  private made = 0

  constructor(name: string, lock: Lock) {
    this.name = name
    this.lock = lock
  }

  /** Makes an empty file. *Errors*: the system's. */
  async create(): Promise<SpoolFile> {
    const name = `${namePrefix}${++this.made}-${randomBytes(6).toString('hex')}${nameEnding}`
    const file = path.join(this.name, name)
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL
    return new SpoolFile(await open(file, flags, fileMode), file)
  }

  /** Gives the folder back. Never throws. */
  close(): Promise<void> {
    return this.lock.release()
  }
}

/**
 * Makes the folder where it is missing, and becomes its owner. Files that a dead process left there are removed; the object
 * they belonged to is built anew from the log. *Errors*: `ERR_CONNECTOR_LOCKED`, `ERR_CONNECTOR_CREATE`.
 */
export async function openSpoolFolder(name: string): Promise<SpoolFolder> {
  let lock: Lock | undefined
  try {
    await makeFolders(name, folderMode)
    lock = await lockFolder(name)
    for (const entry of await readdir(name)) {
      const isOurs = entry.startsWith(namePrefix) && entry.endsWith(nameEnding)
      if (isOurs) await rm(path.join(name, entry), { force: true })
    }
    return new SpoolFolder(name, lock)
  } catch (error) {
    await lock?.release()
    if (error instanceof ConnectorError) throw error
    const message = `Cannot open the spool ${name}: ${systemReason(error)}.`
    const details = { output: name, system: systemCode(error) }
    throw new ConnectorError('ERR_CONNECTOR_CREATE', message, { retryable: mayPass(error), details, cause: error })
  }
}

/** A file that is written at its end, and may be read meanwhile. It need not outlive the process: nothing is synced. */
export class SpoolFile {
  /** What was written for good. What a failed write has left behind it is written over by the next. */
  bytes = 0
  private readonly handle: FileHandle
  private readonly path: string

  constructor(handle: FileHandle, path: string) {
    this.handle = handle
    this.path = path
  }

  /** Appends all of it, or nothing. *Errors*: the system's. */
  async append(pieces: readonly Uint8Array[]): Promise<void> {
    let at = this.bytes
    let rest = pieces
    while (rest.length > 0) {
      const { bytesWritten } = await this.handle.writev(rest.slice(0, mostPieces), at)
      if (bytesWritten === 0) throw new Error(`nothing could be written to ${this.path}`)
      at += bytesWritten
      rest = behind(rest, bytesWritten)
    }
    this.bytes = at
  }

  /** Returns the bytes from `from` on, up to as many as `buffer` takes. *Ownership*: a view of it. *Errors*: the system's. */
  async read(buffer: Uint8Array, from: number): Promise<Uint8Array> {
    const length = Math.min(buffer.length, this.bytes - from)
    const { bytesRead } = await this.handle.read(buffer, 0, length, from)
    if (bytesRead === 0 && length > 0) throw new Error(`${this.path} ends at ${from} of ${this.bytes} bytes`)
    return buffer.subarray(0, bytesRead)
  }

  /** Never throws. */
  async remove(): Promise<void> {
    await this.handle.close().catch(() => undefined)
    await rm(this.path, { force: true }).catch(() => undefined)
  }
}

function behind(pieces: readonly Uint8Array[], written: number): Uint8Array[] {
  let left = written
  let index = 0
  while (index < pieces.length && left >= pieces[index]!.length) left -= pieces[index++]!.length
  const rest = pieces.slice(index)
  if (left > 0) rest[0] = rest[0]!.subarray(left)
  return rest
}
