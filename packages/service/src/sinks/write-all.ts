// Writing every byte to a file descriptor: partial writes, interrupted ones and pipes that other processes made
// non-blocking. Called by the sinks beside it.

import { write, writev } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'

import { systemCode } from '../errors.ts'

/** The calls of the system that write, and the time between two of them. */
export interface WriteCalls {
  /** Resolves with how many bytes were written, which may be fewer than there are. */
  readonly write: (fd: number, chunk: Uint8Array) => Promise<number>
  /** The same for several chunks, one after another. */
  readonly writev: (fd: number, chunks: readonly Uint8Array[]) => Promise<number>
  readonly pause: (ms: number) => Promise<unknown>
}

type Written = (fd: number, bytes: unknown) => Promise<unknown>
const [writeOne, writeMany] = [promisify(write) as Written, promisify(writev) as Written]

const systemCalls: WriteCalls = {
  write: async (fd, chunk) => ((await writeOne(fd, chunk)) as { bytesWritten: number }).bytesWritten,
  writev: async (fd, chunks) => ((await writeMany(fd, chunks)) as { bytesWritten: number }).bytesWritten,
  pause: delay,
}

/** More chunks in one call are refused by the system (IOV_MAX). */
export const mostChunks = 1024
/** How long a full descriptor is left alone: at first, and at most. */
export const pauseMs = { first: 1, most: 50 } as const

/** Writes the chunks at the descriptor's own position. *Errors*: the system's, untranslated. */
export async function writeAll(fd: number, chunks: readonly Uint8Array[], calls = systemCalls): Promise<void> {
  let rest = chunks.filter((chunk) => chunk.length > 0)
  let waitMs: number = pauseMs.first
  while (rest.length > 0) {
    const written = await writeSome(fd, rest, calls)
    if (written > 0) {
      rest = behind(rest, written)
      waitMs = pauseMs.first
      continue
    }
    // Node offers nothing to wait for a descriptor that it does not own as a stream.
    await calls.pause(waitMs)
    waitMs = Math.min(waitMs * 2, pauseMs.most)
  }
}

/** Returns how many bytes were written; 0 where the descriptor takes none at the moment. */
async function writeSome(fd: number, chunks: readonly Uint8Array[], calls: WriteCalls): Promise<number> {
  const [first] = chunks
  try {
    return chunks.length === 1 && first !== undefined
      ? await calls.write(fd, first)
      : await calls.writev(fd, chunks.slice(0, mostChunks))
  } catch (error) {
    const code = systemCode(error)
    if (code !== 'EAGAIN' && code !== 'EINTR') throw error
    return 0
  }
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
