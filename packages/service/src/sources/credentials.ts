// Names and passwords of those who may send: a file of scrypt hashes, read again when it changes. A password is hashed
// once; what was accepted is then known by a keyed digest. Nothing here tells by its time which names exist. Called by
// the http source and by the command that makes hashes.

import { createHmac, randomBytes, scrypt as scryptWithCallback, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

import { ConfigError, systemCode, systemReason } from '../errors.ts'
import { readRegularFile } from '../regular-file.ts'
import type { StartTimer } from '../time.ts'
import { watchValue } from '../watched-value.ts'
import type { WatchedNews, WatchedValue } from '../watched-value.ts'

const scrypt: (password: Buffer, salt: Buffer, bytes: number, options: object) => Promise<Buffer> =
  promisify(scryptWithCallback)

/** The work of one hash, as scrypt has it. */
interface Cost {
  readonly N: number
  readonly r: number
  readonly p: number
}

interface Entry {
  readonly name: string
  readonly cost: Cost
  readonly salt: Buffer
  readonly hash: Buffer
}

/** Some 50 ms and 16 MiB: passwords of senders are drawn by machines, and need no more. */
const defaultCost: Cost = { N: 1 << 14, r: 8, p: 1 }
/** Memory that a line of the file may ask for. */
const mostHashBytes = 128 << 20
/** Bytes that the file of credentials may have. */
const mostFileBytes = 16 << 20
const saltBytes = 16
const hashBytes = 32

/** Returns a line for the credentials file. `cost`: of tests only, which have no time. */
export async function hashPassword(name: string, password: string, cost: Cost = defaultCost): Promise<string> {
  const problem = nameProblem(name) ?? (password === '' ? 'the password is empty' : undefined)
  const control = hasControls(password) ? 'the password holds control characters, which HTTP forbids' : undefined
  if (problem !== undefined || control !== undefined) {
    throw new ConfigError('ERR_CONFIG_USERS', `Cannot make a credential: ${problem ?? control}.`, { name })
  }
  const salt = randomBytes(saltBytes)
  const hash = await derive(Buffer.from(password), salt, cost, hashBytes)
  return [name, 'scrypt', cost.N, cost.r, cost.p, salt.toString('base64'), hash.toString('base64')].join(':')
}

/** What became of a request's credentials: the name, or why there is none. `busy`: too many are being checked. */
export type Verification =
  { readonly name: string } | { readonly name?: never; readonly refusal: 'unauthorized' | 'busy' }

/** What `openCredentials` is told. */
export interface CredentialsOptions {
  readonly path: string
  readonly startTimer: StartTimer
  readonly pollMs: number
  /** Hashes computed at a time; what comes beyond is `busy`. They share their threads with everything that inflates. */
  readonly concurrentHashes: number
  /** Takes what became of a file that has changed. */
  readonly report: (news: WatchedNews) => void
}

/** The credentials file in force. */
export interface Credentials {
  /** Judges the value of an `Authorization` header. At once, no promise, where it was accepted before. */
  verify(authorization: string | undefined): Verification | Promise<Verification>
  /** Looks whether the file has changed, without waiting for the next time. */
  poll(): Promise<void>
  close(): Promise<void>
}

/** Reads the file and watches it. *Errors*: `ERR_CONFIG_USERS`. */
export async function openCredentials(options: CredentialsOptions): Promise<Credentials> {
  const { path, startTimer, pollMs, report } = options
  const read = async () => planOf(await readEntries(path))
  return new CredentialsFile(await watchValue({ paths: [path], read, report, startTimer, pollMs }), options)
}

class CredentialsFile implements Credentials {
  private readonly plan: WatchedValue<Plan>
  private readonly options: Pick<CredentialsOptions, 'concurrentHashes'>
  /** The one that what is accepted and under way belongs to. */
  private known: Plan
  private readonly key = randomBytes(32)
  private readonly accepted = new Map<string, string>()
  /** Checks under way by their digest: a sender's many connections ask for one hash. */
  private readonly underWay = new Map<string, Promise<Verification>>()
  private hashing = 0

  constructor(plan: WatchedValue<Plan>, options: Pick<CredentialsOptions, 'concurrentHashes'>) {
    this.plan = plan
    this.known = plan.current
    this.options = options
  }

  async poll(): Promise<void> {
    await this.plan.poll()
  }

  async close(): Promise<void> {
    await this.plan.close()
  }

  verify(authorization: string | undefined): Verification | Promise<Verification> {
    const encoded = /^Basic +([A-Za-z0-9+/=_-]+) *$/i.exec(authorization ?? '')?.[1]
    if (encoded === undefined) return refused
    const decoded = Buffer.from(encoded, 'base64')
    const colon = decoded.indexOf(0x3a)
    // Control characters are forbidden; a NUL behind a password would moreover hash to the same.
    if (colon < 0 || hasControls(decoded.toString('latin1'))) return refused
    this.forgetOldPlan()
    const digest = createHmac('sha256', this.key).update(decoded).digest('base64')
    const name = this.accepted.get(digest)
    if (name !== undefined) return { name }
    return (
      this.underWay.get(digest) ?? this.hash(digest, decoded.subarray(0, colon).toString(), decoded.subarray(colon + 1))
    )
  }

  private forgetOldPlan(): void {
    if (this.known === this.plan.current) return
    this.known = this.plan.current
    this.accepted.clear()
    this.underWay.clear()
  }

  private async hash(digest: string, name: string, password: Buffer): Promise<Verification> {
    if (this.hashing >= this.options.concurrentHashes) return { refusal: 'busy' }
    this.hashing++
    const plan = this.known
    const check = isValid(plan, name, password)
      .then((valid): Verification => {
        if (valid && plan === this.known) this.accepted.set(digest, name)
        return valid ? { name } : refused
      })
      .finally(() => {
        this.hashing--
        if (this.underWay.get(digest) === check) this.underWay.delete(digest)
      })
    this.underWay.set(digest, check)
    return check
  }
}

const refused: Verification = { refusal: 'unauthorized' }

/** Entries by name, and what every check computes, whatever the name: so many hashes of each cost. */
interface Plan {
  readonly byName: ReadonlyMap<string, readonly Entry[]>
  readonly work: readonly { readonly cost: Cost; readonly count: number }[]
}

function planOf(entries: readonly Entry[]): Plan {
  const byName = new Map<string, Entry[]>()
  for (const entry of entries) byName.set(entry.name, [...(byName.get(entry.name) ?? []), entry])
  const known = entries.length > 0 ? entries.map(({ cost }) => cost) : [defaultCost]
  const costs = new Map(known.map((cost) => [costKey(cost), cost]))
  const most = (key: string) =>
    Math.max(1, ...[...byName.values()].map((own) => own.filter(({ cost }) => costKey(cost) === key).length))
  return { byName, work: [...costs].map(([key, cost]) => ({ cost, count: most(key) })) }
}

function costKey({ N, r, p }: Cost): string {
  return `${N}:${r}:${p}`
}

/** What stands in for the entries that a name does not have. */
const dummy = { salt: randomBytes(saltBytes), hash: randomBytes(hashBytes) }

/** Returns whether one of the name's entries has this password, by the same work for every name. */
async function isValid(plan: Plan, name: string, password: Buffer): Promise<boolean> {
  const own = plan.byName.get(name) ?? []
  let valid = 0
  for (const { cost, count } of plan.work) {
    const entries = own.filter((entry) => costKey(entry.cost) === costKey(cost))
    for (let index = 0; index < count; index++) {
      const entry = entries[index]
      const { salt, hash } = entry ?? dummy
      const derived = await derive(password, salt, cost, hash.length)
      const isEqual = timingSafeEqual(derived, hash)
      valid |= Number(isEqual) & Number(entry !== undefined)
    }
  }
  return valid === 1
}

function derive(password: Buffer, salt: Buffer, { N, r, p }: Cost, bytes: number): Promise<Buffer> {
  return scrypt(password, salt, bytes, { N, r, p, maxmem: 2 * mostHashBytes })
}

async function readEntries(path: string): Promise<Entry[]> {
  let text: string
  try {
    text = (await readRegularFile(path, mostFileBytes)).toString('utf8')
  } catch (error) {
    const message = `Cannot read the credentials file ${path}: ${systemReason(error)}.`
    throw new ConfigError('ERR_CONFIG_USERS', message, { path, system: systemCode(error) }, { cause: error })
  }
  const entries: Entry[] = []
  const problems: string[] = []
  for (const [index, line] of text
    .replace(/^\ufeff/, '')
    .split(/\r?\n/)
    .entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue
    const entry = parseEntry(line)
    if (typeof entry === 'string') problems.push(`line ${index + 1}: ${entry}`)
    else entries.push(entry)
  }
  if (problems.length === 0 && entries.length === 0) problems.push('it holds no credential')
  // The lines themselves stay out of the message: they hold what is to be kept secret.
  if (problems.length > 0) {
    const message = `The credentials file ${path} cannot be used: ${problems.slice(0, 10).join('; ')}.`
    throw new ConfigError('ERR_CONFIG_USERS', message, { path, problems })
  }
  return entries
}

/** Returns the entry that a line holds, or what is wrong with it. */
function parseEntry(line: string): Entry | string {
  const parts = line.split(':')
  const [name = '', method, ...rest] = parts
  if (parts.length !== 7 || method !== 'scrypt') return 'it is not name:scrypt:N:r:p:salt:hash'
  const problem = nameProblem(name)
  if (problem !== undefined) return problem
  const [N = 0, r = 0, p = 0] = rest.slice(0, 3).map((digits) => (/^[1-9]\d{0,8}$/.test(digits) ? Number(digits) : 0))
  if (N < 2 || (N & (N - 1)) !== 0) return 'N is no power of two above 1'
  if (r < 1 || p < 1 || p > 16 || 128 * N * r > mostHashBytes) {
    return `r and p must be 1 or more, p at most 16, and 128 × N × r at most ${mostHashBytes}`
  }
  const [salt, hash] = rest.slice(3).map((text) => base64Of(text))
  if (salt === undefined || salt.length < 8) return 'the salt is not base64 of 8 bytes or more'
  if (hash === undefined || hash.length < 16 || hash.length > 64) return 'the hash is not base64 of 16 to 64 bytes'
  return { name, cost: { N, r, p }, salt, hash }
}

function base64Of(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? bytes : undefined
}

function nameProblem(name: string): string | undefined {
  if (name.trim() === '') return 'the name is empty'
  if (name.startsWith('#')) return 'the name begins with #, as a comment does'
  return name.includes(':') || hasControls(name) ? 'the name holds a colon or control characters' : undefined
}

function hasControls(text: string): boolean {
  return /[\u0000-\u001f\u007f]/.test(text)
}
