// `weir config`: what its operator does with settings before they are used. `show` prints the ones that hold and where
// each was given, `check` looks for the files and the rules too, `schema` prints what editors complete by. What is right
// and wrong is for ../config and the rules to say.

import { Command } from 'commander'

import { settingsJsonSchema, settingsObject, settingsYaml } from '../config/show.ts'
import type { LoadedSettings } from '../config/load.ts'
import { ConfigError } from '../errors.ts'
import type { SettingsIssue } from '../errors.ts'
import { checkKeys } from './check-keys.ts'
import { checkRules, rulesLine, rulesNameOf } from './check-rules.ts'
import type { BadRules } from './check-rules.ts'
import { exitCode } from './context.ts'
import type { CommandContext } from './context.ts'
import { refuseRepeatedValues } from './option-values.ts'
import { exitCodeOf, issueLine, reportError } from './report.ts'
import type { Issue } from './report.ts'
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
    .description('find every problem of the settings, of the files that they name, and of the rules')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      '\nExample:\n  weir config check --config weir.yaml\n\nExit codes: 0 settings and rules are good; 2 they have problems.',
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
  const loaded = await load(context, options, false)
  if (loaded === undefined) return
  if (options.json === true) return context.print(JSON.stringify(settingsObject(loaded)) + '\n')
  warn(context, loaded)
  await context.print(settingsYaml(loaded))
}

async function checkSettings(context: CommandContext, options: ConfigOptions): Promise<void> {
  const loaded = await load(context, options, true)
  if (loaded === undefined) return
  const pipelines = Object.keys(loaded.settings.pipelines)
  const keys = await checkKeys(loaded, pipelines)
  const checked = await checkRules(loaded, pipelines)
  const bad = checked.filter((rules) => !rules.isGood)
  const good = checked.filter((rules) => rules.isGood)
  const warnings = [...loaded.warnings, ...good.flatMap((rules) => rules.warnings)]
  const isJson = options.json === true
  const isGood = bad.length === 0 && keys.length === 0
  if (isJson && isGood) return context.print(JSON.stringify({ ok: true, pipelines, warnings }) + '\n')
  if (!isJson) for (const warning of warnings) context.log(`warning: ${issueLine('', warning)}`)
  if (!isGood) return reportError(context, inOne(loaded, bad, keys), { isJson })
  await context.print(`settings: ok\n${good.map((rules) => `${rulesLine(rules)}\n`).join('')}`)
}

/** Returns the problems of files of keys, and of the rules of several pipelines, as one error, each with its file. */
function inOne(loaded: LoadedSettings, bad: readonly BadRules[], keys: readonly SettingsIssue[]): unknown {
  const fault = bad.find(({ error }) => exitCodeOf(error) !== exitCode.misuse)
  if (fault !== undefined) return fault.error
  const issues = bad.flatMap(({ pipeline, error }) => {
    const file = rulesNameOf(loaded, pipeline)
    const { issues: own = [], message } = error as { issues?: readonly Issue[]; message: string }
    const told: readonly Issue[] = own.length > 0 ? own : [{ path: `pipelines.${pipeline}.rules`, message }]
    return told.map((issue) => ({ file, ...issue }))
  })
  const names = bad.map(({ pipeline }) => pipeline).join(', ')
  const what = bad.length > 0 ? `The rules of ${names}` : 'Files with the keys of object stores'
  return new ConfigError('ERR_CONFIG_SETTINGS', `${what} cannot be used.`, {}, { issues: [...keys, ...issues] })
}

async function load(
  context: CommandContext,
  options: ConfigOptions,
  checksFiles: boolean,
): Promise<LoadedSettings | undefined> {
  try {
    return await readSettings(context, options, { checksFiles })
  } catch (error) {
    reportError(context, error, { isJson: options.json ?? false })
    return undefined
  }
}

function warn(context: CommandContext, { warnings }: LoadedSettings): void {
  for (const warning of warnings) context.log(`warning: ${issueLine(warning.file, warning)}`)
}
