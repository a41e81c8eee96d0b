// The source `file`: one file, pipe, device or standard input, compressed with gzip or not. A regular file that is
// not compressed is handed on open, so that workers read it themselves; everything else comes as bytes. Knows nothing
// of records. Called by commands.

import { constants, fstatSync, openSync, read } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { ReadStream, isatty } from 'node:tty'
import { promisify } from 'node:util'

import { ConnectorError, mayPass, systemCode, systemReason } from '../errors.ts'
import type { Source, SourceValue } from '../ports/source.ts'
import { inflate, isGzip } from './gzip.ts'
import { PipeReader } from './pipe.ts'

/** How many bytes of the input, as they are stored, are done. */
export type FilePosition = number

/** Options of `fileSource`. */
export interface FileSourceOptions {
  /** Called with every position that is committed: how a progress bar learns of it. */
  readonly onCommit?: (position: FilePosition) => void
}

/** What stands for standard input on a command line. */
export const stdinPath = '-'

const readBytes = 256 << 10
const readAt = promisify(read) as (
  fd: number,
  buffer: Uint8Array,
  offset: number,
  length: number,
  position: number | null,
) => Promise<{ bytesRead: number }>

/** Returns what an input is called in messages. */
export function inputName(path: string): string {
  return path === stdinPath ? 'standard input' : path
}

/** Returns the source for a path, `-` being standard input. Nothing is opened before `values()`. */
export function fileSource(path: string, options: FileSourceOptions = {}): Source<FilePosition> {
  return new FileSource(path, options)
}

class FileSource implements Source<FilePosition> {
  readonly name: string
  private readonly path: string
  private readonly onCommit: ((position: FilePosition) => void) | undefined
  private handle: FileHandle | undefined
  private stream: PipeReader | ReadStream | undefined

  constructor(path: string, options: FileSourceOptions) {
    this.name = inputName(path)
    this.path = path
    this.onCommit = options.onCommit
  }

  async *values(): AsyncGenerator<SourceValue<FilePosition>, void, undefined> {
    const opened = await this.open()
    if (opened.file !== undefined) {
      const { file: handle } = opened
      yield { kind: 'file', handle, positionAt: (end) => end }
      return
    }
    yield* this.bytes(opened.chunks)
  }

  commit(position: FilePosition): void {
    this.onCommit?.(position)
  }

  async close(): Promise<void> {
    this.stream?.destroy()
    await this.handle?.close().catch(() => undefined)
    this.handle = undefined
  }

  /** Opens the input and looks at its first bytes. */
  private async open(): Promise<{ file: FileHandle } | { file?: never; chunks: AsyncIterable<Uint8Array> }> {
    try {
      const stats = this.path === stdinPath ? fstatSync(0) : await stat(this.path)
      if (stats.isDirectory()) throw Object.assign(new Error('it is a directory'), { code: 'EISDIR' })
      const isStream = stats.isFIFO() || stats.isSocket()
      const fd = this.path === stdinPath ? 0 : isStream ? openPipe(this.path) : await this.openFile()
      if (isStream || isatty(fd)) {
        this.stream = isStream ? new PipeReader(fd) : new ReadStream(fd)
        return { chunks: this.stream }
      }
      // Files of /proc say that they are empty and are not.
      if (this.handle === undefined || !stats.isFile() || stats.size === 0) return { chunks: readChunks(fd) }
      const head = Buffer.alloc(3)
      const { bytesRead } = await readAt(fd, head, 0, head.length, 0)
      return isGzip(head.subarray(0, bytesRead)) ? { chunks: readChunks(fd) } : { file: this.handle }
    } catch (error) {
      await this.close()
      throw new ConnectorError('ERR_CONNECTOR_OPEN', `Cannot read ${this.name}: ${systemReason(error)}.`, {
        retryable: mayPass(error),
        details: { input: this.name, system: systemCode(error) },
        cause: error,
      })
    }
  }

  private async openFile(): Promise<number> {
    this.handle = await open(this.path)
    return this.handle.fd
  }

  private async *bytes(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<SourceValue<FilePosition>, void, undefined> {
    const { isCompressed, all } = await peek(this.translated(chunks))
    if (isCompressed) {
      try {
        for await (const { bytes, compressedBytes } of inflate(all)) {
          yield { kind: 'bytes', bytes, position: compressedBytes }
        }
      } catch (error) {
        throw error instanceof ConnectorError ? error : this.gzipError(error)
      }
      return
    }
    let position = 0
    for await (const bytes of all) {
      position += bytes.length
      yield { kind: 'bytes', bytes, position }
    }
  }

  private async *translated(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      yield* chunks
    } catch (error) {
      throw new ConnectorError('ERR_CONNECTOR_READ', `Reading ${this.name} failed: ${systemReason(error)}.`, {
        details: { input: this.name, system: systemCode(error) },
        cause: error,
      })
    }
  }

  private gzipError(error: unknown): ConnectorError {
    const endsEarly = systemCode(error) === 'Z_BUF_ERROR'
    const reason = endsEarly ? 'ends in the middle of its compressed data' : `is damaged: ${(error as Error).message}`
    return new ConnectorError('ERR_CONNECTOR_GZIP', `The gzip input ${this.name} ${reason}.`, {
      details: { input: this.name, system: systemCode(error) },
      cause: error,
    })
  }
}

/** A pipe without a writer would keep a thread waiting in the system, which nothing could interrupt. */
function openPipe(path: string): number {
  return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
}

/** Looks at the first three bytes, which may come one by one, and returns them with all that follows. */
async function peek(
  chunks: AsyncIterable<Uint8Array>,
): Promise<{ isCompressed: boolean; all: AsyncIterable<Uint8Array> }> {
  const iterator = chunks[Symbol.asyncIterator]()
  const first: Uint8Array[] = []
  let length = 0
  while (length < 3) {
    const next = await iterator.next()
    if (next.done === true) break
    // Its memory is used again when the next one is asked for.
    first.push(length + next.value.length < 3 ? next.value.slice() : next.value)
    length += next.value.length
  }
  const all = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
    yield* first
    yield* { [Symbol.asyncIterator]: () => iterator }
  }
  return { isCompressed: isGzip(Buffer.concat(first).subarray(0, 3)), all: all() }
}

/** Yields what a descriptor holds from where it stands. One buffer fills while the other is with the reader. */
async function* readChunks(fd: number): AsyncGenerator<Uint8Array, void, undefined> {
  const buffers = [Buffer.allocUnsafeSlow(readBytes), Buffer.allocUnsafeSlow(readBytes)] as const
  const fill = (index: number) => readAt(fd, buffers[index & 1] as Buffer, 0, readBytes, null)
  let pending = fill(0)
  try {
    for (let index = 0; ; index++) {
      const { bytesRead } = await pending
      if (bytesRead === 0) return
      pending = fill(index + 1)
      // Awaited above or below; until then a failure must not count as unhandled.
      pending.catch(() => undefined)
      yield (buffers[index & 1] as Buffer).subarray(0, bytesRead)
    }
  } finally {
    // A read that is under way when the descriptor closes might read from the next file that gets its number.
    await pending.catch(() => undefined)
  }
}
