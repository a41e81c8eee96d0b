// Reads fixtures/cases: rule sets with records and what must become of them, as fixtures/README.md describes.
// Judges nothing; cases.test.ts runs them on every kernel.

import { readdirSync, readFileSync } from 'node:fs'
import type { MalformedReason } from '#src/batch/batch.js'
import type { Condition, OriginalSettings, RuleSet } from '#src/rules/rule-set.js'

/** A piece of bytes: text, bytes written as characters up to U+00FF, or a piece many times over. */
type Piece = string | { readonly bytes: string } | { readonly repeat: string; readonly times: number }

/** A record as a case file writes it: an object, its exact text, or pieces that are joined. */
export type RecordSource = string | Readonly<Record<string, unknown>> | readonly Piece[]

/** One record and its verdict. */
export interface RecordCase {
  readonly name?: string
  readonly record: RecordSource
  /** `keep`, `drop`, `malformed` or a route's name. */
  readonly expect: string
  /** Id of the deciding rule, or `default`. */
  readonly rule?: string
  readonly reason?: MalformedReason
}

/** A whole input: framing, counts and gathered bytes. */
export interface InputCase {
  readonly name: string
  readonly input: RecordSource
  readonly maxRecordBytes?: number
  readonly continues?: boolean
  readonly open?: boolean
  /** The bytes of each record's range, in order, and its route. */
  readonly records: readonly {
    readonly range: RecordSource
    readonly expect: string
    readonly reason?: MalformedReason
  }[]
  /** Line feeds. */
  readonly lines: number
  /** Gathered bytes by route; a route that is not named gathers nothing. */
  readonly output: Readonly<Record<string, RecordSource>>
  /** When the batch arrived, in milliseconds since 1970. */
  readonly nowMs?: number
  /** Where the group has a time field: records by the bound of their bucket in milliseconds, or `more`, and the rest. */
  readonly delays?: {
    readonly buckets: Readonly<Record<string, number>>
    readonly sumMs: number
    readonly ahead?: number
    readonly missing?: number
    readonly unreadable?: number
  }
}

/** One rule set and what it is tried on. */
export interface CaseGroup {
  readonly name: string
  readonly rules: RuleSet | OriginalSettings | string
  /** The path of the field that holds a record's time. */
  readonly timeField?: string
  readonly records: readonly RecordCase[]
  readonly inputs: readonly InputCase[]
}

export interface CaseFile {
  readonly file: string
  readonly about: string
  readonly groups: readonly CaseGroup[]
}

interface GroupSource {
  readonly name: string
  readonly rules?: RuleSet | OriginalSettings
  readonly rulesText?: string
  readonly when?: Condition
  readonly timeField?: string
  readonly missing?: readonly string[]
  readonly holds?: readonly RecordSource[]
  readonly fails?: readonly RecordSource[]
  readonly malformed?: Readonly<Partial<Record<MalformedReason, readonly RecordSource[]>>>
  readonly cases?: readonly RecordCase[]
  readonly inputs?: readonly InputCase[]
}

const groupKeys = [
  ...['name', 'rules', 'rulesText', 'when', 'missing', 'timeField'],
  ...['holds', 'fails', 'malformed', 'cases', 'inputs'],
]

/** Returns all case files, by name. Throws when one has a key that nothing reads, or a group without any case. */
export function readCaseFiles(): CaseFile[] {
  const folder = new URL('../../../fixtures/cases/', import.meta.url)
  const files = readdirSync(folder).filter((file) => file.endsWith('.json'))
  return files.toSorted().map((file) => {
    const source = JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as { about: string; groups: GroupSource[] }
    return { file, about: source.about, groups: source.groups.map((group) => readGroup(file, group)) }
  })
}

function readGroup(file: string, group: GroupSource): CaseGroup {
  const unknown = Object.keys(group).find((key) => !groupKeys.includes(key))
  if (unknown !== undefined) throw new Error(`${file}: group "${group.name}": nothing reads "${unknown}"`)
  const malformed = Object.entries(group.malformed ?? {}).flatMap(([reason, records]) =>
    records.map((record) => ({ record, expect: 'malformed', reason: reason as MalformedReason })),
  )
  const records = [
    ...wellFormed(group.holds ?? [], 'keep', 'case'),
    ...wellFormed(group.fails ?? [], 'drop', 'default'),
    ...malformed,
    ...(group.cases ?? []),
  ]
  const inputs = group.inputs ?? []
  if (records.length + inputs.length === 0) throw new Error(`${file}: group "${group.name}" has no case`)
  const { name, timeField } = group
  return { name, rules: rulesOf(file, group), ...(timeField === undefined ? {} : { timeField }), records, inputs }
}

function wellFormed(records: readonly RecordSource[], expect: string, rule: string): RecordCase[] {
  return records.map((record) => ({ record, expect, rule }))
}

function rulesOf(file: string, group: GroupSource): RuleSet | OriginalSettings | string {
  const given = [group.when, group.rules, group.rulesText].filter((rules) => rules !== undefined)
  if (given.length !== 1) throw new Error(`${file}: group "${group.name}" needs one of when, rules, rulesText`)
  if (group.rulesText !== undefined) return group.rulesText
  if (group.rules !== undefined) return group.rules
  return {
    version: 1,
    missing: group.missing ?? [],
    default: 'drop',
    rules: [{ id: 'case', when: group.when!, then: 'keep' }],
  }
}

/** Returns the bytes that `source` stands for. */
export function bytesOf(source: RecordSource): Buffer {
  if (typeof source === 'string') return Buffer.from(source)
  if (!Array.isArray(source)) return Buffer.from(JSON.stringify(source))
  return Buffer.concat(
    (source as readonly Piece[]).map((piece) => {
      if (typeof piece === 'string') return Buffer.from(piece)
      if ('bytes' in piece) return Buffer.from(piece.bytes, 'latin1')
      return Buffer.from(piece.repeat.repeat(piece.times))
    }),
  )
}
