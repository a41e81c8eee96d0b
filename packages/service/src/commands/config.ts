// `weir config`: what its operator does with settings before they are used. `show` prints the ones that hold and where
// each was given, `check` looks for the files too, `schema` prints what editors complete by. What is right and wrong is
// for ../config to say.

import { Command } from 'commander'

import { settingsJsonSchema, settingsObject, settingsYaml } from '../config/show.ts'
import type { LoadedSettings } from '../config/load.ts'
import type { CommandContext } from './context.ts'
import { refuseRepeatedValues } from './option-values.ts'
import { issueLine, reportError } from './report.ts'
import { addSettingsOptions, readSettings, repeatableSettingsOptions } from './settings-options.ts'
import type { SettingsOptions } from './settings-options.ts'

interface ConfigOptions extends SettingsOptions {
  readonly json?: boolean
}

/** Returns the command, to be added to the program. */
export function configCommand(context: CommandContext): Command {
  const show = new Command('show')
    .description('print the settings that hold, and where each was given')
    .option('--json', 'print one JSON object')
    .addHelpText('after', '\nExample:\n  weir config show --config weir.yaml')
    .action((options: ConfigOptions) => showSettings(context, options))
  const check = new Command('check')
    .description('find every problem of the settings, files that are missing too')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      '\nExample:\n  weir config check --config weir.yaml\n\nExit codes: 0 the settings are good; 2 they have problems.',
    )
    .action((options: ConfigOptions) => checkSettings(context, options))
  for (const command of [show, check]) {
    addSettingsOptions(command)
    refuseRepeatedValues(command, repeatableSettingsOptions)
  }
  const schema = new Command('schema')
    .description('print the JSON Schema of settings, by which editors complete them')
    .addHelpText('after', '\nExample:\n  weir config schema > weir.schema.json')
    .action(() => context.print(JSON.stringify(settingsJsonSchema(), null, 2) + '\n'))
  return new Command('config')
    .description('check and show settings')
    .addCommand(check)
    .addCommand(schema)
    .addCommand(show)
}

async function showSettings(context: CommandContext, options: ConfigOptions): Promise<void> {
  const loaded = load(context, options, false)
  if (loaded === undefined) return
  if (options.json === true) return context.print(JSON.stringify(settingsObject(loaded)) + '\n')
  warn(context, loaded)
  await context.print(settingsYaml(loaded))
}

async function checkSettings(context: CommandContext, options: ConfigOptions): Promise<void> {
  const loaded = load(context, options, true)
  if (loaded === undefined) return
  const pipelines = Object.keys(loaded.settings.pipelines)
  if (options.json === true) {
    return context.print(JSON.stringify({ ok: true, pipelines, warnings: loaded.warnings }) + '\n')
  }
  warn(context, loaded)
  await context.print(`settings: ok\npipelines: ${pipelines.join(', ')}\n`)
}

function load(context: CommandContext, options: ConfigOptions, checksFiles: boolean): LoadedSettings | undefined {
  try {
    return readSettings(context, options, { checksFiles })
  } catch (error) {
    reportError(context, error, { isJson: options.json ?? false })
    return undefined
  }
}

function warn(context: CommandContext, { warnings }: LoadedSettings): void {
  for (const warning of warnings) context.log(`warning: ${issueLine(warning.file, warning)}`)
}
