// The messages of one value as one text, for the search for guilty records, which knows no messages; and finding out
// again which message the lines came in that are left of it. Called by pipeline.ts, where the engine could not judge.

import type { DeadLetter } from '../ports/dead-letters.ts'
import type { MessagePlace } from '../ports/message.ts'
import type { MessagesValue } from '../ports/source.ts'
import type { RoutedBytes } from './router.ts'

const lineFeed = 0x0a
const carriageReturn = 0x0d
const space = 0x20
const tab = 0x09
const byteOrderMark = Buffer.of(0xef, 0xbb, 0xbf)

/** A line of the text. [start, end): its bytes, line end included. */
interface Line {
  readonly start: number
  readonly end: number
  readonly message: number
  /** Index of the record in the message; of a blank line, that of the next record. */
  readonly record: number
}

/** The values of messages one after another, each with a line end, as the engine joins them. */
export class MessageLines {
  /** All of them. */
  readonly bytes: Buffer
  private readonly origins: MessagesValue<unknown>['origins']
  private readonly lines: readonly Line[]
  private readonly finders = new Map<string, Finder>()

  constructor({ values, origins }: Pick<MessagesValue<unknown>, 'values' | 'origins'>) {
    const parts = values.flatMap((value, message) => (value === null ? [] : [{ message, bytes: wholeLines(value) }]))
    this.bytes = Buffer.concat(parts.map(({ bytes }) => bytes))
    this.origins = origins
    const lines: Line[] = []
    let at = 0
    for (const { message, bytes } of parts) {
      const end = at + bytes.length
      for (let record = 0; at < end;) {
        const next = this.bytes.indexOf(lineFeed, at) + 1
        lines.push({ start: at, end: next, message, record })
        if (!isBlank(this.bytes.subarray(at, next))) record++
        at = next
      }
    }
    this.lines = lines
  }

  /**
   * Returns segments, those of routes that want origins as single records with theirs. Records with the same bytes share a verdict, so the
   * first line of a record's bytes behind the one before of its route is where it came from, as good as any.
   */
  attribute(segments: readonly RoutedBytes[], wantsOrigins: (route: string) => boolean): RoutedBytes[] {
    const places = new Map<string, Finder>()
    return segments.flatMap((segment) => {
      if (!wantsOrigins(segment.route)) return [segment]
      const finder = this.finderOf(places, segment.route)
      return splitLines(segment.bytes).map((bytes) => {
        return { route: segment.route, bytes, origin: this.origins[finder.next(bytes).message]! }
      })
    })
  }

  /** Returns where the first record of a letter lies. Those of one reason are told in the order of the lines. */
  placeOf({ reason, bytes }: DeadLetter): MessagePlace {
    const { message, record } = this.find(reason, bytes[0] ?? new Uint8Array(0))
    const { topic, partition, offset } = this.origins[message]!
    return { topic, partition, offset, record }
  }

  /** Returns where the first line of these bytes lies, behind those that were found before under this name. */
  find(name: string, bytes: Uint8Array): { readonly message: number; readonly record: number } {
    const [first = bytes] = splitLines(bytes)
    const { message, record } = this.finderOf(this.finders, name).next(first)
    return { message, record }
  }

  private finderOf(finders: Map<string, Finder>, name: string): Finder {
    let finder = finders.get(name)
    if (finder === undefined) finders.set(name, (finder = new Finder(this.bytes, this.lines)))
    return finder
  }
}

/** Finds lines in their order. */
class Finder {
  private readonly bytes: Buffer
  private readonly lines: readonly Line[]
  private at = 0

  constructor(bytes: Buffer, lines: readonly Line[]) {
    this.bytes = bytes
    this.lines = lines
  }

  /** Returns the next line with these bytes. Guilty ones are told in the order of the search: then it begins again. */
  next(wanted: Uint8Array): Line {
    for (let tried = 0; tried < this.lines.length; tried++) {
      const line = this.lines[(this.at + tried) % this.lines.length]!
      if (Buffer.compare(this.bytes.subarray(line.start, line.end), wanted) !== 0) continue
      this.at += tried + 1
      return line
    }
    throw new Error('A record came back that nobody sent.')
  }
}

function wholeLines(value: Uint8Array): Buffer {
  const all = Buffer.from(value.buffer, value.byteOffset, value.length)
  const body = all.subarray(0, 3).equals(byteOrderMark) ? all.subarray(3) : all
  return body.length === 0 || body.at(-1) === lineFeed ? body : Buffer.concat([body, Buffer.of(lineFeed)])
}

/** As the engine has it: nothing but spaces and tabs before the line end. */
function isBlank(line: Uint8Array): boolean {
  const end = line.at(-2) === carriageReturn ? -2 : -1
  return line.subarray(0, end).every((byte) => byte === space || byte === tab)
}

/** Returns the lines of a text, each with its line end. */
function splitLines(bytes: Uint8Array): Uint8Array[] {
  const lines: Uint8Array[] = []
  for (let at = 0; at < bytes.length;) {
    const lineEnd = bytes.indexOf(lineFeed, at)
    const end = lineEnd < 0 ? bytes.length : lineEnd + 1
    lines.push(bytes.subarray(at, end))
    at = end
  }
  return lines
}
