// The options of `weir filter` that say what its inputs are, and which of them go together. Called by filter.ts.

import { Option } from 'commander'
import type { Command } from 'commander'

import { ConfigError } from '../errors.ts'
import { emissions } from '../pipeline/lines.ts'
import type { Emission } from '../pipeline/lines.ts'
import { inputFormats } from '../shapes/shape.ts'
import type { InputFormat } from '../shapes/shape.ts'
import { webFormats } from '../shapes/web-fields.ts'
import type { WebFormat } from '../shapes/web-fields.ts'

/** The options, as commander gives them. */
export interface InputOptions {
  readonly inputFormat?: InputFormat
  readonly parse?: WebFormat
  readonly emit?: Emission
}

/** Adds the options to the command. */
export function addInputOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--input-format <name>',
        'what inputs are: lines, one array, objects, or envelopes (default: auto, by the first bytes)',
      ).choices(inputFormats),
    )
    .addOption(
      new Option('--parse <format>', 'inputs are lines of a web server; rules see the fields of each').choices(
        webFormats,
      ),
    )
    .addOption(
      new Option('--emit <what>', 'with --parse: the lines as they came, or their records (default: line)').choices(
        emissions,
      ),
    )
}

/** Refuses options that contradict each other. *Errors*: `ERR_CONFIG_OPTION`. */
export function checkInputOptions({ inputFormat, parse, emit }: InputOptions): void {
  if (parse !== undefined && inputFormat !== undefined) {
    throw new ConfigError('ERR_CONFIG_OPTION', '--parse reads lines, and --input-format is for JSON: leave one out.')
  }
  if (parse === undefined && emit !== undefined) {
    throw new ConfigError('ERR_CONFIG_OPTION', '--emit says what leaves for a line, and needs --parse.')
  }
}
