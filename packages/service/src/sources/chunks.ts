// Chunks of bytes as a descriptor gives them, and a look at the first of them before the rest is read. Knows neither
// compression nor records. Called by file.ts.

import { constants, openSync, read, readSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { promisify } from 'node:util'

/** Bytes, and how many of the input, as it is stored, were read when they came. */
export interface Chunk {
  readonly bytes: Uint8Array
  readonly storedBytes: number
}

const readBytes = 256 << 10

/** Reads a descriptor at a position, or where it stands when that is null. */
export const readAt = promisify(read) as (
  fd: number,
  buffer: Uint8Array,
  offset: number,
  length: number,
  position: number | null,
) => Promise<{ bytesRead: number }>

/** Opens a named pipe. One without a writer would keep a thread waiting in the system, which nothing could interrupt. */
export function openPipe(path: string): number {
  return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
}

/** Returns the first bytes of a file, at most `length`. */
export async function readHead(fd: number, length: number): Promise<Uint8Array> {
  const head = Buffer.alloc(length)
  let filled = 0
  while (filled < length) {
    const { bytesRead } = await readAt(fd, head, filled, length - filled, filled)
    if (bytesRead === 0) break
    filled += bytesRead
  }
  return head.subarray(0, filled)
}

/** Yields what a descriptor holds from where it stands. One buffer fills while the other is with the reader. */
export async function* readChunks(fd: number): AsyncGenerator<Uint8Array, void, undefined> {
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

/** Yields what a regular file holds from its start, wherever the descriptor stands, and leaves it standing there. */
export async function* readAgain(fd: number): AsyncGenerator<Uint8Array, void, undefined> {
  const buffer = Buffer.allocUnsafeSlow(readBytes)
  for (let position = 0; ;) {
    const { bytesRead } = await readAt(fd, buffer, 0, readBytes, position)
    if (bytesRead === 0) return
    position += bytesRead
    yield buffer.subarray(0, bytesRead)
  }
}

/** A read that takes longer did not come from memory. */
const slowReadMs = 1
/** So many reads after a slow one are left to other threads. */
const patientReads = 8
/** After so many reads at once, what else happened gets its turn: messages of workers, signals. */
const hastyReads = 8

/**
 * Yields what a regular file holds from where it stands. Reads at once what the system has in memory, three times as
 * fast as by way of another thread; a file that is slow to come is read in one. `buffer`: where each chunk is put.
 */
export async function* readFileChunks(
  fd: number,
  buffer: Uint8Array = Buffer.allocUnsafeSlow(readBytes),
): AsyncGenerator<Uint8Array, void, undefined> {
  let patience = 0
  for (let reads = 1; ; reads++) {
    const startedMs = performance.now()
    const isPatient = patience > 0
    const bytesRead = isPatient
      ? (await readAt(fd, buffer, 0, buffer.length, null)).bytesRead
      : readSync(fd, buffer, 0, buffer.length, null)
    if (bytesRead === 0) return
    if (isPatient) patience--
    else if (performance.now() - startedMs > slowReadMs) patience = patientReads
    else if (reads % hastyReads === 0) await setImmediate()
    yield buffer.subarray(0, bytesRead)
  }
}

/** What was seen of an input, and all of it, from its first byte on. */
export interface Peeked<T> {
  readonly seen: T
  readonly all: AsyncIterable<Chunk>
}

/**
 * Shows `judge` what has come, more and more of it, until it returns something; at the input's end it must.
 * *Ownership*: `head` is only for looking at.
 */
export async function peek<T>(
  chunks: AsyncIterable<Chunk>,
  judge: (head: Uint8Array, isAll: boolean) => T | undefined,
): Promise<Peeked<T>> {
  const iterator = chunks[Symbol.asyncIterator]()
  const first: Chunk[] = []
  let head: Uint8Array = new Uint8Array(0)
  for (;;) {
    const next = await iterator.next()
    const isAll = next.done === true
    if (!isAll) head = Buffer.concat([head, next.value.bytes])
    const seen = judge(head, isAll)
    if (seen === undefined && isAll) throw new Error('Nothing was decided at the end of the input.')
    if (seen === undefined) {
      // Its memory is used again when the next one is asked for; the slice of a Buffer would be no copy.
      const { bytes, storedBytes } = next.value as Chunk
      first.push({ bytes: new Uint8Array(bytes), storedBytes })
      continue
    }
    if (!isAll) first.push(next.value)
    const all = async function* (): AsyncGenerator<Chunk, void, undefined> {
      yield* first
      yield* { [Symbol.asyncIterator]: () => iterator }
    }
    return { seen, all: all() }
  }
}
