// A small seeded generator of pseudo-random integers, and the two ways of drawing from a table that the record
// generators need. Only 32-bit integer steps, so that a seed gives the same bytes on every Node version and machine.
// Not for secrets. Called by the generators beside it.

/** A stream of pseudo-random integers; equal seeds give equal streams. */
export class Random {
  private a: number
  private b: number
  private c: number
  private counter = 1

  /** `seed`: any safe integer; all of its 53 bits count. */
  constructor(seed: number) {
    this.a = seed | 0
    this.b = Math.floor(seed / 0x1_0000_0000) | 0
    this.c = 0x9e3779b9 | 0
    // The first results of sfc32 still show a small seed; its author discards twelve.
    for (let i = 0; i < 12; i++) this.bits()
  }

  /** Returns the next 32 bits, as an integer from 0 to 2³² − 1. Source: sfc32 of the PractRand test suite. */
  bits(): number {
    const sum = (((this.a + this.b) | 0) + this.counter) | 0
    this.counter = (this.counter + 1) | 0
    this.a = this.b ^ (this.b >>> 9)
    this.b = (this.c + (this.c << 3)) | 0
    this.c = (((this.c << 21) | (this.c >>> 11)) + sum) | 0
    return sum >>> 0
  }

  /** Returns an integer from 0 to `end` − 1; `end` at most 65,536. Less even than it could be by `end` / 2³². */
  below(end: number): number {
    return ((this.bits() >>> 8) % end) | 0
  }

  /** Returns an integer from 0 to 4 × `mean`, on average `mean`, small ones more often, as sizes and times are. */
  skewed(mean: number): number {
    const draw = this.bits()
    return Math.floor((mean * (draw & 0xff) * ((draw >>> 8) & 0xff)) / 16_384)
  }

  /** Returns true in `perMille` of 1,000 cases. */
  chance(perMille: number): boolean {
    return this.below(1000) < perMille
  }

  /** Returns one entry of the table, each as likely as the others. */
  pick<T>(table: readonly T[]): T {
    return table[this.below(table.length)] as T
  }
}

/** Returns a table in which each value stands `weight` times, for `Random.pick`. */
export function weighted<T>(entries: readonly (readonly [value: T, weight: number])[]): readonly T[] {
  return entries.flatMap(([value, weight]) => new Array<T>(weight).fill(value))
}

/**
 * Returns a table for `Random.pick` in which the n-th value is about n times rarer than the first (Zipf's law), as
 * hosts, paths and agents are in real logs. Every value stands at least once.
 */
export function zipf<T>(values: readonly T[]): readonly T[] {
  const most = Math.max(16, Math.floor(4096 / values.length))
  return weighted(values.map((value, index) => [value, Math.max(1, Math.floor(most / (index + 1)))] as const))
}
