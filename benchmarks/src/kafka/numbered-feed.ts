// A load with a rate: values of numbered records, each written when it is due, whatever became of those before; and what
// tells when each was due, and which came out of a filter. Called by latency.ts and takeover.ts.

import { pause } from '../service/processes.ts'
import { isKept, numberAt, numberedBody, numberedBytes } from '../service/bodies.ts'
import type { OriginalFilterSettings } from '@weir/engine'
import type { Client, Writer } from './client.ts'

/** Records of a value; a quarter of them is kept. */
export const recordsPerValue = 64
/** Bytes of a value. */
export const valueBytes = recordsPerValue * numberedBytes

/** Filters that keep what `isKept` says of numbered records. */
export const numberedFilters: readonly OriginalFilterSettings[] = [
  { fieldName: 'statusCode', regex: '5\\d\\d', include: true },
]

/** Writes values to the partitions of a topic in turn, until it is stopped. */
export class NumberedFeed {
  /** When the first value was due, by performance.now(). */
  readonly startedMs = performance.now()
  readonly everyMs: number
  private readonly writer: Writer
  /** Of each partition, what is due and not on its way. */
  private readonly waiting: Buffer[][]
  /** By partition, what is on its way. */
  private readonly sending = new Map<number, Promise<void>>()
  private isStopped = false
  private readonly feeding: Promise<void>
  /** Values that were sent. */
  values = 0

  private constructor(writer: Writer, partitions: number, bytesPerSecond: number) {
    this.writer = writer
    this.waiting = Array.from({ length: partitions }, () => [])
    this.everyMs = (1000 * valueBytes) / bytesPerSecond
    this.feeding = this.feed()
  }

  /** Starts to write. */
  static async start(client: Client, topic: string, partitions: number, bytesPerSecond: number): Promise<NumberedFeed> {
    return new NumberedFeed(await client.openWriter(topic), partitions, bytesPerSecond)
  }

  /** When the value of a record was due, by performance.now(). */
  dueMs(id: number): number {
    return this.startedMs + Math.floor(id / recordsPerValue) * this.everyMs
  }

  /** Records that were sent. */
  get records(): number {
    return this.values * recordsPerValue
  }

  /** Resolves when everything is acknowledged; the second time at once. *Errors*: of sends. */
  async stop(): Promise<void> {
    if (this.isStopped) return
    this.isStopped = true
    await this.feeding
    await Promise.all(this.sending.values())
    await this.writer.close()
  }

  private async feed(): Promise<void> {
    while (!this.isStopped) {
      const nextMs = this.startedMs + this.values * this.everyMs
      if (performance.now() < nextMs) {
        await pause(Math.max(1, nextMs - performance.now()))
        continue
      }
      const value = numberedBody(this.values * recordsPerValue, recordsPerValue)
      const partition = this.values % this.waiting.length
      this.waiting[partition]!.push(value)
      if (!this.sending.has(partition)) this.send(partition)
      this.values++
    }
  }

  /** Writes what waits, until nothing does. */
  private send(partition: number): void {
    const sending = async () => {
      for (let values; (values = this.waiting[partition]!.splice(0)).length > 0;) {
        await this.writer.send([{ partition, values }])
      }
      this.sending.delete(partition)
    }
    const promise = sending()
    // Told by stop().
    promise.catch(() => undefined)
    this.sending.set(partition, promise)
  }
}

/** Calls back for the number of each record of a value. */
export function numbersIn(value: Buffer, take: (id: number) => void): void {
  for (let at = 0; at + numberedBytes - 1 <= value.length; at += numberedBytes) take(numberAt(value, at))
}

/** What became of numbered records. */
export interface NumberedCounts {
  readonly records: number
  readonly lost: number
  readonly repeated: number
  readonly wrong: number
}

/** Reads what is committed to a topic of chunks, which should be all records below `end` that are to be kept. */
export async function countNumbered(client: Client, topic: string, end: number): Promise<NumberedCounts> {
  const seen = new Uint8Array(end)
  let [records, repeated, wrong] = [0, 0, 0]
  await client.readAll(topic, ({ value }) =>
    numbersIn(value ?? Buffer.alloc(0), (id) => {
      records++
      if (!(id < end) || !isKept(id)) wrong++
      else if (seen[id]! > 0) repeated++
      else seen[id] = 1
    }),
  )
  let lost = 0
  for (let id = 0; id < end; id++) if (isKept(id) && seen[id] === 0) lost++
  return { records, lost, repeated, wrong }
}
