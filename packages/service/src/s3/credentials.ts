// The keys of an object store: read from a file, and read again when it changes. What is read serves the calls that are made
// from then on. Called by store.ts, and by whoever checks settings before they are used.

import { ConfigError, systemReason } from '../errors.ts'
import { readRegularFile } from '../regular-file.ts'
import type { StartTimer } from '../time.ts'
import { watchValue } from '../watched-value.ts'
import type { WatchedNews, WatchedValue } from '../watched-value.ts'

/** Settings of the original system may hold many filters besides. */
const mostBytes = 4 << 20

/** What calls are signed with. */
export interface S3Keys {
  readonly accessKey: string
  readonly secretKey: string
  /** Of keys that are lent for a time. */
  readonly sessionToken?: string
}

/** Where keys come from. */
export interface S3KeysFile {
  readonly path: string
  readonly pollMs?: number
  readonly startTimer?: StartTimer
  readonly report: (news: WatchedNews) => void
}

/** Why a file holds no keys. Nothing in it is quoted from the file. */
export interface KeysFault {
  /** A sentence about the file, without its full stop: `it has no profile [default], and is no JSON`. */
  readonly message: string
  /** 1-based; absent where it is about no line. */
  readonly line?: number
  /** What to write instead. */
  readonly cure: string
}

/** Reads the keys, and watches their file. *Errors*: `ERR_CONFIG_S3`. */
export async function openKeys({ path, ...watching }: S3KeysFile): Promise<WatchedValue<S3Keys>> {
  return watchValue<S3Keys>({ ...watching, paths: [path], read: () => readKeys(path) })
}

/** Returns why the file holds no keys; undefined where it does. Asks no store whether it knows them. */
export async function findKeysFault(path: string): Promise<KeysFault | undefined> {
  const keys = await keysIn(path)
  return 'message' in keys ? keys : undefined
}

async function readKeys(path: string): Promise<S3Keys> {
  const keys = await keysIn(path)
  if (!('message' in keys)) return keys
  const { message, line, cure, cause } = keys
  const place = line === undefined ? path : `${path}, line ${line},`
  const what = `The credentials of the store in ${place} cannot be used: ${message}; ${cure}.`
  throw new ConfigError('ERR_CONFIG_S3', what, { path, ...(line === undefined ? {} : { line }) }, { cause })
}

async function keysIn(path: string): Promise<S3Keys | (KeysFault & { readonly cause?: unknown })> {
  let text: string
  try {
    text = (await readRegularFile(path, mostBytes)).toString()
  } catch (cause) {
    const cure = 'have `credentials` name a file that this user may read'
    return { message: `it cannot be read, ${systemReason(cause)}`, cure, cause }
  }
  return parseKeys(text)
}

const jsonNames = { accessKey: 'accessKey', secretKey: 'secretKey', sessionToken: 'sessionToken' } as const
const profileNames = {
  accessKey: 'aws_access_key_id',
  secretKey: 'aws_secret_access_key',
  sessionToken: 'aws_session_token',
} as const

/** What stands where a key should, and in which line. */
interface FoundValue {
  readonly value: unknown
  readonly line?: number
}

/** Keys as a file has them, and what its form calls them. */
interface Found extends Partial<Record<keyof S3Keys, FoundValue>> {
  readonly nameOf: (key: keyof S3Keys) => string
  /** Told of a key that is not there. */
  readonly missing: (key: keyof S3Keys) => KeysFault
}

/** Returns the keys in a file's text, or why there are none. */
export function parseKeys(text: string): S3Keys | KeysFault {
  const isJson = /^[\s\uFEFF]*\{/.test(text)
  const found = isJson ? ofJson(text) : ofProfile(text)
  if ('message' in found) return found
  const accessKey = keyOf(found, 'accessKey')
  const secretKey = keyOf(found, 'secretKey')
  const sessionToken = found.sessionToken === undefined ? undefined : keyOf(found, 'sessionToken')
  if (typeof accessKey !== 'string') return accessKey
  if (typeof secretKey !== 'string') return secretKey
  if (sessionToken === undefined) return { accessKey, secretKey }
  return typeof sessionToken === 'string' ? { accessKey, secretKey, sessionToken } : sessionToken
}

/** Not those of a header only: a key with a space was not copied well. */
function isKey(value: unknown): value is string {
  return typeof value === 'string' && /^[\x21-\x7e]{1,4096}$/.test(value)
}

function keyOf(found: Found, key: keyof S3Keys): string | KeysFault {
  const { value, line } = found[key] ?? { value: undefined }
  if (value === undefined || value === '') return found.missing(key)
  if (isKey(value)) return value
  return {
    message: `${found.nameOf(key)} has to be 1 to 4096 printable characters of ASCII, without spaces`,
    ...(line === undefined ? {} : { line }),
    cure: 'copy it once more from where it was made',
  }
}

/** The profile `default` of the form that AWS calls a shared credentials file. */
function ofProfile(text: string): Found | KeysFault {
  const values = new Map<string, FoundValue>()
  let profile: string | undefined
  let begin: number | undefined
  for (const [i, line] of text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .entries()) {
    const section = /^\[\s*(.*?)\s*\]\s*(?:[#;].*)?$/.exec(line)
    if (section !== null) profile = section[1]
    if (section?.[1] === 'default') begin = i + 1
    // Indented lines belong to a setting of several lines, none of which is a key.
    const setting = /^([A-Za-z_]+)\s*=\s*(.*?)\s*$/.exec(line)
    if (setting !== null && profile === 'default')
      values.set(setting[1]!.toLowerCase(), { value: setting[2]!, line: i + 1 })
  }
  const whole = '`[default]`, and below it `aws_access_key_id = …` and `aws_secret_access_key = …`'
  if (begin === undefined) return { message: 'it has no profile [default], and is no JSON', cure: `write ${whole}` }
  const line = begin
  const found = Object.entries(profileNames).map(([key, name]) => [key, values.get(name)] as const)
  return {
    ...Object.fromEntries(found.filter(([, value]) => value !== undefined)),
    nameOf: (key) => `${profileNames[key]} of [default]`,
    missing: (key) => {
      const message = `its profile [default] has no ${profileNames[key]}`
      return { message, line: values.get(profileNames[key])?.line ?? line, cure: `write \`${profileNames[key]} = …\` below \`[default]\`` } // prettier-ignore
    },
  }
}

/** Where keys stand in JSON: by themselves, or as in the settings of the original system and in parts of those. */
const places = [
  [],
  ['outbound', 'storage'],
  ['dataflow', 'outbound', 'storage'],
  ['settings', 'dataflow', 'outbound', 'storage'],
]

function ofJson(text: string): Found | KeysFault {
  let root: unknown
  try {
    root = JSON.parse(text.replace(/^\uFEFF/, ''))
  } catch (error) {
    // What the parser says quotes the text, but for the place.
    const line = lineOfFault(text, (error as Error).message)
    return { message: 'it begins with a brace, and is no JSON', ...(line === undefined ? {} : { line }), cure: 'mend its commas, quotes and braces' } // prettier-ignore
  }
  for (const place of places) {
    const { accessKey, secretKey, sessionToken } = place.reduce(memberOf, root) as Record<string, unknown>
    if (accessKey === undefined && secretKey === undefined) continue
    const nameOf = (key: keyof S3Keys) => [...place, jsonNames[key]].join('.')
    const cure = (key: keyof S3Keys) => `write \`"${jsonNames[key]}": "…"\` beside the other key`
    const missing = (key: keyof S3Keys) => ({ message: `it has no ${nameOf(key)}`, cure: cure(key) })
    const token = sessionToken === undefined ? {} : { sessionToken: { value: sessionToken } }
    return { accessKey: { value: accessKey }, secretKey: { value: secretKey }, ...token, nameOf, missing }
  }
  const message = `it has no accessKey and secretKey, neither by themselves nor in ${places.at(-1)!.join('.')}`
  return { message, cure: 'write `{ "accessKey": "…", "secretKey": "…" }`' }
}

/** Returns the line that the parser of JSON names by a position, or in which the text ends too early. */
function lineOfFault(text: string, message: string): number | undefined {
  const position = /at position (\d+)/.exec(message)?.[1] ?? (/end of JSON/.test(message) ? text.trimEnd().length : NaN)
  const before = text.slice(0, Number(position))
  return Number.isNaN(Number(position)) ? undefined : before.split('\n').length
}

function memberOf(value: unknown, name: string): unknown {
  const members = typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  return Object.hasOwn(members, name) ? (members[name] ?? {}) : {}
}
