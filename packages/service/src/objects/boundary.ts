// Where an object of an archive ends. From the log alone, so that whoever reads the same records cuts them in the same
// places, wherever he begins: behind a cut the next object begins with nothing but its first record. Called by ../pipeline.

/** An object that is being built, which holds at least one record. */
export interface OpenObject {
  /** Offset of its first record, and its time in milliseconds since 1970. */
  readonly first: bigint
  readonly firstMs: number
  /** Records, and bytes of their lines. */
  readonly count: number
  readonly rawBytes: number
  /** Bytes to be stored, as far as they are compressed. */
  readonly storedBytes: number
}

/** The record that comes next. */
export interface NextRecord {
  readonly offset: bigint
  /** Milliseconds since 1970, by the broker. */
  readonly timeMs: number
  /** Of its lines, with their line feeds. */
  readonly bytes: number
}

/** How large an object may become. */
export interface ObjectLimits {
  readonly maxRecords: number
  /** Raw bytes. Only a record that is alone in its object may have more. */
  readonly maxBytes: number
  /** No object holds records of two periods: multiples of it since 1970, UTC. */
  readonly periodMs: number
  /** Bytes that one call of the store takes. Which cut it makes depends on how well lines are compressed, so it is the last. */
  readonly mostStoredBytes: number
  /**
   * Offsets of a range, where a store ignores conditions: objects then begin with the ranges, and `maxRecords` counts
   * nothing. Absent: there are none.
   */
  readonly rangeOffsets?: number | undefined
}

/** Why an object ends before a record. */
export type Boundary = 'records' | 'bytes' | 'period' | 'stored' | 'range'

/** Returns why the object ends before the record; undefined where the record belongs to it. */
export function closesBefore(open: OpenObject, next: NextRecord, limits: ObjectLimits): Boundary | undefined {
  const { maxRecords, maxBytes, periodMs, mostStoredBytes, rangeOffsets } = limits
  const [period, first] = [Math.floor(next.timeMs / periodMs), Math.floor(open.firstMs / periodMs)]
  // Brokers that take turns, one a little behind the other, do not end objects; one whose clock was put back does, or the
  // object would be open until it is that late again.
  if (period > first || period < first - 1) return 'period'
  if (rangeOffsets === undefined) {
    if (open.count >= maxRecords) return 'records'
  } else {
    const size = BigInt(rangeOffsets)
    if (next.offset / size !== open.first / size) return 'range'
  }
  if (open.rawBytes + next.bytes > maxBytes) return 'bytes'
  // As if nothing of the record were saved by compressing it.
  return open.storedBytes + next.bytes > mostStoredBytes ? 'stored' : undefined
}
