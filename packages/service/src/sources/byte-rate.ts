// How many bytes a second each credential may send: a bucket for each that fills with time. A request is let in while
// there is something in its bucket, and what it then sends is taken, even below zero. Called by the http source.

import type { Clock } from '../time.ts'

/** Seconds of its rate that a credential which was quiet may send at once. */
const burstSeconds = 10

/** Buckets, one for each key. */
export class ByteRate {
  private readonly bytesPerSecond: number
  private readonly clock: Clock
  private readonly buckets = new Map<string, { level: number; at: number }>()

  /** `bytesPerSecond`: 0 for no limit. */
  constructor(bytesPerSecond: number, clock: Clock) {
    this.bytesPerSecond = bytesPerSecond
    this.clock = clock
  }

  /** Returns after how many seconds the key may send again; 0 for now. */
  secondsToWait(key: string): number {
    if (this.bytesPerSecond === 0) return 0
    const { level } = this.refilled(key)
    return level > 0 ? 0 : Math.max(1, Math.ceil((1 - level) / this.bytesPerSecond))
  }

  /** Takes note of bytes that came. */
  spend(key: string, bytes: number): void {
    if (this.bytesPerSecond > 0) this.refilled(key).level -= bytes
  }

  private refilled(key: string): { level: number; at: number } {
    const now = this.clock()
    const most = this.bytesPerSecond * burstSeconds
    let bucket = this.buckets.get(key)
    // Keys are names of the credentials file: as few as there are lines in it.
    if (bucket === undefined) this.buckets.set(key, (bucket = { level: most, at: now }))
    bucket.level = Math.min(most, bucket.level + ((now - bucket.at) / 1000) * this.bytesPerSecond)
    bucket.at = now
    return bucket
  }
}
