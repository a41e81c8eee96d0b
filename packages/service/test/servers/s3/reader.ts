// What lies in a bucket, judged by another client than the one that writes: reader.py, on Python's standard library, asked in
// a process of its own. Also what a test does to a bucket by hand. Called by tests, faults and versitygw.ts.

import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

import { skipWithoutCommand } from '../../required.ts'
import type { S3Server } from './server.ts'

const script = fileURLToPath(new URL('../../../test/servers/s3/reader.py', import.meta.url))
const shownErrorCharacters = 2000

/** An object as the judge found it: whole, inflated where its key ends in `.gz`, every line of it JSON. */
export interface JudgedObject {
  readonly key: string
  readonly storedBytes: number
  /** Its first ten bytes in hexadecimal: of gzip, the whole header where it names no file. */
  readonly storedHead: string
  /** Bytes of the lines, and their SHA-256 in hexadecimal. */
  readonly rawBytes: number
  readonly sha256: string
  /** Lines. */
  readonly count: number
  readonly contentType: string
  /** By name, without the `x-amz-meta-`. */
  readonly metadata: Readonly<Record<string, string>>
  /** Without their line feeds. */
  readonly lines: readonly string[]
}

/** What to give node:test as `skip` for a test that needs the judge. */
export function skipWithoutReader(): string | false {
  return skipWithoutCommand('python3', 'Debian has it as python3')
}

/** Reads every byte of every object below the prefix. *Errors*: where one is not as it should be, with its key. */
export async function readBucket(server: S3Server, bucket: string, prefix = ''): Promise<JudgedObject[]> {
  return gathered<JudgedObject>(server, ['read', bucket, prefix])
}

/** Lists the objects below the prefix. */
export async function listBucket(
  server: S3Server,
  bucket: string,
  prefix = '',
): Promise<Pick<JudgedObject, 'key' | 'storedBytes'>[]> {
  return gathered(server, ['list', bucket, prefix])
}

/** Makes a bucket, unless it is there. */
export async function makeBucket(server: S3Server, bucket: string): Promise<void> {
  await ask(server, ['make', bucket])
}

/** Writes an object by hand, over one that is there. */
export async function putObject(
  server: S3Server,
  bucket: string,
  object: { readonly key: string; readonly bytes: Uint8Array | string; readonly metadata?: Record<string, string> },
): Promise<void> {
  await ask(server, ['put', bucket, object.key], { stdin: object.bytes, metadata: object.metadata ?? {} })
}

/** Removes an object by hand. */
export async function deleteObject(server: S3Server, bucket: string, key: string): Promise<void> {
  await ask(server, ['delete', bucket, key])
}

type Asked = readonly [command: string, bucket: string, argument?: string]

interface AskOptions {
  readonly stdin?: Uint8Array | string
  readonly metadata?: Readonly<Record<string, string>>
  readonly onLine?: (line: string) => void
}

async function gathered<T>(server: S3Server, asked: Asked): Promise<T[]> {
  const all: T[] = []
  await ask(server, asked, { onLine: (line) => all.push(JSON.parse(line) as T) })
  return all
}

async function ask(server: S3Server, [command, ...rest]: Asked, options: AskOptions = {}): Promise<void> {
  const { stdin = '', metadata = {}, onLine = () => undefined } = options
  const env = {
    ...process.env,
    WEIR_S3_ACCESS_KEY: server.accessKey,
    WEIR_S3_SECRET_KEY: server.secretKey,
    WEIR_S3_METADATA: JSON.stringify(metadata),
  }
  const args = [script, command, server.endpoint, server.region, ...rest.filter((each) => each !== undefined)]
  const child = spawn('python3', args, { stdio: 'pipe', env })
  child.stdin.on('error', () => undefined)
  child.stdin.end(stdin)
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
  const lines = createInterface({ input: child.stdout, crlfDelay: Infinity }).on('line', onLine)
  const read = new Promise<void>((resolve) => lines.once('close', () => resolve()))
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  await read
  if (code !== 0) throw new Error(`The judge says: ${said.trim().slice(-shownErrorCharacters)}`)
}
