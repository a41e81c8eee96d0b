// The settings as a plain tree of groups and single settings, read once out of the zod schema: what may stand where,
// its defaults, and the names in the environment. The only file that looks inside zod's types. Called by the files
// beside it and by the test of docs/settings.md.

import type { z } from 'zod'

import { fields, groups } from './fields.ts'
import type { SettingField, SettingGroup } from './fields.ts'
import { formatSize, formatTime } from './quantities.ts'
import { settingsSchema } from './schema.ts'

/** A place among settings: names from the root, and indexes in lists. */
export type Path = readonly (string | number)[]

/** A single setting. */
export interface FieldNode {
  readonly kind: 'field'
  readonly field: SettingField
  /** Where it may be left out: its default, or undefined where it has none. */
  readonly standard?: unknown
  readonly isRequired: boolean
}

/** A group of settings. */
export interface GroupNode {
  readonly kind: 'group'
  readonly group: SettingGroup
  readonly isRequired: boolean
  /** Entries whose names are fixed. */
  readonly entries: ReadonlyMap<string, OutlineNode>
  /** What stands under every other name, where the settings' author chooses names. */
  readonly others?: OutlineNode
}

/** What may stand at a place among settings. */
export type OutlineNode = FieldNode | GroupNode

/** The parts of zod's definitions that are read here. */
interface Definition {
  readonly type: string
  readonly innerType?: z.ZodType
  readonly defaultValue?: unknown
  readonly shape?: Readonly<Record<string, z.ZodType>>
  readonly catchall?: z.ZodType
  readonly valueType?: z.ZodType
}

function outlineOf(schema: z.ZodType, isRequired = true, standard?: unknown): OutlineNode {
  const definition = schema.def as unknown as Definition
  const field = fields.get(schema)
  if (field !== undefined) return { kind: 'field', field, isRequired, ...(standard === undefined ? {} : { standard }) }
  if (definition.innerType !== undefined) return outlineOf(definition.innerType, false, definition.defaultValue)
  const group = groups.get(schema)
  if (group === undefined) throw new TypeError(`A setting of zod's type ${definition.type} says nothing of itself.`)
  const entries = Object.entries(definition.shape ?? {}).map(([name, each]) => [name, outlineOf(each)] as const)
  const rest = definition.valueType ?? definition.catchall
  const others = rest === undefined || rest.def.type === 'never' ? {} : { others: outlineOf(rest) }
  return { kind: 'group', group, isRequired, entries: new Map(entries), ...others }
}

/** All settings. */
export const outline = outlineOf(settingsSchema) as GroupNode

/** Returns what stands at the path, or undefined where nothing may. Below a single setting, it is that setting. */
export function nodeAt(path: Path): OutlineNode | undefined {
  let node: OutlineNode | undefined = outline
  for (const step of path) {
    if (node === undefined || node.kind === 'field') return node
    node = childOf(node, step)
  }
  return node
}

/** Returns what stands under this name of a group. */
export function childOf(group: GroupNode, name: string | number): OutlineNode | undefined {
  return group.entries.get(String(name)) ?? group.others
}

/** A single setting of given settings. */
export interface Leaf {
  readonly path: Path
  readonly node: FieldNode
  readonly value: unknown
}

/** Returns the single settings that `value` holds, in the order of the schema; a group without settings has none. */
export function leavesOf(value: unknown, node: OutlineNode = outline, path: Path = []): Leaf[] {
  if (value === undefined) return []
  if (node.kind === 'field') return [{ path, node, value }]
  if (!isPlainObject(value)) return []
  const fixed = [...node.entries.keys()].filter((name) => Object.hasOwn(value, name))
  const names = [...fixed, ...Object.keys(value).filter((name) => !node.entries.has(name))]
  return names.flatMap((name) => {
    const child = childOf(node, name)
    return child === undefined ? [] : leavesOf(value[name], child, [...path, name])
  })
}

/** Returns whether a value is an object as YAML or JSON make one: no list, no date, not null. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
}

/** What stands for a name that the settings' author chooses. */
export const anyName = 'NAME'

/** A single setting, as documents and messages list it. */
export interface SettingRow {
  /** `pipelines.NAME.source.http.listen` */
  readonly path: string
  readonly type: string
  /** As it may be written; absent where there is none. */
  readonly standard?: string
  readonly isRequired: boolean
  readonly unit?: string
  /** `WEIR_PIPELINES__NAME__SOURCE__HTTP__LISTEN` */
  readonly environmentName: string
  readonly meaning: string
}

/**
 * Returns every single setting, in the order of the schema; groups without settings, as `stdin`, are rows as well. Of
 * names that are free there is one row, for all of them.
 */
export function settingRows(node: OutlineNode = outline, path: Path = []): SettingRow[] {
  if (node.kind === 'field') return [rowOf(node, path)]
  const named = node.others === undefined ? [] : settingRows(node.others, [...path, anyName])
  // Where names are free, the fixed ones among them stand for the same: `routes.keep` is as `routes.NAME`.
  const entries = node.others === undefined ? [...node.entries] : []
  const fixed = entries.flatMap(([name, each]) => settingRows(each, [...path, name]))
  if (named.length + fixed.length > 0) return [...fixed, ...named]
  const { meaning } = node.group
  const place = { path: formatPath(path), environmentName: environmentNameOf(path) }
  return [{ ...place, type: '`{}`', isRequired: node.isRequired, meaning }]
}

function rowOf({ field, standard, isRequired }: FieldNode, path: Path): SettingRow {
  const { type, unit, meaning } = field
  return {
    path: formatPath(path),
    type,
    isRequired,
    ...(standard === undefined ? {} : { standard: formatValue(field, standard) }),
    ...(unit === undefined ? {} : { unit }),
    environmentName: environmentNameOf(path),
    meaning,
  }
}

/** Returns the value of a single setting as it may be written. */
export function formatValue({ kind }: SettingField, value: unknown): string {
  if (kind === 'size') return formatSize(value as number)
  if (kind === 'time') return formatTime(value as number)
  if (value === '') return "''"
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** Returns a path as people write it: `pipelines.default.routes["a.b"]`. `pathOf` reads it. */
export function formatPath(path: Path): string {
  let text = ''
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`
    else if (/^[\w-]+$/.test(step)) text += text === '' ? step : `.${step}`
    else text += `[${JSON.stringify(step)}]`
  }
  return text
}

/** Returns the path that the text means: names joined by dots, or as JSON text in brackets. Undefined for other text. */
export function pathOf(text: string): string[] | undefined {
  const path: string[] = []
  let rest = `.${text}`
  while (rest !== '') {
    const [match, plain, quoted] = /^(?:\.([\w-]+)|\.?\[("(?:[^"\\]|\\.)*")\])/.exec(rest) ?? []
    if (match === undefined) return undefined
    try {
      path.push(plain ?? (JSON.parse(quoted ?? '') as string))
    } catch {
      return undefined
    }
    rest = rest.slice(match.length)
  }
  return path
}

/** Returns the name of the environment's variable that sets this path. */
export function environmentNameOf(path: Path): string {
  return ['WEIR', path.map((step) => environmentWord(String(step))).join('__')].join('_')
}

/** Returns a step of a path as the environment writes it: `maxBodyBytes` is `MAX_BODY_BYTES`. */
export function environmentWord(step: string): string {
  return step
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/[.-]/g, '_')
    .toUpperCase()
}
