// Settings for tests of how settings are loaded: short ones that are good, and what is wrong with others, as lines.
// Called by the tests beside it.

import assert from 'node:assert/strict'

import { loadSettings } from '#src/config/load.js'
import type { LoadedSettings, SettingsSources } from '#src/config/load.js'
import { ConfigError } from '#src/errors.js'
import { issueLine } from '#src/commands/report.js'

/** The folder that relative paths begin at. */
export const cwd = '/srv'

/** A pipeline that is good, to be put behind `pipelines:`; its outputs lie in a folder of its name. */
export function pipeline(name: string, more = '', source = 'stdin: {}'): string {
  const routes = `{ keep: { directory: { path: out/${name} } } }`
  return `  ${name}:\n    source: { ${source} }\n    routes: ${routes}\n${more === '' ? '' : `    ${more}\n`}`
}

/** Loads the text of a file called `weir.yaml` in `/srv/etc`, and what stands over it. */
export function load(text: string | undefined, more: Partial<SettingsSources> = {}): LoadedSettings {
  const file = text === undefined ? {} : { file: { name: 'etc/weir.yaml', text } }
  return loadSettings({ environment: {}, sets: [], cwd, ...file, ...more })
}

/** Returns the problems of settings as the lines that a person sees, without `etc/weir.yaml:` before them. */
export function problemsOf(text: string | undefined, more: Partial<SettingsSources> = {}): string[] {
  try {
    load(text, more)
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error))
    assert.equal(error.code, 'ERR_CONFIG_SETTINGS')
    assert.ok(error.issues.length > 0)
    return error.issues.map((issue) => issueLine('', issue).replace(/^etc\/weir\.yaml:/, ''))
  }
  return []
}
