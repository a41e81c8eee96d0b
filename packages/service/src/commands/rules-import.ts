// `weir rules import`: a settings.json of the original converter becomes a rule set in Weir's own language, with a report
// of what the two judge differently. The engine translates; this writes the file and the report.

import path from 'node:path'

import { importFilters } from '@weir/engine'
import type { ImportedFilters } from '@weir/engine'
import { Command } from 'commander'

import { ConfigError } from '../errors.ts'
import { visibleLine } from '../log.ts'
import type { Sink } from '../ports/sink.ts'
import type { CommandContext } from './context.ts'
import { readRules } from './named-files.ts'
import { openSinks, planOutputs, refuseInputsAsOutputs } from './outputs.ts'
import { parseFileName, parseRulesName, refuseRepeatedValues } from './option-values.ts'
import { issueLine, reportError, writeJson } from './report.ts'

interface ImportOptions {
  readonly output: string
  readonly json?: boolean
}

/** Returns the command, to be added to `weir rules`. */
export function importCommand(context: CommandContext): Command {
  const command = new Command('import')
    .description("write the rule set that filters of Akamai's original converter amount to")
    .argument('<file>', 'its settings.json, or another file with `filters`', parseRulesName)
    .option('-o, --output <file>', 'write to a file, which appears when it is complete', parseFileName, '-')
    .option('--json', 'report on standard error as one JSON object')
    .addHelpText(
      'after',
      '\nExample:\n  weir rules import settings.json -o rules.yaml\n\n' +
        "The original's filters need no import: every command takes a settings.json as it is, with its exact meaning.",
    )
    .action((file: string, options: ImportOptions) => importRules(context, file, options))
  refuseRepeatedValues(command)
  return command
}

async function importRules(context: CommandContext, file: string, { output, json }: ImportOptions): Promise<void> {
  let imported: ImportedFilters
  let sink: Sink
  try {
    imported = importFilters(await readRules(file), visibleLine(file))
    sink = await openOutput(context, file, output)
  } catch (error) {
    return reportError(context, error, { isJson: json ?? false, rulesFile: file })
  }
  try {
    await sink.write([Buffer.from(imported.yaml)])
    await sink.finish()
  } catch (error) {
    await sink.discard()
    throw error
  }
  const { filters, differences, warnings } = imported
  if (json === true) return writeJson(context, { file, output, filters, differences, warnings })
  reportLines(file, imported).forEach((line) => context.log(line))
}

/** *Errors*: `ERR_CONFIG_OPTION`, `ERR_CONFIG_SAME_FILE` when it is `file`; `ERR_CONNECTOR_CREATE`. */
async function openOutput(context: CommandContext, file: string, output: string): Promise<Sink> {
  if (path.extname(output).toLowerCase() === '.json') {
    const message = `-o ${output}: the rule set is YAML, and a file of this name is read as JSON: name it .yaml.`
    throw new ConfigError('ERR_CONFIG_OPTION', message)
  }
  const planned = await planOutputs({ output, route: [], count: false }, [])
  await refuseInputsAsOutputs(planned, [], file)
  const [sink] = (await openSinks(planned, context.interrupts)).values()
  return sink!
}

function reportLines(file: string, { filters, differences, warnings }: ImportedFilters): string[] {
  return [
    ...warnings.map((issue) => `warning: ${issueLine(file, issue)}`),
    `${visibleLine(file)}: ${filters.length} ${filters.length === 1 ? 'filter' : 'filters'} imported`,
    ...filters.map(({ rule, regex, pattern, differences: own }) => {
      const except = own.length === 0 ? 'translated exactly' : `translated, but see ${own.join(', ')}`
      return visibleLine(`${rule}: ${regex} is ${pattern}; ${except}`)
    }),
    'judged differently than by the original:',
    ...differences.map(({ name, text }) => `  ${name}: ${text}`),
  ]
}
