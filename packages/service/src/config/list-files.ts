// Which list files a rule set names: by its conditions, or by a look at its text where it cannot be compiled. Reads no
// file. Called by ../commands/list-files.ts, which keeps outputs off them, and by ../pipeline/rules-control.ts, which
// watches them.

import type { Condition, RuleSet } from '@weir/engine'

/**
 * Returns what stands behind `file:` anywhere in the text of a rule file. Names too much; misses YAML's block texts and
 * keys that are written with escapes. Good for a first look, never for a decision.
 */
export function mentionedFiles(text: string): string[] {
  const value = /\bfile["']?\s*:\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^']|'')*)'|([^\s"'][^\n,}]*))/g
  return [...text.matchAll(value)].map(([, quoted, single, plain = '']) => {
    if (quoted !== undefined) return unescaped(quoted)
    return single === undefined ? plain.replace(/\s#.*$/, '').trim() : single.replaceAll("''", "'")
  })
}

/** The escapes of JSON; of those that YAML has besides, paths have none. */
function unescaped(quoted: string): string {
  try {
    return JSON.parse(`"${quoted}"`) as string
  } catch {
    return quoted
  }
}

/** Returns the list files that the rules of a rule set name, as they stand there. */
export function listFilesOf(ruleSet: RuleSet): string[] {
  return [...new Set(filesIn(ruleSet.rules.map(({ when }) => when)))]
}

function filesIn(conditions: readonly Condition[]): string[] {
  return conditions.flatMap((condition) => {
    if ('all' in condition) return filesIn(condition.all)
    if ('any' in condition) return filesIn(condition.any)
    if ('not' in condition) return filesIn([condition.not])
    return Object.values(condition).flatMap((operand: unknown) =>
      typeof operand === 'object' && operand !== null && 'file' in operand ? [String(operand.file)] : [],
    )
  })
}
