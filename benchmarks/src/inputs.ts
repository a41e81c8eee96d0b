// Inputs: generated once into a cache folder, by `weir generate ds2` or by the generator of records/, and named by the
// generator's own output, so that a changed generator never meets an old file. Also the halves of a file, for tools that use two threads only on two
// files, and the same records in another shape. Called by main.ts, expect.ts and contenders.

import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { copyFileSync, existsSync, mkdirSync, openSync, closeSync, readFileSync, readSync, renameSync } from 'node:fs'
import { rmSync, statSync, truncateSync, writeFileSync, createReadStream, createWriteStream } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { generateRecords } from './records/generate.ts'
import { bytesOfRecord, nameOfInput } from './records/shape.ts'
import type { InputDescription } from './records/shape.ts'
import type { FlatRecord } from './records/values.ts'

/** A generated file. */
export interface Input {
  /** What its records are like. */
  readonly description: InputDescription
  readonly path: string
  readonly bytes: number
  readonly records: number
  readonly seed: number
}

const probeRecords = 200
/** So many samples of `weir generate ds2` are what records of other shapes are put together from. */
const sampleRecords = 4096

/** Returns how many records make about as many bytes; at least one. */
export function recordsFor(description: InputDescription, bytes: number): number {
  return Math.max(1, Math.round(bytes / bytesOfRecord(description)))
}

/** Returns the path of the command `weir` of this checkout. */
export function weirCommand(): string {
  const manifest = createRequire(import.meta.url).resolve('@weir/service/package.json')
  const { bin } = JSON.parse(readFileSync(manifest, 'utf8')) as { bin: { weir: string } }
  return join(dirname(manifest), bin.weir)
}

/** Returns a generated input, made now unless it lies in the cache folder. Fewer records of a seed begin more of them. */
export function prepareInput(cache: string, description: InputDescription, records: number, seed: number): Input {
  mkdirSync(cache, { recursive: true })
  const name = `${nameOfInput(description)}-${generatorId(description, seed)}-seed${seed}-${records}.ndjson`
  const path = join(cache, name)
  if (!existsSync(path)) generate(description, records, seed, path)
  return { description, path, bytes: statSync(path).size, records, seed }
}

const generatorIds = new Map<string, string>()

/** Names what the generator makes of a seed, by its first records. */
function generatorId(description: InputDescription, seed: number): string {
  const name = `${nameOfInput(description)} ${seed}`
  let id = generatorIds.get(name)
  if (id === undefined) {
    const hash = createHash('sha256')
    if (description.generator === 'ds2') hash.update(generateDs2(probeRecords, seed))
    else for (const chunk of generateRecords(description, samplesOf(seed), probeRecords, seed)) hash.update(chunk)
    id = hash.digest('hex').slice(0, 8)
    generatorIds.set(name, id)
  }
  return id
}

/** Writes aside and renames: a file under the path is whole. */
function generate(description: InputDescription, records: number, seed: number, path: string): void {
  if (description.generator === 'ds2') {
    generateDs2(records, seed, path)
    return
  }
  const aside = `${path}.new`
  const file = openSync(aside, 'w')
  try {
    for (const chunk of generateRecords(description, samplesOf(seed), records, seed)) writeFileSync(file, chunk)
  } finally {
    closeSync(file)
  }
  renameSync(aside, path)
}

/** The records that `weir generate ds2` prints; nothing where they go to a path. */
function generateDs2(records: number, seed: number, path?: string): Buffer {
  const args = ['--records', String(records), '--seed', String(seed), ...(path === undefined ? [] : ['-o', path])]
  return execFileSync(process.execPath, [weirCommand(), 'generate', 'ds2', ...args], {
    maxBuffer: 1 << 26,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}

const samples = new Map<number, readonly FlatRecord[]>()

function samplesOf(seed: number): readonly FlatRecord[] {
  let known = samples.get(seed)
  if (known === undefined) {
    const lines = generateDs2(sampleRecords, seed).toString('latin1').trimEnd().split('\n')
    known = lines.map((line) => JSON.parse(line) as FlatRecord)
    samples.set(seed, known)
  }
  return known
}

/** Returns the paths of two files that hold the input's lines, each about half. Made once. */
export async function halvesOf(input: Input): Promise<readonly [string, string]> {
  const [first, second] = [`${input.path}.half1`, `${input.path}.half2`]
  if (!existsSync(second)) {
    const cut = lineEndBehind(input.path, Math.floor(input.bytes / 2))
    copyFileSync(input.path, first)
    truncateSync(first, cut)
    const aside = `${second}.new`
    rmSync(aside, { force: true })
    await pipeline(createReadStream(input.path, { start: cut }), createWriteStream(aside))
    renameSync(aside, second)
  }
  return [first, second]
}

/** Returns the path of the input's records as one JSON array, a record on each line. Made once. */
export function arrayOf(input: Input): Promise<string> {
  return madeOnce(`${input.path}.array.json`, (aside) =>
    pipeline(createReadStream(input.path), (lines) => arrayLines(lines, input.bytes), createWriteStream(aside)),
  )
}

async function* arrayLines(lines: AsyncIterable<Buffer>, bytes: number): AsyncGenerator<Buffer, void, undefined> {
  yield Buffer.from('[\n')
  let left = bytes
  for await (const chunk of lines) {
    left -= chunk.length
    // The last line feed of the file has no record behind it.
    const text = chunk.toString('latin1', 0, left === 0 ? chunk.length - 1 : chunk.length)
    yield Buffer.from(text.replaceAll('\n', ',\n'), 'latin1')
  }
  yield Buffer.from('\n]\n')
}

/** Returns the path of the input in one member of gzip, of zlib's usual level. Made once. */
export function gzipOf(input: Input): Promise<string> {
  return madeOnce(`${input.path}.gz`, (aside) =>
    pipeline(createReadStream(input.path), createGzip(), createWriteStream(aside)),
  )
}

async function madeOnce(path: string, make: (aside: string) => Promise<void>): Promise<string> {
  if (!existsSync(path)) {
    const aside = `${path}.new`
    await make(aside)
    renameSync(aside, path)
  }
  return path
}

function lineEndBehind(path: string, position: number): number {
  const file = openSync(path, 'r')
  try {
    const bytes = Buffer.alloc(1 << 20)
    const read = readSync(file, bytes, 0, bytes.length, position)
    const at = bytes.subarray(0, read).indexOf(10)
    return position + at + 1
  } finally {
    closeSync(file)
  }
}
