// What lies in the bucket in the end: every line of every object, looked at by its number; and when each object closed.
// Called by ../soak.ts.

import type { ListedObject } from '../archive/listing.ts'
import { readStored } from '../archive/store.ts'
import type { StoredFile } from '../archive/store.ts'
import type { SampledRecords } from '../service/sampled-bodies.ts'

/** What was posted, by the number of a record. */
export interface Posted {
  readonly records: SampledRecords
  /** One more than the largest number. */
  readonly end: number
  readonly isKept: (id: number) => boolean
  /** Whether its body was answered 200. A record of another may be there or not. */
  readonly isAcknowledged: (id: number) => boolean
}

/** What became of numbered records. */
export interface BucketContent {
  /** Lines of all objects. */
  readonly records: number
  /** Acknowledged and kept, and in no object. */
  readonly lost: number
  readonly repeated: number
  /** Dropped by the rules, or none that was posted, or with other bytes. */
  readonly wrong: number
}

/** Reads all objects. */
export function countBucket(
  files: readonly StoredFile[],
  { records, end, isKept, isAcknowledged }: Posted,
): BucketContent {
  const seen = new Uint8Array(end)
  let [lines, repeated, wrong] = [0, 0, 0]
  for (const file of files) {
    const bytes = readStored(file)
    for (let start = 0; start < bytes.length;) {
      const lineFeed = bytes.indexOf(10, start)
      const lineEnd = lineFeed < 0 ? bytes.length : lineFeed
      const id = records.numberIn(bytes, start, lineEnd)
      lines++
      if (id === undefined || id >= end || !isKept(id) || lineFeed < 0) wrong++
      else if (seen[id]! > 0) repeated++
      else seen[id] = 1
      start = lineEnd + 1
    }
  }
  let lost = 0
  for (let id = 0; id < end; id++) if (seen[id] === 0 && isKept(id) && isAcknowledged(id)) lost++
  return { records: lines, lost, repeated, wrong }
}

/** An object, and how soon it was there. */
export interface ClosedObject {
  readonly partition: number
  readonly records: number
  readonly rawBytes: number
  readonly storedBytes: number
  /** When it was written, in milliseconds since 1970. */
  readonly modifiedMs: number
  /** From the end of its minute of broker time until it was written; absent where another of that minute follows. */
  readonly delayMs?: number
}

const minuteMs = 60_000

/**
 * Returns the objects, with the time at which each was written: by the store's files, since its answers have whole seconds.
 * `listed` by their keys, in which those of a partition are in order.
 */
export function closedObjects(listed: readonly ListedObject[], files: readonly StoredFile[]): ClosedObject[] {
  const placeOf = (partition: number, first: number): string => `${partition}+${first}`
  const times = new Map(files.map(({ partition, first, modifiedMs }) => [placeOf(partition, first), modifiedMs]))
  const ordered = listed.toSorted((a, b) => a.partition - b.partition || Number(a.first) - Number(b.first))
  return ordered.map(({ partition, first, firstMs, count: records, rawBytes, storedBytes, modifiedMs: toldMs }, i) => {
    const modifiedMs = times.get(placeOf(partition, Number(first))) ?? toldMs
    const minute = Math.floor(firstMs / minuteMs)
    const next = ordered[i + 1]
    const isLast = next?.partition !== partition || Math.floor(next.firstMs / minuteMs) > minute
    const delay = isLast ? { delayMs: modifiedMs - (minute + 1) * minuteMs } : {}
    return { partition, records, rawBytes, storedBytes, modifiedMs, ...delay }
  })
}
