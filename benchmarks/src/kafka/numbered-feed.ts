// A load with a rate: values of numbered records, each written when it is due, whatever became of those before; and what
// tells when each was due, and which came out of a filter. Called by latency.ts and takeover.ts.

import { pause } from '../service/processes.ts'
import { isKept, numberAt, numberedBody, numberedBytes } from '../service/bodies.ts'
import type { OriginalFilterSettings } from '@weir/engine'
import type { Client } from './client.ts'

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
  private readonly client: Client
  private readonly topic: string
  private readonly partitions: number
  private readonly sends: Promise<void>[] = []
  private isStopped = false
  private readonly feeding: Promise<void>
  /** Values that were sent. */
  values = 0

  constructor(client: Client, topic: string, partitions: number, bytesPerSecond: number) {
    this.client = client
    this.topic = topic
    this.partitions = partitions
    this.everyMs = (1000 * valueBytes) / bytesPerSecond
    this.feeding = this.feed()
  }

  /** When the value of a record was due, by performance.now(). */
  dueMs(id: number): number {
    return this.startedMs + Math.floor(id / recordsPerValue) * this.everyMs
  }

  /** Records that were sent. */
  get records(): number {
    return this.values * recordsPerValue
  }

  /** Resolves when everything is acknowledged. *Errors*: of sends. */
  async stop(): Promise<void> {
    this.isStopped = true
    await this.feeding
    await Promise.all(this.sends)
  }

  private async feed(): Promise<void> {
    while (!this.isStopped) {
      const nextMs = this.startedMs + this.values * this.everyMs
      if (performance.now() < nextMs) {
        await pause(Math.max(1, nextMs - performance.now()))
        continue
      }
      const value = numberedBody(this.values * recordsPerValue, recordsPerValue)
      const send = this.client.send(this.topic, [{ partition: this.values % this.partitions, values: [value] }])
      // Told by stop().
      send.catch(() => undefined)
      this.sends.push(send)
      this.values++
    }
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
