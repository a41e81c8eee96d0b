// Inputs: generated once with `weir generate ds2` into a cache folder, and named by the generator's own output, so that a
// changed generator never meets an old file. Also the halves of a file, for tools that use two threads only on two
// files, and the same records in another shape. Called by main.ts, expect.ts and contenders.

import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { copyFileSync, existsSync, mkdirSync, openSync, closeSync, readFileSync, readSync, renameSync } from 'node:fs'
import { rmSync, statSync, truncateSync, createReadStream, createWriteStream } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'

/** A generated file. */
export interface Input {
  readonly path: string
  readonly bytes: number
  readonly records: number
  readonly seed: number
}

/** About how long a generated record is; only to turn a wanted size into a number of records. */
const recordBytes = 1270
const probeRecords = 200

/** Returns how many records make about as many bytes; at least one. */
export function recordsFor(bytes: number): number {
  return Math.max(1, Math.round(bytes / recordBytes))
}

/** Returns the path of the command `weir` of this checkout. */
export function weirCommand(): string {
  const manifest = createRequire(import.meta.url).resolve('@weir/service/package.json')
  const { bin } = JSON.parse(readFileSync(manifest, 'utf8')) as { bin: { weir: string } }
  return join(dirname(manifest), bin.weir)
}

/** Returns a generated input, made now unless it lies in the cache folder. */
export function prepareInput(cache: string, records: number, seed: number): Input {
  mkdirSync(cache, { recursive: true })
  const path = join(cache, `ds2-${generatorId(seed)}-seed${seed}-${records}.ndjson`)
  // The command writes aside and renames: a file under this name is whole.
  if (!existsSync(path)) generate(['--records', String(records), '--seed', String(seed), '-o', path])
  return { path, bytes: statSync(path).size, records, seed }
}

const generatorIds = new Map<number, string>()

/** Names what the generator makes of a seed, by its first records. */
function generatorId(seed: number): string {
  let id = generatorIds.get(seed)
  if (id === undefined) {
    const bytes = generate(['--records', String(probeRecords), '--seed', String(seed)])
    id = createHash('sha256').update(bytes).digest('hex').slice(0, 8)
    generatorIds.set(seed, id)
  }
  return id
}

function generate(args: readonly string[]): Buffer {
  return execFileSync(process.execPath, [weirCommand(), 'generate', 'ds2', ...args], {
    maxBuffer: 1 << 26,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
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
