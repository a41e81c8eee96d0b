// Replacing a file so that at every moment, also after a loss of power, there is a whole one: written beside it, synced,
// renamed, and the name synced. Knows nothing of what files hold, and translates no errors. Called by whoever keeps a file
// that the next process reads.

import { constants, open, rename, rm } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import path from 'node:path'

/** Makes names in a folder as safe as what they name. *Errors*: the system's. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** How a file is replaced. */
export interface ReplaceOptions {
  /** What the new content is called until it is in place, in the same folder. What has that name is written over. */
  readonly aside: string
  /** Permissions where `aside` is made. */
  readonly mode: number
  /** Writes the content, and gives the file what else it is to have. */
  readonly write: (handle: FileHandle) => Promise<void>
}

/** A new content of a file that lies beside it, safe on the disk. *Order of calls*: `putInPlace()`, once, and `close()`. */
export class FileAside {
  /** Open for appending; whoever calls no `close()` owns it. */
  readonly handle: FileHandle
  private readonly aside: string
  private readonly file: string
  private hasName = false

  /** Made by `writeAside`. */
  constructor(handle: FileHandle, aside: string, file: string) {
    this.handle = handle
    this.aside = aside
    this.file = file
  }

  /** Whether it has the file's name, though a loss of power may bring the one before back until `putInPlace()` resolves. */
  get isInPlace(): boolean {
    return this.hasName
  }

  /** Puts it in the file's place, for good. *Errors*: the system's. */
  async putInPlace(): Promise<void> {
    await rename(this.aside, this.file)
    this.hasName = true
    await syncFolder(path.dirname(this.file))
  }

  /** Closes it, and takes it away where it is not in place. Never throws. */
  async close(): Promise<void> {
    await this.handle.close().catch(() => undefined)
    if (!this.hasName) await rm(this.aside, { force: true }).catch(() => undefined)
  }
}

/** Writes a new content beside the file. *Errors*: the system's, and those of `write`; then nothing is left of it. */
export async function writeAside(file: string, { aside, mode, write }: ReplaceOptions): Promise<FileAside> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_APPEND
  const written = new FileAside(await open(aside, flags, mode), aside, path.resolve(file))
  try {
    await write(written.handle)
    await written.handle.sync()
    return written
  } catch (error) {
    await written.close()
    throw error
  }
}

/** Replaces the file, or makes it. Resolves when that is safe. *Errors*: the system's; then there is one of the two contents. */
export async function replaceDurably(file: string, options: ReplaceOptions): Promise<void> {
  const written = await writeAside(file, options)
  try {
    await written.putInPlace()
  } finally {
    await written.close()
  }
}
