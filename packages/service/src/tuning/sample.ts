// The sample: the first records of any input that `weir filter` reads, inflated and in memory, and the work that is
// measured, which is the sample cut or repeated to a useful length. Judges no records. Called by ../commands/tune.ts.

import { randomBytes } from 'node:crypto'
import { open, unlink } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'

import { ConfigError, ConnectorError, systemCode, systemReason } from '../errors.ts'
import { fileSource } from '../sources/file.ts'

/** The first bytes of an input. */
export interface Sample {
  /** What messages call it. */
  readonly name: string
  /** One after another they are whole lines, the last line feed included. */
  readonly chunks: readonly Uint8Array[]
  readonly bytes: number
  /** Whether the input goes on behind it. */
  readonly isCut: boolean
}

/** The most that is read of an input: more would only take memory. */
export const mostSampleBytes = 256 << 20

const lineFeed = 0x0a

/**
 * Reads the first records of an input: of `-`, standard input.
 * *Errors*: those of the source; `ERR_CONFIG_SAMPLE` where there is nothing, or no line ends within `most` bytes.
 */
export async function readSample(file: string, most = mostSampleBytes): Promise<Sample> {
  const source = fileSource(file, { format: 'auto', isForBytes: true })
  const chunks: Uint8Array[] = []
  let bytes = 0
  let isCut = false
  try {
    for await (const value of source.values()) {
      if (value.kind !== 'bytes' || value.bytes.length === 0) continue
      // The source uses the memory again.
      chunks.push(Buffer.from(value.bytes))
      bytes += value.bytes.length
      isCut = bytes > most
      if (isCut) break
    }
  } finally {
    await source.close()
  }
  const sample = { name: source.name, chunks, bytes, isCut }
  return isCut ? cutAtLine(sample, most) : withLastLineFeed(sample)
}

function withLastLineFeed(sample: Sample): Sample {
  const last = sample.chunks.at(-1)
  if (last === undefined) throw noSample(`The sample ${sample.name} is empty.`)
  if (last.at(-1) === lineFeed) return sample
  return { ...sample, chunks: [...sample.chunks, Buffer.from('\n')], bytes: sample.bytes + 1 }
}

/** Returns whole lines of the sample's start, at most `most` bytes of them. */
function cutAtLine(sample: Sample, most: number): Sample {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for (const chunk of sample.chunks) {
    chunks.push(chunk.subarray(0, most - bytes))
    bytes += Math.min(chunk.length, most - bytes)
    if (bytes === most) break
  }
  for (let last = chunks.pop(); last !== undefined; last = chunks.pop()) {
    const end = last.lastIndexOf(lineFeed) + 1
    bytes -= last.length - end
    if (end > 0) return { ...sample, chunks: [...chunks, last.subarray(0, end)], bytes, isCut: true }
  }
  throw noSample(`The first line of the sample ${sample.name} is longer than ${most} bytes.`)
}

/** Returns the error for a sample that nothing can be measured on. */
export function noSample(problem: string): ConfigError {
  return new ConfigError('ERR_CONFIG_SAMPLE', `${problem} Give records like those that the rules will see.`)
}

/** What is measured: whole lines. */
export interface Work {
  /** Each is written or used in turn; one after another they are the work. */
  readonly chunks: readonly Uint8Array[]
  readonly bytes: number
  /** How many times the sample is in it; 1 where it is the sample or a part of it. */
  readonly repeats: number
}

/** Returns about `wantedBytes` of work: the start of a longer sample, or a shorter one several times. */
export function workOf(sample: Sample, wantedBytes: number): Work {
  if (sample.bytes > wantedBytes && sample.chunks.some((chunk) => chunk.includes(lineFeed))) {
    const line = firstLineBytes(sample)
    const { chunks, bytes } = cutAtLine(sample, Math.max(wantedBytes, line))
    return { chunks, bytes, repeats: 1 }
  }
  const repeats = Math.max(1, Math.round(wantedBytes / sample.bytes))
  const chunks = Array.from({ length: repeats }, () => sample.chunks).flat()
  return { chunks, bytes: repeats * sample.bytes, repeats }
}

function firstLineBytes({ chunks }: Sample): number {
  let bytes = 0
  for (const chunk of chunks) {
    const at = chunk.indexOf(lineFeed)
    if (at >= 0) return bytes + at + 1
    bytes += chunk.length
  }
  return bytes
}

/** Returns the start of the sample in one piece, whole lines, at most about `most` bytes. */
export function sliceOf(sample: Sample, most: number): Uint8Array {
  const { chunks } = sample.bytes <= most ? sample : cutAtLine(sample, Math.max(most, firstLineBytes(sample)))
  return Buffer.concat(chunks)
}

/**
 * Returns a file that holds the work and has no name, so that nothing is left of it however the process ends. For workers,
 * which read files themselves. *Ownership*: the caller closes it. *Errors*: `ERR_CONNECTOR_WRITE`.
 */
export async function workFile(work: Work, folder = os.tmpdir()): Promise<FileHandle> {
  const name = path.join(folder, `weir-tune-${randomBytes(6).toString('hex')}`)
  let handle: FileHandle | undefined
  try {
    handle = await open(name, 'wx+', 0o600)
    await unlink(name)
    for (const chunk of work.chunks) await handle.writeFile(chunk)
    return handle
  } catch (error) {
    await handle?.close().catch(() => undefined)
    throw new ConnectorError(
      'ERR_CONNECTOR_WRITE',
      `Cannot keep ${work.bytes} bytes of the sample in ${folder}: ${systemReason(error)}. TMPDIR names another folder.`,
      { details: { output: folder, system: systemCode(error) }, cause: error },
    )
  }
}

/** Most bytes of one value of a Kafka topic, as brokers have it unless told otherwise. */
const mostValueBytes = 1_000_000

/**
 * Returns the work as a consumer of chunks gets it: calls of at most `batchBytes`, each of values of whole lines and at most
 * 1 MB, where a line is no longer than that.
 */
export function kafkaCalls(bytes: Uint8Array, batchBytes: number): Uint8Array[][] {
  const most = Math.min(mostValueBytes, batchBytes)
  const calls: Uint8Array[][] = []
  let call: Uint8Array[] = []
  let callBytes = 0
  for (let start = 0; start < bytes.length;) {
    const value = bytes.subarray(start, endOfLines(bytes, start, most))
    if (call.length > 0 && callBytes + value.length > batchBytes) {
      calls.push(call)
      ;[call, callBytes] = [[], 0]
    }
    call.push(value)
    callBytes += value.length
    start += value.length
  }
  if (call.length > 0) calls.push(call)
  return calls
}

function endOfLines(bytes: Uint8Array, start: number, most: number): number {
  if (start + most >= bytes.length) return bytes.length
  const before = bytes.subarray(start, start + most).lastIndexOf(lineFeed)
  if (before >= 0) return start + before + 1
  const behind = bytes.indexOf(lineFeed, start + most)
  return behind < 0 ? bytes.length : behind + 1
}
