// Bodies of records with ids that occur once in a run, and what is known of each: how often it was sent, and whether it
// was answered 200. Sends nothing. Called by load.ts, faults, and the oracle.

import type { Random } from '#src/generators/random.js'

/** Routes of the settings that faults run with. */
export const routes = ['keep', 'side', 'drop'] as const
/** Where a record may end: on a route, or as a dead letter of a reason. */
export type Place = (typeof routes)[number] | 'malformed' | 'worker_crash' | 'matcher_fault' | 'quarantine'

/** One record, and where it has to be. */
export interface PostedRecord {
  readonly id: string
  /** Without a line feed. */
  readonly text: string
  /** The place, or several where it depends on the rules in force. */
  readonly places: readonly Place[]
}

/** One body. */
export interface Body {
  readonly name: string
  readonly records: readonly PostedRecord[]
  readonly bytes: Buffer
  /** How often its bytes may have arrived. */
  sent: number
  isAnswered: boolean
}

/** What a record is made with. */
export interface RecordOptions {
  /** Members of the record behind its own, as JSON without braces. */
  readonly members?: string
  readonly places?: readonly Place[]
}

/** What most records are, one in fifty malformed. */
const usualPlaces: readonly Place[] = [
  ...Array.from({ length: 40 }, () => 'keep' as const),
  ...Array.from({ length: 5 }, () => 'side' as const),
  ...Array.from({ length: 4 }, () => 'drop' as const),
  'malformed',
]

/** All bodies of one run. */
export class Ledger {
  readonly bodies: Body[] = []
  private readonly random: Random

  constructor(random: Random) {
    this.random = random
  }

  /** Makes a body of so many usual records. `places`: where each of them may end. */
  body(count: number, places?: readonly Place[]): Body {
    return this.bodyOf(Array.from({ length: count }, () => (places === undefined ? {} : { places })))
  }

  /** Makes a body of a record for each of the options. */
  bodyOf(all: readonly RecordOptions[]): Body {
    const name = `b${this.bodies.length}`
    const records = all.map((options, index) => this.record(`${name}.${index}`, options))
    const bytes = Buffer.from(records.map(({ text }) => `${text}\n`).join(''))
    const body: Body = { name, records, bytes, sent: 0, isAnswered: false }
    this.bodies.push(body)
    return body
  }

  /** Makes a body of records as they are; the text is the id. All of them are kept. */
  adopt(texts: readonly string[]): Body {
    const records = texts.map((text): PostedRecord => ({ id: text, text, places: ['keep'] }))
    const bytes = Buffer.from(texts.map((text) => `${text}\n`).join(''))
    const body: Body = { name: `b${this.bodies.length}`, records, bytes, sent: 0, isAnswered: false }
    this.bodies.push(body)
    return body
  }

  private record(id: string, { members, places }: RecordOptions): PostedRecord {
    const to = places === undefined ? this.random.pick(usualPlaces) : (places[0] as Place)
    const pad = 'x'.repeat(this.random.skewed(60))
    const more = members === undefined ? '' : `,${members}`
    // A record that breaks off is malformed, and its id can still be read.
    const end = to === 'malformed' ? '' : '}'
    return { id, text: `{"id":"${id}","to":"${to}","pad":"${pad}"${more}${end}`, places: places ?? [to] }
  }
}

/** The rules by which usual records end where they say. */
export const rulesText = `version: 1
default: keep
rules:
  - { id: to-side, when: { field: to, equals: side }, then: { route: side } }
  - { id: to-drop, when: { field: to, equals: drop }, then: drop }
`
