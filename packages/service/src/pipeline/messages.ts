// Judges the messages of one value by one verdict, and takes the verdict apart: bytes by route, with the message that they
// came in where a sink carries that on, and malformed records as dead letters with their places. Delivers nothing. Called
// by pipeline.ts.

import type { Counts, Engine, MalformedReason, Verdict } from '@weir/engine'

import type { DeadLetter } from '../ports/dead-letters.ts'
import type { MessageOrigin, MessagePlace } from '../ports/message.ts'
import type { MessagesValue } from '../ports/source.ts'
import { addMalformed } from './feed.ts'
import type { MessageLines } from './message-lines.ts'
import type { Rescued } from './pipeline.ts'
import type { RoutedBytes, Router } from './router.ts'

/** What a value's messages came to. */
export interface JudgedMessages {
  readonly counts: Counts
  /** Of the rule set that judged them. */
  readonly version: string
  /** *Ownership*: the receiver's until `release()`. None of malformed records. */
  readonly segments: readonly RoutedBytes[]
  /** Malformed records, where there are dead letters. *Ownership*: as of the segments. */
  readonly letters: readonly DeadLetter[]
  /** Gives their memory back. */
  release(): void
}

/** What is asked of the routes. */
type Routing = Pick<Router, 'routes' | 'hasDeadLetters' | 'wantsOrigins'>

/** Returns what the messages come to. `source`: what messages call it. *Errors*: those of `Engine.evaluateMany`. */
export async function judgeMessages(
  value: Pick<MessagesValue<unknown>, 'values' | 'origins' | 'rejects'>,
  engine: Pick<Engine, 'evaluateMany'>,
  routing: Routing,
  source: string,
): Promise<JudgedMessages> {
  const verdict = await engine.evaluateMany(value.values)
  const { version } = verdict
  const notes: MalformedNote[] = routing.hasDeadLetters ? malformedNotes(verdict) : []
  return {
    counts: withRejected(verdict.counts, value.rejects),
    version,
    segments: segmentsOf(verdict, value.origins, routing),
    letters: lettersOf(notes, value, { source, version }, routing),
    release: () => verdict.release(),
  }
}

/** What a value's messages came to that the engine could not judge, and a search for guilty records did. */
export function regainMessages(
  value: Pick<MessagesValue<unknown>, 'origins' | 'rejects'>,
  lines: MessageLines,
  rescued: Rescued,
  routing: Routing,
  source: string,
): Omit<JudgedMessages, 'release' | 'version'> {
  const { version, segments } = rescued
  const readable = segments.filter(({ route }) => route !== 'malformed' && routing.routes.includes(route))
  // Which of its reasons is whose is not known any more, so they are one letter.
  const bytes = segments.filter(({ route }) => route === 'malformed').map((segment) => segment.bytes)
  const byReason = Object.fromEntries(Object.entries(rescued.counts.malformedByReason).filter(([, count]) => count > 0))
  const notes = bytes.length === 0 ? [] : [{ ...lines.find('malformed', bytes[0]!), bytes, byReason }]
  const guilty = routing.hasDeadLetters
    ? rescued.letters.map((letter) => ({ ...letter, place: lines.placeOf(letter) }))
    : []
  return {
    counts: withRejected(rescued.counts, value.rejects),
    segments: lines.attribute(readable, (route) => routing.wantsOrigins(route)),
    letters: [...lettersOf(notes, value, { source, version }, routing), ...guilty],
  }
}

/** Adds messages that are malformed as a whole. */
function withRejected(counts: Counts, rejects: MessagesValue<unknown>['rejects'] = []): Counts {
  if (rejects.length === 0) return counts
  const byReason: Partial<Record<MalformedReason, number>> = {}
  for (const { reason } of rejects) byReason[reason] = (byReason[reason] ?? 0) + 1
  return addMalformed(counts, byReason)
}

function segmentsOf(verdict: Verdict, origins: readonly MessageOrigin[], routing: Routing): RoutedBytes[] {
  const wanted = routing.routes.filter((route) => route !== 'malformed' && verdict.routeNames.includes(route))
  const plain = wanted.filter((route) => !routing.wantsOrigins(route))
  const segments: RoutedBytes[] = []
  for (const route of plain) {
    const bytes = verdict.gather(route)
    if (bytes.length > 0) segments.push({ route, bytes })
  }
  if (plain.length < wanted.length) segments.push(...segmentsByMessage(verdict, origins, routing))
  return segments
}

/** A run of records that touch, of one message and one route. [start, end): in the bytes of the verdict. */
interface Run {
  readonly route: number
  readonly message: number
  readonly start: number
  end: number
}

/** Cost: a pass over all records, and an object for each run. */
function segmentsByMessage(verdict: Verdict, origins: readonly MessageOrigin[], routing: Routing): RoutedBytes[] {
  const isWanted = verdict.routeNames.map(
    (route) => route !== 'malformed' && routing.routes.includes(route) && routing.wantsOrigins(route),
  )
  const { bytes, recordStarts, recordEnds, routes, valueStarts } = verdict
  const runs: Run[] = []
  let last: Run | undefined
  let message = 0
  for (let record = 0; record < routes.length; record++) {
    const route = routes[record]!
    if (!isWanted[route]!) continue
    const start = recordStarts[record]!
    while (valueStarts[message + 1]! <= start) message++
    const end = recordEnds[record]!
    if (last?.end === start && last.route === route && last.message === message) last.end = end
    else runs.push((last = { route, message, start, end }))
  }
  return runs.map((run) => ({
    route: verdict.routeNames[run.route]!,
    bytes: bytes.subarray(run.start, run.end),
    origin: origins[run.message]!,
  }))
}

/** Malformed records of a batch beyond which neighbours are not told apart from others: letters cost more than records. */
const mostLetters = 256

/** Malformed records that stand next to each other. */
interface MalformedNote {
  readonly message: number
  /** Index in the message of the first of them. */
  readonly record: number
  readonly bytes: readonly Uint8Array[]
  readonly byReason: Partial<Record<MalformedReason, number>>
}

/** Cost: a pass over all records, where any is malformed. */
function malformedNotes(verdict: Verdict): MalformedNote[] {
  if (verdict.counts.malformed === 0) return []
  const { bytes, recordStarts, recordEnds, reasons, valueStarts } = verdict
  const notes: { -readonly [K in keyof MalformedNote]: MalformedNote[K] }[] = []
  let message = 0
  let last = -2
  for (let record = 0; record < reasons.length; record++) {
    const reason = verdict.reasonOf(record)
    if (reason === undefined) continue
    const start = recordStarts[record]!
    const end = recordEnds[record]!
    while (valueStarts[message + 1]! <= start) message++
    if (record > last + 1 && notes.length < mostLetters) {
      notes.push({ message, record: record - verdict.recordsOf(message)[0], bytes: [], byReason: {} })
    }
    const note = notes.at(-1)!
    ;(note.bytes as Uint8Array[]).push(bytes.subarray(start, end))
    note.byReason[reason] = (note.byReason[reason] ?? 0) + 1
    last = record
  }
  return notes
}

function lettersOf(
  notes: readonly MalformedNote[],
  { origins, rejects = [] }: Pick<MessagesValue<unknown>, 'origins' | 'rejects'>,
  about: { readonly source: string; readonly version: string },
  { hasDeadLetters }: Routing,
): DeadLetter[] {
  if (!hasDeadLetters) return []
  const rejected = rejects.map(({ message, bytes, reason }) => {
    return { message, record: 0, bytes: [bytes], byReason: { [reason]: 1 } }
  })
  // The sort is stable, and a rejected message has no records of its own.
  const all = [...notes, ...rejected].sort((a, b) => a.message - b.message)
  return all.map(({ message, record, bytes, byReason }) => ({
    ...about,
    reason: 'malformed' as const,
    malformedByReason: byReason,
    records: Object.values(byReason).reduce((sum, count) => sum + count, 0),
    bytes,
    place: placeOf(origins[message]!, record),
  }))
}

function placeOf({ topic, partition, offset }: MessageOrigin, record: number): MessagePlace {
  return { topic, partition, offset, record }
}
