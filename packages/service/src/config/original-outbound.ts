// What the original system's settings say of its outbound, which brings processed lines into a bucket: it becomes an
// archive. Of the storage's key there is only the file that holds it. Called by original.ts.

import { z } from 'zod'

import { formatPath, isPlainObject } from './outline.ts'
import type { Path } from './outline.ts'
import { describe } from './problems.ts'
import type { ProblemList } from './problems.ts'

/** A setting of an output in S3, and where the original's settings have it. */
export interface OutboundSetting {
  readonly name: string
  readonly value: unknown
  readonly path: Path
}

/** An archive as the original's settings have it. */
export interface OriginalArchive {
  readonly path: Path
  /** The topic, as the whole system's settings call it. */
  readonly topic: string | undefined
  readonly s3: readonly OutboundSetting[]
}

/** Where outbound may stand: in a file of its own kind, or within the settings of the whole system. */
const places = [['outbound'], ['dataflow', 'outbound'], ['settings', 'dataflow', 'outbound']] as const

/** Names at the top below which outbound may stand. */
export const outboundKeys: readonly string[] = places.map(([key]) => key)

/** Either all of these are given, or the original has a bucket made. */
const needed = ['accessKey', 'secretKey', 'endpoint', 'bucket'] as const
const secret: readonly string[] = ['accessKey', 'secretKey', 'endpoint']

/** Seconds of what the original takes as a time. */
const unitSeconds: Readonly<Record<string, number>> = { '': 1, s: 1, m: 60, h: 3600, d: 86_400 }

const storageSchema = z.object({
  accessKey: z.string().optional(),
  secretKey: z.string().optional(),
  endpoint: z.string().optional(),
  bucket: z.string().optional(),
  region: z.string().optional(),
  path: z.string().default('logs/'),
  format: z.enum(['gzip', 'json']).optional(),
  aggregationPeriod: z.union([z.int(), z.string().regex(/^\d{1,9}[smhd]?$/)]).optional(),
})
type Storage = z.output<typeof storageSchema>

/** What its settings take, in words. */
const takes: Readonly<Record<string, string>> = {
  format: '`gzip` or `json`',
  aggregationPeriod: 'a time, as `30s`, `1m` or `1h`',
}

/** Settings of the original's that mean nothing here, and why. */
const idle: readonly (readonly [pattern: RegExp, why: string])[] = [
  [/slice/i, 'Objects are named by the log: by date and hour of their first record, always in UTC.'],
  [/flush|chunk|buffer|timekey/i, 'Objects end by the log, and are not flushed: at `aggregationPeriod`, or when they are large enough.'], // prettier-ignore
  [/^count$/, 'Every process with these settings takes a part of the partitions: start as many as you like.'],
  [/^(auth|allowedIps)$/, 'It is about the cluster that the original makes.'],
]

/** Told of a setting that has no effect, and why. */
type OnIdle = (path: Path, message: string, suggestion?: string) => void

/** Returns the archive that the settings of the original have, or undefined where they have none. */
export function readOutbound(
  root: Readonly<Record<string, unknown>>,
  { name, text }: { readonly name: string; readonly text: string },
  problems: ProblemList,
  onIdle: OnIdle,
): OriginalArchive | undefined {
  // Terraform writes null for what is not set.
  const found = places.filter((place) => (valueAt(root, place) ?? undefined) !== undefined)
  const [path, other] = found
  if (path === undefined) return undefined
  if (other !== undefined) {
    problems.add(other, `\`${formatPath(path)}\` says it already.`, { suggestion: 'keep one of the two', atKey: true })
    return undefined
  }
  tellNeighbours(root, path, onIdle)
  const outbound = valueAt(root, path)
  if (!isPlainObject(outbound)) return refuse(problems, path, outbound, 'an object')
  tellIdle(outbound, path, ['storage', 'identifier'], onIdle)
  const at = [...path, 'storage']
  const storage = readStorage(outbound['storage'] ?? {}, at, problems, onIdle)
  if (storage === undefined || !isWhole(storage, at, problems, onIdle)) return undefined
  if (!isJson(text)) {
    const message = 'The key is read from this file too, which has to be JSON for that.'
    problems.add(at, message, { suggestion: 'write it as the original does, without comments', atKey: true })
  }
  const { identifier } = outbound
  return { path, topic: typeof identifier === 'string' ? identifier : undefined, s3: s3Settings(storage, at, name) }
}

function readStorage(given: unknown, at: Path, problems: ProblemList, onIdle: OnIdle): Storage | undefined {
  if (!isPlainObject(given)) return refuse(problems, at, given, 'an object')
  tellIdle(given, at, Object.keys(storageSchema.shape), onIdle)
  const present = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null))
  const parsed = storageSchema.safeParse(present)
  for (const { path } of parsed.error?.issues ?? []) {
    const key = String(path[0])
    refuse(problems, [...at, key], secret.includes(key) ? undefined : present[key], takes[key] ?? 'text')
  }
  return parsed.data
}

/** Whether the bucket is there. What is there only in part is a mistake; where nothing is, the original makes it. */
function isWhole(storage: Storage, at: Path, problems: ProblemList, onIdle: OnIdle): boolean {
  const missing = needed.filter((key) => (storage[key] ?? '') === '')
  const all = needed.map((key) => `\`${key}\``).join(', ')
  if (missing.length === needed.length) {
    onIdle(at, 'No bucket is named, so that nothing is archived.', `give ${all} of one that is there`)
  } else if (missing.length > 0) {
    const names = missing.map((key) => `\`${key}\``).join(' and ')
    problems.add(at, `${names} ${missing.length === 1 ? 'is' : 'are'} missing: ${all} belong together.`, {
      suggestion: 'give all four, or none',
      atKey: true,
    })
  }
  return missing.length === 0
}

function s3Settings(storage: Storage, at: Path, file: string): OutboundSetting[] {
  const { bucket, path, region, endpoint = '', format, aggregationPeriod } = storage
  const url = /^[a-z]+:\/\//i.test(endpoint) ? endpoint : `https://${endpoint}`
  const [, number, unit = ''] = /^(\d+)([smhd]?)$/.exec(String(aggregationPeriod)) ?? []
  const settings: readonly (readonly [name: string, value: unknown, key: string])[] = [
    ['bucket', bucket, 'bucket'],
    ['prefix', path, 'path'],
    ['region', (region ?? '') === '' ? undefined : region, 'region'],
    ['endpoint', url, 'endpoint'],
    ['credentials', file, 'accessKey'],
    ['compression', format === undefined ? undefined : { gzip: 'gzip', json: 'none' }[format], 'format'],
    ['periodMs', number === undefined ? undefined : Number(number) * unitSeconds[unit]! * 1000, 'aggregationPeriod'],
  ]
  return settings.flatMap(([name, value, key]) => (value === undefined ? [] : [{ name, value, path: [...at, key] }]))
}

/** What stands beside outbound in settings of the whole system is not read. */
function tellNeighbours(root: Readonly<Record<string, unknown>>, path: Path, onIdle: OnIdle): void {
  for (let depth = 1; depth < path.length; depth++) {
    const above = path.slice(0, depth)
    const group = valueAt(root, above) as Record<string, unknown>
    for (const key of Object.keys(group).filter((each) => each !== path[depth])) {
      onIdle([...above, key], 'Of these settings only `outbound` is read, so this has no effect.')
    }
  }
}

function tellIdle(group: Readonly<Record<string, unknown>>, at: Path, known: readonly string[], onIdle: OnIdle): void {
  for (const key of Object.keys(group).filter((each) => !known.includes(each))) {
    const why = idle.find(([pattern]) => pattern.test(key))?.[1]
    if (why === undefined)
      onIdle([...at, key], 'The original knows no such setting, and nothing reads it.', `known here: ${known.join(', ')}`) // prettier-ignore
    else onIdle([...at, key], `It has no effect. ${why}`, 'drop it')
  }
}

function refuse(problems: ProblemList, path: Path, value: unknown, words: string): undefined {
  const given = value === undefined ? 'What is given' : describe(value)
  problems.add(path, `${given} cannot be used: give ${words}.`)
}

function valueAt(root: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (value, step) => (isPlainObject(value) && Object.hasOwn(value, step) ? value[step] : undefined),
    root,
  )
}

function isJson(text: string): boolean {
  try {
    return JSON.parse(text) !== undefined
  } catch {
    return false
  }
}
