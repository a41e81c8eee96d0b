// Settings as text for people and programs: the effective ones with where each came from, and the JSON Schema for
// editors. Of secrets there are only the names of their files. Called by commands/config.ts.

import { stringify } from 'yaml'
import { z } from 'zod'

import { visible, visibleLine } from '../log.ts'
import type { LoadedSettings } from './load.ts'
import { childOf, formatPath, formatValue, isPlainObject, outline } from './outline.ts'
import type { OutlineNode, Path } from './outline.ts'
import { settingsSchema } from './schema.ts'
import type { Origin } from './tree.ts'

/**
 * Returns the settings as YAML, with where each was given behind it, or above it where the setting takes several lines.
 * The text is a settings file itself.
 */
export function settingsYaml(loaded: LoadedSettings): string {
  return linesOf(loaded, loaded.settings, [], outline).join('\n') + '\n'
}

function linesOf(loaded: LoadedSettings, group: object, path: Path, node: OutlineNode | undefined): string[] {
  const indent = '  '.repeat(path.length)
  return Object.entries(group).flatMap(([name, value]: [string, unknown]) => {
    const place = [...path, name]
    const child = node?.kind === 'group' ? childOf(node, name) : undefined
    const key = `${indent}${stringify(name).trimEnd()}:`
    if (isPlainObject(value) && Object.keys(value).length > 0) return [key, ...linesOf(loaded, value, place, child)]
    const comment = `# ${visibleLine(originText(loaded.originOf(place)))}`
    const isBlock = typeof value === 'string' && value.includes('\n') && visible(value) === value
    if (!isBlock) return [`${key} ${valueText(value, child)} ${comment}`]
    const block = stringify({ [name]: value }, { lineWidth: 0 }).trimEnd()
    return [indent + comment, ...block.split('\n').map((line) => (line === '' ? line : indent + line))]
  })
}

function valueText(value: unknown, node: OutlineNode | undefined): string {
  if (node?.kind === 'field' && typeof value === 'number') return formatValue(node.field, value)
  // JSON is YAML on one line. In its quotes, escapes are what keeps text from steering a terminal.
  const isPlain = typeof value === 'string' && visibleLine(value) === value
  return isPlain ? stringify(value, { lineWidth: 0 }).trimEnd() : visibleLine(JSON.stringify(value))
}

/** What has an origin of its own: single settings, and groups without any, as `discard: {}`. */
function placesOf(value: unknown, path: Path = []): Path[] {
  if (!isPlainObject(value) || Object.keys(value).length === 0) return [path]
  return Object.entries(value).flatMap(([name, each]) => placesOf(each, [...path, name]))
}

/** Returns where a setting came from, in a few words: `weir.yaml:3`, `WEIR_LOG__LEVEL`, `--set log.level`, `default`. */
export function originText(origin: Origin | undefined): string {
  if (origin === undefined) return 'default'
  return origin.place === undefined ? origin.name : `${origin.name}:${origin.place.line}`
}

/** Returns the same for programs: the settings, and for each path where it was given. */
export function settingsObject(loaded: LoadedSettings): Record<string, unknown> {
  const origins = placesOf(loaded.settings).map((path) => [formatPath(path), originText(loaded.originOf(path))])
  const { settings, original, warnings } = loaded
  const rest = original === undefined ? {} : { original: { kafka: original.kafka, count: original.count } }
  return { settings, origins: Object.fromEntries(origins) as unknown, ...rest, warnings }
}

/** Returns the JSON Schema of settings files. It knows each setting alone: not which go together, nor sizes with units. */
export function settingsJsonSchema(): Record<string, unknown> {
  return z.toJSONSchema(settingsSchema, {
    io: 'input',
    // Where text becomes a number, zod tells no default.
    override: ({ zodSchema, jsonSchema }) => {
      const { def } = zodSchema as unknown as z.ZodType
      if (def.type === 'default') jsonSchema.default ??= (def as unknown as { defaultValue: unknown }).defaultValue
    },
  })
}
