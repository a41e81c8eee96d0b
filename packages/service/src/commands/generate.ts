// `weir generate`: made-up records to try things on. Opens the output, pours a generator into it; the records are
// made in ../generators.

import { Command, Option } from 'commander'

import { generateDs2 } from '../generators/ds2.ts'
import { generateWeb } from '../generators/web.ts'
import type { WebLogFormat } from '../generators/web.ts'
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

/** What can be written: name, what the help says of it, and what makes it. */
const kinds: readonly (readonly [
  name: string,
  description: string,
  generate: (options: GenerateOptions) => Iterable<Uint8Array>,
])[] = [
  [
    'ds2',
    'write Akamai DataStream 2 records: all documented fields in their order, about 1.2 KB a line',
    ({ records, seed, errors }) => generateDs2({ records, seed, errorRate: errors }),
  ],
  ['combined', 'write web-server lines with referrer and user agent, as Apache and nginx do', webLines('combined')],
  ['common', 'write web-server lines without referrer and user agent', webLines('common')],
  ['json', 'write web-server requests as NDJSON, with the keys of flog', webLines('json')],
]

function webLines(format: WebLogFormat): (options: GenerateOptions) => Iterable<Uint8Array> {
  return ({ records, seed, errors }) => generateWeb({ format, records, seed, errorRate: errors })
}

/** Returns the command, to be added to the program. */
export function generateCommand(context: CommandContext): Command {
  const command = new Command('generate').description('write made-up records, the same for the same seed')
  for (const [name, description, generate] of kinds) {
    const action = (options: GenerateOptions) => write(context, generate(options), options.output)
    command.addCommand(refuseRepeatedValues(addOptions(new Command(name), description).action(action)))
  }
  return command
}

function addOptions(command: Command, description: string): Command {
  const file = command.name() === 'ds2' || command.name() === 'json' ? 'sample.ndjson' : 'access.log'
  return command
    .description(description)
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
    .addHelpText(
      'after',
      `\nExample:\n  weir generate ${command.name()} --records 100000 --seed 7 --errors 0.001 -o ${file}`,
    )
}

async function write(context: CommandContext, chunks: Iterable<Uint8Array>, output: string): Promise<void> {
  const sink: Sink =
    output === '-' ? openStdoutSink() : await openFileSink(await findTarget(output), context.interrupts)
  try {
    for (const chunk of chunks) await sink.write([chunk])
    await sink.finish()
  } catch (error) {
    await sink.discard()
    throw error
  }
}
