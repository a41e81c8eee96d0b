// The kinds of single settings: sizes, times, files, addresses and so on. Each is a zod type that also carries what
// documents, messages and other readers need to know of it. Which settings there are is in schema.ts and schema-s3.ts, its callers;
// outline.ts reads what is registered here.

import { z } from 'zod'

import { addressOf, addressPattern } from '../address.ts'
import { formatSize, formatTime, sizeOf, sizePattern, timeOf, timePattern } from './quantities.ts'

/** What a single setting holds. `file` and `folder` are paths; `rules` is a path or rules written in place. */
export type FieldKind =
  'size' | 'time' | 'count' | 'flag' | 'choice' | 'file' | 'folder' | 'address' | 'text' | 'list' | 'rules'

/** What is known of a single setting besides its zod type. */
export interface SettingField {
  readonly kind: FieldKind
  readonly meaning: string
  /** What it may hold, as documents say it: `size, 4KiB to 256MiB`. */
  readonly type: string
  /** The same as a message says it, behind "give". */
  readonly takes: string
  readonly unit?: 'bytes' | 'bytes/s' | 'ms'
  /** The file exists before the service starts, and is read by it. */
  readonly isRead?: true
  /** Its content is secret; and so may its value be, where somebody mistook the setting for the secret itself. */
  readonly isSecret?: true
}

/** What is known of a group of settings. */
export interface SettingGroup {
  readonly meaning: string
  /** Exactly one of its entries is given. */
  readonly isChoice?: true
  /** What its names look like, where the settings' author chooses them. */
  readonly names?: string
}

/** Single settings, by their zod type as it was before `optional()` or `default()` wrapped it. */
export const fields = z.registry<SettingField>()

/** Groups of settings, in the same way. */
export const groups = z.registry<SettingGroup>()

/** A range, ends included. */
export interface Range {
  readonly least: number
  readonly most: number
}

function field<T extends z.ZodType>(schema: T, about: SettingField): T {
  const described = schema.meta({ description: about.meaning })
  fields.add(described, about)
  return described
}

/** Gives a setting the value that it has where none is given. */
export function withDefault<T extends z.ZodType>(schema: T, standard: z.core.util.NoUndefined<z.output<T>>) {
  return schema.default(standard)
}

/** Returns a group: an object with these settings and no others. */
export function group<S extends z.core.$ZodLooseShape>(meaning: string, shape: S) {
  return grouped(z.strictObject(shape), { meaning })
}

/** Returns a group of which exactly one entry is given; that it is one is for cross-checks.ts to say. */
export function oneOf<S extends z.core.$ZodLooseShape>(meaning: string, shape: S) {
  const schema = z.strictObject(shape).meta({ minProperties: 1, maxProperties: 1 })
  return grouped(schema, { meaning, isChoice: true })
}

/** Registers a group that is no plain one. */
export function grouped<T extends z.ZodType>(schema: T, about: SettingGroup): T {
  const described = schema.meta({ ...schema.meta(), description: about.meaning })
  groups.add(described, about)
  return described
}

interface Quantity {
  readonly of: (text: string) => number | undefined
  readonly format: (value: number) => string
  readonly pattern: RegExp
  readonly unit: NonNullable<SettingField['unit']>
  readonly kind: 'size' | 'time'
  readonly examples: string
}

const sizes = { of: sizeOf, format: formatSize, pattern: sizePattern, kind: 'size', examples: '65536, 64KiB or 2MB' } as const // prettier-ignore
const times = { of: timeOf, format: formatTime, pattern: timePattern, kind: 'time', examples: '500, 500ms, 20s or 5min' } as const // prettier-ignore

function quantity(meaning: string, { least, most }: Range, { of, format, pattern, unit, kind, examples }: Quantity) {
  const range = `${format(least)} to ${format(most)}`
  const schema = z.union([z.int().min(least).max(most), z.string().regex(pattern)]).transform((given, check) => {
    const value = typeof given === 'number' ? given : of(given)
    if (value !== undefined && value >= least && value <= most) return value
    check.addIssue({ code: 'custom', message: 'out of range' })
    return z.NEVER
  })
  const takes = `a ${kind}, as ${examples}, from ${range}`
  return field(schema, { kind, meaning, unit, type: `${kind}, ${range}`, takes })
}

/** A number of bytes, or text with a unit: `16MiB`. Becomes a number of bytes. */
export function size(meaning: string, range: Range) {
  return quantity(meaning, range, { ...sizes, unit: 'bytes' })
}

/** Bytes in a second, written as a size. */
export function rate(meaning: string, range: Range) {
  return quantity(meaning, range, { ...sizes, unit: 'bytes/s' })
}

/** A number of milliseconds, or text with a unit: `20s`. Becomes a number of milliseconds. */
export function time(meaning: string, range: Range) {
  return quantity(meaning, range, { ...times, unit: 'ms' })
}

/** A whole number. */
export function count(meaning: string, { least, most }: Range) {
  const range = `${least} to ${most}`
  const takes = `a whole number from ${range}`
  return field(z.int().min(least).max(most), { kind: 'count', meaning, type: `number, ${range}`, takes })
}

/** `true` or `false`. */
export function flag(meaning: string) {
  return field(z.boolean(), { kind: 'flag', meaning, type: '`true` or `false`', takes: '`true` or `false`' })
}

/** One of some words. */
export function choice<const T extends readonly [string, ...string[]]>(meaning: string, words: T) {
  const listed = words.map((word) => `\`${word}\``)
  const type = listed.length < 3 ? listed.join(' or ') : `${listed.slice(0, -1).join(', ')} or ${listed.at(-1) ?? ''}`
  return field(z.enum(words), { kind: 'choice', meaning, type, takes: type })
}

/** No path holds a NUL: the system would read a part of it. */
const pathText = z.string().regex(/^[^\0]+$/)

/** The path of a file that is read. `isSecret`: its content is. */
export function file(meaning: string, about: { readonly isSecret?: true } = {}) {
  return field(pathText, { kind: 'file', meaning, type: 'file', takes: 'the path of a file', isRead: true, ...about })
}

/** The path of a file that the service makes, or that may come later. */
export function laterFile(meaning: string) {
  return field(pathText, { kind: 'file', meaning, type: 'file', takes: 'the path of a file' })
}

/** The path of a folder, which is made if it is not there. */
export function folder(meaning: string) {
  return field(pathText, { kind: 'folder', meaning, type: 'folder', takes: 'the path of a folder' })
}

/** An address to listen on; with `orNone`, also the word `none`. */
export function address(meaning: string, { orNone }: { readonly orNone: boolean }) {
  const extra = orNone ? ', or `none`' : ''
  const pattern = orNone ? new RegExp(`${addressPattern.source}|^none$`) : addressPattern
  const schema = z.string().regex(pattern).refine((text) => (orNone && text === 'none') || addressOf(text) !== undefined) // prettier-ignore
  const takes = `an address and a port, as "127.0.0.1:9880" or "[::1]:9880"${extra}`
  return field(schema, { kind: 'address', meaning, type: `address${extra}`, takes })
}

/** The URL of a server: a scheme, a host and perhaps a port. What is given instead might hold a password, and is not told. */
export function endpoint(meaning: string) {
  const pattern = /^https?:\/\/(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?)(:[0-9]{1,5})?\/?$/
  const schema = z.string().regex(pattern).refine((given) => URL.canParse(given)) // prettier-ignore
  const takes =
    'http:// or https://, a host, and perhaps a port, without user, path and query, as "https://s3.example.com"'
  return field(schema, { kind: 'text', meaning, type: 'URL', takes, isSecret: true })
}

/** Text that a pattern describes; `takes` says it in words. */
export function text(meaning: string, pattern: RegExp, takes: string) {
  return field(z.string().regex(pattern), { kind: 'text', meaning, type: 'text', takes })
}

/** A list of texts. In the environment and behind `--set`, they are joined by commas. */
export function list(meaning: string, pattern: RegExp, takes: string) {
  return field(z.array(z.string().regex(pattern)), { kind: 'list', meaning, type: 'list of texts', takes })
}

/** A rule file, the text of a rule set, or filters of the original converter. What they say is for the engine to judge. */
export function rules(meaning: string) {
  const schema = z.union([
    pathText,
    z.strictObject({ text: z.string().min(1) }),
    z.strictObject({ filters: z.array(z.looseObject({})) }),
  ])
  const takes = "the path of a rule file, { text: RULES }, or { filters: […] } as in the original converter's settings"
  return field(schema, { kind: 'rules', meaning, type: 'file, `{ text }` or `{ filters }`', takes, isRead: true })
}
