// What `weir tune --write` does: finds the pipeline in a settings file before anything is measured, and afterwards puts the
// recommended setting there, or begins a file where there is none. The text is changed by ../config/edit.ts. Called by
// tune.ts.

import { randomBytes } from 'node:crypto'
import path from 'node:path'

import { limits } from '@weir/engine'
import type { Validation } from '@weir/engine'

import { withPipelineValues } from '../config/edit.ts'
import type { PipelineValues } from '../config/edit.ts'
import { realPath } from '../config/file-answers.ts'
import { loadSettings, pipelineOf, rulesOf } from '../config/load.ts'
import type { LoadedSettings } from '../config/load.ts'
import { formatSize } from '../config/quantities.ts'
import { prepareReplacement } from '../config/rule-file.ts'
import { replaceDurably } from '../durable-file.ts'
import { ConfigError, ConnectorError, systemCode, systemReason } from '../errors.ts'
import type { Point } from '../tuning/points.ts'
import { readSettingsFile } from './named-files.ts'

/** A pipeline in a settings file that is to be changed, or begun. */
export interface SettingsTarget {
  readonly file: string
  readonly pipeline: string
  /** The validation mode that the pipeline has, or will have. */
  readonly validation: Validation
  /** Whether the mode is to be written too. */
  readonly withValidation: boolean
  /** Whether the pipeline has the rules that are measured. */
  readonly hasRules: boolean
  /** What a new file would be made of. */
  readonly created: NewSettings
}

/** What a change came to. */
export interface WrittenSettings {
  readonly file: string
  readonly pipeline: string
  /** Each setting that was set, with what it was before. */
  readonly changes: readonly { readonly name: string; readonly from: string; readonly to: string }[]
}

/** What a new settings file needs to know. */
export interface NewSettings {
  readonly rules: string
  /** Every route of the rules but `malformed`. */
  readonly routes: readonly string[]
}

/** What is to be changed. */
export interface TargetOptions {
  /** The pipeline; absent: the only one, or `default`. */
  readonly pipeline: string | undefined
  /** The mode that the pipeline is to have; absent: the one that it has. */
  readonly validation: Validation | undefined
  readonly created: NewSettings
}

/**
 * Finds the pipeline, and tries the change, before time is spent on measuring.
 * *Errors*: `ERR_CONFIG_SETTINGS` where the file has problems, the pipeline cannot be told or the change cannot be made
 * there; `ERR_CONFIG_UNREADABLE`.
 */
export async function findTarget(
  file: string,
  { pipeline: name, validation, created }: TargetOptions,
): Promise<SettingsTarget> {
  const text = await readIfThere(file)
  const withValidation = validation !== undefined
  const target = targetIn(file, text, name, { created, withValidation })
  const wanted = { ...target, validation: validation ?? target.validation }
  const { batchBytes, threads } = limits
  editedText(wanted, text, { threads: threads.least, batchBytes: batchBytes.standard, validation: wanted.validation })
  return wanted
}

function targetIn(
  file: string,
  text: string | undefined,
  name: string | undefined,
  given: Pick<SettingsTarget, 'created' | 'withValidation'>,
): SettingsTarget {
  if (text === undefined) return { ...given, file, pipeline: name ?? 'default', validation: 'full', hasRules: true }
  const loaded = load(file, text)
  const pipeline = pipelineIn(file, loaded, name)
  const source = rulesOf(loaded, pipeline)
  const measured = realPath(path.resolve(given.created.rules))
  const hasRules = typeof source === 'string' && realPath(path.resolve(source)) === measured
  return { ...given, file, pipeline, validation: pipelineOf(loaded.settings, pipeline).validation, hasRules }
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return (await readSettingsFile(file)).text
  } catch (error) {
    if (error instanceof ConfigError && error.details['code'] === 'ENOENT') return undefined
    throw error
  }
}

/** The file alone: what the environment sets over it holds for this shell, and is not to be written down. */
function load(file: string, text: string): LoadedSettings {
  return loadSettings({ file: { name: file, text }, environment: {}, sets: [], cwd: process.cwd(), realPath })
}

function pipelineIn(file: string, { settings }: LoadedSettings, name: string | undefined): string {
  const names = Object.keys(settings.pipelines)
  const found = name ?? (names.length === 1 ? names[0] : names.find((each) => each === 'default'))
  if (found !== undefined && names.includes(found)) return found
  const problem = found === undefined ? 'has several pipelines' : `has no pipeline called ${found}`
  throw new ConfigError('ERR_CONFIG_SETTINGS', `${file} ${problem}: name one with --pipeline: ${names.join(', ')}.`)
}

/**
 * Puts the setting into the file, which is read again: it may have changed meanwhile.
 * *Errors*: those of `findTarget`, and the file is as it was; `ERR_CONNECTOR_WRITE`, `ERR_CONNECTOR_CREATE`.
 */
export async function writeSettings(target: SettingsTarget, point: Point): Promise<WrittenSettings> {
  const { file, pipeline } = target
  const before = await readIfThere(file)
  const { text, changes } = editedText(target, before, point)
  if (before === undefined) await create(file, text)
  else if (text !== before) await (await prepareReplacement(file, text)).commit()
  return { file, pipeline, changes }
}

/** Returns the text of the file with the setting in it, of a new one where there is none. */
function editedText(
  { file, pipeline, withValidation, created }: SettingsTarget,
  given: string | undefined,
  { threads, batchBytes, validation }: Point,
): { readonly text: string; readonly changes: WrittenSettings['changes'] } {
  const before = given ?? newSettingsText(file, pipeline, { ...created, validation })
  const values: PipelineValues = {
    threads,
    batchBytes: formatSize(batchBytes),
    ...(withValidation ? { validation } : {}),
  }
  const edited = withPipelineValues(before, pipeline, values)
  if ('problem' in edited) throw cannotEdit(file, edited.problem, values)
  return { text: edited.text, changes: changesIn(file, pipeline, before, edited.text, values) }
}

/** Reads the text as the service will, so that nothing is written that it would refuse or read as something else. */
function changesIn(
  file: string,
  pipeline: string,
  before: string,
  after: string,
  values: PipelineValues,
): WrittenSettings['changes'] {
  const [old, now] = [before, after].map((text) => pipelineOf(load(file, text).settings, pipeline))
  const shown = (name: string, value: unknown): string => {
    if (typeof value === 'number') return name === 'batchBytes' ? formatSize(value) : String(value)
    return typeof value === 'string' ? value : 'not set'
  }
  return Object.entries(values).map(([name, value]) => {
    const [from, to] = [old, now].map((settings) => shown(name, settings?.[name as keyof typeof settings]))
    if (to !== String(value)) throw cannotEdit(file, `Setting \`${name}\` has no effect there.`, values)
    return { name, from: from ?? '', to }
  })
}

function cannotEdit(file: string, problem: string, values: PipelineValues): ConfigError {
  const lines = Object.entries(values).map(([name, value]) => `${name}: ${value}`)
  return new ConfigError(
    'ERR_CONFIG_SETTINGS',
    `Cannot change ${file}: ${problem} Write it by hand: ${lines.join(', ')}.`,
    { file },
  )
}

/** Returns settings that can be used as they are: records by HTTP, an output for each route of the rules. */
function newSettingsText(
  file: string,
  pipeline: string,
  { rules, routes, validation }: NewSettings & { readonly validation: Validation },
): string {
  const kept = routes
    .filter((route) => route !== 'drop')
    .map((route) => {
      const folder = JSON.stringify(`weir-out/${route}`)
      return `      ${key(route)}:\n        directory: { path: ${folder} }\n`
    })
  const deadLetter = validation === 'full' ? 'directory: { path: weir-out/dead-letter }' : 'discard: {}'
  const fromFolder = path.relative(path.dirname(path.resolve(file)), path.resolve(rules))
  return `# Settings of \`weir serve\`, begun by \`weir tune\`; \`weir config show --config FILE\` has all that hold.
pipelines:
  ${pipeline}:
    source:
      http:
        listen: 127.0.0.1:9880 # only this machine can post
    rules: ${JSON.stringify(fromFolder)}
    routes: # an output for each route that the rules name
${kept.join('')}      drop:
        discard: {}
    deadLetter: # records that cannot be read
      ${deadLetter}
    validation: ${validation}
`
}

function key(route: string): string {
  return /^[A-Za-z][A-Za-z0-9_-]*$/.test(route) && !/^(true|false|null)$/i.test(route) ? route : JSON.stringify(route)
}

async function create(file: string, text: string): Promise<void> {
  const aside = path.join(
    path.dirname(file),
    `.${path.basename(file).slice(0, 50)}.${randomBytes(6).toString('hex')}.weir`,
  )
  try {
    await replaceDurably(file, { aside, mode: 0o640, write: (handle) => handle.writeFile(text) })
  } catch (error) {
    throw new ConnectorError('ERR_CONNECTOR_CREATE', `Cannot create ${file}: ${systemReason(error)}.`, {
      details: { output: file, system: systemCode(error) },
      cause: error,
    })
  }
}
