// Types that the files of this folder share: what a record is before it is written. No code.

/** A value of a record. */
export type Value = string | number | boolean | null | readonly Value[] | RecordValue

/** An object: its members in order. */
export interface RecordValue {
  readonly [key: string]: Value
}

/** A record of texts only, as DataStream 2 has them. */
export type FlatRecord = Readonly<Record<string, string>>

/** Returns an integer from 0 to `end` − 1; `end` below 2²⁰. */
export type Random = (end: number) => number
