// The object store that contenders write to: versitygw as the service's tests start it, on a folder of this machine, as a
// process of its own; and what lies in it, read as files. Called by ../archive.ts, ../soak.ts and the files beside it.

import { existsSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import type { Skipped } from '../contender.ts'
import { startServing } from '../service/serving.ts'
import type { Serving } from '../service/serving.ts'

/** What the program of the tests says of its store. */
interface ToldStore {
  readonly endpoint: string
  readonly region: string
  readonly accessKey: string
  readonly secretKey: string
  /** In which each bucket is a folder, and each object a file. */
  readonly data: string
  readonly bucket: string
}

/** A store that runs. */
export interface BenchmarkStore extends Serving, ToldStore {}

/** Starts a store on a folder of its own below `folder`. Builds it first, where that was not done: some minutes. */
export async function startStore(folder: string): Promise<BenchmarkStore | Skipped> {
  return startServing<ToldStore>('s3', folder)
}

/** Writes a file of credentials into a folder, as AWS has it, and returns its path. */
export function writeCredentials({ accessKey, secretKey }: BenchmarkStore, folder: string): string {
  const path = join(folder, 'credentials')
  const text = `[default]\naws_access_key_id = ${accessKey}\naws_secret_access_key = ${secretKey}\n`
  writeFileSync(path, text, { mode: 0o600 })
  return path
}

/** An object of an archive, as it lies in the store's folder. */
export interface StoredFile {
  readonly path: string
  readonly topic: string
  readonly partition: number
  /** Offset of its first record. */
  readonly first: number
  readonly storedBytes: number
  /** When it was written, in milliseconds since 1970. */
  readonly modifiedMs: number
}

/** Returns the objects below a prefix that have names of an archive, those of a partition in their order. */
export function storedFiles({ data, bucket }: ToldStore, prefix: string): StoredFile[] {
  const folder = join(data, bucket, prefix)
  if (!existsSync(folder)) return []
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).flatMap((entry) => {
    const [, topic, partition, first] = /^(.+)\+(\d+)\+(\d{20})\.ndjson(?:\.gz)?$/.exec(entry.name) ?? []
    if (!entry.isFile() || topic === undefined) return []
    const path = join(entry.parentPath, entry.name)
    const { size: storedBytes, mtimeMs: modifiedMs } = statSync(path)
    return [{ path, topic, partition: Number(partition), first: Number(first), storedBytes, modifiedMs }]
  })
  return files.toSorted((a, b) => a.partition - b.partition || a.first - b.first)
}

/** Returns the lines' bytes of an object. *Errors*: where it is damaged. */
export function readStored({ path }: StoredFile): Buffer {
  const bytes = readFileSync(path)
  return path.endsWith('.gz') ? gunzipSync(bytes) : bytes
}

/** Removes all objects below a prefix, as nobody who archives ever does. */
export function emptyPrefix({ data, bucket }: ToldStore, prefix: string): void {
  rmSync(join(data, bucket, prefix), { recursive: true, force: true })
}
