// `weir generate`: made-up records to try things on. Opens the output, pours a generator into it; the records are
// made in ../generators.

import { Command, Option } from 'commander'

import { generateDs2 } from '../generators/ds2.ts'
import type { Sink } from '../ports/sink.ts'
import { openFileSink } from '../sinks/file.ts'
import { openStdoutSink } from '../sinks/stdout.ts'
import { findTarget } from '../sinks/target.ts'
import type { CommandContext } from './context.ts'
import { parseFileName, parseInteger, parseShare, refuseRepeatedValues } from './option-values.ts'

interface GenerateOptions {
  readonly records: number
  readonly seed: number
  readonly errors: number
  readonly output: string
}

/** Returns the command, to be added to the program. */
export function generateCommand(context: CommandContext): Command {
  const ds2 = new Command('ds2')
    .description('write Akamai DataStream 2 records: all documented fields in their order, about 1.2 KB a line')
    .addOption(
      new Option('--records <n>', 'how many records')
        .argParser(parseInteger({ least: 0, most: Number.MAX_SAFE_INTEGER }))
        .makeOptionMandatory(),
    )
    .addOption(
      new Option('--seed <n>', 'equal seeds give equal bytes')
        .argParser(parseInteger({ least: 0, most: Number.MAX_SAFE_INTEGER }))
        .default(1),
    )
    .addOption(
      new Option('--errors <rate>', 'share of the records, 0 to 1, that are made malformed')
        .argParser(parseShare)
        .default(0),
    )
    .option('-o, --output <file>', 'write to a file, which appears when it is complete', parseFileName, '-')
    .addHelpText('after', '\nExample:\n  weir generate ds2 --records 100000 --seed 7 --errors 0.001 -o sample.ndjson')
    .action((options: GenerateOptions) => generate(context, options))
  refuseRepeatedValues(ds2)
  return new Command('generate').description('write made-up records, the same for the same seed').addCommand(ds2)
}

async function generate(context: CommandContext, options: GenerateOptions): Promise<void> {
  const sink: Sink =
    options.output === '-' ? openStdoutSink() : await openFileSink(await findTarget(options.output), context.interrupts)
  try {
    for (const chunk of generateDs2({ records: options.records, seed: options.seed, errorRate: options.errors })) {
      await sink.write([chunk])
    }
    await sink.finish()
  } catch (error) {
    await sink.discard()
    throw error
  }
}
