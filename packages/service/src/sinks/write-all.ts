// Writing every byte to a file descriptor: partial writes, interrupted ones and pipes that other processes made
// non-blocking. Called by the sinks beside it.

import { write, writev } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'

import { systemCode } from '../errors.ts'

const writeOne = promisify(write) as (fd: number, chunk: Uint8Array) => Promise<unknown>
const writeMany = promisify(writev) as (fd: number, chunks: readonly Uint8Array[]) => Promise<unknown>

/** More chunks in one call are refused by the system (IOV_MAX). */
const mostChunks = 1024
/** How long a full descriptor is left alone: at first, and at most. */
const pauseMs = { first: 1, most: 50 }

/** Writes the chunks at the descriptor's own position. *Errors*: the system's, untranslated. */
export async function writeAll(fd: number, chunks: readonly Uint8Array[]): Promise<void> {
  let rest = chunks.filter((chunk) => chunk.length > 0)
  let waitMs = pauseMs.first
  while (rest.length > 0) {
    try {
      rest = behind(rest, await writeSome(fd, rest))
      waitMs = pauseMs.first
    } catch (error) {
      const code = systemCode(error)
      if (code !== 'EAGAIN' && code !== 'EINTR') throw error
      // Node offers nothing to wait for a descriptor that it does not own as a stream.
      await delay(waitMs)
      waitMs = Math.min(waitMs * 2, pauseMs.most)
    }
  }
}

async function writeSome(fd: number, chunks: readonly Uint8Array[]): Promise<number> {
  const [first] = chunks
  const result =
    chunks.length === 1 && first !== undefined
      ? await writeOne(fd, first)
      : await writeMany(fd, chunks.slice(0, mostChunks))
  return (result as { bytesWritten: number }).bytesWritten
}

function behind(chunks: readonly Uint8Array[], written: number): Uint8Array[] {
  let left = written
  let index = 0
  while (index < chunks.length && left >= (chunks[index] as Uint8Array).length) {
    left -= (chunks[index] as Uint8Array).length
    index++
  }
  const rest = chunks.slice(index)
  if (left > 0) rest[0] = (rest[0] as Uint8Array).subarray(left)
  return rest
}
