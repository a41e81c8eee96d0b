// How the lines of an input become values of a topic: chunks of whole lines, or a value a line; and which partition each goes
// to. The feed writes them so, and what must come out is reckoned from the same. Called by raw-topics.ts and selections.ts.

import { createReadStream } from 'node:fs'
import type { Form } from './contender.ts'

/** Most bytes of a chunk, as Weir's own ingest writes them. */
export const chunkBytes = 256 * 1024
/** Bytes of lines that stand in one batch of the topic, as a producer that waits a little would send them. */
const lineBatchBytes = 64 * 1024

/** What stands together in a topic: one chunk, or lines of one batch. */
export interface ValueBatch {
  readonly partition: number
  /** Without its line end where a value is a line, with all of them where it is a chunk. */
  readonly values: readonly Buffer[]
  /** Lines of the input in all values. */
  readonly lines: readonly Buffer[]
  /** Of all lines, line ends included. */
  readonly bytes: number
}

/** Returns the lines of a file, without their line ends. They are parts of larger buffers. */
export async function* linesOf(path: string): AsyncGenerator<Buffer, void, undefined> {
  let rest: Buffer = Buffer.alloc(0)
  for await (const part of createReadStream(path, { highWaterMark: 1 << 20 })) {
    const bytes = Buffer.concat([rest, part as Buffer])
    let start = 0
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, start)) {
      yield bytes.subarray(start, end)
      start = end + 1
    }
    rest = bytes.subarray(start)
  }
  if (rest.length > 0) yield rest
}

/** Returns the lines of a file as values, partitions in turn. A line longer than a batch is one by itself. */
export async function* valuesOf(
  path: string,
  form: Form,
  partitions: number,
): AsyncGenerator<ValueBatch, void, undefined> {
  const mostBytes = form === 'chunks' ? chunkBytes : lineBatchBytes
  let lines: Buffer[] = []
  let bytes = 0
  let partition = 0
  const batch = (): ValueBatch => {
    const values = form === 'chunks' ? [joined(lines, bytes)] : lines
    const made = { partition, values, lines, bytes }
    partition = (partition + 1) % partitions
    lines = []
    bytes = 0
    return made
  }
  for await (const line of linesOf(path)) {
    if (bytes > 0 && bytes + line.length + 1 > mostBytes) yield batch()
    lines.push(line)
    bytes += line.length + 1
  }
  if (lines.length > 0) yield batch()
}

function joined(lines: readonly Buffer[], bytes: number): Buffer {
  const chunk = Buffer.allocUnsafe(bytes)
  let at = 0
  for (const line of lines) {
    at += line.copy(chunk, at)
    chunk[at++] = 10
  }
  return chunk
}
