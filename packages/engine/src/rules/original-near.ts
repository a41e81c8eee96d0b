// Finds what was probably meant for settings of the original and is not taken for them, so that its author is told what
// is missing, and not all that a rule set would need. Decides nothing about what is taken. Called by compile.ts.

import type { IssueList } from './issues.ts'
import { nearest } from './issues.ts'
import { filterKeys, settingsKeys } from './original.ts'
import type { SourceEntry, MapNode, SourceNode } from './source-node.ts'

/**
 * Returns what is left to be read as a rule set, after an issue has said what looks like the original's: undefined when
 * nothing is.
 */
export function setOriginalAside(root: SourceNode, issues: IssueList): SourceNode | undefined {
  if (root.kind === 'list' && hasFilter(root)) {
    const suggestion = 'write { "filters": […] } around the list'
    issues.add([], 'This looks like the list of filters of the original, without its settings.', { suggestion })
    return undefined
  }
  if (root.kind !== 'map') return root
  const keys = root.entries.map(({ key }) => key)
  const beside = ['rules', 'version'].find((key) => keys.includes(key))
  if (beside !== undefined) return withoutFilters(root, beside, issues)
  return isNearSettings(root, keys, issues) ? undefined : root
}

/** The list `filters` of the original cannot stand in a rule set. */
function withoutFilters(root: MapNode, beside: string, issues: IssueList): MapNode | undefined {
  const filters = root.entries.find(({ key }) => key === 'filters')
  if (filters === undefined) return root
  const message = `\`filters\` are the original's, and a file with \`${beside}\` is a rule set.`
  const suggestion =
    beside === 'version'
      ? 'leave `version` out'
      : 'keep the rules or the filters; `weir rules import` makes rules of filters'
  issues.add(['filters'], message, { at: filters.keyAt, suggestion })
  if (beside === 'version') return undefined
  return { ...root, entries: root.entries.filter(({ key }) => key !== 'filters') }
}

/** Adds an issue, and returns true, when the object looks like settings of the original. */
function isNearSettings(root: MapNode, keys: readonly string[], issues: IssueList): boolean {
  const looks = 'This looks like settings of the original'
  const misspelt = root.entries.find(({ key, value }) => nearest(key, ['filters']) !== undefined && hasFilter(value))
  if (misspelt !== undefined) {
    const message = `${looks}, and \`${misspelt.key}\` like their \`filters\`.`
    issues.add([misspelt.key], message, { at: misspelt.keyAt, suggestion: 'write `filters`' })
    return true
  }
  const around = root.entries.find(holdsFilters)
  if (around !== undefined) {
    const message = `${looks}, which stand within \`${around.key}\` here: the original has \`filters\` at the top.`
    issues.add([around.key], message, { at: around.keyAt, suggestion: `take the object out of \`${around.key}\`` })
    return true
  }
  if (keys.length === 0 || !keys.every((key) => settingsKeys.includes(key))) return false
  issues.add([], `${looks}, without \`filters\`.`, { suggestion: 'add "filters": [] to keep everything' })
  return true
}

function holdsFilters({ value }: SourceEntry): boolean {
  return value.kind === 'map' && value.entries.some(({ key, value: inner }) => key === 'filters' && hasFilter(inner))
}

/** Whether the node is a list, and an object in it has a key of a filter. */
function hasFilter(node: SourceNode): boolean {
  if (node.kind !== 'list') return false
  const isFilter = (item: SourceNode) =>
    item.kind === 'map' && item.entries.some(({ key }) => nearest(key, filterKeys) !== undefined)
  return node.items.some(isFilter)
}
