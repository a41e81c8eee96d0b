// The command line of `npm run bench`: flags, sizes, defaults, and what is said about wrong ones. Called by main.ts.

import { UsageError } from './errors.ts'
import { namesIn, readFlags } from './flags.ts'
import type { Flags } from './flags.ts'

const models = 'compile, kernel, engine, command, start'

/** What a run measures, and how: what has to be the same for a run that goes on. */
export interface RunOptions {
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
  /** Seed of rule sets that a generator makes; undefined for that of the case. */
  readonly rulesSeed?: number
}

/** The command line: what to measure, and where. */
export interface Options {
  readonly run: RunOptions
  /** The journal of the run to go on with, or the latest one there is; undefined for a new run. */
  readonly resume: { readonly path: string | undefined } | undefined
  readonly cache: string | undefined
  readonly json: string | undefined
}

/** The text of `--help`. */
export const help = `Usage: npm run bench -- [options]

  --case NAMES              only these cases, a comma list
  --only NAMES              only these contenders or models (${models}), a comma list
  --samples N               samples of each contender (default 9; quick 3)
  --bytes SIZE              file that the commands work on (default 1GB; quick 200MB); of a case
                            with records of its own, a quarter
  --in-process-bytes SIZE   input of the models in process (default 64MB; quick 16MB)
  --quick                   every target in under five minutes: only the cases and contenders that targets are about,
                            unless --case or --only name others; few samples, small inputs
  --rules-seed N            generated rule sets from another seed
  --resume [FILE]           go on with a run that was stopped: the latest one, or that of a journal
  --seed N                  seed of the order of the samples (default: the time)
  --cache DIR               folder for inputs, outputs and journals (default benchmarks/.cache)
  --json FILE               result file (default benchmarks/results/DATE-COMMIT.json)
  --help

Sizes: a number of bytes, or with kB, MB, GB, KiB, MiB, GiB. Ctrl-C stops a run; --resume goes on with it.
Example: npm run bench -- --case one-rule --only native,json-parse --samples 5
`

const flags = {
  help: 'switch',
  quick: 'switch',
  case: 'names',
  only: 'names',
  samples: 'value',
  bytes: 'value',
  'in-process-bytes': 'value',
  seed: 'value',
  'rules-seed': 'value',
  cache: 'value',
  json: 'value',
} as const

const units: Readonly<Record<string, number>> = {
  '': 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
}

/**
 * Returns the options, or undefined when help is asked for. `resumed` are those of the run to go on with: what no flag
 * says is as it was there. Errors: UsageError that names the flag.
 */
export function parseOptions(args: readonly string[], resumed?: RunOptions): Options | undefined {
  const { resume, rest } = takeResume(args)
  const values = readFlags(rest, flags, 'npm run bench -- --help')
  if (values.help === true) return undefined
  return { run: runOptions(values, resumed), resume, cache: values.cache, json: values.json }
}

function runOptions(values: Flags<typeof flags>, resumed: RunOptions | undefined): RunOptions {
  const isQuick = values.quick ?? resumed?.isQuick ?? false
  const count = (flag: 'samples' | 'seed' | 'rules-seed', standard: number, least: number, most: number): number =>
    values[flag] === undefined ? standard : parseCount(`--${flag}`, values[flag], least, most)
  const size = (flag: 'bytes' | 'in-process-bytes', standard: number): number =>
    values[flag] === undefined ? standard : parseSize(`--${flag}`, values[flag])
  const [bytes, inProcessBytes, samples] = isQuick ? [200e6, 16e6, 3] : [1e9, 64e6, 9]
  const rulesSeed = values['rules-seed'] === undefined ? resumed?.rulesSeed : count('rules-seed', 0, 0, 2 ** 31)
  return {
    cases: values.case === undefined ? (resumed?.cases ?? []) : namesIn(values.case),
    only: values.only === undefined ? (resumed?.only ?? []) : namesIn(values.only),
    samples: count('samples', resumed?.samples ?? samples, 1, 1000),
    bytes: size('bytes', resumed?.bytes ?? bytes),
    inProcessBytes: size('in-process-bytes', resumed?.inProcessBytes ?? inProcessBytes),
    isQuick,
    seed: count('seed', resumed?.seed ?? Date.now() % 2 ** 31, 0, 2 ** 31),
    ...(rulesSeed === undefined ? {} : { rulesSeed }),
  }
}

/** Takes out `--resume`, whose file may be left out, which node:util's parseArgs does not know. */
function takeResume(args: readonly string[]): { resume: Options['resume']; rest: string[] } {
  const places = args.flatMap((arg, at) => (/^--resume(=|$)/.test(arg) ? [at] : []))
  const [at, again] = places
  if (at === undefined) return { resume: undefined, rest: [...args] }
  if (again !== undefined) throw new UsageError('--resume is given twice; one run goes on at a time.')
  const [, given] = /^--resume=(.*)$/.exec(args[at]!) ?? []
  if (given === '') throw new UsageError('--resume= names no journal; without = it goes on with the latest run.')
  const next = args[at + 1]
  const isNext = given === undefined && next !== undefined && !next.startsWith('-')
  const rest = [...args.slice(0, at), ...args.slice(at + (isNext ? 2 : 1))]
  return { resume: { path: given ?? (isNext ? next : undefined) }, rest }
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
  throw new UsageError(`${flag} takes a size from 10kB to 1000GB, such as 50MB or 1GiB, not "${text}".`)
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
  const all = [...known].join(', ')
  if (unknown === '') throw new UsageError(`${flag} "${wanted.join(',')}" has an empty name; there are ${all}.`)
  if (unknown !== undefined) throw new UsageError(`${flag} "${unknown}" is unknown; there are ${all}.`)
  return items.filter((item) => wanted.length === 0 || keys(item).some((key) => wanted.includes(key)))
}
