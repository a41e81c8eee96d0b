// Settings from all the places that have some: flags over the environment over the file over the settings of the
// original converter. Asks nothing of the system but what its caller hands in. Called by commands.

import path from 'node:path'

import type { RuleSource } from '@weir/engine'

import { ConfigError } from '../errors.ts'
import type { SettingsIssue } from '../errors.ts'
import { readEnvironment, readSets } from './assignments.ts'
import type { Environment } from './assignments.ts'
import { checkTogether } from './cross-checks.ts'
import type { FileQuestions } from './cross-checks.ts'
import { defaultName, defaultSettingsText } from './defaults.ts'
import { readDocument } from './document.ts'
import { warnOfKafka } from './kafka-checks.ts'
import { archiveSource, clusterSettings, converterSettings, readOriginal } from './original.ts'
import type { NamedText, OriginalSettings, ReadOriginal } from './original.ts'
import { formatPath, isPlainObject, leavesOf, nodeAt } from './outline.ts'
import type { Path } from './outline.ts'
import { addFault, addWrongName, ProblemList, settingsError } from './problems.ts'
import type { ZodFault } from './problems.ts'
import { warnOfS3 } from './s3-checks.ts'
import { settingsSchema } from './schema.ts'
import type { PipelineSettings, Settings } from './schema.ts'
import { SettingsTree } from './tree.ts'
import type { Origin } from './tree.ts'

/** Where settings may come from. */
export interface SettingsSources extends FileQuestions {
  /** The settings file, YAML or JSON. Absent: the built-in settings. */
  readonly file?: NamedText
  /** The settings.json of the original converter. */
  readonly original?: NamedText
  /** All variables; those that begin with `WEIR_` count. */
  readonly environment: Environment
  /** Texts of the form `PATH=VALUE`. */
  readonly sets: readonly string[]
  /** Folder that relative paths in the environment, in flags and in built-in settings begin at; absolute. */
  readonly cwd: string
}

/** Settings that have been checked. */
export interface LoadedSettings {
  /** Every default filled in; paths of files are absolute. */
  readonly settings: Settings
  /** What looks wrong but is not. */
  readonly warnings: readonly SettingsIssue[]
  /** What the original converter's settings say, if there are any: of Kafka too. */
  readonly original?: OriginalSettings
  /** As in the sources. */
  readonly cwd: string
  /** Returns where the setting was given; undefined where it has its default. */
  readonly originOf: (path: Path) => Origin | undefined
  /** Returns a place for a message about the setting: its own, or that of what stands above it. */
  readonly placeOf: (path: Path, atKey: boolean) => Origin
}

/**
 * Returns the settings that hold.
 *
 * Errors: `ERR_CONFIG_SETTINGS`, with every problem, its place and what to write instead.
 */
export function loadSettings(sources: SettingsSources): LoadedSettings {
  const found: SettingsIssue[] = []
  const { file, original: originalFile } = sources
  const original =
    originalFile === undefined ? undefined : gather(found, () => readOriginal(originalFile, file === undefined))
  const tree = gather(found, () => startingTree(file))
  if (tree === undefined) throw settingsError(found)
  const problems = new ProblemList((at, atKey) => tree.placeOf(at, atKey))
  if (original !== undefined) addOriginal(tree, original, sources, problems)
  const given = [...readEnvironment(sources.environment, namesIn(tree), problems), ...readSets(sources.sets, problems)]
  for (const assignment of given) tree.set(assignment)
  const settings = validate(tree, problems)
  if (settings !== undefined) {
    resolvePaths(settings, tree, sources)
    checkTogether(settings, problems, sources)
  }
  found.push(...problems.listed())
  if (found.length > 0 || settings === undefined) throw settingsError(found, original?.warnings)
  const warnings = new ProblemList((at, atKey) => tree.placeOf(at, atKey))
  warnOfKafka(settings, warnings)
  warnOfS3(settings, warnings, (at) => tree.originOf(at) !== undefined)
  return {
    settings,
    warnings: [...(original?.warnings ?? []), ...warnings.listed()],
    ...(original === undefined ? {} : { original: original.settings }),
    cwd: sources.cwd,
    originOf: (at) => tree.originOf(at),
    placeOf: (at, atKey) => tree.placeOf(at, atKey),
  }
}

/** Runs a step whose problems are not to hide those of the next. */
function gather<T>(found: SettingsIssue[], step: () => T): T | undefined {
  try {
    return step()
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    found.push(...error.issues)
    return undefined
  }
}

function startingTree(file: NamedText | undefined): SettingsTree {
  const name = file?.name ?? defaultName
  const document = readDocument(file?.text ?? defaultSettingsText())
  const origin: Origin = { kind: file === undefined ? 'default' : 'file', name }
  const problems = new ProblemList(() => origin)
  problems.addText(name, document.problems)
  problems.throwIfAny()
  return new SettingsTree(document, origin)
}

function namesIn(tree: SettingsTree): (at: Path) => readonly string[] {
  return (at) => {
    const value = tree.get(at)
    return isPlainObject(value) ? Object.keys(value) : []
  }
}

/** Gives a pipeline the original's rules and threads. What a settings file says stands over them. */
function addOriginal(tree: SettingsTree, read: ReadOriginal, sources: SettingsSources, problems: ProblemList): void {
  const { settings, hasFilters } = read
  const name = sources.original?.name ?? ''
  const origin: Origin = { kind: 'original', name }
  const names = namesIn(tree)(['pipelines'])
  const pipeline = names.includes('default') ? 'default' : names.length === 1 ? names[0] : undefined
  if (pipeline === undefined) {
    if (names.length === 0) return
    const suggestion = 'call one of them `default`'
    return problems.add([], 'It cannot be told which pipeline the filters are for.', { suggestion, origin })
  }
  const isBuiltIn = sources.file === undefined
  // The file itself, so that the places of problems in filters are right. Without filters everything is kept, which is
  // what an empty list of them means.
  const rules = hasFilters ? path.resolve(sources.cwd, name) : { filters: [] }
  for (const [key, value] of Object.entries({ rules, threads: settings.workers })) {
    const at = ['pipelines', pipeline, key]
    if (isBuiltIn || tree.get(at) === undefined) tree.set({ path: at, value, origin })
  }
  // Filters keep and drop, and know no other route.
  if (isBuiltIn) tree.remove(['pipelines', pipeline, 'routes', 'security'])
  if (isBuiltIn) addOriginalTopics(tree, read, origin)
}

/** Makes the built-in pipeline the original's converter, and adds its archive. */
function addOriginalTopics(tree: SettingsTree, read: ReadOriginal, origin: Origin): void {
  const { settings, isConverter, archive, placeOf } = read
  const put = (path: Path, value: unknown, from = origin) => tree.set({ path, value, origin: from })
  if (!isConverter && archive === undefined) return
  put(['kafka'], clusterSettings(settings))
  if (isConverter) {
    for (const [key, value] of Object.entries(converterSettings(settings))) put(['pipelines', 'default', key], value)
  } else tree.remove(['pipelines', 'default'])
  if (archive === undefined) return
  put(['pipelines', 'archive', 'source'], archiveSource(read))
  for (const { name, value, path: at } of archive.s3) {
    const place = placeOf(at)
    put(['pipelines', 'archive', 'routes', 'keep', 's3', name], value, place === undefined ? origin : { ...origin, place }) // prettier-ignore
  }
}

/**
 * Returns the settings, or those parts of them that are good by themselves, so that one run finds all problems. Undefined
 * where no part can be used.
 */
function validate(tree: SettingsTree, problems: ProblemList): Settings | undefined {
  refuseHiddenName(tree.value, [], problems)
  const whole = settingsSchema.safeParse(tree.value)
  if (whole.success) {
    if (Object.keys(whole.data.pipelines).length > 0) return whole.data
    addFault(problems, { path: ['pipelines'] }, (at) => tree.get(at))
    return undefined
  }
  const faults = whole.error.issues as readonly ZodFault[]
  for (const fault of faults) addFault(problems, fault, (at) => tree.get(at))
  const { pipelines, ...others } = tree.value
  const wrong = new Set(faults.flatMap((fault) => partsOf(fault)))
  const sections = Object.entries(others).filter(([name]) => !wrong.has(formatPath([name])))
  const named = isPlainObject(pipelines) ? Object.entries(pipelines) : []
  const good = named.filter(([name]) => !wrong.has(formatPath(['pipelines', name])))
  const parsed = settingsSchema.safeParse({ ...Object.fromEntries(sections), pipelines: Object.fromEntries(good) })
  return parsed.data
}

/** Where names are free, zod passes over entries of this one in silence. */
const hiddenName = '__proto__'

function refuseHiddenName(group: Readonly<Record<string, unknown>>, path: Path, problems: ProblemList): void {
  for (const [name, value] of Object.entries(group)) {
    const node = name === hiddenName ? nodeAt(path) : undefined
    if (node?.kind === 'group' && node.others !== undefined) addWrongName(problems, [...path, name])
    else if (isPlainObject(value)) refuseHiddenName(value, [...path, name], problems)
  }
}

/** The section or pipeline that a fault lies in. */
function partsOf({ code, path: at, keys }: ZodFault): string[] {
  const places = code === 'unrecognized_keys' ? (keys ?? []).map((key) => [...at, key]) : [at]
  return places.map((place) => formatPath((place as Path).slice(0, place[0] === 'pipelines' ? 2 : 1)))
}

/** Makes the paths of files and folders absolute: those in a file begin at its folder. */
function resolvePaths(settings: Settings, tree: SettingsTree, { cwd }: SettingsSources): void {
  for (const { path: at, node, value } of leavesOf(settings)) {
    const { kind } = node.field
    if (typeof value !== 'string' || !(kind === 'file' || kind === 'folder' || kind === 'rules')) continue
    const parent = at
      .slice(0, -1)
      .reduce<unknown>((object, step) => (object as Record<string, unknown>)[step], settings)
    ;(parent as Record<string, unknown>)[String(at.at(-1))] = path.resolve(folderOf(tree.originOf(at), cwd), value)
  }
}

function folderOf(origin: Origin | undefined, cwd: string): string {
  return origin?.kind === 'file' ? path.resolve(cwd, path.dirname(origin.name)) : cwd
}

/** Returns what a pipeline's rules are, as the engine takes them; without rules, everything is kept. */
export function rulesOf({ settings, placeOf, cwd }: LoadedSettings, pipeline: string): RuleSource {
  const { rules, validation } = pipelineOf(settings, pipeline)
  // Without filters the original does not look into records at all: whatever they are, they travel on.
  if (rules === undefined && validation === 'read') return { filters: [] }
  if (rules === undefined) return { version: 1, default: 'keep', rules: [] }
  if (typeof rules === 'string') return rules
  const at = ['pipelines', pipeline, 'rules']
  // As the engine does with any rule set, filters from a program included: it checks what they are.
  if ('filters' in rules) return rules as unknown as RuleSource
  return { text: rules.text, name: formatPath(at), directory: folderOf(placeOf(at, false), cwd) }
}

/** Returns a pipeline's settings. Errors: `ERR_CONFIG_SETTINGS` where there is none of that name. */
export function pipelineOf(settings: Settings, name: string): PipelineSettings {
  const pipeline = settings.pipelines[name]
  if (pipeline === undefined) throw new ConfigError('ERR_CONFIG_SETTINGS', `There is no pipeline called ${name}.`)
  return pipeline
}
