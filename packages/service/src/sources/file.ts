// The source `file`: one file, pipe, device or standard input, compressed or not, in any of the shapes of ../shapes. A
// regular file of NDJSON that is not compressed is handed on open, so that workers read it themselves; everything else
// comes as bytes. Knows nothing of records. Called by commands.

import { fstatSync } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { ReadStream, isatty } from 'node:tty'

import { ConnectorError, mayPass, systemCode, systemReason } from '../errors.ts'
import { wasClosed } from '../null-device.ts'
import type { BytesValue, Source, SourceValue } from '../ports/source.ts'
import { byteOrderMarkLength, detectBytes, detectShape } from '../shapes/detect.ts'
import { Elements } from '../shapes/elements.ts'
import { Envelopes } from '../shapes/envelopes.ts'
import type { InputFormat, InputShape, Shape } from '../shapes/shape.ts'
import type { StructureIndex } from '../shapes/structure.ts'
import { openPipe, peek, readAgain, readChunks, readFileChunks, readHead } from './chunks.ts'
import type { Chunk } from './chunks.ts'
import { canInflate, compressionOf, inflate, signatureBytes } from './inflate.ts'
import type { Compression } from './inflate.ts'
import { PipeReader } from './pipe.ts'

/** How many bytes of the input, as they are stored, are done. */
export type FilePosition = number

/** Options of `fileSource`. */
export interface FileSourceOptions {
  /** Called with every position that is committed: how a progress bar learns of it. */
  readonly onCommit?: (position: FilePosition) => void
  /** What the input is; default: NDJSON. */
  readonly format?: InputFormat
  /** How messages say that it is NDJSON. Default: by the option of commands. */
  readonly ndjsonWords?: string
  /** Whether the input comes as bytes in any case, where no worker can read it. */
  readonly isForBytes?: boolean
  /** Called once with the first bytes of the input, inflated, at most `detectBytes`. *Ownership*: only for looking at. */
  readonly onHead?: (head: Uint8Array) => void
  /** Bytes of the longest record that is not malformed: what holds records may be as long. */
  readonly maxRecordBytes?: number
}

/** What stands for standard input on a command line. */
export const stdinPath = '-'

/** Returns what an input is called in messages. */
export function inputName(path: string): string {
  return path === stdinPath ? 'standard input' : path
}

/** A source of a file, which can also be told to end before its end. */
export interface FileSource extends Source<FilePosition> {
  /**
   * Ends the iteration when what was read already is handed out, though an input that is compressed, an array or a row of
   * objects then breaks off. An open file that workers read is read to its end.
   */
  drain(): void
}

/** Returns the source for a path, `-` being standard input. Nothing is opened before `values()`. */
export function fileSource(path: string, options: FileSourceOptions = {}): FileSource {
  return new PathSource(path, options)
}

class PathSource implements FileSource {
  readonly name: string
  private readonly path: string
  private readonly options: FileSourceOptions
  private handle: FileHandle | undefined
  private stream: PipeReader | ReadStream | undefined
  private isDraining = false
  private madeStructure: StructureIndex | undefined
  /** Reads a regular file once more from its start. */
  private again: (() => AsyncIterable<Uint8Array>) | undefined

  constructor(path: string, options: FileSourceOptions) {
    this.name = inputName(path)
    this.path = path
    this.options = options
  }

  async *values(): AsyncGenerator<SourceValue<FilePosition>, void, undefined> {
    const opened = await this.open()
    if (opened.file !== undefined) {
      const { file: handle } = opened
      yield { kind: 'file', handle, positionAt: (end) => end }
      return
    }
    const stored = await peek(this.translated(opened.chunks), signatureOf)
    const chunks = stored.seen === 'none' ? stored.all : this.inflated(stored.all, stored.seen)
    const { seen, all } = await peek(chunks, (head, isAll) => {
      const judged = this.judge(head, isAll)
      if (judged !== undefined) this.options.onHead?.(head.subarray(0, detectBytes))
      return judged
    })
    if (seen.shape === 'ndjson') for await (const chunk of all) yield valueOf(chunk)
    else yield* this.shaped(seen.shape, seen.markBytes, all)
  }

  commit(position: FilePosition): void {
    this.options.onCommit?.(position)
  }

  drain(): void {
    this.isDraining = true
    // What a pipe has given already is still handed out.
    this.stream?.destroy()
  }

  async close(): Promise<void> {
    this.stream?.destroy()
    await this.handle?.close().catch(() => undefined)
    this.handle = undefined
  }

  /** Opens the input; of a regular file it looks at the first bytes. */
  private async open(): Promise<{ file: FileHandle } | { file?: never; chunks: AsyncIterable<Uint8Array> }> {
    try {
      const stats = this.path === stdinPath ? fstatSync(0) : await stat(this.path)
      if (this.path === stdinPath && wasClosed(0)) throw new Error('it is closed')
      if (stats.isDirectory()) throw Object.assign(new Error('it is a directory'), { code: 'EISDIR' })
      const isStream = stats.isFIFO() || stats.isSocket()
      const fd = this.path === stdinPath ? 0 : isStream ? openPipe(this.path) : await this.openFile()
      if (isStream || isatty(fd)) {
        this.stream = isStream ? new PipeReader(fd) : new ReadStream(fd)
        if (this.isDraining) this.stream.destroy()
        return { chunks: this.stream }
      }
      // Files of /proc say that they are empty and are not.
      if (this.handle === undefined || !stats.isFile() || stats.size === 0) return { chunks: readChunks(fd) }
      this.again = () => readAgain(fd)
      if (this.options.isForBytes === true) return { chunks: readFileChunks(fd) }
      const isLookedAt = this.format === 'auto' || this.options.onHead !== undefined
      const head = await readHead(fd, isLookedAt ? detectBytes : signatureBytes)
      const { shape, markBytes } = this.judge(head, true)
      if (compressionOf(head) !== undefined) return { chunks: readFileChunks(fd) }
      if (shape === 'ndjson') {
        this.options.onHead?.(head)
        return { file: this.handle }
      }
      const isInPlace = shape !== 'fluentd' && markBytes === 0
      return { chunks: isInPlace ? readFileChunks(fd, (await this.structure()).input) : readFileChunks(fd) }
    } catch (error) {
      await this.close()
      // Node has replaced what is not UTF-8 before anybody here sees the name.
      const isReplaced = systemCode(error) === 'ENOENT' && this.path.includes('\ufffd')
      const cure = isReplaced ? ' If its name is not UTF-8, let the shell open it: weir filter … < FILE.' : ''
      throw new ConnectorError('ERR_CONNECTOR_OPEN', `Cannot read ${this.name}: ${systemReason(error)}.${cure}`, {
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

  /** Made when it is first needed, which for most inputs is never, and loaded then: both take milliseconds. */
  private async structure(): Promise<StructureIndex> {
    const { createStructureIndex } = await import('../shapes/structure-vectors.ts')
    return (this.madeStructure ??= createStructureIndex())
  }

  private get format(): InputFormat {
    return this.options.format ?? 'ndjson'
  }

  /** Returns what the input is, and of how many bytes a byte order mark takes at its start, or undefined for more bytes. */
  private judge(head: Uint8Array, isAll: true): { shape: InputShape; markBytes: number }
  private judge(head: Uint8Array, isAll: boolean): { shape: InputShape; markBytes: number } | undefined
  private judge(head: Uint8Array, isAll: boolean): { shape: InputShape; markBytes: number } | undefined {
    const shape = this.format === 'auto' ? detectShape(head, isAll) : this.format
    if (shape === undefined) return undefined
    if (shape !== 'ndjson' && head.length < 3 && !isAll) return undefined
    return { shape, markBytes: byteOrderMarkLength(head) }
  }

  private async *shaped(
    name: Exclude<InputShape, 'ndjson'>,
    markBytes: number,
    chunks: AsyncIterable<Chunk>,
  ): AsyncGenerator<BytesValue<FilePosition>, void, undefined> {
    const shape = await this.createShape(name, markBytes)
    let mark = markBytes
    let position = 0
    let inputBytes = 0
    for await (const { bytes, storedBytes } of chunks) {
      inputBytes += bytes.length
      const skipped = Math.min(mark, bytes.length)
      mark -= skipped
      for (const piece of shape.push(bytes.subarray(skipped))) {
        yield { kind: 'bytes', ...piece, position, inputBytes }
        inputBytes = 0
      }
      position = storedBytes
      if (shape.fault !== undefined) throw this.shapeError(name, shape.fault)
    }
    for (const piece of shape.end()) {
      yield { kind: 'bytes', ...piece, position, inputBytes }
      inputBytes = 0
    }
    if (inputBytes > 0) yield { kind: 'bytes', bytes: new Uint8Array(0), position, inputBytes }
    if (shape.fault !== undefined && !this.isDraining) throw this.shapeError(name, shape.fault)
  }

  private async createShape(name: Exclude<InputShape, 'ndjson'>, startByte: number): Promise<Shape> {
    if (name === 'fluentd') return new Envelopes({ startByte, leastBytes: this.options.maxRecordBytes ?? 0 })
    return new Elements(name, await this.structure(), startByte)
  }

  private async *inflated(
    chunks: AsyncIterable<Chunk>,
    compression: Compression,
  ): AsyncGenerator<Chunk, void, undefined> {
    if (!canInflate(compression)) {
      const cure = `read it as \`zstd -dc ${this.path} | weir filter …\`, or use Node 22.15 or newer`
      const message = `Cannot read ${this.name}: it is compressed with zstd, which Node ${process.versions.node} does not know; ${cure}.`
      throw new ConnectorError('ERR_CONNECTOR_OPEN', message, { details: { input: this.name } })
    }
    let byte = 0
    const stored = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
      for await (const { bytes, storedBytes } of chunks) {
        byte = storedBytes
        yield bytes
      }
    }
    try {
      for await (const { bytes, compressedBytes } of inflate(stored(), compression, this.again)) {
        yield { bytes, storedBytes: compressedBytes }
      }
    } catch (error) {
      if (this.isDraining && endsEarly(error)) return
      throw error instanceof ConnectorError ? error : this.inflateError(compression, error, byte)
    }
  }

  private async *translated(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Chunk, void, undefined> {
    let storedBytes = 0
    try {
      for await (const bytes of chunks) {
        storedBytes += bytes.length
        yield { bytes, storedBytes }
        if (this.isDraining && this.stream === undefined) return
      }
    } catch (error) {
      // A terminal that is let go of says that it was cut off.
      if (this.isDraining && this.stream instanceof ReadStream) return
      throw new ConnectorError('ERR_CONNECTOR_READ', `Reading ${this.name} failed: ${systemReason(error)}.`, {
        details: { input: this.name, system: systemCode(error) },
        cause: error,
      })
    }
  }

  /** `byte`: how much of the input, as it is stored, was read; damage lies before it. */
  private inflateError(compression: Compression, error: unknown, byte: number): ConnectorError {
    const reason = endsEarly(error)
      ? `ends in the middle of its compressed data, at byte ${byte}`
      : `is damaged before byte ${byte}: ${(error as Error).message}`
    const code = compression === 'gzip' ? 'ERR_CONNECTOR_GZIP' : 'ERR_CONNECTOR_ZSTD'
    return new ConnectorError(code, `The ${compression} input ${this.name} ${reason}.`, {
      details: { input: this.name, byte, system: systemCode(error) },
      cause: error,
    })
  }

  private shapeError(name: InputShape, { problem, line, byte }: NonNullable<Shape['fault']>): ConnectorError {
    const what = name === 'array' ? 'a JSON array' : 'a row of JSON objects'
    const { ndjsonWords = '--input-format ndjson' } = this.options
    const cure = this.format === 'auto' ? ` If it is none, name its format: ${ndjsonWords}.` : ''
    const place = `line ${line}, byte ${byte}`
    const message = `Reading ${this.name} as ${what} failed at ${place}: it ${problem}. What came before was delivered.${cure}`
    return new ConnectorError('ERR_CONNECTOR_SHAPE', message, { details: { input: this.name, line, byte } })
  }
}

/** Returns whether what is compressed breaks off. */
function endsEarly(error: unknown): boolean {
  return systemCode(error) === 'Z_BUF_ERROR'
}

function signatureOf(head: Uint8Array, isAll: boolean): Compression | 'none' | undefined {
  if (head.length < signatureBytes && !isAll) return compressionOf(head)
  return compressionOf(head) ?? 'none'
}

function valueOf({ bytes, storedBytes }: Chunk): BytesValue<FilePosition> {
  return { kind: 'bytes', bytes, position: storedBytes }
}
