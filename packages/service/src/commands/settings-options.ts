// The options by which commands are given settings, and reading them: which file, and what stands over it. What settings
// are is in ../config. Called by the commands that need settings.

import { readFileSync } from 'node:fs'

import type { Command } from 'commander'

import { realPath, unreadable } from '../config/file-answers.ts'
import { loadSettings } from '../config/load.ts'
import type { LoadedSettings } from '../config/load.ts'
import type { NamedText } from '../config/original.ts'
import { ConfigError, systemCode, systemReason } from '../errors.ts'
import type { CommandContext } from './context.ts'
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
export function readSettings(
  { environment }: Pick<CommandContext, 'environment'>,
  { config, original, set }: SettingsOptions,
  { checksFiles }: { readonly checksFiles: boolean },
): LoadedSettings {
  const file = config ?? environment['WEIR_CONFIG']
  const originalFile = original ?? environment['WEIR_ORIGINAL']
  return loadSettings({
    ...(file === undefined ? {} : { file: readNamed(file) }),
    ...(originalFile === undefined ? {} : { original: readNamed(originalFile) }),
    environment,
    sets: set,
    cwd: process.cwd(),
    realPath,
    ...(checksFiles ? { unreadable } : {}),
  })
}

/** Reads a file of settings as text. *Errors*: `ERR_CONFIG_UNREADABLE`, with the system's `code` in its details. */
export function readNamed(name: string): NamedText {
  const unreadable = (reason: string, code?: string) =>
    new ConfigError('ERR_CONFIG_UNREADABLE', `Cannot read ${name === '' ? '""' : name}: ${reason}.`, {
      file: name,
      code,
    })
  let bytes: Buffer
  try {
    bytes = readFileSync(name)
  } catch (error) {
    throw unreadable(systemReason(error), systemCode(error))
  }
  try {
    return { name, text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) }
  } catch {
    // Read with replacements, names of files in it would become others.
    throw unreadable('it is not UTF-8')
  }
}
