// The command line of `npm run bench:kafka`: flags, sizes and defaults. Called by ../kafka.ts.

import { namesIn, readFlags } from '../flags.ts'
import { choose, parseCount, parseSize } from '../options.ts'
import type { Form } from './contender.ts'
import { contenders } from './contenders.ts'
import { keptPercents } from './selections.ts'
import type { KeptPercent } from './selections.ts'

/** What can be measured. */
export const measurements = ['throughput', 'processes', 'ingest', 'limits', 'latency', 'takeover', 'backlog'] as const
/** One of them. */
export type Measurement = (typeof measurements)[number]

/** A case of *throughput*. */
export interface ThroughputCase {
  /** `FORM-KEPT-PARTITIONS`. */
  readonly name: string
  readonly form: Form
  readonly kept: KeptPercent
  readonly partitions: number
}

/** All cases, chunks first. */
export const throughputCases: readonly ThroughputCase[] = (['chunks', 'lines'] as const).flatMap((form) =>
  [1, 4].flatMap((partitions) =>
    keptPercents.map((kept) => ({ name: `${form}-${kept}-${partitions}`, form, kept, partitions })),
  ),
)

/** What one run measures, and how. */
export interface KafkaOptions {
  readonly only: readonly Measurement[]
  readonly cases: readonly ThroughputCase[]
  readonly contenders: readonly string[]
  /** Timed passes of each contender. */
  readonly samples: number
  /** Bytes of records of a pass. */
  readonly bytes: number
  /** Length of the loads with a rate. */
  readonly seconds: number
  /** Of these loads. */
  readonly bytesPerSecond: number
  readonly isQuick: boolean
  readonly seed: number
  readonly cache: string | undefined
  readonly json: string | undefined
}

/** The text of `--help`. */
export const kafkaHelp = `Usage: npm run bench:kafka -- [options]

  --only NAMES              ${measurements.join(', ')}; a comma list (default all)
  --case NAMES              throughput: only these cases, FORM-KEPT-PARTITIONS as chunks-10-1 (default all twelve)
  --contenders NAMES        ${contenders.map(({ id }) => id).join(', ')}
                            (default all)
  --samples N               passes of each contender (default 3)
  --bytes SIZE              records of a pass (default 600MB; quick 60MB)
  --seconds N               length of the loads with a rate (default 60; quick 10)
  --rate SIZE               bytes a second of these loads (default 5MB)
  --quick                   every target in four minutes: only what targets are about, unless --only, --case or --contenders
                            name others; small inputs, short loads
  --seed N                  seed of the order of the samples (default: the time)
  --cache DIR               folder for inputs, the broker and what contenders keep (default benchmarks/.cache)
  --json FILE               result file (default benchmarks/results/DATE-COMMIT-kafka.json)
  --help

Example: npm run bench:kafka -- --only throughput --case chunks-10-1 --contenders weir-exactly-once,kafka-streams
`

const flags = {
  help: 'switch',
  quick: 'switch',
  only: 'names',
  case: 'names',
  contenders: 'names',
  samples: 'value',
  bytes: 'value',
  seconds: 'value',
  rate: 'value',
  seed: 'value',
  cache: 'value',
  json: 'value',
} as const

const quickMeasurements = ['throughput', 'processes', 'takeover', 'backlog']
const quickCases = ['chunks-10-1', 'lines-10-1']
/** Those that targets name. */
const quickContenders = ['weir-exactly-once', 'weir-at-least-once', 'kafka-repaired', 'kafka-streams']

/** Returns the options, or undefined when help is asked for. *Errors*: UsageError that names the flag. */
export function parseKafkaOptions(args: readonly string[]): KafkaOptions | undefined {
  const values = readFlags(args, flags, 'npm run bench:kafka -- --help')
  if (values.help === true) return undefined
  const isQuick = values.quick === true
  const named = (names: readonly string[] | undefined, quick: readonly string[]): readonly string[] =>
    names === undefined && isQuick ? quick : namesIn(names)
  return {
    only: choose('--only', named(values.only, quickMeasurements), measurements, (name) => [name]),
    cases: choose('--case', named(values.case, quickCases), throughputCases, ({ name }) => [name]),
    contenders: choose('--contenders', named(values.contenders, quickContenders), contenders, ({ id }) => [id]).map(
      ({ id }) => id,
    ),
    samples: parseCount('--samples', values.samples ?? '3', 1, 1000),
    bytes: parseSize('--bytes', values.bytes ?? (isQuick ? '60MB' : '600MB')),
    seconds: parseCount('--seconds', values.seconds ?? (isQuick ? '10' : '60'), 1, 86_400),
    bytesPerSecond: parseSize('--rate', values.rate ?? '5MB'),
    isQuick,
    seed: parseCount('--seed', values.seed ?? String(Date.now() % 2 ** 31), 0, 2 ** 31),
    cache: values.cache,
    json: values.json,
  }
}
