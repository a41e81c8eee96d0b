// Reads filters of Akamai's original converter - `{"filters": [{fieldName, regex, include}]}`, alone or within its
// settings.json - from source nodes. What they mean is in docs/original.md; original-plan.ts turns them into a plan.
// Called by compile.ts.

import { limits } from '../limits.ts'
import type { IssueList } from './issues.ts'
import { nearest } from './issues.ts'
import { describe, isMisspelt, readParts, readText } from './parse-values.ts'
import type { MapNode, Path, SourceNode } from './source-node.ts'

/** One filter as it could be read. */
export interface OriginalFilter {
  readonly fieldName: string
  /** Java's dialect; the whole value must match. */
  readonly regex: string
  /** Whether a record must match to stay, instead of having to go when it matches. */
  readonly include: boolean
  /** Its index in `filters`. */
  readonly index: number
}

/** Keys of a settings.json; all but the first are for connectors. */
export const settingsKeys: readonly string[] = ['filters', 'kafka', 'count', 'workers', 'outbound']
/** Keys of a filter. */
export const filterKeys: readonly string[] = ['fieldName', 'regex', 'include']

/** Returns whether `root` holds settings of the original, and no rule set. */
export function isOriginalSettings(root: SourceNode): root is MapNode {
  if (root.kind !== 'map') return false
  const keys = root.entries.map((entry) => entry.key)
  if (keys.includes('rules') || keys.includes('version')) return false
  return keys.includes('filters') || (keys.includes('kafka') && (keys.includes('workers') || keys.includes('count')))
}

/**
 * Returns the filters of `root`, in order; none when there is no list. What could not be read is in `issues` and empty
 * here, or left out.
 */
export function parseOriginal(root: MapNode, issues: IssueList): OriginalFilter[] {
  const seen = new Set<string>()
  for (const { key, keyAt } of root.entries) {
    if (seen.has(key))
      issues.add([key], `The key \`${key}\` is repeated.`, { at: keyAt, suggestion: 'keep one of the two' })
    else if (!settingsKeys.includes(key)) {
      const close = nearest(key, settingsKeys)
      const suggestion =
        close === undefined ? `known keys here: ${settingsKeys.join(', ')}` : `did you mean \`${close}\`?`
      issues.warn([key], `The key \`${key}\` is unknown to the original, and nothing reads it.`, {
        at: keyAt,
        suggestion,
      })
    }
    seen.add(key)
  }
  const filters = root.entries.find((entry) => entry.key === 'filters')?.value
  if (filters === undefined || filters.kind === 'null') return []
  if (filters.kind !== 'list') {
    const suggestion = filters.kind === 'map' ? 'put it in brackets: [{ … }]' : 'write `"filters": []` for none'
    issues.add(['filters'], `\`filters\` is a list, not ${describe(filters)}.`, { suggestion })
    return []
  }
  // One more rule stands for records that are `null`.
  if (filters.items.length >= limits.rules) {
    const message = `There are ${filters.items.length} filters; at most ${limits.rules - 1} are allowed.`
    issues.add(['filters'], message, {
      suggestion: 'join patterns of one field by | where include is false',
      atKey: true,
    })
    return []
  }
  return filters.items.flatMap((item, index) => readFilter(item, index, issues) ?? [])
}

function readFilter(node: SourceNode, index: number, issues: IssueList): OriginalFilter | undefined {
  const path: Path = ['filters', index]
  if (node.kind !== 'map') {
    const suggestion = 'write { "fieldName": "…", "regex": "…", "include": true }'
    issues.add(path, `A filter is an object, not ${describe(node)}.`, { suggestion })
    return undefined
  }
  const parts = readParts(node, path, filterKeys, issues)
  const text = (key: 'fieldName' | 'regex', cure: string): string | undefined => {
    const value = parts.get(key)
    if (value?.kind === 'null') {
      // Advice to quote the word would name a field, or match a value, that nobody means.
      issues.add([...path, key], `The \`${key}\` of a filter is text, not ${describe(value)}.`, {
        suggestion: `write ${cure}`,
      })
      return undefined
    }
    if (value !== undefined) return readText(value, [...path, key], `The \`${key}\` of a filter`, issues)
    if (!isMisspelt(node, key, filterKeys))
      issues.add(path, `The filter has no \`${key}\`.`, { suggestion: `add ${cure}` })
    return undefined
  }
  const fieldName = text('fieldName', '"fieldName": "NAME"')
  const regex = text('regex', '"regex": "PATTERN", which the whole value must match')
  const include = readInclude(parts.get('include'), [...path, 'include'], issues)
  // What could not be read is in `issues`; the rest of the filter is to be checked all the same.
  return { fieldName: fieldName ?? '', regex: regex ?? '', include: include ?? false, index }
}

/** Absent and null mean false, as to the original. */
function readInclude(node: SourceNode | undefined, path: Path, issues: IssueList): boolean | undefined {
  if (node === undefined || node.kind === 'null') return false
  if (node.kind === 'boolean') return node.value
  const word = node.kind === 'text' ? node.text.toLowerCase() : ''
  const suggestion = word === 'true' || word === 'false' ? `write ${word} without quotes` : 'write true or false'
  issues.add(path, `\`include\` is true or false, not ${describe(node)}.`, { suggestion })
  return undefined
}

/** Returns the keys that `fieldName` names: split at dots, of which those at the end mean nothing. */
export function originalSteps(fieldName: string): string[] {
  // Of an empty name, Java's split leaves one empty part; of dots alone, none.
  if (fieldName === '') return ['']
  const steps = fieldName.split('.')
  while (steps.at(-1) === '') steps.pop()
  return steps
}
