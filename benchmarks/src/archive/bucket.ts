// The judge of what a contender wrote: every byte of every object, read as a file of the store's folder, and what the objects
// say of themselves. Called by passes.ts.

import { LineCollector } from '../kafka/raw-topics.ts'
import type { ListedObject } from './listing.ts'
import { frame } from './processed.ts'
import type { ProcessedTopic } from './processed.ts'
import { readStored } from './store.ts'
import type { StoredFile } from './store.ts'

/** What lies in a bucket, but for objects of the frame. */
export interface Held {
  readonly objects: number
  readonly storedBytes: number
  /** How it differs from what must be there, as a sentence. */
  readonly difference?: string
}

/** Reads objects, and compares them with the topic that they were made of: each partition's lines, in their order. */
export function judgeFiles(files: readonly StoredFile[], topic: ProcessedTopic): Held {
  const { wanted, ends } = topic
  const collector = new LineCollector(topic.partitions, false)
  let [objects, storedBytes] = [0, 0]
  for (const file of files) {
    const { partition, first } = file
    const bytes = readStored(file)
    const framing = framingAt(first, ends[partition]!)
    if (framing !== undefined) {
      if (bytes.toString() === `${framing}\n`) continue
      const difference = `has other records than the frame's in the object at offset ${first} of partition ${partition}`
      return { objects, storedBytes, difference }
    }
    if (bytes.at(-1) !== 10) return { objects, storedBytes, difference: `${file.path} does not end with a line feed` }
    collector.addValue(partition, bytes)
    objects++
    storedBytes += file.storedBytes
  }
  const { lines, sha256 } = collector.end()
  const held = { objects, storedBytes }
  if (lines !== wanted.lines) return { ...held, difference: `holds ${lines} records, not ${wanted.lines}` }
  if (sha256.join() === wanted.sha256.join()) return held
  return { ...held, difference: 'holds the right number of records, but other ones, or in another order' }
}

/** Returns how the sum of what manifests say differs from what must be there, as a sentence, or undefined. */
export function judgeManifests(listed: readonly ListedObject[], { wanted, ends }: ProcessedTopic): string | undefined {
  const counted = listed.filter(({ first, partition }) => framingAt(Number(first), ends[partition]!) === undefined)
  const records = counted.reduce((sum, { count }) => sum + count, 0)
  return records === wanted.lines ? undefined : `says of its objects that they hold ${records}, not ${wanted.lines}`
}

/** The record of the frame at an offset: the first of its partition, or the last. */
function framingAt(first: number, end: number): string | undefined {
  if (first === 0) return frame.opening
  return first === end - 1 ? frame.closing : undefined
}
