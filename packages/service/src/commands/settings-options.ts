// The options by which commands are given settings, and reading them: which file, and what stands over it. What settings
// are is in ../config. Called by the commands that need settings.

import type { Command } from 'commander'

import { realPath, unreadable } from '../config/file-answers.ts'
import { loadSettings } from '../config/load.ts'
import type { LoadedSettings } from '../config/load.ts'
import type { CommandContext } from './context.ts'
import { readSettingsFile } from './named-files.ts'
import { parseFileName } from './option-values.ts'

/** The options, as commander gives them. */
export interface SettingsOptions {
  readonly config?: string
  readonly original?: string
  readonly set: readonly string[]
}

/** Adds the options to the command. */
export function addSettingsOptions(command: Command): Command {
  return command
    .option('--config <file>', 'the settings file (default: WEIR_CONFIG; else built-in settings)', parseFileName)
    .option(
      '--original <file>',
      "settings.json of Akamai's original converter, below the settings file (default: WEIR_ORIGINAL)",
      parseFileName,
    )
    .option(
      '--set <path=value>',
      'one setting, over file and environment, as log.level=debug; may be repeated',
      (text: string, before: readonly string[]) => [...before, text],
      [],
    )
}

/** Options that may be given more than once. */
export const repeatableSettingsOptions = ['set'] as const

/**
 * Returns the settings that hold for a command. `checksFiles`: the files that they name have to be there.
 *
 * Errors: `ERR_CONFIG_UNREADABLE`, `ERR_CONFIG_SETTINGS`.
 */
export async function readSettings(
  { environment }: Pick<CommandContext, 'environment'>,
  { config, original, set }: SettingsOptions,
  { checksFiles }: { readonly checksFiles: boolean },
): Promise<LoadedSettings> {
  const file = config ?? environment['WEIR_CONFIG']
  const originalFile = original ?? environment['WEIR_ORIGINAL']
  return loadSettings({
    ...(file === undefined ? {} : { file: await readSettingsFile(file) }),
    ...(originalFile === undefined ? {} : { original: await readSettingsFile(originalFile) }),
    environment,
    sets: set,
    cwd: process.cwd(),
    realPath,
    ...(checksFiles ? { unreadable } : {}),
  })
}
