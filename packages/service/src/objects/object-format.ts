// How the lines of an object are stored: as they are, or as one member of gzip. The seam for others, as zstd or Parquet.
// Called by object-builder.ts, and by whoever names objects.

import { createGzip } from 'node:zlib'
import type { Gzip } from 'node:zlib'

/** Takes the bytes that are to be stored, in their order. *Ownership*: they are the taker's for good. */
export type StoredOutput = (bytes: Uint8Array) => void

/** Writes one object. *Order of calls*: `write()`, one at a time; then `end()`, once; or `discard()` at any time. */
export interface FormatWriter {
  /**
   * Takes bytes of the lines, cut anywhere. *Ownership*: they may be used again when it resolves. Some of what they become
   * may come out later.
   */
  write(bytes: Uint8Array): Promise<void>
  /** Resolves when everything has come out. */
  end(): Promise<void>
  /** Gives the object up. Never throws. */
  discard(): void
}

/** A way of storing lines. The same lines make the same bytes, as long as nobody changes the program or its libraries. */
export interface ObjectFormat {
  /** What the names of objects end with, with its dot. */
  readonly extension: string
  readonly contentType: string
  /** Begins an object. */
  open(out: StoredOutput): FormatWriter
}

/** Ways of compressing that the settings know. */
export const objectCompressions = ['gzip', 'none'] as const
export type ObjectCompression = (typeof objectCompressions)[number]

/** Returns the format of NDJSON objects. `level`: 1 to 9, of gzip. */
export function objectFormat(compression: ObjectCompression, level: number): ObjectFormat {
  return compression === 'none' ? plainFormat : gzipFormat(level)
}

const plainFormat: ObjectFormat = {
  extension: '.ndjson',
  contentType: 'application/x-ndjson',
  open: (out) => ({
    write: (bytes) => Promise.resolve(out(Uint8Array.prototype.slice.call(bytes))),
    end: () => Promise.resolve(),
    discard: () => undefined,
  }),
}

/** The type is that of a file of gzip, and no encoding of what it holds: clients would inflate it, and its length differ. */
function gzipFormat(level: number): ObjectFormat {
  return { extension: '.ndjson.gz', contentType: 'application/gzip', open: (out) => new GzipWriter(level, out) }
}

/** Compressed bytes that leave zlib at a time. */
const compressedChunkBytes = 64 << 10

/** Where the head of a member names the system that made it, and the number of none in particular (RFC 1952, 2.3.1). */
const [systemByte, unknownSystem] = [9, 255]

/** One member of gzip, made in the threads that Node keeps for zlib. Its head holds no name, no time and no system. */
class GzipWriter implements FormatWriter {
  private readonly stream: Gzip
  private isBegun = false

  constructor(level: number, out: StoredOutput) {
    this.stream = createGzip({ level, chunkSize: compressedChunkBytes })
    // An error also reaches whoever waits for a write or the end.
    this.stream.on('error', () => undefined)
    this.stream.on('data', (bytes: Uint8Array) => {
      // zlib writes its whole head at once. The system is the one thing in it that differs from machine to machine.
      if (!this.isBegun) bytes[systemByte] = unknownSystem
      this.isBegun = true
      out(bytes)
    })
  }

  write(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.stream.write(bytes, (error) => (error == null ? resolve() : reject(error)))
    })
  }

  end(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.stream.once('error', reject)
      this.stream.once('end', resolve)
      this.stream.once('close', () => reject(new Error('The object was given up.')))
      this.stream.end()
    })
  }

  discard(): void {
    this.stream.destroy()
  }
}
