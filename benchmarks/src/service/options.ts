// The command line of `npm run bench:service`: flags, sizes and defaults. Called by ../service.ts.

import { namesIn, readFlags } from '../flags.ts'
import { choose, parseCount, parseSize } from '../options.ts'

/** What the service can be measured by. */
export const caseNames = ['throughput', 'steady', 'overload', 'memory'] as const
/** One of them. */
export type CaseName = (typeof caseNames)[number]

/** What one run measures, and how. */
export interface ServiceOptions {
  readonly only: readonly CaseName[]
  /** Length of the cases with a rate: `steady`, and the load of `overload`. */
  readonly seconds: number
  /** `throughput`: timed samples of each contender. */
  readonly samples: number
  /** `throughput`: bytes of records of a sample. */
  readonly bytes: number
  /** `throughput`: connections that post at once. */
  readonly connections: number
  /** `memory`: slow connections. */
  readonly slowConnections: number
  readonly seed: number
  readonly cache: string | undefined
  readonly json: string | undefined
}

/** The text of `--help`. */
export const serviceHelp = `Usage: npm run bench:service -- [options]

  --only CASES              ${caseNames.join(', ')}; a comma list (default all)
  --seconds N               length of steady and of the load of overload (default 60)
  --samples N               throughput: samples of each contender (default 5)
  --bytes SIZE              throughput: records of a sample (default 200MB)
  --connections N           throughput: connections that post at once (default 4)
  --slow-connections N      memory: slow connections (default 10000, and as many as there are descriptors for)
  --seed N                  seed of the order of the samples (default: the time)
  --cache DIR               folder for inputs and outputs (default benchmarks/.cache)
  --json FILE               result file (default benchmarks/results/DATE-COMMIT-service.json)
  --help

Example: npm run bench:service -- --only throughput --samples 3
`

const flags = {
  help: 'switch',
  only: 'names',
  seconds: 'value',
  samples: 'value',
  bytes: 'value',
  connections: 'value',
  'slow-connections': 'value',
  seed: 'value',
  cache: 'value',
  json: 'value',
} as const

/** Returns the options, or undefined when help is asked for. *Errors*: UsageError that names the flag. */
export function parseServiceOptions(args: readonly string[]): ServiceOptions | undefined {
  const values = readFlags(args, flags, 'npm run bench:service -- --help')
  if (values.help === true) return undefined
  return {
    only: choose('--only', namesIn(values.only), caseNames, (name) => [name]),
    seconds: parseCount('--seconds', values.seconds ?? '60', 1, 86_400),
    samples: parseCount('--samples', values.samples ?? '5', 1, 1000),
    bytes: parseSize('--bytes', values.bytes ?? '200MB'),
    connections: parseCount('--connections', values.connections ?? '4', 1, 1000),
    slowConnections: parseCount('--slow-connections', values['slow-connections'] ?? '10000', 1, 60_000),
    seed: parseCount('--seed', values.seed ?? String(Date.now() % 2 ** 31), 0, 2 ** 31),
    cache: values.cache,
    json: values.json,
  }
}
