// Collects what is wrong with settings, and gives each problem its place; puts what zod finds into our words. Called by
// the files beside it that check something.

import { ConfigError } from '../errors.ts'
import type { SettingsIssue } from '../errors.ts'
import type { TextProblem } from './document.ts'
import { nearest } from './nearest.ts'
import { formatPath, nodeAt, outline, settingRows } from './outline.ts'
import type { FieldNode, GroupNode, Path } from './outline.ts'
import type { Origin } from './tree.ts'

/** Problems that are listed one by one: nobody reads more. */
const mostListed = 100

/** What is known of a problem besides its path and message. */
export interface ProblemOptions {
  /** What to write instead. */
  readonly suggestion?: string | undefined
  /** The name of the setting is at fault, not its value. */
  readonly atKey?: boolean
  /** Where it was given, where the settings do not hold it. */
  readonly origin?: Origin
}

/** All problems of some settings. */
export class ProblemList {
  readonly #issues = new Map<string, SettingsIssue>()
  readonly #placeOf: (path: Path, atKey: boolean) => Origin

  /** `placeOf`: where a setting was given. */
  constructor(placeOf: (path: Path, atKey: boolean) => Origin) {
    this.#placeOf = placeOf
  }

  get count(): number {
    return this.#issues.size
  }

  /** Adds a problem: one sentence. The same one at the same place is told once. */
  add(path: Path, message: string, { suggestion, atKey = false, origin }: ProblemOptions = {}): void {
    const { name, place = {} } = origin ?? this.#placeOf(path, atKey)
    const issue = { path: formatPath(path), message, file: name, ...place }
    const key = JSON.stringify([issue.file, issue.path, message])
    if (!this.#issues.has(key)) this.#issues.set(key, suggestion === undefined ? issue : { ...issue, suggestion })
  }

  /** Whether anything is wrong with a top-level setting, or below it. */
  has(name: string): boolean {
    return [...this.#issues.values()].some(({ path }) => path === name || path.startsWith(`${name}.`))
  }

  /** Adds what is wrong with the text of a file. */
  addText(file: string, problems: readonly TextProblem[]): void {
    for (const problem of problems) this.#issues.set(JSON.stringify([file, problem]), { path: '', file, ...problem })
  }

  /** Returns the first problems, those of files before others and in order of place. */
  listed(): SettingsIssue[] {
    const sorted = [...this.#issues.values()].toSorted(
      (a, b) => rankOf(a) - rankOf(b) || (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0),
    )
    const more = sorted[mostListed]
    if (more === undefined) return sorted
    const { suggestion: _, ...rest } = more
    const message = `${sorted.length - mostListed} more problems follow from here on.`
    return [...sorted.slice(0, mostListed), { ...rest, message }]
  }

  /** Throws `ERR_CONFIG_SETTINGS` with all problems, if there are any. */
  throwIfAny(): void {
    if (this.count > 0) throw settingsError(this.listed())
  }
}

/** Returns the error that tells these problems. */
export function settingsError(issues: readonly SettingsIssue[], warnings: readonly SettingsIssue[] = []): ConfigError {
  const number = issues.length === 1 ? 'a problem' : `${issues.length} problems`
  return new ConfigError('ERR_CONFIG_SETTINGS', `The settings have ${number}.`, {}, { issues, warnings })
}

/** Files come first, then the environment, then flags. */
function rankOf({ file, line }: SettingsIssue): number {
  if (line !== undefined) return 0
  return file.startsWith('--set') ? 3 : file.startsWith('WEIR_') ? 2 : 1
}

/** What zod says of one fault; of `code`, only those are read that need words of their own. */
export interface ZodFault {
  readonly code?: string | undefined
  readonly path: readonly PropertyKey[]
  readonly keys?: readonly string[]
}

/** Adds what zod found. `valueAt` returns what was given. */
export function addFault(problems: ProblemList, fault: ZodFault, valueAt: (path: Path) => unknown): void {
  const path = fault.path as Path
  if (fault.code === 'unrecognized_keys') {
    for (const key of fault.keys ?? []) addUnknown(problems, path, key)
    return
  }
  if (fault.code === 'invalid_key') return addWrongName(problems, path)
  // Faults inside a setting, as of one text in a list, are told of the setting.
  const at = path.findIndex((_, i) => nodeAt(path.slice(0, i + 1))?.kind === 'field')
  const place = at < 0 ? path : path.slice(0, at + 1)
  const node = nodeAt(place) ?? outline
  const value = valueAt(place)
  if (value === undefined) return addMissing(problems, place, node)
  if (node.kind === 'field') {
    const entry = Array.isArray(value) ? (value as unknown[])[Number(path[at + 1])] : undefined
    return addWrongValue(problems, place, node, value, entry)
  }
  if (place.length === 1 && place[0] === 'pipelines' && isEmptyObject(value)) {
    return problems.add(place, 'There is no pipeline.', { suggestion: 'name one: `pipelines: { default: { … } }`' })
  }
  const suggestion = value === null ? 'write `{}` for one with all its defaults' : undefined
  problems.add(place, `${describe(value)} cannot be used: give a group of settings.`, { suggestion })
}

function isEmptyObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0
}

function addMissing(problems: ProblemList, path: Path, node: FieldNode | GroupNode): void {
  problems.add(path, 'The setting is missing.', { suggestion: missingHint(node) })
}

function missingHint(node: FieldNode | GroupNode): string {
  if (node.kind === 'field') return `give ${node.field.takes}`
  const names = [...node.entries.keys()].join(', ')
  if (node.group.isChoice === true) return `give exactly one of ${names}`
  return names === '' ? 'a group of them, by name' : `a group with ${names}`
}

/** Adds that a value is not one that the setting takes. `entry`: what is wrong of a list. */
export function addWrongValue(
  problems: ProblemList,
  path: Path,
  { field }: FieldNode,
  value: unknown,
  entry = value,
): void {
  const given = field.isSecret === true ? 'What is given' : describe(entry)
  problems.add(path, `${given} cannot be used: give ${field.takes}.`, { suggestion: slip(field.kind, value) })
}

/** Values that people bring along from elsewhere, and what they are here. */
function slip(kind: FieldNode['field']['kind'], value: unknown): string | undefined {
  if (kind === 'flag' && typeof value === 'string') {
    if (/^(yes|on|y|1)$/i.test(value)) return 'write `true`'
    if (/^(no|off|n|0)$/i.test(value)) return 'write `false`'
  }
  if (kind === 'time' && typeof value === 'string' && /^\d+ ?m$/.test(value)) return `write \`${value}in\` for minutes`
  if (kind === 'size' && typeof value === 'string' && /^\d+ ?[kmg]$/i.test(value))
    return `write \`${value.toUpperCase()}iB\``
  if (kind === 'address' && /^:?\d+$/.test(String(value))) return `write "127.0.0.1:${String(value).replace(':', '')}"`
  if (kind === 'list' && typeof value === 'string') return `write [${value}]`
  return undefined
}

/** Adds that a name of the author's choosing is none that is possible. */
export function addWrongName(problems: ProblemList, path: Path): void {
  const parent = nodeAt(path.slice(0, -1))
  const words = parent?.kind === 'group' ? parent.group.names : undefined
  const name = String(path.at(-1))
  problems.add(path, `${JSON.stringify(name)} cannot be a name here: give ${words ?? 'another'}.`, { atKey: true })
}

/** Adds that there is no such setting. */
export function addUnknown(problems: ProblemList, above: Path, name: string, options: ProblemOptions = {}): void {
  const path = [...above, name]
  const group = nodeAt(above)
  if (group?.kind !== 'group') {
    const message = `\`${formatPath(above)}\` is a single setting; nothing stands below it.`
    return problems.add(path, message, { atKey: true, ...options })
  }
  problems.add(path, 'There is no such setting.', {
    atKey: true,
    suggestion: suggestName(group, above, name),
    ...options,
  })
}

function suggestName(group: GroupNode, above: Path, name: string): string {
  const close = nearest(name, group.entries.keys())
  if (close !== undefined) return `did you mean \`${close}\`?`
  if (above.length === 0 && ['filters', 'workers', 'count'].includes(name)) {
    return 'settings of the original converter are given with `--original FILE`'
  }
  const elsewhere = settingRows().find(({ path }) => path.endsWith(`.${name}`))
  if (elsewhere !== undefined) return `it stands at ${elsewhere.path}`
  const known = [...group.entries.keys()]
  return known.length === 0 ? 'nothing is set here: write `{}`' : `known here: ${known.join(', ')}`
}

/** Returns a value as a message quotes it. */
export function describe(value: unknown): string {
  if (value === null) return 'An empty value'
  if (Array.isArray(value)) return 'A list'
  if (typeof value === 'string') return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value)
  if (typeof value === 'object') return 'A group of settings'
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : 'A value of a special kind'
}
