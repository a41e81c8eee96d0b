// The topics that contenders read: filled once for each form and number of partitions, with what must come out of them by
// each set of filters. Called by ../kafka.ts and the cases.

import { createHash } from 'node:crypto'
import type { OriginalFilterSettings } from '@weir/engine'
import type { Input } from '../inputs.ts'
import type { Client, Sent } from './client.ts'
import type { Form } from './contender.ts'
import { keptLines } from './selections.ts'
import { valuesOf } from './values.ts'

/** A topic that is filled. */
export interface RawTopic {
  readonly name: string
  readonly form: Form
  readonly partitions: number
  readonly input: Input
  /** Of all records as NDJSON. */
  readonly bytes: number
  /** One more than the last offset of each partition. */
  readonly ends: readonly number[]
  /** For each partition, bytes of records before each offset, and behind the last one. */
  readonly bytesBefore: readonly Float64Array[]
}

/** Sends of one request: enough that a request is no small thing. */
const sendBytes = 1 << 20

/** A record that stands in each partition before all others, and one behind them; and all times, in ms since 1970. */
export interface Frame {
  readonly opening: string
  readonly closing: string
  readonly openingMs: number
  readonly recordsMs: number
  readonly closingMs: number
}

/** What a topic is filled with. `frame`: records then have its times, where the broker's would be. */
export interface Filling extends Pick<RawTopic, 'input' | 'form' | 'partitions'> {
  readonly frame?: Frame
}

/** Makes a topic and writes the input to it. Bytes do not count records of a frame. */
export async function fillTopic(
  client: Client,
  name: string,
  { input, form, partitions, frame }: Filling,
): Promise<RawTopic> {
  await client.createTopic(name, partitions, frame === undefined ? {} : { 'message.timestamp.type': 'CreateTime' })
  const sums = Array.from({ length: partitions }, () => [0])
  const writer = await client.openWriter(name)
  const mark = async (value: string, timestampMs: number) => {
    await writer.send(sums.map((_, partition) => ({ partition, values: [value], timestampMs })))
    for (const sum of sums) sum.push(sum.at(-1)!)
  }
  if (frame !== undefined) await mark(frame.opening, frame.openingMs)
  const timestamp = frame === undefined ? {} : { timestampMs: frame.recordsMs }
  let parts: Sent[] = []
  let waitingBytes = 0
  const send = async () => {
    if (parts.length > 0) await writer.send(parts)
    parts = []
    waitingBytes = 0
  }
  for await (const { partition, values, bytes } of valuesOf(input.path, form, partitions)) {
    // Two parts of one partition would become one batch.
    if (waitingBytes >= sendBytes || parts.some((part) => part.partition === partition)) await send()
    parts.push({ partition, values, ...timestamp })
    waitingBytes += bytes
    const sum = sums[partition]!
    for (const value of values) sum.push(sum.at(-1)! + (form === 'chunks' ? bytes : value.length + 1))
  }
  await send()
  if (frame !== undefined) {
    await mark(frame.closing, frame.closingMs)
    // Weir takes no other topics; what is in them keeps its time.
    await client.stampTopic(name)
  }
  await writer.close()
  const ends = sums.map(({ length }) => length - 1)
  const found = await client.endsOf(name)
  if (found.join() !== ends.join()) throw new Error(`${name} ends at ${found.join()}, and ${ends.join()} were sent.`)
  const bytesBefore = sums.map((sum) => Float64Array.from(sum))
  return { name, form, partitions, input, bytes: input.bytes, ends, bytesBefore }
}

/** Returns the bytes of records before these offsets. */
export function bytesUpTo({ bytesBefore, ends }: RawTopic, offsets: readonly number[]): number {
  return bytesBefore.reduce(
    (sum, before, partition) => sum + before[Math.min(offsets[partition]!, ends[partition]!)]!,
    0,
  )
}

/** Lines of a topic, told so that two topics can be compared. */
export interface TopicLines {
  readonly lines: number
  /** Of each partition, the SHA-256 of its lines in their order, in hexadecimal. */
  readonly sha256: readonly string[]
  /** Sum of a part of each line's SHA-256: the same for the same lines in any order. Only where it is asked for. */
  readonly sum?: bigint
}

/** What must be in an output. */
export interface Wanted extends TopicLines {
  /** Values that it has where none are joined: one for each line, or for each chunk of which a line is kept. */
  readonly values: number
}

const sumMask = (1n << 128n) - 1n

/** Collects lines of partitions. `hasSum`: some microseconds a line. */
export class LineCollector {
  private readonly hashes
  private readonly hasSum: boolean
  private lines = 0
  private sum = 0n

  constructor(partitions: number, hasSum: boolean) {
    this.hashes = Array.from({ length: partitions }, () => createHash('sha256'))
    this.hasSum = hasSum
  }

  /** Adds the next line of a partition, without its line end. */
  add(partition: number, line: Uint8Array): void {
    this.lines++
    this.hashes[partition]!.update(line).update('\n')
    if (!this.hasSum) return
    const hash = createHash('sha256').update(line).digest('hex')
    this.sum = (this.sum + BigInt(`0x${hash.slice(0, 32)}`)) & sumMask
  }

  /** Adds the lines of a value; empty ones are none. */
  addValue(partition: number, value: Buffer): void {
    for (let start = 0; start < value.length;) {
      const lineFeed = value.indexOf(10, start)
      const end = lineFeed < 0 ? value.length : lineFeed
      if (end > start) this.add(partition, value.subarray(start, end))
      start = end + 1
    }
  }

  end(): TopicLines {
    const sha256 = this.hashes.map((hash) => hash.digest('hex'))
    return { lines: this.lines, sha256, ...(this.hasSum ? { sum: this.sum } : {}) }
  }
}

/** Returns what must be in the output of a topic. */
export async function wantedOf(
  { input, form, partitions }: RawTopic,
  filters: readonly OriginalFilterSettings[],
  cache: string,
): Promise<Wanted> {
  const kept = await keptLines(input, filters, cache)
  const collector = new LineCollector(partitions, true)
  let [index, values] = [0, 0]
  for await (const { partition, lines } of valuesOf(input.path, form, partitions)) {
    const keptHere = lines.filter(() => kept[index++] === 1)
    for (const line of keptHere) collector.add(partition, line)
    values += form === 'lines' ? keptHere.length : Math.min(1, keptHere.length)
  }
  return { ...collector.end(), values }
}

/**
 * Reads a topic's committed records and returns how they differ from those that must be there, as a sentence, or undefined.
 * `keepsPlaces`: whether lines have to stand in the partition that they came from, in their order.
 */
export async function differenceOfTopic(
  client: Client,
  topic: string,
  wanted: TopicLines,
  keepsPlaces: boolean,
): Promise<string | undefined> {
  const found = await readLines(client, topic, wanted.sha256.length, false)
  if (found.lines !== wanted.lines) return `keeps ${found.lines} records, not ${wanted.lines}`
  if (found.sha256.join() === wanted.sha256.join()) return undefined
  const { sum } = await readLines(client, topic, wanted.sha256.length, true)
  if (sum !== wanted.sum) return `keeps the right number of records, ${found.lines}, but other ones`
  return keepsPlaces ? 'keeps the right records in other partitions or in another order' : undefined
}

async function readLines(client: Client, topic: string, partitions: number, hasSum: boolean): Promise<TopicLines> {
  const collector = new LineCollector(partitions, hasSum)
  await client.readAll(topic, ({ partition, value }) => collector.addValue(partition, value ?? Buffer.alloc(0)))
  return collector.end()
}
