// Records of a route as records of a topic: one line each, or many in a chunk. How they get there is kafka-writer.ts.
// Called by ../commands.

import type { KafkaHeader, OutgoingRecord } from '../kafka/port.ts'
import { sendMemory } from '../kafka/send-memory.ts'
import type { MessageOrigin } from '../ports/message.ts'
import type { Sink } from '../ports/sink.ts'
import type { Transaction } from '../ports/transaction.ts'
import type { StartTimer } from '../time.ts'
import type { RecordWriter } from './kafka-writer.ts'

/** What a record of the topic holds: a line, without its line end; or lines up to `chunkBytes`. */
export const kafkaOutputFormats = ['lines', 'chunks'] as const
export type KafkaOutputFormat = (typeof kafkaOutputFormats)[number]

/** Bytes of a chunk; one of a single record may be longer. */
export const chunkBytes = 256 << 10

/** What a chunk takes in a send beside its bytes, at most: the heads of batch and record, and the version of the rules. */
const frameBytes = 256

/** Returns how many bytes a chunk may have that stands alone in a send; one of a single record may still be longer. */
function chunkLimit({ mostBytes }: RecordWriter): number {
  return Math.max(1, Math.min(chunkBytes, mostBytes - frameBytes))
}

/** Headers that are added to those of the message. */
export const kafkaHeaders = { version: 'weir-rules', time: 'weir-time' } as const

/** Options of both sinks. */
export interface KafkaSinkOptions {
  readonly writer: RecordWriter
  readonly format: KafkaOutputFormat
  /** Returns a record's own time as it stands there. Absent: it is not asked. Only of `lines`. */
  readonly timeOf?: (record: Uint8Array) => string | undefined
}

const lineFeed = 0x0a
const carriageReturn = 0x0d

/** Returns a sink that has sent, when a write resolves, all that was written. */
export function kafkaSink({ writer, ...options }: KafkaSinkOptions): Sink {
  const isJoining = writer.join !== undefined
  return {
    name: writer.name,
    wantsOrigins: options.format === 'lines',
    write: (chunks, version, origins) =>
      writer.send(outgoing(chunks, version, origins, { ...options, chunkLimit: chunkLimit(writer) })),
    flush: () => Promise.resolve(),
    ...(isJoining ? { join: (transaction: Transaction) => writer.join?.(transaction) } : {}),
    finish: () => Promise.resolve(writer.discard()),
    discard: () => Promise.resolve(writer.discard()),
  }
}

function outgoing(
  chunks: readonly Uint8Array[],
  version: string | undefined,
  origins: readonly MessageOrigin[] | undefined,
  { format, timeOf, chunkLimit: limit }: Omit<KafkaSinkOptions, 'writer'> & { readonly chunkLimit: number },
): OutgoingRecord[] {
  const added: KafkaHeader[] = version === undefined ? [] : [[kafkaHeaders.version, Buffer.from(version)]]
  if (format === 'chunks') return chunksOf(chunks, limit).map((value) => ({ key: null, value, headers: added }))
  return chunks.flatMap((chunk, i) => {
    const origin = origins?.[i]
    const key = origin?.key ?? null
    const headers = origin === undefined ? added : [...origin.headers, ...added]
    return linesOf(chunk).map((value) => {
      const time = timeOf?.(value)
      return {
        key,
        value,
        headers: time === undefined ? headers : [...headers, [kafkaHeaders.time, Buffer.from(time)]],
      }
    })
  })
}

/** Returns the lines of a chunk without their line ends. *Ownership*: views of it. */
function linesOf(chunk: Uint8Array): Uint8Array[] {
  const lines: Uint8Array[] = []
  for (let at = 0; at < chunk.length;) {
    const found = chunk.indexOf(lineFeed, at)
    const end = found < 0 ? chunk.length : found
    lines.push(chunk.subarray(at, chunk[end - 1] === carriageReturn ? end - 1 : end))
    at = end + 1
  }
  return lines
}

/** Returns the bytes in pieces of at most `limit`, unless a line is longer, cut behind line ends; each of them ends with one. */
function chunksOf(chunks: readonly Uint8Array[], limit: number): Uint8Array[] {
  // Many small pieces are joined, and few large ones need no copy.
  const all = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
  const pieces: Uint8Array[] = []
  for (let at = 0; at < all.length;) {
    const end = cutBehind(all, at, limit)
    pieces.push(all.subarray(at, end))
    at = end
  }
  return pieces
}

function cutBehind(bytes: Uint8Array, from: number, limit: number): number {
  if (bytes.length - from <= limit) return bytes.length
  const last = bytes.subarray(from, from + limit).lastIndexOf(lineFeed)
  if (last >= 0) return from + last + 1
  const next = bytes.indexOf(lineFeed, from + limit)
  return next < 0 ? bytes.length : next + 1
}

/** Options of a sink that fills its chunks. */
export interface FillingSinkOptions {
  readonly writer: RecordWriter
  /** Time in milliseconds that a chunk may wait to be full. */
  readonly chunkAgeMs: number
  readonly startTimer: StartTimer
}

/** Bytes that may be under way; then a write waits. */
const mostUnsentBytes = 8 << 20

/**
 * Returns a sink of chunks that are filled by several writes: for sources of small batches, as HTTP. A flush resolves when
 * what was written before is acknowledged, at the age of its chunk if it is not full.
 */
export function fillingKafkaSink(options: FillingSinkOptions): Sink {
  return new FillingSink(options)
}

class FillingSink implements Sink {
  readonly name: string
  private readonly options: FillingSinkOptions
  private readonly chunkLimit: number
  /** What is being filled, and how far: nothing of it is sent yet. */
  private filling: Buffer | undefined
  private fillingBytes = 0
  private unsentBytes = 0
  private version: string | undefined
  private stopTimer: () => void = () => undefined
  /** Resolves when everything that was cut is acknowledged; rejects with the first failure, for ever. */
  private sent: Promise<unknown> = Promise.resolve()
  /** Called when the chunk that is being filled is cut. */
  private onCut: (() => void)[] = []

  constructor(options: FillingSinkOptions) {
    this.name = options.writer.name
    this.options = options
    this.chunkLimit = chunkLimit(options.writer)
  }

  async write(chunks: readonly Uint8Array[], version?: string): Promise<void> {
    // Of one version each, as batches are.
    if (version !== this.version) this.send()
    this.version = version
    for (const chunk of chunks) this.fill(chunk)
    while (this.unsentBytes > mostUnsentBytes) await this.sent
  }

  async flush(): Promise<void> {
    if (this.fillingBytes > 0) await new Promise<void>((resolve) => this.onCut.push(resolve))
    await this.sent
  }

  async finish(): Promise<void> {
    this.send()
    await this.sent
    this.options.writer.discard()
  }

  discard(): Promise<void> {
    this.stopTimer()
    this.options.writer.discard()
    return Promise.resolve()
  }

  private fill(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length;) {
      const room = this.chunkLimit - this.fillingBytes
      const rest = chunk.length - at
      const last = rest <= room ? rest : chunk.subarray(at, at + room).lastIndexOf(lineFeed) + 1
      if (last === 0 && this.fillingBytes > 0) {
        this.send()
        continue
      }
      const next = last > 0 ? last : cutBehind(chunk, at, this.chunkLimit) - at
      if (this.fillingBytes === 0) this.stopTimer = this.options.startTimer(this.options.chunkAgeMs, () => this.send())
      // What was written is the writer's again when the write resolves. A record that is longer than a chunk stands alone.
      if (this.filling === undefined || this.filling.length < next) {
        this.filling = sendMemory.take(Math.max(this.chunkLimit, next))
      }
      this.filling.set(chunk.subarray(at, at + next), this.fillingBytes)
      this.fillingBytes += next
      at += next
      if (this.fillingBytes >= this.chunkLimit) this.send()
    }
  }

  private send(): void {
    this.stopTimer()
    if (this.fillingBytes === 0) return
    const bytes = this.fillingBytes
    const value = this.takeFilled()
    const lease = sendMemory.leaseOf(value)
    this.unsentBytes += bytes
    const headers: KafkaHeader[] = this.version === undefined ? [] : [[kafkaHeaders.version, Buffer.from(this.version)]]
    const sending = this.options.writer.send([{ key: null, value, headers }]).then(() => {
      this.unsentBytes -= bytes
      // Not after a failure: whoever has given up waiting may still be at work.
      lease?.release()
    })
    this.sent = Promise.all([this.sent, sending]).then(() => undefined)
    this.sent.catch(() => undefined)
    for (const resolve of this.onCut.splice(0)) resolve()
  }

  /** Returns what is filled, which is in memory of its own from then on. */
  private takeFilled(): Buffer {
    const filling = this.filling!
    const filled = filling.subarray(0, this.fillingBytes)
    this.fillingBytes = 0
    // A chunk that is hardly filled would keep its memory for nothing.
    if (2 * filled.length < filling.length) return Buffer.from(filled)
    this.filling = undefined
    return filled
  }
}
