// The keys of an object store: read from a file, and read again when it changes. What is read serves the calls that are made
// from then on. Called by store.ts.

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

/** Reads the keys, and watches their file. *Errors*: `ERR_CONFIG_S3`. */
export async function openKeys({ path, ...watching }: S3KeysFile): Promise<WatchedValue<S3Keys>> {
  return watchValue<S3Keys>({ ...watching, paths: [path], read: () => readKeys(path) })
}

async function readKeys(path: string): Promise<S3Keys> {
  let text: string
  try {
    text = (await readRegularFile(path, mostBytes)).toString()
  } catch (cause) {
    const message = `Cannot read the credentials of the store in ${path}: ${systemReason(cause)}.`
    throw new ConfigError('ERR_CONFIG_S3', message, { path }, { cause })
  }
  const keys = parseKeys(text)
  if (typeof keys !== 'string') return keys
  throw new ConfigError('ERR_CONFIG_S3', `The credentials of the store in ${path} cannot be used: ${keys}.`, { path })
}

const jsonNames = ['accessKey', 'secretKey'] as const
const profileNames = ['aws_access_key_id', 'aws_secret_access_key'] as const

/** Returns the keys in a file's text, or why there are none, which quotes nothing of it. */
export function parseKeys(text: string): S3Keys | string {
  const isJson = /^[\s\uFEFF]*\{/.test(text)
  const found = isJson ? ofJson(text) : ofProfile(text)
  if (typeof found === 'string') return found
  const [accessName, secretName] = isJson ? jsonNames : profileNames
  const { accessKey, secretKey, sessionToken } = found
  if (!isKey(accessKey)) return faultOf(accessName, accessKey)
  if (!isKey(secretKey)) return faultOf(secretName, secretKey)
  if (sessionToken === undefined) return { accessKey, secretKey }
  return isKey(sessionToken) ? { accessKey, secretKey, sessionToken } : faultOf('aws_session_token', sessionToken)
}

type Found = Readonly<Record<keyof S3Keys, unknown>>

/** Not those of a header only: a key with a space was not copied well. */
function isKey(value: unknown): value is string {
  return typeof value === 'string' && /^[\x21-\x7e]{1,4096}$/.test(value)
}

function faultOf(name: string, value: unknown): string {
  if (value === undefined || value === '') return `it has no ${name}`
  return `${name} has to be 1 to 4096 printable characters of ASCII, without spaces`
}

/** The profile `default` of the form that AWS calls a shared credentials file. */
function ofProfile(text: string): Found | string {
  const values = new Map<string, string>()
  let profile: string | undefined
  for (const line of text.replace(/^\uFEFF/, '').split(/\r?\n/)) {
    const section = /^\[\s*(.*?)\s*\]\s*(?:[#;].*)?$/.exec(line)
    if (section !== null) profile = section[1]
    // Indented lines belong to a setting of several lines, none of which is a key.
    const setting = /^([A-Za-z_]+)\s*=\s*(.*?)\s*$/.exec(line)
    if (setting !== null && profile === 'default') values.set(setting[1]!.toLowerCase(), setting[2]!)
    if (section?.[1] === 'default') values.set('', '')
  }
  if (values.size === 0) return 'it has no profile [default], and is no JSON'
  const [accessKey, secretKey] = [values.get('aws_access_key_id'), values.get('aws_secret_access_key')]
  return { accessKey, secretKey, sessionToken: values.get('aws_session_token') }
}

/** Where keys stand in JSON: by themselves, or as in the settings of the original system and in parts of those. */
const places = [
  [],
  ['outbound', 'storage'],
  ['dataflow', 'outbound', 'storage'],
  ['settings', 'dataflow', 'outbound', 'storage'],
]

function ofJson(text: string): Found | string {
  let root: unknown
  try {
    root = JSON.parse(text.replace(/^\uFEFF/, ''))
  } catch {
    // What the parser says quotes the text.
    return 'it is no JSON'
  }
  for (const place of places) {
    const { accessKey, secretKey } = place.reduce(memberOf, root) as Record<string, unknown>
    if (accessKey !== undefined || secretKey !== undefined) return { accessKey, secretKey, sessionToken: undefined }
  }
  return `it has no accessKey and secretKey, neither by themselves nor in ${places.at(-1)!.join('.')}`
}

function memberOf(value: unknown, name: string): unknown {
  const members = typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  return Object.hasOwn(members, name) ? (members[name] ?? {}) : {}
}
