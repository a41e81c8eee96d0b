// One file of a folder while it is written: as it is, or as members of gzip. Knows no journal and no other file. Called by directory.ts.

import { constants } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { createGzip } from 'node:zlib'
import type { Gzip } from 'node:zlib'

import { systemCode } from '../errors.ts'
import { writeAll } from './write-all.ts'

/** How a file is written. */
export type DirectoryCompression = 'none' | 'gzip'

/** Returns the end of the names of such files. */
export function endingOf(compression: DirectoryCompression): string {
  return compression === 'gzip' ? '.ndjson.gz' : '.ndjson'
}

/** Creates a file that is not there. *Errors*: the system's, `EEXIST` among them. */
export async function createDataFile(
  path: string,
  mode: number,
  compression: DirectoryCompression,
): Promise<DirectoryFile> {
  const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_EXCL
  return new DirectoryFile(await open(path, flags, mode), 0, compression)
}

/** Opens a file to go on at its end, which is at `bytes`. *Errors*: the system's. */
export async function reopenDataFile(
  path: string,
  bytes: number,
  compression: DirectoryCompression,
): Promise<DirectoryFile> {
  return new DirectoryFile(await open(path, constants.O_WRONLY | constants.O_APPEND), bytes, compression)
}

/** A file that is open for writing at its end. *Errors* of its methods: the system's; then only `close()` may follow. */
export class DirectoryFile {
  /** How many bytes were written. Within a member of gzip some are missing of what was taken. */
  writtenBytes: number
  private readonly handle: FileHandle
  private readonly compression: DirectoryCompression
  private member: GzipMember | undefined

  constructor(handle: FileHandle, bytes: number, compression: DirectoryCompression) {
    this.handle = handle
    this.compression = compression
    this.writtenBytes = bytes
  }

  /** Whether something was taken that cannot be read yet. */
  get isWithinMember(): boolean {
    return this.member !== undefined
  }

  /** Writes chunks, one call at a time. They may be used again when it resolves. */
  async write(chunks: readonly Uint8Array[]): Promise<void> {
    if (this.compression === 'none') {
      await this.append(chunks)
      return
    }
    this.member ??= new GzipMember()
    for (const chunk of chunks) await this.append(await this.member.push(chunk))
  }

  /** Makes readable what was taken. Not while a write is under way. */
  async endMember(): Promise<void> {
    if (this.member === undefined) return
    await this.append(await this.member.end())
    this.member = undefined
  }

  /** Syncs to the disk what was written before. Writes may go on meanwhile. */
  sync(): Promise<void> {
    return this.handle.datasync()
  }

  /** Returns whether this file is what stands at the path: it may have been removed, or moved away. */
  async isAt(path: string): Promise<boolean> {
    const bigint = true
    const here = await this.handle.stat({ bigint })
    try {
      const there = await stat(path, { bigint })
      return there.dev === here.dev && there.ino === here.ino
    } catch (error) {
      if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return false
      throw error
    }
  }

  /** Forgets everything behind `bytes`. */
  truncate(bytes: number): Promise<void> {
    return this.handle.truncate(bytes)
  }

  /** Never throws. */
  async close(): Promise<void> {
    this.member?.destroy()
    this.member = undefined
    await this.handle.close().catch(() => undefined)
  }

  private async append(chunks: readonly Uint8Array[]): Promise<void> {
    await writeAll(this.handle.fd, chunks)
    for (const chunk of chunks) this.writtenBytes += chunk.length
  }
}

/** Of DataStream 2 records it makes 1/7 at 245 MB/s, where zlib's own choice, 6, makes 1/8.5 at 109. */
const gzipLevel = 3
/** Compressed bytes that leave zlib at a time. */
const compressedChunkBytes = 64 << 10

/** One member of gzip, made in the threads that Node keeps for zlib. Its head holds no time: same records, same bytes. */
class GzipMember {
  private readonly stream: Gzip
  private made: Uint8Array[] = []
  private failure: Error | undefined

  constructor() {
    this.stream = createGzip({ level: gzipLevel, chunkSize: compressedChunkBytes })
    this.stream.on('data', (bytes: Uint8Array) => this.made.push(bytes))
    this.stream.on('error', (error) => (this.failure ??= error))
  }

  /** Returns what came of it so far. */
  async push(chunk: Uint8Array): Promise<Uint8Array[]> {
    if (chunk.length === 0) return []
    await new Promise<void>((resolve, reject) => {
      this.stream.write(chunk, (error) => (error == null ? resolve() : reject(error)))
    })
    return this.take()
  }

  /** Returns the rest. */
  async end(): Promise<Uint8Array[]> {
    await new Promise<void>((resolve, reject) => {
      this.stream.once('error', reject)
      this.stream.once('end', resolve)
      this.stream.end()
    })
    return this.take()
  }

  destroy(): void {
    this.stream.destroy()
  }

  private take(): Uint8Array[] {
    if (this.failure !== undefined) throw this.failure
    const { made } = this
    this.made = []
    return made
  }
}
