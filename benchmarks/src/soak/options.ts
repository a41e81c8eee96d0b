// The command line of `npm run soak`: flags and defaults. Called by ../soak.ts.

import { readFlags } from '../flags.ts'
import { choose, parseCount } from '../options.ts'
import { keptPercents } from '../kafka/selections.ts'
import type { KeptPercent } from '../kafka/selections.ts'

/** What a run is like. */
export interface SoakOptions {
  readonly recordsPerSecond: number
  readonly minutes: number
  readonly kept: KeptPercent
  /** Of each topic. */
  readonly partitions: number
  readonly cache: string | undefined
  readonly json: string | undefined
}

/** The text of `--help`. */
export const soakHelp = `Usage: npm run soak -- [options]

  --rate N                  records a second (default 10000)
  --minutes N               how long they are posted (default 60)
  --kept N                  1, 10 or 90: about how many of a hundred the filter keeps (default 90)
  --partitions N            of each topic (default 4)
  --cache DIR               folder for the broker and the store; in an hour of defaults about 40 GB
                            (default benchmarks/.cache)
  --json FILE               result file; the charts lie beside it (default benchmarks/results/DATE-COMMIT-soak.json)
  --help

Example: npm run soak -- --rate 2000 --minutes 3
`

const flags = {
  help: 'switch',
  rate: 'value',
  minutes: 'value',
  kept: 'value',
  partitions: 'value',
  cache: 'value',
  json: 'value',
} as const

/** Returns the options, or undefined when help is asked for. *Errors*: UsageError that names the flag. */
export function parseSoakOptions(args: readonly string[]): SoakOptions | undefined {
  const values = readFlags(args, flags, 'npm run soak -- --help')
  if (values.help === true) return undefined
  const [kept] = choose('--kept', [values.kept ?? '90'], keptPercents, (percent) => [String(percent)])
  return {
    recordsPerSecond: parseCount('--rate', values.rate ?? '10000', 1, 1_000_000),
    minutes: parseCount('--minutes', values.minutes ?? '60', 1, 10_000),
    kept: kept!,
    partitions: parseCount('--partitions', values.partitions ?? '4', 1, 64),
    cache: values.cache,
    json: values.json,
  }
}
