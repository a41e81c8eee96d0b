// Whether what a partition hands out is what comes next: offsets without gaps, from the expected one on. Called by
// kafka-partition.ts.

import type { FetchedBatch } from '../kafka/port.ts'
import { PartitionStop } from './kafka-stops.ts'

/** So often a partition may hand out what nobody asked for before it is stopped. */
const mostStrikes = 3

/** Judges the batches of one partition, one after another. */
export class BatchOrder {
  private readonly allowsGaps: boolean
  private strikes = 0

  /** `allowsGaps`: offsets may be missing: the topic is compacted, or written in transactions. */
  constructor(allowsGaps: boolean) {
    this.allowsGaps = allowsGaps
  }

  /** The partition was assigned anew. */
  begin(): void {
    this.strikes = 0
  }

  /** Returns whether the records come next, are to be fetched again, or why the partition has to stop. */
  judge(records: FetchedBatch['records'], expected: bigint): 'next' | 'again' | PartitionStop {
    const first = records[0]!.offset
    const isRight = this.allowsGaps ? first >= expected : first === expected && !hasGap(records)
    if (isRight) {
      this.strikes = 0
      return 'next'
    }
    if (++this.strikes < mostStrikes) return 'again'
    const reason = first === expected ? 'gap' : 'wrong_batch'
    const what = first === expected ? 'offsets are missing behind it' : `the log goes on at ${first}`
    const cure = 'Topics that are compacted, or written in transactions, are read with `gaps: allow`.'
    return new PartitionStop(reason, `Offset ${expected} comes next, and ${what}. ${cure}`)
  }
}

function hasGap(records: FetchedBatch['records']): boolean {
  return records.at(-1)!.offset - records[0]!.offset !== BigInt(records.length - 1)
}
