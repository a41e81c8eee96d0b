// Files that are followed or read once, opened at a place, and what is said of those that cannot be. Decides nothing about
// which file is to be read. Called by follow.ts.

import type { FileHandle } from 'node:fs/promises'

import { ConnectorError, mayPass, systemCode, systemReason } from '../errors.ts'
import { openRegularFile } from '../regular-file.ts'
import { readFileChunks, readHead } from './chunks.ts'
import { fingerprintOf } from './follow-state.ts'
import type { FollowPosition } from './follow-state.ts'
import { compressionOf, inflate, signatureBytes } from './inflate.ts'
import type { Compression } from './inflate.ts'
import { LineBuffer } from './line-buffer.ts'
import type { Lines } from './line-buffer.ts'

/** A file that is being read. */
export interface OpenFile {
  readonly handle: FileHandle
  readonly dev: string
  readonly ino: string
  readonly lines: LineBuffer
  /** Of what was there when it was last read. */
  head: FollowPosition['head']
}

/** Opens a file to be read from `byte`. *Errors*: the system's; one without a code where it is none that can be read so. */
export async function openFile(path: string, byte: number, follow: boolean): Promise<OpenFile> {
  const handle = await openRegularFile(path)
  try {
    const stats = await handle.stat({ bigint: true })
    const head = await fingerprintOf(handle, Math.max(byte, follow ? 0 : Number(stats.size)))
    if (follow && compressionOf(await readHead(handle.fd, signatureBytes)) !== undefined) {
      throw new Error('it is compressed, and can be read once but not followed')
    }
    return { handle, dev: String(stats.dev), ino: String(stats.ino), lines: new LineBuffer(byte), head }
  } catch (error) {
    await handle.close()
    throw error
  }
}

/**
 * Yields the lines of a compressed file behind `lines.nextByte`, which counts inflated bytes; undefined for a piece that
 * ends none. *Errors*: the system's, and zlib's.
 */
export async function* inflatedLines(
  { handle, lines }: OpenFile,
  compression: Compression,
): AsyncGenerator<Lines | undefined, void, undefined> {
  let skipped = lines.nextByte
  for await (const { bytes } of inflate(readFileChunks(handle.fd), compression)) {
    // What was done before the restart is inflated again, and left out.
    let rest = bytes.subarray(Math.min(skipped, bytes.length))
    skipped -= bytes.length - rest.length
    while (rest.length > 0) {
      const taken = Buffer.from(rest.buffer, rest.byteOffset, rest.length).copy(lines.room())
      rest = rest.subarray(taken)
      yield lines.add(taken)
    }
  }
}

/** Returns why a file cannot be opened. `retryable`: whether it may be later. Default: where the system says so. */
export function openError(name: string, error: unknown, retryable = mayPass(error)): ConnectorError {
  return new ConnectorError('ERR_CONNECTOR_OPEN', `Cannot read ${name}: ${systemReason(error)}.`, {
    retryable,
    details: { input: name, system: systemCode(error) },
    cause: error,
  })
}

/**
 * Returns why reading stopped. `isFollowed`: what the system refuses may be had later, since a file that is followed
 * has no end at which it would be given up.
 */
export function readError(name: string, error: unknown, isFollowed: boolean): ConnectorError {
  const system = systemCode(error) ?? ''
  const isGzip = system.startsWith('Z_')
  const isZstd = system.startsWith('ZSTD_')
  const code = isGzip ? 'ERR_CONNECTOR_GZIP' : isZstd ? 'ERR_CONNECTOR_ZSTD' : 'ERR_CONNECTOR_READ'
  return new ConnectorError(code, `Reading ${name} failed: ${systemReason(error)}.`, {
    retryable: mayPass(error) || (isFollowed && system !== ''),
    details: { input: name, system: systemCode(error) },
    cause: error,
  })
}
