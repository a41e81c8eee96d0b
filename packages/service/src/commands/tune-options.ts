// The options of `weir tune`, their values and which of them go together. Called by tune.ts.

import { limits } from '@weir/engine'
import type { KernelChoice, Validation } from '@weir/engine'
import { InvalidArgumentError, Option } from 'commander'
import type { Command } from 'commander'

import { formatGivenSize, formatSizeLike, sizeOf, timeOf } from '../config/quantities.ts'
import { ConfigError } from '../errors.ts'
import type { Purpose } from '../tuning/points.ts'
import { parseBytes, parseFileName, parseInteger, parseRulesName, refuseRepeatedValues } from './option-values.ts'
import { formatBytes } from './progress.ts'

/** The options, as commander gives them. */
export interface TuneOptions {
  readonly rules: string
  readonly sample: string
  readonly for: Purpose
  readonly threads?: readonly number[]
  readonly batchBytes?: readonly number[]
  readonly validation?: readonly Validation[]
  readonly kernel: KernelChoice
  readonly maxMemory?: number
  readonly targetLatency?: number
  readonly within: number
  readonly exhaustive?: boolean
  readonly only?: 'settings' | 'rules'
  readonly write?: string
  readonly pipeline?: string
  readonly svg?: string
  readonly json?: boolean
}

const examples = `
Examples:
  weir tune --rules rules.yaml --sample access.ndjson.gz
  weir tune --rules rules.yaml --sample access.ndjson --for kafka --target-latency 20ms --max-memory 512MiB
  weir tune --rules rules.yaml --sample access.ndjson --write weir.yaml --svg curve.svg

Exit codes: 0 success; 1 a fault; 2 wrong options, rules or settings, or a sample without records; 128 and the signal's
number after a signal, with what was known by then.`

const standardWithinMs = 90_000

/** Adds the options to the command. */
export function addTuneOptions(command: Command): Command {
  command
    .requiredOption('--rules <file>', 'the rule set, YAML or JSON', parseRulesName)
    .requiredOption(
      '--sample <file>',
      'records like those to come, as `weir filter` reads them; - is standard input',
      parseFileName,
    ) // prettier-ignore
    .addOption(
      new Option('--for <purpose>', 'whole files, or values of Kafka batches')
        .choices(['filter', 'kafka'])
        .default('filter'),
    ) // prettier-ignore
    .option('--threads <list>', 'numbers of threads to try, as 1,2,4', listOf(parseInteger(limits.threads)))
    .option('--batch-bytes <list>', 'batch sizes to try, as 512KiB,2MiB', listOf(parseBytes(limits.batchBytes)))
    .option(
      '--validation <list>',
      "validation modes to try, as kept,full (default: kept; with --write the pipeline's)",
      listOf(parseMode),
    ) // prettier-ignore
    .addOption(new Option('--kernel <name>', 'what evaluates').choices(['auto', 'native', 'portable']).default('auto'))
    .option('--max-memory <size>', 'leave out what may take more', parseMemory)
    .option('--target-latency <time>', 'the fastest whose p99 is within this, as 50ms', parseTime)
    .addOption(
      new Option('--within <time>', 'begin no other round of settings after this time')
        .argParser(parseTime)
        .default(standardWithinMs, '90s'),
    ) // prettier-ignore
    .option('--exhaustive', 'measure every setting in every round, six rounds')
    .addOption(new Option('--only <what>', 'measure only settings, or only rules').choices(['settings', 'rules']))
    .option('--write <file>', 'put the recommended setting into this settings file of weir serve', parseFileName)
    .option('--pipeline <name>', 'the pipeline to put it into (default: the only one, or default)')
    .option('--svg <file>', 'draw the curve as an image', parseFileName)
    .option('--json', 'print one JSON object')
    .addHelpText('after', examples)
  return refuseRepeatedValues(command)
}

/** Refuses options that contradict each other. *Errors*: `ERR_CONFIG_OPTION`. */
export function checkTuneOptions({ only, write, pipeline, svg, validation, exhaustive }: TuneOptions): void {
  const refuse = (message: string): never => {
    throw new ConfigError('ERR_CONFIG_OPTION', message)
  }
  if (pipeline !== undefined && write === undefined) refuse('--pipeline names what --write changes, and needs it.')
  if (only === 'rules' && write !== undefined) refuse('--only rules finds no setting that --write could put anywhere.')
  if (only === 'rules' && svg !== undefined) refuse('--only rules has no curve for --svg to draw.')
  if (only === 'rules' && exhaustive === true)
    refuse('--only rules measures no settings, and --exhaustive is about them.')
  if (write !== undefined && (validation?.length ?? 0) > 1) {
    refuse('--write needs one validation mode: what is checked is for you to choose, not for measurements.')
  }
}

/**
 * Returns the error for a command line that leaves no setting to measure. `leftOut`: why each was left out, and the memory
 * that it may take; `workBytes`: how much each measurement evaluates.
 */
export function nothingLeft(
  leftOut: readonly { readonly why: 'memory' | 'work'; readonly expectedBytes: number }[],
  workBytes: number,
  maxMemory: number | undefined,
): ConfigError {
  const memory = leftOut.filter(({ why }) => why === 'memory').map(({ expectedBytes }) => expectedBytes)
  const reasons: string[] = []
  if (memory.length > 0 && maxMemory !== undefined) {
    const least = formatSizeLike(maxMemory, Math.min(...memory))
    reasons.push(
      `--max-memory is ${formatGivenSize(maxMemory)}, and the least that any of ${memory.length} settings may take is ${least}: allow that much, or name smaller settings by --threads and --batch-bytes.`,
    )
  }
  if (memory.length < leftOut.length) {
    const which = memory.length > 0 ? 'the others' : 'any setting'
    reasons.push(
      `A measurement evaluates ${formatBytes(workBytes)}, which is less than a batch for each thread of ${which}: name smaller ones by --threads and --batch-bytes, or give a longer sample.`,
    )
  }
  return new ConfigError('ERR_CONFIG_OPTION', `No setting is left to measure. ${reasons.join(' ')}`)
}

/** Returns a reader of lists. *Errors*: commander's, with the entry that is wrong, where there are several. */
function listOf<T>(parse: (text: string) => T): (text: string) => readonly T[] {
  return (text) => {
    const entries = text.split(',').map((each) => each.trim())
    return entries.map((each) => {
      try {
        return parse(each)
      } catch (error) {
        if (entries.length === 1 || !(error instanceof InvalidArgumentError)) throw error
        const which = each === '' ? 'It has an empty entry' : `Its entry '${each}' is wrong`
        throw new InvalidArgumentError(`${which}. ${error.message}`)
      }
    })
  }
}

const modes: readonly Validation[] = ['kept', 'full', 'read']

function parseMode(text: string): Validation {
  const mode = modes.find((each) => each === text)
  if (mode === undefined) throw new InvalidArgumentError(`Give modes of ${modes.join(', ')}, with commas between them.`)
  return mode
}

function parseMemory(text: string): number {
  const bytes = sizeOf(text)
  if (bytes === undefined || bytes < 1) throw new InvalidArgumentError('Give a size above 0, as 512MiB or 2GiB.')
  return bytes
}

function parseTime(text: string): number {
  const ms = timeOf(text)
  if (ms === undefined || ms < 1)
    throw new InvalidArgumentError('Give a time of whole milliseconds, 1ms at least, as 50ms, 90s or 5min.')
  return ms
}
