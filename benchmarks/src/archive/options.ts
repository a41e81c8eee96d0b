// The command line of `npm run bench:archive`: flags, cases and defaults. Called by ../archive.ts.

import { namesIn, readFlags } from '../flags.ts'
import { choose, parseCount, parseSize } from '../options.ts'
import type { ArchiveContender, ObjectShape } from './contender.ts'
import { archiveContenders } from './contenders.ts'

/** What is measured together: objects of one shape, from a topic of so many partitions. */
export interface ArchiveCase extends ObjectShape {
  /** `COMPRESSION-PARTITIONS`, and what is special. */
  readonly name: string
  readonly partitions: number
  /** Measured for its memory: only by contenders that take all cases. */
  readonly isSpecial: boolean
}

const usualBytes = 64 * 2 ** 20
const levels = [0, 1, 4, 6, 9] as const

function caseOf(level: number, partitions: number, special: Partial<ArchiveCase> = {}): ArchiveCase {
  const name = `${level === 0 ? 'none' : `gzip-${level}`}-${partitions}`
  return { name, level, partitions, maxObjectBytes: usualBytes, hasSpool: false, isSpecial: false, ...special }
}

/** All cases: every level with one partition and with four, then those that are about memory. */
export const archiveCases: readonly ArchiveCase[] = [
  ...[1, 4].flatMap((partitions) => levels.map((level) => caseOf(level, partitions))),
  caseOf(4, 64),
  caseOf(0, 64, { name: 'none-64', isSpecial: true }),
  caseOf(0, 64, { name: 'none-64-spool', hasSpool: true, isSpecial: true }),
  caseOf(4, 1, { name: 'gzip-4-1-1GiB', maxObjectBytes: 2 ** 30, isSpecial: true }),
]

/** Whether a contender is measured in a case. */
export function takesPart({ takesAll }: ArchiveContender, { level, isSpecial }: ArchiveCase): boolean {
  return takesAll || (!isSpecial && level === 4)
}

/** What one run measures, and how. */
export interface ArchiveOptions {
  readonly cases: readonly ArchiveCase[]
  readonly contenders: readonly string[]
  /** Timed passes of each contender in each case. */
  readonly samples: number
  /** Bytes of records of a pass. */
  readonly bytes: number
  readonly isQuick: boolean
  readonly seed: number
  readonly cache: string | undefined
  readonly json: string | undefined
}

/** The text of `--help`. */
export const archiveHelp = `Usage: npm run bench:archive -- [options]

  --case NAMES              only these cases, COMPRESSION-PARTITIONS as gzip-4-1; a comma list (default all:
                            ${archiveCases.map(({ name }) => name).join(', ')})
  --contenders NAMES        ${archiveContenders.map(({ id }) => id).join(', ')} (default all)
  --samples N               passes of each contender in each case (default 3; quick 2)
  --bytes SIZE              records of a pass (default 600MB; quick 100MB)
  --quick                   in about three minutes: only what targets are about, unless --case names others; a small input
  --seed N                  seed of the order of the samples (default: the time)
  --cache DIR               folder for inputs, the broker, the store and what contenders keep (default benchmarks/.cache)
  --json FILE               result file (default benchmarks/results/DATE-COMMIT-archive.json)
  --help

Example: npm run bench:archive -- --case gzip-4-1,gzip-6-1 --contenders weir
`

const flags = {
  help: 'switch',
  quick: 'switch',
  case: 'names',
  contenders: 'names',
  samples: 'value',
  bytes: 'value',
  seed: 'value',
  cache: 'value',
  json: 'value',
} as const

/** Those that targets name, and the usual one of more partitions. */
const quickCases = ['gzip-4-1', 'gzip-4-4', 'gzip-4-64', 'none-64']

/** Returns the options, or undefined when help is asked for. *Errors*: UsageError that names the flag. */
export function parseArchiveOptions(args: readonly string[]): ArchiveOptions | undefined {
  const values = readFlags(args, flags, 'npm run bench:archive -- --help')
  if (values.help === true) return undefined
  const isQuick = values.quick === true
  const cases = values.case === undefined && isQuick ? quickCases : namesIn(values.case)
  const contenders = choose('--contenders', namesIn(values.contenders), archiveContenders, ({ id }) => [id])
  return {
    cases: choose('--case', cases, archiveCases, ({ name }) => [name]),
    contenders: contenders.map(({ id }) => id),
    samples: parseCount('--samples', values.samples ?? (isQuick ? '2' : '3'), 1, 1000),
    bytes: parseSize('--bytes', values.bytes ?? (isQuick ? '100MB' : '600MB')),
    isQuick,
    seed: parseCount('--seed', values.seed ?? String(Date.now() % 2 ** 31), 0, 2 ** 31),
    cache: values.cache,
    json: values.json,
  }
}
