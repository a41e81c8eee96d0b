// What an object holds: read, inflated, counted and hashed, in pieces. Called by direct.ts and verify.ts.

import { createHash } from 'node:crypto'
import type { Hash } from 'node:crypto'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'

import { S3Error } from '../errors.ts'
import type { ObjectStore } from '../ports/object-store.ts'

/** What was found in an object, or of records. */
export interface Content {
  /** Lines, and their bytes. */
  readonly count: number
  readonly rawBytes: number
  /** In hexadecimal. */
  readonly sha256: string
}

/** What was found in an object. */
export interface ObjectContent extends Content {
  readonly storedBytes: number
  /** Why it cannot be read to its end, as a sentence without its subject and its full stop; the rest is of what came before. */
  readonly damage?: string
}

/** How objects are read, by the ending of their names. */
const readers: Readonly<Record<string, 'gzip' | 'plain'>> = { '.ndjson.gz': 'gzip', '.ndjson': 'plain' }

/** How often one object is read, where the connection breaks. */
const attempts = 3

const lineFeed = 10

/** Counts lines, and hashes them. */
export class ContentSum {
  count = 0
  rawBytes = 0
  readonly #hash: Hash = createHash('sha256')

  /** Adds bytes as they stand in an object. */
  add(bytes: Uint8Array): void {
    this.rawBytes += bytes.length
    this.#hash.update(bytes)
    for (let at = bytes.indexOf(lineFeed); at >= 0; at = bytes.indexOf(lineFeed, at + 1)) this.count++
  }

  /** Adds a value, a line feed behind it where it has none. Empty ones are no line. */
  addValue(value: Uint8Array | null): void {
    if (value === null || value.length === 0) return
    this.add(value)
    if (value.at(-1) !== lineFeed) this.add(oneLineFeed)
  }

  /** Returns what was found. Once. */
  finish(): Content {
    return { count: this.count, rawBytes: this.rawBytes, sha256: this.#hash.digest('hex') }
  }
}

const oneLineFeed = Uint8Array.of(lineFeed)

/** Reads an object. *Errors*: `S3Error`, where the store does not give it. */
export async function readContent(store: ObjectStore, key: string, extension: string): Promise<ObjectContent> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await readOnce(store, key, extension)
    } catch (error) {
      if (!(error instanceof S3Error) || !error.retryable || attempt >= attempts) throw error
    }
  }
}

async function readOnce(store: ObjectStore, key: string, extension: string): Promise<ObjectContent> {
  const reader = readers[extension]
  const stored = await store.read(key)
  const sum = new ContentSum()
  const counted = { bytes: 0 }
  let damage: string | undefined
  const source = counting(stored, counted)
  if (reader === 'gzip') damage = await gunzip(source, counted, sum)
  else for await (const bytes of source) sum.add(bytes)
  if (reader === undefined) damage = `has a form that is not known here, ${extension}`
  return { ...sum.finish(), storedBytes: counted.bytes, ...(damage === undefined ? {} : { damage }) }
}

async function* counting(stored: AsyncIterable<Uint8Array>, counted: { bytes: number }): AsyncGenerator<Uint8Array> {
  for await (const bytes of stored) {
    counted.bytes += bytes.length
    yield bytes
  }
}

/** Inflates all that comes. Returns what is wrong with it. */
async function gunzip(
  source: AsyncIterable<Uint8Array>,
  counted: { bytes: number },
  sum: ContentSum,
): Promise<string | undefined> {
  const inflater = createGunzip({ chunkSize: 256 << 10 })
  try {
    await pipeline(source, inflater, async (inflated: AsyncIterable<Uint8Array>) => {
      for await (const bytes of inflated) sum.add(bytes)
    })
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'Z_BUF_ERROR')
      return `ends too early, after ${counted.bytes} ${counted.bytes === 1 ? 'byte' : 'bytes'}`
    if (code?.startsWith('Z_') !== true) throw error
    return `is damaged near byte ${inflater.bytesWritten} (${message})`
  }
  // zlib stops by itself at a zero byte behind the last member, and says nothing of what follows.
  const { bytesWritten } = inflater
  return bytesWritten < counted.bytes ? `goes on behind the end of its gzip, at byte ${bytesWritten}` : undefined
}
