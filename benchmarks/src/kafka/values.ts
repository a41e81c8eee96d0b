// How the lines of an input become values of a topic: chunks of whole lines, or a value a line; and which partition each goes
// to. The feed writes them so, and what must come out is reckoned from the same. Called by raw-topics.ts and selections.ts.

import { linesOf } from '../plain-reading.ts'
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
