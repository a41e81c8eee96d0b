// The command line of `npm run bench`: flags, sizes, defaults, and what is said about wrong ones. Called by main.ts.

import { parseArgs } from 'node:util'
import { UsageError } from './errors.ts'

/** What one run measures, and how. */
export interface Options {
  /** Names of cases; empty for all. */
  readonly cases: readonly string[]
  /** Contenders, or models, that take part; empty for all. */
  readonly only: readonly string[]
  readonly samples: number
  /** Bytes of the file that commands work on. */
  readonly bytes: number
  /** Bytes of the input of the models in process. */
  readonly inProcessBytes: number
  readonly isQuick: boolean
  /** Seed of the order of the samples. */
  readonly seed: number
  readonly cache: string | undefined
  readonly json: string | undefined
}

/** The text of `--help`. */
export const help = `Usage: npm run bench -- [options]

  --case NAMES              only these cases, a comma list
  --only NAMES              only these contenders or models (kernel, engine, command), a comma list
  --samples N               samples of each contender (default 9; quick 3)
  --bytes SIZE              file that the commands work on (default 1GB; quick 50MB)
  --in-process-bytes SIZE   input of the models in process (default 64MB; quick 8MB)
  --quick                   small inputs and few samples, to see that all of it works
  --seed N                  seed of the order of the samples (default: the time)
  --cache DIR               folder for inputs and outputs (default benchmarks/.cache)
  --json FILE               result file (default benchmarks/results/DATE-COMMIT.json)
  --help

Sizes: a number of bytes, or with kB, MB, GB, KiB, MiB, GiB.
Example: npm run bench -- --case one-rule --only native,json-parse --samples 5
`

const units: Readonly<Record<string, number>> = {
  '': 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
}

/** Returns the options, or undefined when help is asked for. Errors: UsageError that names the flag. */
export function parseOptions(args: readonly string[]): Options | undefined {
  const values = readFlags(args)
  if (values.help === true) return undefined
  const isQuick = values.quick === true
  return {
    cases: names(values.case),
    only: names(values.only),
    samples: parseCount('--samples', values.samples ?? (isQuick ? '3' : '9'), 1, 1000),
    bytes: parseSize('--bytes', values.bytes ?? (isQuick ? '50MB' : '1GB')),
    inProcessBytes: parseSize('--in-process-bytes', values['in-process-bytes'] ?? (isQuick ? '8MB' : '64MB')),
    isQuick,
    seed: parseCount('--seed', values.seed ?? String(Date.now() % 2 ** 31), 0, 2 ** 31),
    cache: values.cache,
    json: values.json,
  }
}

interface Flags {
  readonly help?: boolean
  readonly quick?: boolean
  readonly case?: string[]
  readonly only?: string[]
  readonly samples?: string
  readonly bytes?: string
  readonly 'in-process-bytes'?: string
  readonly seed?: string
  readonly cache?: string
  readonly json?: string
}

function readFlags(args: readonly string[]): Flags {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        help: { type: 'boolean', short: 'h' },
        quick: { type: 'boolean' },
        case: { type: 'string', multiple: true },
        only: { type: 'string', multiple: true },
        samples: { type: 'string' },
        bytes: { type: 'string' },
        'in-process-bytes': { type: 'string' },
        seed: { type: 'string' },
        cache: { type: 'string' },
        json: { type: 'string' },
      },
    })
    return values
  } catch (error) {
    throw new UsageError(`${(error as Error).message.split('\n')[0]} See npm run bench -- --help.`)
  }
}

function names(lists: readonly string[] | undefined): string[] {
  return (lists ?? []).flatMap((list) => list.split(',')).filter((name) => name !== '')
}

/** Returns a whole number that a flag was given. Errors: UsageError that names the flag. */
export function parseCount(flag: string, text: string, least: number, most: number): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && value >= least && value <= most) return value
  throw new UsageError(`${flag} takes a whole number from ${least} to ${most}, not "${text}".`)
}

/** Returns bytes from a size with a unit that a flag was given. Errors: UsageError that names the flag. */
export function parseSize(flag: string, text: string): number {
  const [, digits = '', unit = ''] = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text) ?? []
  const factor = units[unit.toLowerCase()]
  const value = Math.round(Number(digits) * (factor ?? NaN))
  // Below this, starting a program is all that is measured; above, an input would not fit into 32-bit positions.
  if (digits !== '' && value >= 10_000 && value <= 1e12) return value
  throw new UsageError(`${flag} takes a size from 10kB on, such as 50MB or 1GiB, not "${text}".`)
}

/** Returns the items that the names choose, all of them for no names. Errors: UsageError with all names there are. */
export function choose<T>(
  flag: string,
  wanted: readonly string[],
  items: readonly T[],
  keys: (item: T) => string[],
): T[] {
  const known = new Set(items.flatMap(keys))
  const unknown = wanted.find((name) => !known.has(name))
  if (unknown !== undefined)
    throw new UsageError(`${flag} "${unknown}" is unknown; there are ${[...known].join(', ')}.`)
  return items.filter((item) => wanted.length === 0 || keys(item).some((key) => wanted.includes(key)))
}
