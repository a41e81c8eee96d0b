// The options of an engine: their types, defaults and checks. Knows no rule sets; those are checked where they are
// compiled. Used by the engine and by compileRules.

import { availableParallelism } from 'node:os'
import { validation } from './batch/batch.ts'
import type { Validation } from './batch/batch.ts'
import { ConfigError } from './errors.ts'
import { limits } from './limits.ts'
import type { PreparedRules } from './prepared-rules.ts'
import type { RuleSource } from './rules/compile.ts'
import { timeFieldSteps } from './rules/time-field.ts'

/** When worker threads start. */
export type ThreadStart = 'now' | 'when-needed'

/** Which kernel to use: `auto` takes the native one where it loads, and says in `engine.kernel` when it does not. */
export type KernelChoice = 'auto' | 'native' | 'portable'

/** What `createEngine` takes. */
export interface EngineOptions {
  /** The rule set: the path or URL of a rule file, its text, the rule set itself, or one that is prepared. */
  readonly rules: RuleSource | PreparedRules
  /** Worker threads, 1 to 256. Default: one less than the processors that the process may use, at least 1. */
  readonly threads?: number
  /**
   * When they start. `when-needed`: with the first input that is worth them; until then the calling thread evaluates, in
   * turns of some milliseconds: files, for up to 200 ms, and batches of streams of up to 16 KiB. For programs that may end
   * before threads could have started. Default: `now`.
   */
  readonly startThreads?: ThreadStart
  /**
   * Bytes of one batch, 4 KiB to 256 MiB. Default: 2 MiB. Raised to a sixteenth of what `maxRecordBytes` is above
   * 1 MiB: each batch inside a line that spans many looks for the line's ends, as far as that limit.
   */
  readonly batchBytes?: number
  /** A record with more bytes than this, its line end not counted, is malformed. 64 bytes to 128 MiB. Default: 1 MiB. */
  readonly maxRecordBytes?: number
  /** Default: `auto`. */
  readonly kernel?: KernelChoice
  /** How much of a record is checked; see docs/rules.md. Default: `kept`. */
  readonly validation?: Validation
  /**
   * Time in milliseconds that a worker may take for 2 MiB before it counts as hung; for more it has as many times
   * that, and with the portable kernel twenty times that. Default: 30,000.
   */
  readonly batchDeadlineMs?: number
  /**
   * The path of the field that holds the time of a record, such as `reqTimeSec`. Then `counts.delays` tells how old the
   * records that were kept or routed are. Default: none, and nothing is read for it.
   */
  readonly timeField?: string
}

/** Options with every default filled in. */
export interface ResolvedOptions {
  readonly threads: number
  readonly startThreads: ThreadStart
  readonly batchBytes: number
  readonly maxRecordBytes: number
  readonly kernel: KernelChoice
  readonly validation: Validation
  readonly batchDeadlineMs: number
  readonly timeField: string | undefined
}

const optionNames: readonly (keyof EngineOptions)[] = [
  'rules',
  'threads',
  'startThreads',
  'batchBytes',
  'maxRecordBytes',
  'kernel',
  'validation',
  'batchDeadlineMs',
  'timeField',
]

/** Returns the options with defaults. Errors: `ERR_CONFIG_INVALID`, which names the option and its range. */
export function resolveOptions(options: EngineOptions): ResolvedOptions {
  if (typeof options !== 'object' || options === null) {
    throw invalid('options', options, 'an object with at least `rules`')
  }
  refuseUnknown(options, optionNames)
  if (options.rules === undefined) throw invalid('rules', undefined, 'a path, a URL, a rule set or `{ text }`')
  if (options.timeField !== undefined) timeFieldSteps(options.timeField)
  const { threads } = limits
  const batchBytes = checkInteger('batchBytes', options.batchBytes ?? limits.batchBytes.standard, limits.batchBytes)
  const { standard } = limits.maxRecordBytes
  const maxRecordBytes = checkInteger('maxRecordBytes', options.maxRecordBytes ?? standard, limits.maxRecordBytes)
  return {
    threads: checkInteger('threads', options.threads ?? Math.max(1, availableParallelism() - 1), threads),
    startThreads: checkChoice('startThreads', options.startThreads ?? 'now', ['now', 'when-needed'] as const),
    batchBytes: Math.max(batchBytes, (maxRecordBytes - standard) >> 4),
    maxRecordBytes,
    kernel: checkKernel(options.kernel),
    validation: checkChoice('validation', options.validation ?? 'kept', Object.keys(validation) as Validation[]),
    batchDeadlineMs: checkInteger('batchDeadlineMs', options.batchDeadlineMs ?? limits.batchDeadlineMs, {
      least: 1,
      // The longest time that timers can wait.
      most: 0x7fff_ffff,
    }),
    timeField: options.timeField,
  }
}

/** Returns a kernel choice, `auto` by default. Errors: `ERR_CONFIG_INVALID`. */
export function checkKernel(kernel: KernelChoice | undefined): KernelChoice {
  return checkChoice('kernel', kernel ?? 'auto', ['auto', 'native', 'portable'] as const)
}

/** Throws `ERR_CONFIG_INVALID` when `options` has a property that is not in `known`. */
export function refuseUnknown(options: object, known: readonly string[]): void {
  for (const name of Object.keys(options)) {
    if (!known.includes(name)) throw invalid(name, '', `one of ${known.join(', ')}`, `There is no option \`${name}\``)
  }
}

/** Returns `value` if it is an integer within the range. Errors: `ERR_CONFIG_INVALID`. */
export function checkInteger(name: string, value: unknown, range: { least: number; most: number }): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= range.least && value <= range.most) return value
  throw invalid(name, value, `an integer from ${range.least} to ${range.most}`)
}

/** Returns the error for an option that is wrong: its name, what it was given, and what it takes. */
export function invalid(name: string, value: unknown, takes: string, problem?: string): ConfigError {
  const what = problem ?? `\`${name}\` cannot be ${describe(value)}`
  return new ConfigError('ERR_CONFIG_INVALID', `${what}: give ${takes}.`, { option: name, takes })
}

function checkChoice<T extends string>(name: string, value: T, choices: readonly T[]): T {
  if (choices.includes(value)) return value
  throw invalid(name, value, `one of ${choices.map((choice) => `"${choice}"`).join(', ')}`)
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (typeof value === 'string') return `"${value}"`
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return String(value)
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
