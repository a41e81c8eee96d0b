// The topics that contenders archive: the input as a filter writes it, one record a value, in each partition between a record
// of the minute before and one of the minute after. By the first, whose object closes at once, is seen when a contender has
// begun; the second closes what is before it, so that nobody waits for a minute to end. Called by throughput.ts.

import type { Client } from '../kafka/client.ts'
import { LineCollector, fillTopic } from '../kafka/raw-topics.ts'
import type { Frame, RawTopic, TopicLines } from '../kafka/raw-topics.ts'
import { valuesOf } from '../kafka/values.ts'
import type { Input } from '../inputs.ts'

const minuteMs = 60_000
const openingMs = Date.UTC(2026, 0, 1)

/** Times are made up, so that objects are the same ones in every run. */
export const frame: Frame = {
  opening: '{"frame":"opening"}',
  closing: '{"frame":"closing"}',
  openingMs,
  recordsMs: openingMs + minuteMs,
  closingMs: openingMs + 2 * minuteMs,
}

/** A topic that is filled, and the records that have to come out of it, without those of the frame. */
export interface ProcessedTopic extends RawTopic {
  readonly wanted: TopicLines
}

/** Makes and fills a topic of so many partitions. */
export async function fillProcessed(client: Client, input: Input, partitions: number): Promise<ProcessedTopic> {
  const topic = await fillTopic(client, `processed-${partitions}`, { input, form: 'lines', partitions, frame })
  const collector = new LineCollector(partitions, false)
  for await (const { partition, lines } of valuesOf(input.path, 'lines', partitions)) {
    for (const line of lines) collector.add(partition, line)
  }
  return { ...topic, wanted: collector.end() }
}
