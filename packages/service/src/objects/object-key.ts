// Names of objects in a bucket, and what a name says. An archive's names come from the log alone, so that whoever writes the
// same records again finds them written. Called by ../pipeline, ../sinks and ../archive.

/** What the name of an archived object says. */
export interface ObjectPlace {
  readonly topic: string
  readonly partition: number
  /** Offset of the first record in it. */
  readonly first: bigint
  /** `YYYY-MM-DD` and `HH` of the first record's time, UTC. */
  readonly date: string
  readonly hour: string
  /** With its dot, as `.ndjson.gz`. */
  readonly extension: string
}

/** What a name is made of. */
export interface ObjectNaming extends Pick<ObjectPlace, 'topic' | 'partition' | 'first' | 'extension'> {
  /** Time of the first record, in milliseconds since 1970. */
  readonly timeMs: number
}

/** Digits of an offset in a name: so names sort as offsets do. */
const offsetDigits = 20

/** Returns the prefix as names begin with it: empty, or ending in one slash. */
export function folderOf(prefix: string): string {
  const trimmed = prefix.replace(/^\/+|\/+$/g, '')
  return trimmed === '' ? '' : `${trimmed}/`
}

/** The first and the last millisecond that a date of four, two and two digits can name. */
const [leastMs, mostMs] = [Date.parse('0000-01-01T00:00:00.000Z'), Date.parse('9999-12-31T23:59:59.999Z')]

/**
 * Returns a time as `YYYY-MM-DDTHH:MM:SS.sssZ`, or the nearest that can be written so: where producers give the times of
 * records, they may be any numbers. `timeMs`: since 1970.
 */
export function nearestTime(timeMs: number): string {
  return new Date(Math.min(Math.max(timeMs, leastMs), mostMs)).toISOString()
}

/** Returns the folder of an hour, with a slash at its end. `timeMs`: since 1970. */
export function hourFolder(prefix: string, timeMs: number): string {
  const [date, rest] = nearestTime(timeMs).split('T') as [string, string]
  return `${folderOf(prefix)}dt=${date}/hr=${rest.slice(0, 2)}/`
}

/** Returns the name of an archived object. */
export function objectKey(prefix: string, { topic, partition, first, timeMs, extension }: ObjectNaming): string {
  const offset = String(first).padStart(offsetDigits, '0')
  return `${hourFolder(prefix, timeMs)}${topic}+${partition}+${offset}${extension}`
}

/** What the name of an object is made of whose records come from no log. */
export interface DirectNaming {
  readonly pipeline: string
  /** Of one writer, and no other that ever was; not of digits alone, which would be a partition. */
  readonly instance: string
  /** Counts the writer's objects. */
  readonly sequence: number
  /** When the object was begun, in milliseconds since 1970. */
  readonly timeMs: number
  readonly extension: string
}

/** Returns the name of an object that is none of an archive. */
export function directKey(prefix: string, { pipeline, instance, sequence, timeMs, extension }: DirectNaming): string {
  const number = String(sequence).padStart(offsetDigits, '0')
  return `${hourFolder(prefix, timeMs)}${pipeline}+${instance}+${number}${extension}`
}

const shape =
  /^dt=(\d{4}-\d{2}-\d{2})\/hr=(\d{2})\/([A-Za-z0-9._-]{1,249})\+(0|[1-9]\d{0,9})\+(\d{20})((?:\.[a-z0-9]+)+)$/

/** Returns what a name says, or undefined where it is none of an archived object below the prefix. */
export function parseObjectKey(prefix: string, key: string): ObjectPlace | undefined {
  const folder = folderOf(prefix)
  const match = key.startsWith(folder) ? shape.exec(key.slice(folder.length)) : null
  if (match === null) return undefined
  const [, date, hour, topic, partition, first, extension] = match as unknown as [string, ...string[]]
  return { topic: topic!, partition: Number(partition), first: BigInt(first!), date: date!, hour: hour!, extension: extension! } // prettier-ignore
}

/** What the name of an object says that is none of an archive. */
export interface DirectPlace extends Pick<ObjectPlace, 'date' | 'hour' | 'extension'> {
  readonly pipeline: string
}

const directShape =
  /^dt=(\d{4}-\d{2}-\d{2})\/hr=(\d{2})\/([a-z][a-z0-9-]{0,62})\+[0-9a-z]+-[0-9a-f]{12}\+\d{20}((?:\.[a-z0-9]+)+)$/

/** Returns what a name says, or undefined where it is none that `directKey` gives below the prefix. */
export function parseDirectKey(prefix: string, key: string): DirectPlace | undefined {
  const folder = folderOf(prefix)
  const match = key.startsWith(folder) ? directShape.exec(key.slice(folder.length)) : null
  if (match === null) return undefined
  const [, date, hour, pipeline, extension] = match as unknown as [string, ...string[]]
  return { date: date!, hour: hour!, pipeline: pipeline!, extension: extension! }
}
